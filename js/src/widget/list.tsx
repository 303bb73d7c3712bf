/** A list of many rows of one height: only those in sight are drawn, and the arrow keys go through all of them. */

import type { ComponentChildren, JSX, RefObject } from "preact";
import { useContext, useLayoutEffect, useRef, useState } from "preact/hooks";
import { KeysOf } from "./pieces";

const ROW = 24;

/** Rows that are drawn above and below those in sight, so that scrolling finds them there. */
const MARGIN = 12;

const PAGE = 10;

export interface Item {
  readonly key: string;
  readonly level: number;
  readonly content: ComponentChildren;
  readonly kind?: string;
  /** Whether it is unfolded; undefined where there is nothing to unfold. */
  readonly isOpen?: boolean | undefined;
  /** What Enter and a click do. */
  readonly act: () => void;
}

export function List(props: {
  label: string;
  count: number;
  item: (index: number) => Item;
  /** Where an item has come to lie; -1 where it is gone. */
  find: (key: string) => number;
  scroller: RefObject<HTMLElement | null>;
}): JSX.Element {
  const { label, count, item, find, scroller } = props;
  const keys = useContext(KeysOf);
  const list = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState({ key: "", index: 0 });
  const [first, last] = useSight(list, scroller);
  const own = useRef(`tw-${Math.random().toString(36).slice(2)}`).current;
  const found = find(active.key);
  const current = found < 0 ? Math.min(active.index, count - 1) : found;
  const go = (index: number): void => {
    const place = Math.max(0, Math.min(count - 1, index));
    setActive({ key: item(place).key, index: place });
    showRow(list.current, scroller.current, place);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: PAGE, PageUp: -PAGE, Home: -count, End: count }[event.key];
    const { isOpen, act } = item(current);
    const folds = { ArrowRight: isOpen === false, ArrowLeft: isOpen === true, Enter: true, " ": true }[event.key];
    if (step === undefined && folds === undefined) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    step === undefined ? folds && act() : go(current + step);
  };
  const onClick = (event: MouseEvent): void => {
    const row = (event.target as Element).closest("[role=treeitem]");
    if (row) {
      const index = Number(row.getAttribute("aria-posinset")) - 1;
      const { key, act } = item(index);
      setActive({ key, index });
      act();
    }
  };
  const rows: JSX.Element[] = [];
  const slots = Math.ceil((last - first) / PAGE) * PAGE; // rows that come into sight take over elements of those that left
  for (let index = first; index < Math.min(last, count); index += 1) {
    const { level, content, kind, isOpen } = item(index);
    rows.push(
      // biome-ignore lint/a11y/useFocusableInteractive: the list keeps the focus, and names the row that is active
      <div
        key={index % slots}
        id={`${own}-${index}`}
        class={`tw-row tw-level-${level} ${kind ?? ""}`}
        role="treeitem"
        aria-level={level}
        aria-setsize={count}
        aria-posinset={index + 1}
        aria-expanded={isOpen}
        aria-selected={index === current}
        style={{ top: `${index * ROW}px` }}
      >
        {content}
      </div>,
    );
  }
  return (
    <div
      ref={list}
      class="tw-list"
      role="tree"
      tabIndex={0}
      aria-label={label}
      aria-activedescendant={count > 0 ? `${own}-${current}` : undefined}
      style={{ height: `${count * ROW}px` }}
      onClick={onClick}
      onKeyDown={onKeyDown}
      {...keys}
    >
      {rows}
    </div>
  );
}

/** Follow which rows are in sight. */
function useSight(
  list: RefObject<HTMLElement | null>,
  scroller: RefObject<HTMLElement | null>,
): readonly [number, number] {
  const [sight, setSight] = useState<readonly [number, number]>([0, 2 * MARGIN]);
  useLayoutEffect(() => {
    const box = scroller.current;
    const look = (): void => {
      if (box && list.current) {
        const top = box.getBoundingClientRect().top - list.current.getBoundingClientRect().top;
        const first = Math.max(0, Math.floor(top / ROW) - MARGIN);
        const last = Math.ceil((top + box.clientHeight) / ROW) + MARGIN;
        setSight((known) => (known[0] === first && known[1] === last ? known : [first, last]));
      }
    };
    look();
    box?.addEventListener("scroll", look, { passive: true });
    const resized = new ResizeObserver(look);
    for (const one of box ? [box, ...box.children] : []) {
      resized.observe(one); // the list, and what stands above it and moves it
    }
    return () => {
      box?.removeEventListener("scroll", look);
      resized.disconnect();
    };
  }, [list, scroller]);
  return sight;
}

function showRow(list: HTMLElement | null, scroller: HTMLElement | null, index: number): void {
  if (list && scroller) {
    const box = scroller.getBoundingClientRect();
    const top = list.getBoundingClientRect().top + index * ROW;
    if (top < box.top) {
      scroller.scrollTop -= box.top - top;
    } else if (top + ROW > box.bottom) {
      scroller.scrollTop += top + ROW - box.bottom;
    }
  }
}
