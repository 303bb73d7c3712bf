/** What travels from the kernel: reports as their difference from the one before, and answers to questions. */

import type { Mark as EditorMark, News } from "../registry";
import type { Cell, Change, Coverage, Edit, Elements, Group, Hazard, Site, Tensor } from "../report";

/** Words as they are, code in brackets. */
export type Span = string | readonly [string];

/** The same, also code that names a variable, and words that name a line of a cell. */
export type Link = Span | readonly [text: string, path: string] | readonly [text: string, count: number, line: number];

/** At this place of the list as it has become so far, take out so many items and put these in. */
export type Splice<T> = readonly [at: number, drop: number, put: readonly T[]];

/** A cell without its source, which stands in the notebook, and with the notebook's own id of it. */
export type CellHead = Omit<Cell, "source"> & { readonly id: string | null };

/** Changes that are told in one line. */
export interface Line {
  readonly label: string;
  readonly paths: readonly string[];
  readonly kind: Change["kind"];
  readonly cause: Change["cause"];
  readonly silent: boolean;
  readonly how: readonly Span[];
  readonly where: readonly Span[];
  readonly line: number | null;
  readonly inner: { readonly count: number; readonly line: number } | null;
  readonly statement: readonly Span[];
  readonly amount: readonly Span[];
  readonly counter: readonly Span[];
  /** Since when its memory is shared with what a silent change was written through; empty where that is not known. */
  readonly since?: readonly Link[];
}

/** A hazard: what will go wrong, how it came to this or why it is over, and what to write instead. */
export interface HazardLine {
  readonly code: string;
  readonly outcome: Hazard["outcome"];
  /** Whether it is new with this cell, or over; null where it stands. */
  readonly turn: "new" | "over" | null;
  /** Whether it harms only in a backward that may never be run. */
  readonly minor: boolean;
  /** What names it, whatever cell it comes from; empty or missing where the kernel cannot keep quiet about it. */
  readonly key?: string;
  /** Whether the user asked not to be told of it again. */
  readonly hushed?: boolean;
  /** Whether it explains some of the silent changes. */
  readonly explains?: boolean;
  readonly what: readonly Link[];
  readonly why: readonly Link[];
  readonly remedy: readonly Link[];
}

/** Ranks of a cluster that are alike, and what is to be said of them. */
export interface RankRow {
  readonly label: string;
  /** The rank that a click shows; null where it tells nothing. */
  readonly rank: number | null;
  readonly what: readonly Span[];
  readonly quiet: boolean;
}

/** Where a cell of a rank is in the notebook that drives it. */
export interface CellPlace {
  /** The notebook's own id of the cell; null where it is not known. */
  readonly cell: string | null;
  /** How many of its lines stand before the first one that the rank ran. */
  readonly offset: number;
  /** The line that ran something on the rank, where that is not the cell's own body; 0 where it is. */
  readonly line: number;
}

/** What a cell did, line by line. */
export interface Told {
  readonly cell: CellHead;
  readonly lines: readonly Line[];
  readonly left_out: number;
  readonly hazards: readonly HazardLine[];
  readonly hazards_left_out: number;
}

export type Mark = "silent" | "written" | "rebound" | "created" | "gone";

/** One column of the timeline. */
export interface PastCell {
  readonly count: number;
  readonly id: string | null;
  readonly status: Cell["status"];
  readonly marks: Readonly<Record<string, Mark>>;
}

/** What happened to one path, oldest first, with the hazards that it was part of, and its elements before and after the last cell where it is small. */
export interface PathPast {
  readonly happened: readonly (readonly [CellHead, Line | HazardLine])[];
  readonly values: Values | null;
  /** Since when it shares memory with others. */
  readonly origins?: Readonly<Record<string, readonly Link[]>>;
}

export interface Values {
  readonly shape: readonly number[];
  readonly before: readonly (number | null)[];
  readonly after: readonly (number | null)[];
}

/** The bytes of its block that changed in a variable of which only a part did; not exact: some of them did. */
export interface Part {
  readonly runs: readonly (readonly [low: number, high: number])[];
  readonly exact: boolean;
}

/** What mends some changes and hazards of a cell. */
export interface Offer {
  /** The paths of the changes, and the keys of the hazards. */
  readonly of: readonly string[];
  /** The lines of the cell that made them. */
  readonly lines: readonly number[];
  readonly title: readonly Span[];
  /** What it is worth. */
  readonly note: string;
  readonly edits: readonly (Omit<Edit, "cell"> & { readonly count: number })[];
  /** The cells that must run again. */
  readonly again: readonly EditorMark[];
}

/** The fixes of a cell, and the cells that they edit, as they ran, by execution count. */
export interface Offers {
  readonly fixes: readonly Offer[];
  readonly cells: Readonly<Record<string, { readonly cell: string | null; readonly source: string }>>;
}

type Unverified = Coverage["unverified"][number];

/** All that a panel draws. */
export interface Snapshot extends Told {
  readonly news: News;
  readonly changes: readonly Change[];
  readonly parts: Readonly<Record<string, Part>>;
  readonly coverage: Omit<Coverage, "unverified">;
  readonly tensors: readonly Tensor[];
  readonly groups: readonly Group[];
  readonly unverified: readonly Unverified[];
  readonly past: readonly PastCell[];
  /** The tensors that nobody may write to. */
  readonly frozen: readonly string[];
}

/** A report as it is sent: its lists as splices, and records without the fields that have their default value. */
export interface Sent extends Told {
  readonly schema: number;
  readonly fields: readonly (keyof Tensor)[];
  readonly news: News;
  readonly changes: readonly Partial<Change>[];
  readonly parts: Readonly<Record<string, Part>>;
  readonly coverage: Omit<Coverage, "unverified">;
  readonly tensors: readonly Splice<readonly unknown[]>[];
  readonly groups: readonly Splice<Omit<Group, "pairs_left_out" | "origins">>[];
  readonly unverified: readonly Splice<Unverified>[];
  readonly past: readonly Splice<PastCell>[];
  readonly frozen?: readonly string[];
}

/** Do what the splices say, on a copy. */
export function splice<T>(items: readonly T[], edits: readonly Splice<T>[]): readonly T[] {
  if (edits.length === 0) {
    return items;
  }
  const result = [...items];
  for (const [at, drop, put] of edits) {
    result.splice(at, drop, ...put);
  }
  return result;
}

/** Put a report together from what was known and what was sent. */
export function assemble(known: Snapshot | null, sent: Sent): Snapshot {
  const tensors = written(sent.tensors, (row) => tensorOf(sent.fields, row));
  const groups = written(sent.groups, (group): Group => ({ pairs_left_out: 0, origins: [], ...group }));
  return {
    cell: sent.cell,
    lines: sent.lines,
    left_out: sent.left_out,
    news: sent.news,
    changes: sent.changes.map(changeOf),
    parts: sent.parts,
    hazards: sent.hazards,
    hazards_left_out: sent.hazards_left_out,
    coverage: sent.coverage,
    tensors: splice(known?.tensors ?? [], tensors),
    groups: splice(known?.groups ?? [], groups),
    unverified: splice(known?.unverified ?? [], sent.unverified),
    past: splice(known?.past ?? [], sent.past),
    frozen: sent.frozen ?? [],
  };
}

function written<A, B>(edits: readonly Splice<A>[], write: (item: A) => B): Splice<B>[] {
  return edits.map(([at, drop, put]) => [at, drop, put.map(write)]);
}

function tensorOf(fields: readonly (keyof Tensor)[], row: readonly unknown[]): Tensor {
  return Object.fromEntries(fields.map((field, place) => [field, row[place]])) as unknown as Tensor;
}

function changeOf(sent: Partial<Change>): Change {
  const told = { ...NOTHING_TOLD, ...sent } as Change;
  const born = told.born && siteOf(told.born);
  const since = told.shared_since && { ...told.shared_since, ...siteOf(told.shared_since) };
  const elements = told.elements && elementsOf(told.elements);
  return { ...told, born, shared_since: since, sites: told.sites.map(siteOf), elements };
}

const NOTHING_TOLD: Omit<Change, "path" | "kind"> = {
  cause: null,
  silent: false,
  via: [],
  sites: [],
  born: null,
  versions: [null, null],
  versioned: null,
  verified: false,
  elements: null,
  fields: [],
  since: null,
  shared_since: null,
  fix: null,
};

const SURE = { certainty: "observed", inner: null } as const;

function siteOf(sent: Partial<Site>): Site {
  return { ...SURE, ...sent } as Site;
}

function elementsOf(sent: Partial<Elements>): Elements {
  return { max_abs: null, examples: [], ...sent } as Elements;
}
