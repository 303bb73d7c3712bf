/** The panel in the side bar: a notice, and the view of the kernel that is followed. */

import { Panel, Widget } from "@lumino/widgets";
import { icon } from "./icon";
import type { Notice } from "./situation";
import type { View } from "./views";

export const ID = "ipy-tensorwatch-panel";

export class SidePanel extends Panel {
  readonly #text = document.createElement("p");
  readonly #button = document.createElement("button");

  constructor(load: () => void, leave: () => void) {
    super();
    this.id = ID;
    this.addClass("ipytw-side");
    this.node.tabIndex = -1; // takes the focus where nothing inside does
    this.node.setAttribute("role", "group");
    this.node.setAttribute("aria-label", "tensorwatch panel");
    this.title.icon = icon;
    this.tell(0);

    this.node.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented) {
        leave();
      }
    });

    const notice = new Widget();
    notice.addClass("ipytw-notice");
    this.#text.setAttribute("role", "status");
    this.#button.type = "button";
    this.#button.className = "jp-mod-styled jp-mod-accept";
    this.#button.textContent = "Load tensorwatch";
    this.#button.addEventListener("click", load);
    notice.node.append(this.#text, this.#button);
    this.addWidget(notice);
  }

  /** Show a notice and a view, of which the notice says what it is worth. */
  display({ text, loadable }: Notice, view: View | null): void {
    for (const widget of this.widgets.slice(1)) {
      widget.setHidden(widget !== view?.host);
    }
    if (view) {
      view.host.node.inert = view.ending !== null;
      if (view.host.parent !== this) {
        this.addWidget(view.host);
      }
    }
    this.toggleClass("ipytw-mod-alone", !view);
    this.toggleClass("ipytw-mod-quiet", !text);
    if (this.#text.textContent !== text) {
      this.#text.textContent = text; // only then, as it is read out
    }
    this.#button.hidden = !loadable;
  }

  /** Say on the tab how many changes were silent. */
  tell(silent: number): void {
    const changes = silent === 1 ? "silent change" : "silent changes";
    this.title.caption = silent ? `tensorwatch: ${silent} ${changes}` : "tensorwatch";
    this.title.dataset = silent ? { "ipytw-silent": silent > 99 ? "99+" : String(silent) } : {};
  }

  /** Give the keyboard to the first control there is. */
  focus(): void {
    const controls = this.node.querySelectorAll<HTMLElement>("button, a[href], input, select, summary, [tabindex='0']");
    const first = [...controls].find((one) => one.getClientRects().length > 0 && !one.closest("[inert]"));
    (first ?? this.node).focus();
  }
}
