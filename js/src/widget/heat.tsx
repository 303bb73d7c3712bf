/** A small tensor before and after the last cell, and where it changed by how much. */

import type { JSX } from "preact";
import type { Values } from "./wire";
import { brief, count } from "./words";

const SIZE = 14;
const WIDTH = 300;

/** Elements shown as numbers. */
const MAX_EXAMPLES = 4;

export function Heat({ values }: { values: Values }): JSX.Element {
  const { shape, before, after } = values;
  const columns = Math.max(1, shape.at(-1) ?? 1);
  const rows = Math.ceil(after.length / columns);
  const steps = after.map((value, place) => difference(before[place] ?? null, value));
  const largest = Math.max(...steps.filter(Number.isFinite), 0);
  const changed = steps.flatMap((step, place) => (step === 0 ? [] : [place]));
  const size = Math.max(2, Math.min(SIZE, WIDTH / columns));
  const examples = changed
    .slice(0, MAX_EXAMPLES)
    .map((place) => `[${index(place, shape)}] ${spelled(before[place])} → ${spelled(after[place])}`);
  return (
    <>
      <h4>What the last cell changed in it</h4>
      <svg
        class="tw-heat"
        role="img"
        aria-label={`${count(changed.length, "element")} of ${after.length} changed`}
        width={columns * size}
        height={rows * size}
      >
        <rect class="tw-ground" width="100%" height="100%" />
        {changed.map((place) => (
          <rect
            key={place}
            class="tw-ink-silent"
            x={(place % columns) * size}
            y={Math.floor(place / columns) * size}
            width={size - 0.5}
            height={size - 0.5}
            opacity={strength(steps[place] ?? 0, largest)}
          >
            <title>{`[${index(place, shape)}] ${spelled(before[place])} → ${spelled(after[place])}`}</title>
          </rect>
        ))}
      </svg>
      <p class="tw-dim tw-numbers">
        {examples.join(", ")}
        {changed.length > MAX_EXAMPLES && ", …"}
      </p>
    </>
  );
}

/** How much an element changed; null stands for what JSON has no number for, and a change to or from it is endless. */
function difference(before: number | null, after: number | null): number {
  if (before === after) {
    return 0;
  }
  return before === null || after === null ? Number.POSITIVE_INFINITY : Math.abs(after - before);
}

/** The least change can still be seen. */
function strength(step: number, largest: number): number {
  return Number.isFinite(step) && largest > 0 ? 0.25 + (0.75 * step) / largest : 1;
}

function index(place: number, shape: readonly number[]): string {
  const indices: number[] = [];
  let rest = place;
  for (const size of [...shape].reverse()) {
    indices.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return indices.join(", ");
}

function spelled(value: number | null | undefined): string {
  return value === null || value === undefined ? "no number" : brief(value);
}
