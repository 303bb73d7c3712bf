/** The top of the panel: how much is watched, what is out of the ordinary about it, and the filter. */

import type { ComponentChildren, JSX } from "preact";
import { useContext, useMemo, useState } from "preact/hooks";
import { ActionsOf, Button, Chevron, KeysOf, Name } from "./pieces";
import { useLetters } from "./room";
import { shortener } from "./shorten";
import type { Snapshot } from "./wire";
import { count, hasPart, seconds } from "./words";

/** How many tensors a state lists. */
const MAX_LISTED = 100;

/** What stands beside a name in such a list, in pixels. */
const BESIDE = 110;

export function Header(props: {
  snapshot: Snapshot;
  filter: string;
  setFilter: (filter: string) => void;
  select: (path: string) => void;
}): JSX.Element {
  const { snapshot, filter, setFilter, select } = props;
  const keys = useContext(KeysOf);
  const { cell, tensors, groups } = snapshot;
  return (
    <header class="tw-header">
      <p class="tw-numbers">
        <span>{`${count(tensors.length, "tensor")} · ${count(groups.length, "group")}`}</span>
        <span class="tw-ear"> · </span>
        <span class="tw-time" title="What watching the last cell took">
          {seconds(cell.overhead)}
        </span>
      </p>
      <input
        type="search"
        placeholder="Filter variables"
        aria-label="Filter variables"
        value={filter}
        onInput={(event) => setFilter(event.currentTarget.value)}
        {...keys}
      />
      <States snapshot={snapshot} filter={filter} select={select} />
    </header>
  );
}

/** What is frozen, and what was not compared; each told with its number, and listed on demand. */
function States(props: { snapshot: Snapshot; filter: string; select: (path: string) => void }): JSX.Element {
  const { snapshot, filter, select } = props;
  const { run } = useContext(ActionsOf);
  const isNamed = (path: string): boolean => !filter || hasPart(path, filter);
  const skipped = snapshot.unverified.filter(({ path }) => isNamed(path));
  const frozen = snapshot.frozen.filter(isNamed);
  return (
    <>
      <State
        title={`${frozen.length.toLocaleString("en")} frozen`}
        paths={frozen}
        beside={(path) =>
          run && (
            <Button class="tw-action" aria-label={`Thaw ${path}`} onClick={() => void run(`%tensorwatch thaw ${path}`)}>
              Thaw
            </Button>
          )
        }
        select={select}
      />
      <State
        title={`${skipped.length.toLocaleString("en")} not compared`}
        paths={skipped.map(({ path }) => path)}
        beside={(_, place) => <span class="tw-dim">{skipped[place]?.why}</span>}
        select={select}
      />
    </>
  );
}

function State(props: {
  title: string;
  paths: readonly string[];
  beside: (path: string, place: number) => ComponentChildren;
  select: (path: string) => void;
}): JSX.Element | null {
  const { title, paths, beside, select } = props;
  const [isOpen, setOpen] = useState(false);
  const letters = useLetters(BESIDE);
  const shorten = useMemo(() => shortener(paths, letters), [paths, letters]);
  if (paths.length === 0) {
    return null;
  }
  return (
    <div class="tw-state">
      <Button aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <Chevron isOpen={isOpen} />
        {title}
      </Button>
      {isOpen && (
        <ul class="tw-holders">
          {paths.slice(0, MAX_LISTED).map((path, place) => (
            <li key={path}>
              <Name path={path} text={shorten(path)} select={select} />
              {beside(path, place)}
            </li>
          ))}
          {paths.length > MAX_LISTED && <li class="tw-dim">and {paths.length - MAX_LISTED} more</li>}
        </ul>
      )}
    </div>
  );
}
