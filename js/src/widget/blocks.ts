/** The alias groups as rows: those that changed first, alike ones folded, and who is alone at the end. */

import type { Change, Group, Tensor } from "../report";
import type { Part } from "./wire";
import { bytes, count, root } from "./words";

/** One row of the picture; `id` stays the same from cell to cell. */
export type Row = Head | LaneRow | AloneRow;

/** The head of a group, or of several rows that are folded. */
export interface Head {
  readonly kind: "group" | "folded";
  readonly id: string;
  readonly title: string;
  /** The same, where there is little room. */
  readonly brief: string;
  readonly names: readonly string[];
  readonly isOpen: boolean;
  readonly mark: "silent" | "written" | null;
}

interface LaneRow {
  readonly kind: "lane";
  readonly id: string;
  readonly group: Group;
  readonly member: number;
}

interface AloneRow {
  readonly kind: "alone";
  readonly id: string;
  readonly tensor: Tensor;
}

/** Groups that come from the same variables are folded from this number on. */
const FOLD_FROM = 3;

/** A group of more lanes is shut until somebody opens it. */
const MAX_LANES = 12;

export interface View {
  readonly tensors: readonly Tensor[];
  readonly groups: readonly Group[];
  readonly changes: ReadonlyMap<string, Change>;
  readonly parts: Readonly<Record<string, Part>>;
  /** What the reader has opened or shut. */
  readonly folds: ReadonlyMap<string, boolean>;
  readonly filter: string;
}

export function rowsOf(view: View): Row[] {
  const wanted = view.filter.toLowerCase();
  const isWanted = (path: string): boolean => path.toLowerCase().includes(wanted);
  const groups = wanted ? view.groups.filter(({ members }) => members.some(isWanted)) : view.groups;
  return [...groupRows(groups, view), ...aloneRows(view, isWanted)];
}

/** What the last cell did to a group: the most telling of what it did to its members. */
function markOf(group: Group, changes: View["changes"]): Head["mark"] {
  const mutated = group.members.flatMap((path) => changes.get(path) ?? []).filter(({ kind }) => kind === "mutated");
  return mutated.some(({ silent }) => silent) ? "silent" : mutated.length > 0 ? "written" : null;
}

const URGENCY = ["silent", "written", null];

function groupRows(groups: readonly Group[], view: View): Row[] {
  const alike = new Map<string, { mark: Head["mark"]; groups: Group[] }>();
  for (const group of groups) {
    const mark = markOf(group, view.changes);
    const key = `${mark} ${group.device} ${group.members.map(root).join(" ")}`;
    const known = alike.get(key);
    known ? known.groups.push(group) : alike.set(key, { mark, groups: [group] });
  }
  const sorted = [...alike.values()].sort((a, b) => URGENCY.indexOf(a.mark) - URGENCY.indexOf(b.mark));
  const ids = new Set<string>();
  return sorted.flatMap((one) =>
    one.groups.length < FOLD_FROM ? one.groups.flatMap((group) => groupRow(group, view)) : folded(one, view, ids),
  );
}

/** Groups that come from the same variables: the parameters of a model, each with its entry of a state dict. */
function folded(
  { mark, groups }: { mark: Head["mark"]; groups: readonly Group[] },
  view: View,
  ids: Set<string>,
): Row[] {
  const first = groups[0] as Group;
  const names = [...new Set(first.members.map(root))];
  const size = bytes(groups.reduce((total, { nbytes }) => total + nbytes, 0));
  const title = `${first.device} · ${count(groups.length, "block")} · ${size}`;
  const name = `folded ${first.device} ${names.join(" ")}`;
  const id = ids.has(name) ? `${name}, ${mark}` : name; // else without the mark: what is open stays so after a write
  ids.add(name);
  const head = headOf(
    { kind: "folded", id, title, brief: count(groups.length, "block"), names, mark },
    view,
    view.filter !== "",
  );
  return [head, ...(head.isOpen ? groups.flatMap((group) => groupRow(group, view)) : [])];
}

function groupRow(group: Group, view: View): Row[] {
  const { members } = group;
  const title = `${group.device} · ${bytes(group.nbytes)}`;
  const mark = markOf(group, view.changes);
  const head = headOf(
    { kind: "group", id: `group ${members[0]}`, title, brief: title, names: members, mark },
    view,
    members.length <= MAX_LANES,
  );
  const lanes = members.map((path, member): Row => ({ kind: "lane", id: `lane ${path}`, group, member }));
  return head.isOpen ? [head, ...lanes] : [head];
}

function headOf(head: Omit<Head, "isOpen">, view: View, isOpen: boolean): Head {
  return { ...head, isOpen: view.folds.get(head.id) ?? isOpen };
}

function aloneRows(view: View, isWanted: (path: string) => boolean): Row[] {
  const shared = new Set(view.groups.flatMap(({ members }) => members));
  const roots = new Map<string, Tensor[]>();
  for (const tensor of view.tensors) {
    if (!shared.has(tensor.path) && isWanted(tensor.path)) {
      const name = root(tensor.path);
      const several = roots.get(name);
      several ? several.push(tensor) : roots.set(name, [tensor]);
    }
  }
  const many = [...roots].filter(([, tensors]) => tensors.length > FOLD_FROM);
  const few = [...roots].filter(([, tensors]) => tensors.length <= FOLD_FROM).flatMap(([, tensors]) => tensors);
  const rows = many.flatMap(([name, tensors]) =>
    foldOf(`all of ${name}`, [name], `${count(tensors.length, "tensor")}, each alone`, tensors, view),
  );
  return few.length > 0 ? [...rows, ...foldOf("alone", [], `${count(few.length, "tensor")} alone`, few, view)] : rows;
}

function foldOf(id: string, names: readonly string[], title: string, tensors: readonly Tensor[], view: View): Row[] {
  const head = headOf(
    { kind: "folded", id, title, brief: title.split(",")[0] ?? title, names, mark: null },
    view,
    view.filter !== "",
  );
  return head.isOpen
    ? [head, ...tensors.map((tensor): Row => ({ kind: "alone", id: `alone ${tensor.path}`, tensor }))]
    : [head];
}
