/** The ranks of a cluster: one row for all while they are alike, one for each while they differ. */

import type { JSX } from "preact";
import { Button, Spans } from "./pieces";
import type { RankRow } from "./wire";

export function Ranks(props: {
  rows: readonly RankRow[];
  /** The rank that the panel shows; null where it shows this notebook's own process. */
  shown: number | null;
  show: (rank: number | null) => void;
}): JSX.Element {
  const { rows, shown, show } = props;
  return (
    <section class="tw-ranks" aria-label="Ranks">
      <ul class="tw-holders">
        {rows.map(({ label, rank, what, quiet }) => (
          <li key={label} class={quiet ? "" : "tw-odd"}>
            <Button
              class="tw-name"
              disabled={rank === null}
              aria-pressed={rank === shown}
              onClick={() => show(rank === shown ? null : rank)}
            >
              {label}
            </Button>
            <span class="tw-what">
              <Spans of={what} />
            </span>
          </li>
        ))}
      </ul>
      {shown !== null && (
        <Button class="tw-fold" onClick={() => show(null)}>
          Rank {shown} is shown: back to this notebook
        </Button>
      )}
    </section>
  );
}
