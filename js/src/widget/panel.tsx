/** The panel: what the last cell did, what shares memory, and how it came to this. */

import type { JSX } from "preact";
import { useContext, useEffect, useErrorBoundary, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Host, Place } from "../registry";
import { Detail } from "./detail";
import { useKeptFocus } from "./focus";
import { Header } from "./header";
import { keepHushed } from "./hushed";
import { LastCell } from "./lastcell";
import { Memory } from "./memory";
import { type Actions, ActionsOf, Button, KeysOf, OWN_KEYS, Section } from "./pieces";
import { Ranks } from "./ranks";
import { Probe, RoomOf, useRoom } from "./room";
import type { Store } from "./store";
import { Timeline } from "./timeline";
import type { Offers, Snapshot, Told } from "./wire";
import { count } from "./words";

export function Panel({ store, host }: { store: Store; host: Host | null }): JSX.Element {
  const [fault, forget] = useErrorBoundary();
  useStore(store, forget);
  const [chosen, show] = useState<number | null>(null);
  const rank = store.ranks.length > 0 ? chosen : null;
  const { snapshot } = store;
  const isStale = store.isPast && host === null; // beside a notebook, the host says so
  const problem = fault ? `This report could not be drawn: ${fault}.` : store.problem;
  const hush = (key: string | undefined, isOn: boolean): void => {
    store.hush(key, isOn);
    host?.name && key && keepHushed(host.name, key, isOn);
  };
  const actions: Actions = { run: host?.run, hush, host };
  return (
    <section class={isStale ? "tw-root tw-past" : "tw-root"} aria-label="tensorwatch">
      {isStale && <p class="tw-note">The kernel has forgotten this: what is shown is from before.</p>}
      <KeysOf.Provider value={host ? {} : OWN_KEYS}>
        <ActionsOf.Provider value={actions}>
          {!(store.isWatching || store.isPast) && <Off />}
          {problem && (
            <p class="tw-problem" role="alert">
              {problem}
            </p>
          )}
          {store.ranks.length > 0 && <Ranks rows={store.ranks} shown={rank} show={show} />}
          {rank !== null && <RankBody key={rank} store={store.rank(rank)} host={host} />}
          {rank === null && snapshot && !fault && <Body store={store} host={host} snapshot={snapshot} />}
          {!(snapshot || problem) && <p class="tw-note">Waiting for the kernel…</p>}
        </ActionsOf.Provider>
      </KeysOf.Provider>
    </section>
  );
}

/** What one rank has told; its lines lead to the cells of this notebook that ran them there. */
function RankBody({ store, host }: { store: Store; host: Host | null }): JSX.Element {
  useStore(store, () => {});
  useEffect(() => {
    const view = {};
    store.see(view, true);
    return () => store.see(view, false);
  }, [store]);
  const { snapshot } = store;
  const led = host && { reveal: (place: Place) => host.reveal(store.inNotebook(place)) };
  return (
    <ActionsOf.Provider value={{ hush: (key, isOn) => store.hush(key, isOn) }}>
      {snapshot ? (
        <Body store={store} host={led} snapshot={snapshot} />
      ) : (
        <p class="tw-note">{store.problem || "The rank tells when it is idle…"}</p>
      )}
    </ActionsOf.Provider>
  );
}

function Off(): JSX.Element {
  const { run } = useContext(ActionsOf);
  return (
    <div class="tw-note tw-off">
      <p role="status">
        Cells are not watched: <code>%tensorwatch on</code> switches it on.
      </p>
      {run && (
        <Button class="tw-action" onClick={() => void run("%tensorwatch on")}>
          Switch on
        </Button>
      )}
    </div>
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
  const body = useRef<HTMLDivElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const origin = useRef<HTMLElement | null>(null);
  const room = useRoom(scroller);
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
  useKeptFocus(body, scroller);
  useShown(store, scroller, view, told);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it hears the key wherever the focus is in the panel
    <div class="tw-body" ref={body} onKeyDown={onKeyDown}>
      <RoomOf.Provider value={room}>
        <Header snapshot={snapshot} filter={filter} setFilter={setFilter} select={open} />
        <div class="tw-scroll" ref={scroller} tabIndex={-1} style={{ "--tw-right": `${room.right}px` }} {...keys}>
          <Probe />
          <Section
            {...section(viewing === null ? "Last cell" : "Earlier cell")}
            number={`[${viewing ?? snapshot.cell.count}]`}
            aside={told && snapshot.past.length > 0 && <Verdict told={told} />}
          >
            {viewing !== null && (
              <Button class="tw-fold" onClick={() => setViewing(null)}>
                Back to the last cell, [{snapshot.cell.count}]
              </Button>
            )}
            <ActionsOf.Provider value={{ ...useContext(ActionsOf), offers: useOffers(store, told) }}>
              <Cell told={told} isFirst={snapshot.past.length === 0} filter={filter} select={open} reveal={reveal} />
            </ActionsOf.Provider>
          </Section>
          <Section {...section("Shared memory")}>
            <Memory
              view={{
                tensors: snapshot.tensors,
                groups: snapshot.groups,
                changes,
                parts: snapshot.parts,
                folds,
                filter,
              }}
              scroller={scroller}
              toggle={fold}
              select={open}
            />
          </Section>
          <Section {...section("Timeline")}>
            <Timeline
              past={snapshot.past}
              filter={filter}
              viewing={viewing ?? snapshot.cell.count}
              view={view}
              select={open}
            />
          </Section>
        </div>
        {selected !== null && (
          <Detail path={selected} store={store} snapshot={snapshot} select={open} close={close} reveal={reveal} />
        )}
      </RoomOf.Provider>
    </div>
  );
}

/** What mends what a cell did; asked for once it is shown that there is something to mend. */
function useOffers(store: Store, told: Told | null | undefined): Offers | null | undefined {
  const isAsked = told?.lines.some(({ silent }) => silent) || told?.hazards.some(({ remedy }) => remedy.length > 0);
  useEffect(() => {
    if (told && isAsked) {
      void store.askOffers(told.cell.count);
    }
  }, [store, told, isAsked]);
  return told && store.offers.get(told.cell.count);
}

/** What a cell did, in a few words. */
function Verdict({ told }: { told: Told }): JSX.Element {
  const silent = told.lines.filter((line) => line.silent).reduce((total, { paths }) => total + paths.length, 0);
  const hazards = told.hazards.filter(({ turn, minor, hushed }) => turn === "new" && !(minor || hushed));
  const begun = hazards.length;
  const isBad = hazards.some(({ outcome }) => outcome !== "risk");
  const changes = begun > 0 ? `${silent.toLocaleString("en")} silent` : count(silent, "silent change");
  const parts = [silent > 0 && changes, begun > 0 && count(begun, "hazard")].filter(Boolean);
  return (
    <span role="status" class={isBad ? "tw-bad" : silent + begun > 0 ? "tw-odd" : ""}>
      {parts.join(" · ") || "nothing silent"}
    </span>
  );
}

type Parts = Omit<Parameters<typeof LastCell>[0], "told"> & { told: Told | null | undefined; isFirst: boolean };

function Cell({ told, isFirst, ...rest }: Parts): JSX.Element {
  if (told && isFirst) {
    return <p class="tw-note">Run a cell: what it changes is shown here.</p>;
  }
  if (told) {
    return <LastCell told={told} {...rest} />;
  }
  return (
    <p class="tw-note">
      {told === null ? "What this cell did is not kept any more." : "The kernel tells when it is idle…"}
    </p>
  );
}

/** How long a row that was asked for stands out, in milliseconds. */
const FLASH = 1500;

/** Lead to the row of a line of code, when the page around asks for it and the row is drawn. */
function useShown(
  store: Store,
  scroller: { readonly current: HTMLElement | null },
  view: (cell: number) => void,
  told: Told | null | undefined,
): void {
  const wanted = useRef<Place | null>(null);
  const [, setTime] = useState(0);
  useEffect(() => {
    const show = (event: Event): void => {
      wanted.current = (event as CustomEvent<Place>).detail;
      view(wanted.current.count);
      setTime((time) => time + 1);
    };
    store.addEventListener("show", show);
    return () => store.removeEventListener("show", show);
  });
  useEffect(() => {
    const place = wanted.current;
    if (place && told?.cell.count === place.count) {
      wanted.current = null;
      const row = scroller.current?.querySelector<HTMLElement>(`[data-line="${place.count} ${place.line}"]`);
      row?.scrollIntoView({ block: "center" });
      row?.classList.add("tw-flash");
      row?.querySelector<HTMLElement>("button")?.focus({ preventScroll: true });
      setTimeout(() => row?.classList.remove("tw-flash"), FLASH);
    }
  });
}
