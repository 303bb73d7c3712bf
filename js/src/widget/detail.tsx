/** One variable: what it is, who else holds its memory, what changed in it, and what happened to it. */

import type { JSX } from "preact";
import { useContext, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Group, Tensor } from "../report";
import { HazardRow, Linked } from "./hazards";
import { Heat } from "./heat";
import { ChangeRow } from "./lastcell";
import { ActionsOf, Breaking, Button, KeysOf, Name, type Ways } from "./pieces";
import { useLetters } from "./room";
import { shortener } from "./shorten";
import type { Store } from "./store";
import type { CellHead, HazardLine, Line, PathPast, Snapshot } from "./wire";
import { bytes, root, shape } from "./words";

const MAX_SHOWN = 30;

export function Detail(
  props: Ways & { path: string; store: Store; snapshot: Snapshot; close: () => void },
): JSX.Element {
  const { path, store, snapshot, select, close, reveal } = props;
  // biome-ignore lint/correctness/useExhaustiveDependencies: what happened is asked for again after every cell
  useEffect(() => store.askPath(path), [store, path, snapshot]);
  const tensor = snapshot.tensors.find((one) => one.path === path);
  const group = snapshot.groups.find(({ members }) => members.includes(path));
  const known = store.paths.get(path);
  const keys = useContext(KeysOf);
  const section = useRef<HTMLElement>(null);
  const [isBlamed, setBlamed] = useState(false);
  const go = (other: string): void => {
    section.current?.focus(); // the button that had the focus goes
    select(other);
  };
  return (
    <section ref={section} class="tw-detail" aria-label={`Details of ${path.slice(0, 200)}`} tabIndex={-1} {...keys}>
      <header>
        <code>
          <Breaking text={path} />
        </code>
        <Button class="tw-close" aria-label="Close the details" onClick={close}>
          <svg viewBox="0 0 14 14" aria-hidden="true">
            <path d="M3 3l8 8m0-8l-8 8" />
          </svg>
        </Button>
      </header>
      <div class="tw-about">
        <Deeds
          key={path}
          path={path}
          isFrozen={snapshot.frozen.some((one) => isPartOf(one, path))}
          isBlamed={isBlamed}
          blame={() => setBlamed(!isBlamed)}
        />
        {tensor ? <Facts tensor={tensor} /> : <Inside path={path} snapshot={snapshot} select={go} />}
        {group && <Holders path={path} group={group} origins={known?.origins ?? {}} select={go} reveal={reveal} />}
        {known?.values && <Heat values={known.values} />}
        {known && <Happened known={known} isBlamed={isBlamed} select={select} reveal={reveal} />}
      </div>
    </section>
  );
}

function Happened(props: Ways & { known: PathPast; isBlamed: boolean }): JSX.Element {
  const { known, isBlamed, ...ways } = props;
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    isBlamed && list.current?.scrollIntoView({ block: "start" });
  }, [isBlamed]);
  const isWrite = ([, event]: PathPast["happened"][number]): boolean => !isHazard(event) && event.kind === "mutated";
  const shown = (isBlamed ? known.happened.filter(isWrite) : known.happened).slice(-MAX_SHOWN).reverse();
  return (
    <div ref={list}>
      <h4>{isBlamed ? "Every write to it, latest first" : "What happened to it"}</h4>
      {shown.length === 0 && <p class="tw-note">No cell was seen to write to it.</p>}
      <ul class="tw-lines">
        {shown.map(([cell, event]) => (
          <Event key={keyOf(cell, event)} cell={cell} event={event} {...ways} />
        ))}
      </ul>
    </div>
  );
}

/** What can be done to a variable, and what the kernel said to it. */
function Deeds(props: { path: string; isFrozen: boolean; isBlamed: boolean; blame: () => void }): JSX.Element {
  const { path, isFrozen, isBlamed, blame } = props;
  const { run } = useContext(ActionsOf);
  const [said, say] = useState("");
  const act = (command: string): void => {
    say("The kernel tells when it is idle…");
    void run?.(`%tensorwatch ${command} ${path}`).then(say);
  };
  const copy = (): void => {
    navigator.clipboard.writeText(path).then(
      () => say("Copied."),
      () => say("The browser does not allow it to be copied."),
    );
  };
  return (
    <>
      <p class="tw-actions">
        {run && (
          <>
            <Button
              class="tw-action"
              title={isFrozen ? "Let it be written again" : "Let no line write to it, by any name"}
              onClick={() => act(isFrozen ? "thaw" : "freeze")}
            >
              {isFrozen ? "Thaw" : "Freeze"}
            </Button>
            <Button
              class="tw-action"
              title="Put back its bytes from before the last cell that changed it"
              onClick={() => act("restore")}
            >
              Restore
            </Button>
          </>
        )}
        <Button class="tw-action" aria-pressed={isBlamed} title="Show only the lines that wrote to it" onClick={blame}>
          Blame
        </Button>
        <Button class="tw-action" onClick={copy}>
          Copy name
        </Button>
      </p>
      <p class="tw-said" role="status">
        {said}
      </p>
    </>
  );
}

function isPartOf(path: string, whole: string): boolean {
  return path === whole || path.startsWith(`${whole}.`) || path.startsWith(`${whole}[`);
}

function Event(props: Ways & { cell: CellHead; event: Line | HazardLine }): JSX.Element {
  const { event, ...rest } = props;
  return isHazard(event) ? <HazardRow hazard={event} {...rest} /> : <ChangeRow line={event} {...rest} />;
}

function isHazard(event: Line | HazardLine): event is HazardLine {
  return "outcome" in event;
}

function keyOf({ count }: CellHead, event: Line | HazardLine): string {
  return isHazard(event) ? `${count} ${event.code} ${event.turn} ${event.what}` : `${count} ${event.kind}`;
}

function Facts({ tensor }: { tensor: Tensor }): JSX.Element {
  const { kind, dtype, device, strides, span, version, unknown } = tensor;
  const grad = [tensor.requires_grad ? "requires grad" : "no grad", tensor.is_leaf ? "leaf" : tensor.grad_fn];
  const facts: readonly (readonly [string, string | number | null])[] = [
    ["kind", kind],
    ["shape", shape(tensor.shape)],
    ["dtype", dtype.replace("torch.", "")],
    ["device", device],
    ["strides", strides.length > 0 ? strides.join(", ") : null],
    [
      "memory",
      unknown ?? `${bytes(span[1] - span[0])} from byte ${span[0].toLocaleString("en")} of storage ${tensor.storage}`,
    ],
    ["version", version],
    ["autograd", kind === "ndarray" ? null : grad.filter(Boolean).join(", ")],
  ];
  return (
    <dl class="tw-numbers">
      {facts.map(
        ([name, value]) =>
          value !== null && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

/** A variable that is no tensor itself: what hangs on it. */
function Inside(props: { path: string; snapshot: Snapshot; select: (path: string) => void }): JSX.Element {
  const { path, snapshot, select } = props;
  const inside = snapshot.tensors.filter((one) => root(one.path) === path);
  const shorten = shortener(
    inside.map((one) => one.path),
    useLetters(0),
  );
  if (inside.length === 0) {
    return <p class="tw-note">It is gone: no variable of this name leads to a tensor now.</p>;
  }
  return (
    <p class="tw-inside">
      {inside.slice(0, MAX_SHOWN).map((one) => (
        <Name key={one.path} path={one.path} text={shorten(one.path)} select={select} />
      ))}
      {inside.length > MAX_SHOWN && <span class="tw-dim">and {inside.length - MAX_SHOWN} more</span>}
    </p>
  );
}

const RELATIONS = {
  "same-object": "the same tensor",
  "same-elements": "the same elements",
  overlap: "overlaps",
  disjoint: "same storage, no byte in common",
  unknown: "not known",
};

/** The room that a relation takes beside a name, in pixels. */
const BESIDE = 120;

function Holders(props: Ways & { path: string; group: Group; origins: NonNullable<PathPast["origins"]> }): JSX.Element {
  const { path, group, origins, select, reveal } = props;
  const relations = new Map(
    group.pairs.flatMap(({ a, b, relation }) => (a === path ? [[b, relation]] : b === path ? [[a, relation]] : [])),
  );
  const letters = useLetters(BESIDE);
  const others = useMemo(() => group.members.filter((member) => member !== path), [group, path]);
  const shorten = useMemo(() => shortener(others, letters), [others, letters]);
  return (
    <>
      <h4>Who else holds its memory</h4>
      <ul class="tw-holders">
        {others.slice(0, MAX_SHOWN).map((other) => (
          <li key={other}>
            <Name path={other} text={shorten(other)} select={select} />
            <span class="tw-dim">{RELATIONS[relations.get(other) ?? "unknown"]}</span>
            {origins[other] && (
              <p class="tw-dim tw-since">
                <Linked of={origins[other]} select={select} reveal={reveal} />
              </p>
            )}
          </li>
        ))}
      </ul>
      {others.length > MAX_SHOWN && <p class="tw-dim">and {others.length - MAX_SHOWN} more</p>}
    </>
  );
}
