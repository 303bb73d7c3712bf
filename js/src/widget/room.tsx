/** How much room there is: the width of the panel, and of one letter of code. */

import { createContext, type JSX, type RefObject } from "preact";
import { useContext, useLayoutEffect, useState } from "preact/hooks";

export interface Room {
  /** What a row may take between its edges, in pixels. */
  readonly width: number;
  /** The width of a letter of code, in pixels. */
  readonly letter: number;
  /** The edge at the right, in pixels: narrower where a scroll bar stands beside it. */
  readonly right: number;
}

const EDGE = 12;
const LEAST_EDGE = 2;
const USUAL: Room = { width: 336, letter: 7.23, right: EDGE };

/** Letters of the probe: many, since a browser rounds the width of one. */
const PROBE = "0".repeat(50);

export const RoomOf = createContext<Room>(USUAL);

/** How many letters of code fit beside so many pixels of other things. */
export function useLetters(taken: number): number {
  const { width, letter } = useContext(RoomOf);
  return Math.floor((width - taken) / letter);
}

/** An element of code that nobody sees, by which a letter is measured. */
export function Probe(): JSX.Element {
  return (
    <span class="tw-probe" aria-hidden="true">
      <code>{PROBE}</code>
    </span>
  );
}

/** Follow the room in an element that holds a probe. */
export function useRoom(element: RefObject<HTMLElement | null>): Room {
  const [room, setRoom] = useState<Room>(USUAL);
  useLayoutEffect(() => {
    const probe = element.current?.querySelector<HTMLElement>(".tw-probe code");
    const look = (): void => {
      const { clientWidth: inner = 0, offsetWidth: outer = 0 } = element.current ?? {};
      const right = Math.max(LEAST_EDGE, EDGE - (outer - inner));
      const width = inner - EDGE - right;
      const letter = (probe?.getBoundingClientRect().width ?? 0) / PROBE.length;
      if (width > 0 && letter > 0) {
        setRoom((known) => (known.width === width && known.letter === letter ? known : { width, letter, right }));
      }
    };
    look();
    const sight = new ResizeObserver(look);
    for (const one of [element.current, probe]) {
      one && sight.observe(one);
    }
    return () => sight.disconnect();
  }, [element]);
  return room;
}
