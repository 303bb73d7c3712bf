/** One variable: what it is, who else holds its memory, what changed in it, and what happened to it. */

import type { JSX } from "preact";
import { useContext, useEffect, useRef } from "preact/hooks";
import type { Group, Tensor } from "../report";
import { HazardRow } from "./hazards";
import { Heat } from "./heat";
import { ChangeRow } from "./lastcell";
import { Button, KeysOf, type Ways } from "./pieces";
import type { Store } from "./store";
import type { CellHead, HazardLine, Line, Snapshot } from "./wire";
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
  const go = (other: string): void => {
    section.current?.focus(); // the button that had the focus goes
    select(other);
  };
  return (
    <section ref={section} class="tw-detail" aria-label={`Details of ${path.slice(0, 200)}`} tabIndex={-1} {...keys}>
      <header>
        <code>{path}</code>
        <Button aria-label="Close the details" onClick={close}>
          ×
        </Button>
      </header>
      {tensor ? <Facts tensor={tensor} /> : <Inside path={path} snapshot={snapshot} select={go} />}
      {group && <Holders path={path} group={group} select={go} />}
      {known?.values && <Heat values={known.values} />}
      {known && (
        <>
          <h4>What happened to it</h4>
          {known.happened.length === 0 && <p class="tw-note">No cell was seen to write to it.</p>}
          <ul class="tw-lines">
            {known.happened
              .slice(-MAX_SHOWN)
              .reverse()
              .map(([cell, event]) => (
                <Event key={keyOf(cell, event)} cell={cell} event={event} select={select} reveal={reveal} />
              ))}
          </ul>
        </>
      )}
    </section>
  );
}

function Event(props: Ways & { cell: CellHead; event: Line | HazardLine }): JSX.Element {
  const { event, ...rest } = props;
  return isHazard(event) ? (
    <HazardRow hazard={event} {...rest} />
  ) : (
    <ChangeRow line={event} isNamed={false} {...rest} />
  );
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
  if (inside.length === 0) {
    return <p class="tw-note">It is gone: no variable of this name leads to a tensor now.</p>;
  }
  return (
    <p>
      {inside.slice(0, MAX_SHOWN).map((one) => (
        <Button key={one.path} class="tw-name" onClick={() => select(one.path)}>
          {one.path}
        </Button>
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

function Holders(props: { path: string; group: Group; select: (path: string) => void }): JSX.Element {
  const { path, group, select } = props;
  const relations = new Map(
    group.pairs.flatMap(({ a, b, relation }) => (a === path ? [[b, relation]] : b === path ? [[a, relation]] : [])),
  );
  const others = group.members.filter((member) => member !== path);
  return (
    <>
      <h4>Who else holds its memory</h4>
      <ul class="tw-holders">
        {others.slice(0, MAX_SHOWN).map((other) => (
          <li key={other}>
            <Button class="tw-name" onClick={() => select(other)}>
              {other}
            </Button>
            <span class="tw-dim">{RELATIONS[relations.get(other) ?? "unknown"]}</span>
          </li>
        ))}
      </ul>
      {others.length > MAX_SHOWN && <p class="tw-dim">and {others.length - MAX_SHOWN} more</p>}
    </>
  );
}
