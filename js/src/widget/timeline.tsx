/** Variables and cells: what became of which variable when. */

import type { JSX, RefObject } from "preact";
import { useContext, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Button, Glyph, MARK_NAMES, Name } from "./pieces";
import { RoomOf } from "./room";
import { shortener } from "./shorten";
import type { Mark, PastCell } from "./wire";
import { hasPart } from "./words";

/** The share of the width that names take, and the width of a column. */
const NAME_SHARE = 0.42;
const COLUMN = 26;

/** The least space between a name and the first column. */
const GAP = 6;

/** How many variables are drawn before a button asks for more. */
const STEP = 20;

export function Timeline(props: {
  past: readonly PastCell[];
  filter: string;
  viewing: number | null;
  view: (count: number) => void;
  select: (path: string) => void;
}): JSX.Element {
  const { past, filter, viewing, view, select } = props;
  const { width, letter } = useContext(RoomOf);
  const columns = Math.max(3, Math.floor((width * (1 - NAME_SHARE)) / COLUMN));
  const letters = Math.floor((width - columns * COLUMN - GAP) / letter);
  const [last, setLast] = useState(Number.POSITIVE_INFINITY);
  const [shown, setShown] = useState(STEP);
  const least = Math.min(columns, past.length);
  const end = Math.max(least, past.filter((cell) => cell.count <= last).length);
  const go = (step: number): void => {
    const target = Math.max(least, Math.min(past.length, end + step));
    setLast(target === past.length ? Number.POSITIVE_INFINITY : (past[target - 1]?.count ?? 0));
  };
  const cells = past.slice(Math.max(0, end - columns), end);
  const names = useMemo(() => variables(past, filter), [past, filter]);
  const shorten = useMemo(() => shortener(names, letters), [names, letters]);
  const grid = useRef<HTMLTableElement>(null);
  const keys = useGrid(grid);
  if (past.length === 0) {
    return <p class="tw-note">Run a cell: it becomes a column here, and what it changes becomes a row.</p>;
  }
  return (
    <>
      {names.length === 0 && filter && <p class="tw-note">No cell did anything to what the filter names.</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a table of buttons is a grid */}
      <table ref={grid} class="tw-timeline" role="grid" aria-label="Timeline" onKeyDown={keys}>
        <thead>
          <tr>
            <th scope="col">
              <Pager before={end - least} behind={past.length - end} columns={columns} go={go} />
            </th>
            {cells.map((cell) => (
              <th key={cell.count} scope="col" class={cell.count === viewing ? "tw-viewed" : ""}>
                <Button class="tw-cell" title={`Show what cell [${cell.count}] did`} onClick={() => view(cell.count)}>
                  {cell.count}
                </Button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {names.slice(0, shown).map((name) => (
            <tr key={name}>
              <th scope="row">
                <Name path={name} text={shorten(name)} title={`Show what happened to ${name}`} select={select} />
              </th>
              {cells.map((cell) => (
                <td key={cell.count} class={cell.count === viewing ? "tw-viewed" : ""}>
                  <Spot mark={cell.marks[name]} name={name} cell={cell.count} view={view} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {names.length > shown && (
        <Button class="tw-fold" onClick={() => setShown(shown + STEP)}>
          {`Show more of ${names.length - shown} variables`}
        </Button>
      )}
      <p class="tw-key">
        {(Object.keys(MARK_NAMES) as Mark[]).map((mark) => (
          <span key={mark}>
            <Glyph of={mark} /> {MARK_NAMES[mark]}
          </span>
        ))}
      </p>
    </>
  );
}

/** The variables with a mark, in the order in which they came. */
function variables(past: readonly PastCell[], filter: string): string[] {
  const names = new Set(past.flatMap(({ marks }) => Object.keys(marks)));
  return [...names].filter((name) => hasPart(name, filter));
}

/** One crossing of a variable and a cell. */
function Spot(props: {
  mark: Mark | undefined;
  name: string;
  cell: number;
  view: (count: number) => void;
}): JSX.Element {
  const { mark, name, cell, view } = props;
  if (!mark) {
    return <Glyph of="none" />;
  }
  const title = `${name} ${MARK_NAMES[mark]} in cell [${cell}]`;
  return (
    <Button class="tw-spot" title={title} aria-label={title} onClick={() => view(cell)}>
      <Glyph of={mark} />
    </Button>
  );
}

/** Two buttons to earlier and later cells, where not all fit; they keep the focus where there are no more. */
function Pager(props: { before: number; behind: number; columns: number; go: (step: number) => void }): JSX.Element {
  const { before, behind, columns, go } = props;
  if (before + behind === 0) {
    return <span class="tw-dim">cell</span>;
  }
  return (
    <>
      <Button aria-label="Earlier cells" aria-disabled={before === 0} onClick={() => go(-columns)}>
        ‹
      </Button>
      <Button aria-label="Later cells" aria-disabled={behind === 0} onClick={() => go(columns)}>
        ›
      </Button>
    </>
  );
}

/** Make a table of buttons one stop of the tabulator key, in which the arrow keys move about. */
function useGrid(grid: RefObject<HTMLTableElement | null>): (event: KeyboardEvent) => void {
  const current = useRef<Element | null>(null);
  useLayoutEffect(() => {
    const buttons = [...(grid.current?.querySelectorAll("button") ?? [])];
    const stop = buttons.find((button) => button === current.current) ?? buttons[0];
    for (const button of buttons) {
      button.tabIndex = button === stop ? 0 : -1;
    }
  });
  return (event) => {
    const next = neighbour(event.target as Element, event.key);
    if (next) {
      event.preventDefault();
      event.stopPropagation();
      (event.target as HTMLElement).tabIndex = -1;
      next.tabIndex = 0;
      current.current = next;
      next.focus();
    }
  };
}

const STEPS: Record<string, readonly [rows: number, columns: number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/** The nearest button in a direction; crossings without one are passed over. */
function neighbour(from: Element, key: string): HTMLButtonElement | null {
  const cell = from.closest<HTMLTableCellElement>("td, th");
  const step = STEPS[key];
  const rows = cell?.closest("table")?.rows;
  if (!(cell && step && rows)) {
    return null;
  }
  let row = (cell.parentElement as HTMLTableRowElement).rowIndex + step[0];
  let column = cell.cellIndex + step[1];
  for (let place = rows[row]?.cells[column]; place; place = rows[row]?.cells[column]) {
    const button = place.querySelector<HTMLButtonElement>("button");
    if (button) {
      return button;
    }
    row += step[0];
    column += step[1];
  }
  return null;
}
