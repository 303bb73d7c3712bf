/** Shared memory: one picture a group, a lane for every variable. */

import type { JSX, RefObject } from "preact";
import { useMemo } from "preact/hooks";
import type { Group, Tensor } from "../report";
import { type Head, type Row, rowsOf, type View } from "./blocks";
import { blockOf, type Dirty, dirtyOf, type Lane, laneOf, type Run } from "./lane";
import { type Item, List } from "./list";
import { Chevron, Glyph, MARK_NAMES } from "./pieces";
import { bytes, description, facts, shape } from "./words";

export function Memory(props: {
  view: View;
  scroller: RefObject<HTMLElement | null>;
  toggle: (id: string, isOpen: boolean) => void;
  select: (path: string) => void;
}): JSX.Element {
  const { view, scroller, toggle, select } = props;
  const { tensors, groups, changes, folds, filter } = view;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a view is these five
  const rows = useMemo(() => rowsOf(view), [tensors, groups, changes, folds, filter]);
  const known = useMemo(() => new Map(tensors.map((tensor) => [tensor.path, tensor])), [tensors]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was drawn of the report before is not this one's
  const pictures = useMemo(() => new Map<Group, Picture>(), [tensors, groups, changes]);
  if (rows.length === 0) {
    return <p class="tw-note">{filter ? "No variable matches the filter." : "There are no tensors yet."}</p>;
  }
  const pictureOf = (group: Group): Picture => {
    const picture = pictures.get(group) ?? drawn(group, known, view);
    pictures.set(group, picture);
    return picture;
  };
  const item = (index: number): Item => {
    const row = rows[index] as Row;
    if (row.kind === "lane" || row.kind === "alone") {
      const path = row.kind === "lane" ? (row.group.members[row.member] as string) : row.tensor.path;
      const isEnd = row.kind === "lane" && row.member === row.group.members.length - 1;
      const content =
        row.kind === "lane" ? (
          <LaneRow picture={pictureOf(row.group)} member={row.member} />
        ) : (
          <AloneRow tensor={row.tensor} />
        );
      return {
        key: row.id,
        level: 2,
        kind: `tw-${row.kind}${isEnd ? " tw-end" : ""}`,
        content,
        act: () => select(path),
      };
    }
    const content = <HeadRow row={row} />;
    return {
      key: row.id,
      level: 1,
      kind: `tw-${row.kind}`,
      isOpen: row.isOpen,
      content,
      act: () => toggle(row.id, !row.isOpen),
    };
  };
  const find = (key: string): number => rows.findIndex(({ id }) => id === key);
  return <List label="Shared memory" count={rows.length} item={item} find={find} scroller={scroller} />;
}

const COLOURS = 4;

/** So many letters of a group's names are enough to fill its head. */
const MAX_NAMES = 400;

interface Picture {
  readonly members: readonly Tensor[];
  readonly size: number;
  readonly lanes: readonly (Lane & { readonly dirty: Dirty })[];
  /** Lanes of the same bytes have the same colour. */
  readonly colours: readonly number[];
  readonly facts: readonly string[];
  /** The letters of the longest name and of the longest facts: bars of one group begin and end at the same place. */
  readonly nameLetters: number;
  readonly letters: number;
}

function drawn(group: Group, known: ReadonlyMap<string, Tensor>, view: View): Picture {
  const members = group.members.flatMap((path) => known.get(path) ?? []);
  const { begin, size } = blockOf(members);
  const lanes = members.map((tensor) => {
    const lane = laneOf(tensor, begin);
    return { ...lane, dirty: dirtyOf(lane, view.changes.get(tensor.path), view.parts[tensor.path]) };
  });
  const looks = lanes.map(({ runs }) => JSON.stringify(runs));
  const kinds = [...new Set(looks)];
  const told = members.map((tensor, place) => factsOf(tensor, lanes[place]?.fold ?? 1));
  return {
    members,
    lanes,
    size,
    colours: looks.map((look) => kinds.indexOf(look) % COLOURS),
    facts: told,
    nameLetters: Math.max(...members.map(({ path }) => path.length)),
    letters: Math.max(...told.map((text) => text.length)),
  };
}

function factsOf(tensor: Tensor, fold: number): string {
  return fold > 1 ? `${shape(tensor.shape)} · ${fold} in one` : facts(tensor);
}

/** The head of a group, or of several that are folded. */
function HeadRow({ row }: { row: Head }): JSX.Element {
  return (
    <>
      <Chevron isOpen={row.isOpen} />
      <span class="tw-block">{row.title}</span>
      {row.mark && <Glyph of={row.mark} label={MARK_NAMES[row.mark]} />}
      <span class="tw-names" title={row.names.slice(0, MAX_NAMES)}>
        {row.names.slice(0, MAX_NAMES)}
      </span>
    </>
  );
}

function AloneRow({ tensor }: { tensor: Tensor }): JSX.Element {
  const size = tensor.unknown ?? bytes(tensor.itemsize * tensor.shape.reduce((total, one) => total * one, 1));
  return (
    <>
      <code class="tw-path" title={description(tensor)}>
        {tensor.path}
      </code>
      <span class="tw-facts">{`${facts(tensor)} · ${size}`}</span>
    </>
  );
}

function LaneRow({ picture, member }: { picture: Picture; member: number }): JSX.Element | null {
  const tensor = picture.members[member];
  const lane = picture.lanes[member];
  if (!(tensor && lane)) {
    return null;
  }
  return (
    <>
      <code class="tw-path" title={description(tensor)} style={{ flexBasis: `min(${picture.nameLetters}ch, 38%)` }}>
        {tensor.path}
      </code>
      <Bar lane={lane} size={picture.size} colour={picture.colours[member] ?? 0} />
      <span class="tw-facts" title={description(tensor)} style={{ flexBasis: `${picture.letters}ch` }}>
        {picture.facts[member]}
      </span>
    </>
  );
}

/** The width of a bar in its own units, and the least that can be seen. */
const WIDTH = 1000;
const LEAST = 6;

/** Bytes that changed are underlined; a thin line tells that some of these did. */
const SURE = { y: 13, height: 3 };
const MAYBE = { y: 14, height: 1 };

function Bar(props: { lane: Lane & { dirty: Dirty }; size: number; colour: number }): JSX.Element {
  const { lane, size, colour } = props;
  const scale = WIDTH / Math.max(1, size);
  const place = ({ low, high }: Run): { x: number; width: number } => ({
    x: Math.min(low * scale, WIDTH - LEAST),
    width: Math.max((high - low) * scale, LEAST),
  });
  return (
    <svg class={`tw-bar tw-colour-${colour}`} viewBox={`0 0 ${WIDTH} 16`} preserveAspectRatio="none" aria-hidden="true">
      <rect class="tw-ground" width={WIDTH} y="2" height="12" />
      {lane.runs.map((run) => (
        <Stretch key={run.low} {...place(run)} isFine={run.share < 1} isFolded={lane.fold > 1} />
      ))}
      {lane.dirty.runs.map((run) => (
        <rect key={run.low} class="tw-ink-silent" {...place(run)} {...(lane.dirty.exact ? SURE : MAYBE)} />
      ))}
    </svg>
  );
}

/** One stretch of bytes: solid, hatched where its pattern is too fine to draw, stacked where elements share bytes. */
function Stretch(props: { x: number; width: number; isFine: boolean; isFolded: boolean }): JSX.Element {
  const { x, width, isFine, isFolded } = props;
  if (isFine) {
    return <line class="tw-hatch" x1={x} x2={x + width} y1="8" y2="8" />;
  }
  return (
    <>
      {isFolded && <rect class="tw-stack" x={x} width={width} y="0" height="2" />}
      {isFolded && <rect class="tw-stack" x={x} width={width} y="3" height="2" />}
      <rect x={x} width={width} y={isFolded ? 6 : 3} height={isFolded ? 7 : 10} />
    </>
  );
}
