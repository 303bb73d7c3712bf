/** The panel: what the last cell did, what shares memory, and how it came to this. */

import type { JSX } from "preact";
import { useContext, useEffect, useErrorBoundary, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Host, Place } from "../registry";
import { Detail } from "./detail";
import { LastCell } from "./lastcell";
import { Memory } from "./memory";
import { Button, KeysOf, OWN_KEYS, Section } from "./pieces";
import type { Store } from "./store";
import { Timeline } from "./timeline";
import type { Snapshot, Told } from "./wire";
import { count, seconds } from "./words";

export function Panel({ store, host }: { store: Store; host: Host | null }): JSX.Element {
  const [fault, forget] = useErrorBoundary();
  useStore(store, forget);
  const { snapshot } = store;
  const isStale = store.isPast && host === null; // beside a notebook, the host says so
  const problem = fault ? `This report could not be drawn: ${fault}.` : store.problem;
  return (
    <section class={isStale ? "tw-root tw-past" : "tw-root"} aria-label="tensorwatch">
      {isStale && <p class="tw-note">The kernel has forgotten this: what is shown is from before.</p>}
      {!(store.isWatching || store.isPast) && (
        <p class="tw-note" role="status">
          Cells are not watched: <code>%tensorwatch on</code> switches it on.
        </p>
      )}
      {problem && (
        <p class="tw-problem" role="alert">
          {problem}
        </p>
      )}
      {snapshot && !fault && (
        <KeysOf.Provider value={host ? {} : OWN_KEYS}>
          <Body store={store} host={host} snapshot={snapshot} />
        </KeysOf.Provider>
      )}
      {!(snapshot || problem) && <p class="tw-note">Waiting for the kernel…</p>}
    </section>
  );
}

/** Draw again whenever the store has something new, whatever went wrong with what it had before. */
function useStore(store: Store, forget: () => void): void {
  const [, setTime] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: forgetting is another function each time, and does the same
  useLayoutEffect(() => {
    const draw = (): void => {
      forget();
      setTime((time) => time + 1);
    };
    store.addEventListener("change", draw);
    return () => store.removeEventListener("change", draw);
  }, [store]);
}

function Body(props: { store: Store; host: Host | null; snapshot: Snapshot }): JSX.Element {
  const { store, host, snapshot } = props;
  const keys = useContext(KeysOf);
  const [filter, setFilter] = useState("");
  const [selected, select] = useState<string | null>(null);
  const [viewing, setViewing] = useState<number | null>(null);
  const [folds, setFolds] = useState<ReadonlyMap<string, boolean>>(new Map());
  const scroller = useRef<HTMLDivElement>(null);
  const origin = useRef<HTMLElement | null>(null);
  const width = useWidth(scroller);
  const changes = useMemo(() => new Map(snapshot.changes.map((one) => [one.path, one])), [snapshot.changes]);
  const fold = (id: string, isOpen: boolean): void => setFolds(new Map(folds).set(id, isOpen));
  const section = (title: string): { title: string; isOpen: boolean; toggle: () => void } => {
    const isOpen = folds.get(title) ?? true;
    return { title, isOpen, toggle: () => fold(title, !isOpen) };
  };
  const view = (cell: number): void => {
    const isLast = cell === snapshot.cell.count;
    setViewing(isLast ? null : cell);
    isLast || store.askCell(cell);
  };
  const open = (path: string): void => {
    if (selected === null) {
      const page = scroller.current?.getRootNode() as Document | ShadowRoot | undefined;
      origin.current = (page?.activeElement ?? null) as HTMLElement | null;
    }
    select(path);
  };
  const close = (): void => {
    select(null);
    const target = origin.current && scroller.current?.contains(origin.current) ? origin : scroller;
    target.current?.focus({ preventScroll: true });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && selected !== null) {
      event.preventDefault(); // the next one leaves the panel
      event.stopPropagation();
      close();
    }
  };
  const cellOf = (count: number): string | null =>
    snapshot.past.filter((one) => one.count === count).at(-1)?.id ?? null;
  const reveal = host
    ? (place: Place): void => host.reveal({ ...place, cell: place.cell ?? cellOf(place.count) })
    : undefined;
  const told = viewing === null ? snapshot : store.cells.get(viewing);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it hears the key wherever the focus is in the panel
    <div class="tw-body" onKeyDown={onKeyDown}>
      <Header snapshot={snapshot} filter={filter} setFilter={setFilter} />
      <div class="tw-scroll" ref={scroller} tabIndex={-1} {...keys}>
        <Section
          {...section(viewing === null ? "Last cell" : "Earlier cell")}
          aside={`[${viewing ?? snapshot.cell.count}]`}
        >
          {viewing !== null && (
            <Button class="tw-fold" onClick={() => setViewing(null)}>
              Back to the last cell, [{snapshot.cell.count}]
            </Button>
          )}
          <Cell told={told} select={open} reveal={reveal} />
        </Section>
        <Section {...section("Shared memory")} aside="changed first">
          <Memory
            view={{ tensors: snapshot.tensors, groups: snapshot.groups, changes, parts: snapshot.parts, folds, filter }}
            scroller={scroller}
            toggle={fold}
            select={open}
          />
        </Section>
        <Section {...section("Timeline")} aside="cells">
          <Timeline
            past={snapshot.past}
            filter={filter}
            viewing={viewing ?? snapshot.cell.count}
            view={view}
            select={open}
            width={width}
          />
        </Section>
      </div>
      {selected !== null && (
        <Detail path={selected} store={store} snapshot={snapshot} select={open} close={close} reveal={reveal} />
      )}
    </div>
  );
}

function Header(props: { snapshot: Snapshot; filter: string; setFilter: (filter: string) => void }): JSX.Element {
  const { snapshot, filter, setFilter } = props;
  const keys = useContext(KeysOf);
  const { cell, tensors, groups, unverified } = snapshot;
  const skipped = unverified.length > 0 ? ` · ${unverified.length.toLocaleString("en")} not compared` : "";
  return (
    <header class="tw-header">
      <p role="status" class="tw-numbers">
        {`${count(tensors.length, "tensor")} · ${count(groups.length, "group")} · ${seconds(cell.overhead)}${skipped}`}
      </p>
      <input
        type="search"
        placeholder="Filter variables"
        aria-label="Filter variables"
        value={filter}
        onInput={(event) => setFilter(event.currentTarget.value)}
        {...keys}
      />
    </header>
  );
}

function Cell(props: Omit<Parameters<typeof LastCell>[0], "told"> & { told: Told | null | undefined }): JSX.Element {
  const { told, ...rest } = props;
  if (told) {
    return <LastCell told={told} {...rest} />;
  }
  return (
    <p class="tw-note">
      {told === null ? "What this cell did is not kept any more." : "The kernel tells when it is idle…"}
    </p>
  );
}

/** Follow the width of an element. */
function useWidth(element: { readonly current: HTMLElement | null }): number {
  const [width, setWidth] = useState(360);
  useEffect(() => {
    const sight = new ResizeObserver(() => setWidth((known) => element.current?.clientWidth ?? known));
    element.current && sight.observe(element.current);
    return () => sight.disconnect();
  }, [element]);
  return width;
}
