/** Shared memory: one picture a group, a lane for every variable. */

import type { JSX, RefObject } from "preact";
import { useContext, useMemo } from "preact/hooks";
import type { Group, Tensor } from "../report";
import { type Head, type Row, rowsOf, type View } from "./blocks";
import { blockOf, type Dirty, dirtyOf, type Lane, laneOf, type Run } from "./lane";
import { type Item, List } from "./list";
import { Chevron, Glyph, MARK_NAMES, Short } from "./pieces";
import { type Room, RoomOf } from "./room";
import { type Shorten, shorten, shortener } from "./shorten";
import { bytes, description, facts, shape } from "./words";

export function Memory(props: {
  view: View;
  scroller: RefObject<HTMLElement | null>;
  toggle: (id: string, isOpen: boolean) => void;
  select: (path: string) => void;
}): JSX.Element {
  const { view, scroller, toggle, select } = props;
  const { tensors, groups, changes, folds, filter } = view;
  const room = useContext(RoomOf);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a view is these five
  const rows = useMemo(() => rowsOf(view), [tensors, groups, changes, folds, filter]);
  const known = useMemo(() => new Map(tensors.map((tensor) => [tensor.path, tensor])), [tensors]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was drawn of the report before is not this one's
  const pictures = useMemo(() => new Map<Group, Picture>(), [tensors, groups, changes]);
  const columns = useMemo(() => columnsOf(rows, known, room), [rows, known, room]);
  if (rows.length === 0) {
    return (
      <p class="tw-note">
        {filter ? "No variable is called so." : "There are no tensors yet. Make one, and run its cell."}
      </p>
    );
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
          <LaneRow picture={pictureOf(row.group)} member={row.member} columns={columns} />
        ) : (
          <AloneRow tensor={row.tensor} columns={columns} />
        );
      return {
        key: row.id,
        level: 2,
        kind: `tw-${row.kind}${isEnd ? " tw-end" : ""}`,
        content,
        act: () => select(path),
      };
    }
    const content = <HeadRow row={row} columns={columns} />;
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

/** What stands in a row of the list beside its columns, in pixels: edges, and the gaps between. */
const BESIDE = 14 + 12;

/** The least width of a bar, in pixels. */
const LEAST_BAR = 44;

/** The width of a letter of facts, in letters of names. */
const FACT = 11 / 12;

/** From this width on there is room for all facts; below, shapes stand beside the bars, and the rest in the details. */
const WIDE = 430;

/** The columns of all rows, so that what stands below each other begins and ends at the same place. */
interface Columns {
  readonly isWide: boolean;
  /** The widths of names and facts, in pixels. */
  readonly names: number;
  readonly facts: number;
  readonly lane: Shorten;
  readonly alone: Shorten;
  readonly head: (names: readonly string[], besideLetters: number) => string;
}

function columnsOf(rows: readonly Row[], known: ReadonlyMap<string, Tensor>, { width, letter }: Room): Columns {
  const isWide = width >= WIDE;
  const lanes = rows.flatMap((row) => (row.kind === "lane" ? [row.group.members[row.member] as string] : []));
  const told = lanes.flatMap((path) => known.get(path) ?? []).map((tensor) => factsOf(tensor, 1, isWide).length);
  const facts = Math.min(
    Math.ceil(Math.max(0, ...told.slice(0, MAX_MEASURED)) * FACT * letter),
    width * (isWide ? 0.34 : 0.28),
  );
  const room = Math.floor((width - BESIDE - facts - LEAST_BAR) / letter);
  const letters = Math.min(room, Math.max(8, ...lanes.slice(0, MAX_MEASURED).map(({ length }) => length)));
  const alone = rows.flatMap((row) => (row.kind === "alone" ? [row.tensor.path] : []));
  const free = (beside: number): number => Math.max(8, Math.floor((width - BESIDE) / letter - beside * FACT));
  const longest = Math.max(
    0,
    ...rows.slice(0, MAX_MEASURED).map((row) => (row.kind === "alone" ? aloneFacts(row.tensor).length : 0)),
  );
  return {
    isWide,
    names: letters * letter,
    facts,
    lane: shortener(lanes, letters),
    alone: shortener(alone, free(longest)),
    head: (names, beside) => together(names, free(beside + HEAD_SIGNS)),
  };
}

/** Rows by which columns are measured. */
const MAX_MEASURED = 1000;

/** The fold sign and the mark of a head, in letters. */
const HEAD_SIGNS = 6;

/** As many names as fit, and how many more there are. */
function together(names: readonly string[], letters: number): string {
  for (let count = names.length; count > 1; count -= 1) {
    const more = names.length > count ? ` +${names.length - count}` : "";
    const text = `${names.slice(0, count).join("  ")}${more}`;
    if (text.length <= letters) {
      return text;
    }
  }
  const more = names.length > 1 ? ` +${names.length - 1}` : "";
  return `${shorten(names[0] ?? "", letters - more.length)}${more}`;
}

const COLOURS = 4;

/** So many letters of a group's names are enough for its tooltip, and so many names for its head. */
const MAX_TITLE = 400;
const MAX_NAMES = 20;

interface Picture {
  readonly members: readonly Tensor[];
  readonly size: number;
  readonly lanes: readonly (Lane & { readonly dirty: Dirty })[];
  /** Lanes of the same bytes have the same colour. */
  readonly colours: readonly number[];
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
  return {
    members,
    lanes,
    size,
    colours: looks.map((look) => kinds.indexOf(look) % COLOURS),
  };
}

function factsOf(tensor: Tensor, fold: number, isWide: boolean): string {
  const all = isWide ? facts(tensor) : shape(tensor.shape);
  return fold > 1 ? `${shape(tensor.shape)} · ${fold} in one` : all;
}

function aloneFacts(tensor: Tensor): string {
  return `${shape(tensor.shape)} · ${tensor.unknown ?? bytes(sizeOf(tensor))}`;
}

function sizeOf(tensor: Tensor): number {
  return tensor.itemsize * tensor.shape.reduce((total, one) => total * one, 1);
}

/** The head of a group, or of several that are folded; the names of an open group stand below it. */
function HeadRow({ row, columns }: { row: Head; columns: Columns }): JSX.Element {
  const isTold = row.kind === "folded" || !row.isOpen;
  const names = row.names.slice(0, MAX_NAMES);
  const title = columns.isWide ? row.title : row.brief;
  return (
    <>
      <Chevron isOpen={row.isOpen} />
      {row.mark ? <Glyph of={row.mark} label={MARK_NAMES[row.mark]} /> : <span class="tw-glyph" />}
      {isTold && names.length > 0 && (
        <code class="tw-names" title={row.names.join("  ").slice(0, MAX_TITLE)}>
          <Short text={columns.head(names, title.length)} full={names.join("  ")} />
        </code>
      )}
      <span class={names.length > 0 || row.kind === "group" ? "tw-block" : "tw-block tw-own"} title={row.title}>
        {title}
      </span>
    </>
  );
}

function AloneRow({ tensor, columns }: { tensor: Tensor; columns: Columns }): JSX.Element {
  const told = columns.isWide ? `${facts(tensor)} · ${tensor.unknown ?? bytes(sizeOf(tensor))}` : aloneFacts(tensor);
  return (
    <>
      <code class="tw-path" title={description(tensor)}>
        <Short text={columns.alone(tensor.path)} full={tensor.path} />
      </code>
      <span class="tw-facts">{told}</span>
    </>
  );
}

function LaneRow(props: { picture: Picture; member: number; columns: Columns }): JSX.Element | null {
  const { picture, member, columns } = props;
  const tensor = picture.members[member];
  const lane = picture.lanes[member];
  if (!(tensor && lane)) {
    return null;
  }
  return (
    <>
      <code class="tw-path" title={description(tensor)} style={{ flexBasis: `${columns.names}px` }}>
        <Short text={columns.lane(tensor.path)} full={tensor.path} />
      </code>
      <Bar lane={lane} size={picture.size} colour={picture.colours[member] ?? 0} />
      <span class="tw-facts" title={description(tensor)} style={{ flexBasis: `${columns.facts}px` }}>
        {factsOf(tensor, lane.fold, columns.isWide)}
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
