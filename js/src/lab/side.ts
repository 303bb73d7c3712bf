/** The panel in the side bar: a notice, and the view of the kernel that is followed. */

import { Panel, Widget } from "@lumino/widgets";
import type { News } from "../registry";
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
    this.tell(null);

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

  /** Say on the tab how many changes were silent, and how many hazards are new. */
  tell(news: News | null): void {
    const { silent, hazards } = news ?? { silent: 0, hazards: 0 };
    const counts = [countOf(silent, "silent change"), countOf(hazards, "hazard")].filter(Boolean);
    const total = silent + hazards;
    this.title.caption = total ? `tensorwatch: ${counts.join(" · ")}` : "tensorwatch";
    this.title.dataset = total ? { "ipytw-news": total > 99 ? "99+" : String(total) } : {};
  }

  /** Give the keyboard to the first control there is. */
  focus(): void {
    const controls = this.node.querySelectorAll<HTMLElement>("button, a[href], input, select, summary, [tabindex='0']");
    const first = [...controls].find((one) => one.getClientRects().length > 0 && !one.closest("[inert]"));
    (first ?? this.node).focus();
  }
}

function countOf(number: number, noun: string): string {
  return number ? `${number} ${noun}${number === 1 ? "" : "s"}` : "";
}
