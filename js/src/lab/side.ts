/** The panel in the side bar: a notice, and the view of the kernel that is followed. */

import { Signal } from "@lumino/signaling";
import { Panel, Widget } from "@lumino/widgets";
import type { News } from "../registry";
import { icon } from "./icon";
import type { Notice } from "./situation";
import type { View } from "./views";

export const ID = "ipy-tensorwatch-panel";

const EXTENSION = /\.ipynb$/;

/** Letters of a notebook's name that are always seen at its end. */
const END = 6;

/** What the title of the panel says: whose tensors it shows, and whether a cell runs. */
export interface Heading {
  readonly name: string;
  readonly isBusy: boolean;
}

export class SidePanel extends Panel {
  /** The panel is in sight now. */
  readonly shown = new Signal<this, void>(this);
  readonly #name = document.createElement("span");
  readonly #start = document.createElement("span");
  readonly #end = document.createElement("span");
  readonly #busy = document.createElement("span");
  readonly #next = document.createElement("button");
  readonly #text = document.createElement("p");
  readonly #button = document.createElement("button");

  constructor(load: () => void, leave: () => void, next: () => void) {
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

    this.addWidget(this.#title(next));
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

  #title(next: () => void): Widget {
    const title = new Widget();
    title.addClass("ipytw-title");
    const brand = document.createElement("b");
    brand.textContent = "tensorwatch";
    this.#name.className = "ipytw-name";
    this.#name.append(this.#start, this.#end);
    this.#busy.className = "ipytw-busy";
    this.#next.type = "button";
    this.#next.className = "ipytw-next";
    this.#next.textContent = "▲ Next";
    this.#next.addEventListener("click", next);
    title.node.append(brand, this.#name, this.#busy, this.#next);
    return title;
  }

  protected override onAfterShow(): void {
    this.shown.emit();
  }

  /** Say whose tensors these are; the place of each sign is kept free, so that nothing moves when a cell runs. */
  entitle({ name, isBusy }: Heading): void {
    const plain = name.replace(EXTENSION, "");
    if (this.#name.textContent !== plain) {
      this.#start.textContent = plain.slice(0, -END);
      this.#end.textContent = plain.slice(-END); // what is cut, is cut in the middle
      this.#name.title = name;
    }
    this.#busy.title = isBusy ? "A cell is running; what is shown is from before it." : "No cell is running.";
    this.#busy.setAttribute("role", "img");
    this.#busy.setAttribute("aria-label", this.#busy.title);
    this.#busy.classList.toggle("ipytw-mod-on", isBusy);
  }

  /** Say how many lines are marked in the notebook, and by which keys the next one is reached. */
  offer(marks: number, keys: string): void {
    this.#next.disabled = marks === 0;
    this.#next.title = `Go to the next line with a silent change${keys && ` (${keys})`}: ${countOf(marks, "line") || "none"} in this notebook`;
  }

  /** Show a notice and a view, of which the notice says what it is worth. */
  display({ text, loadable }: Notice, view: View | null): void {
    for (const widget of this.widgets.slice(2)) {
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
