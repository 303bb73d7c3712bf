/** A card near a marked line of the notebook that offers what mends it. */

import { render as draw } from "preact";
import type { Host, Place } from "../registry";
import { Fix } from "./fix";
import type { Store } from "./store";

/** How long the pointer may be between the mark and the card, in milliseconds. */
const MOMENT = 300;
const GAP = 4;

export async function offer(
  store: Store,
  place: Place,
  near: HTMLElement,
  host: Host,
  isAsked: boolean,
): Promise<void> {
  const told = await store.askOffers(place.count);
  const fixes = told?.fixes.filter(({ lines }) => lines.includes(place.line)) ?? [];
  const isWanted = isAsked || (fixes.length > 0 && near.matches(":hover"));
  if (!(isWanted && near.isConnected)) {
    return;
  }
  const card = document.createElement("div");
  card.className = "tw-panel tw-card";
  card.popover = "auto";
  card.setAttribute("role", "dialog");
  card.setAttribute("aria-label", `What mends line ${place.line}`);
  card.tabIndex = -1;
  document.body.append(card);
  draw(
    <div class="tw-root">
      {fixes.length === 0 && <p>No fix is known for this line.</p>}
      {fixes.map((one) => (
        <Fix
          key={one.of[0]}
          offer={one}
          cells={told?.cells ?? {}}
          host={host}
          title={true}
          done={() => card.hidePopover()}
        />
      ))}
    </div>,
    card,
  );
  card.addEventListener("toggle", ({ newState }) => {
    if (newState === "closed") {
      draw(null, card);
      card.remove();
    }
  });
  card.showPopover();
  settle(card, near);
  isAsked ? (card.querySelector("button") ?? card).focus() : closeWhenLeft(card, near);
}

/** Below the mark, or above it where there is no room. */
function settle(card: HTMLElement, near: HTMLElement): void {
  const { left, top, bottom } = near.getBoundingClientRect();
  const { offsetWidth, offsetHeight } = card;
  const isLow = bottom + GAP + offsetHeight > window.innerHeight;
  card.style.left = `${Math.max(0, Math.min(left, window.innerWidth - offsetWidth - GAP))}px`;
  card.style.top = `${Math.max(0, isLow ? top - GAP - offsetHeight : bottom + GAP)}px`;
}

function closeWhenLeft(card: HTMLElement, near: HTMLElement): void {
  const close = (): void => {
    const isUsed = [card, near].some((one) => one.matches(":hover")) || card.contains(document.activeElement);
    isUsed || (card.isConnected && card.hidePopover());
  };
  for (const one of [card, near]) {
    one.addEventListener("mouseleave", () => setTimeout(close, MOMENT));
  }
}
