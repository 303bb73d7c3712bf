/** Keeps the keyboard in the panel when what had the focus goes with an update. */

import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";

/** Give the focus to the heading of the section that lost it, or else to a place that stays. */
export function useKeptFocus(body: RefObject<HTMLElement | null>, stay: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const root = body.current;
    if (!root) {
      return;
    }
    let focused: Element | null = null;
    let section: Element | null = null;
    const note = ({ target }: FocusEvent): void => {
      focused = target as Element;
      section = focused.closest("section");
    };
    const leave = ({ target, relatedTarget }: FocusEvent): void => {
      if (relatedTarget) {
        focused = null;
      } else {
        // It left, or is about to be taken out of the page: that is seen only afterwards.
        setTimeout(() => {
          focused = target === focused && (target as Element).isConnected ? null : focused;
        });
      }
    };
    const keep = (): void => {
      if (focused && !focused.isConnected) {
        focused = null;
        const page = root.getRootNode() as Document | ShadowRoot;
        const isLost = page.activeElement === null || page.activeElement === root.ownerDocument.body;
        const heading = section?.isConnected ? section.querySelector<HTMLElement>(".tw-heading") : null;
        isLost && (heading ?? stay.current)?.focus({ preventScroll: true });
      }
    };
    root.addEventListener("focusin", note);
    root.addEventListener("focusout", leave);
    const watch = new MutationObserver(keep);
    watch.observe(root, { childList: true, subtree: true });
    return () => {
      root.removeEventListener("focusin", note);
      root.removeEventListener("focusout", leave);
      watch.disconnect();
    };
  }, [body, stay]);
}
