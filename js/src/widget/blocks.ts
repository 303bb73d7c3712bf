/** The alias groups as rows: those that changed first, alike ones folded, and who is alone at the end. */

import type { Change, Group, Tensor } from "../report";
import { bytes, count, root } from "./words";

/** One row of the picture; `id` stays the same from cell to cell. */
export type Row =
  | { readonly kind: "fold"; readonly id: string; readonly title: string; readonly names: string; readonly isOpen: boolean; readonly isChanged: boolean }
  | { readonly kind: "group"; readonly id: string; readonly group: Group; readonly isOpen: boolean; readonly isChanged: boolean }
  | { readonly kind: "lane"; readonly id: string; readonly group: Group; readonly member: number }
  | { readonly kind: "alone"; readonly id: string; readonly tensor: Tensor };

/** Groups that come from the same variables are folded from this number on. */
const FOLD_FROM = 3;

/** A group of more lanes is shut until somebody opens it. */
const MAX_LANES = 12;

export interface View {
  readonly tensors: readonly Tensor[];
  readonly groups: readonly Group[];
  readonly changes: ReadonlyMap<string, Change>;
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

function isChanged(group: Group, changes: View["changes"]): boolean {
  return group.members.some((path) => {
    const kind = changes.get(path)?.kind;
    return kind === "mutated" || kind === "touched";
  });
}

function groupRows(groups: readonly Group[], view: View): Row[] {
  const alike = new Map<string, Group[]>();
  for (const group of groups) {
    const key = `${isChanged(group, view.changes) ? 0 : 1} ${group.device} ${group.members.map(root).join(" ")}`;
    alike.set(key, [...(alike.get(key) ?? []), group]);
  }
  const sorted = [...alike].sort(([a], [b]) => Number(a[0]) - Number(b[0]));
  return sorted.flatMap(([key, several]) => {
    const changed = key.startsWith("0");
    if (several.length < FOLD_FROM) {
      return several.flatMap((group) => groupRow(group, changed, view));
    }
    const id = `fold ${key.slice(2)}`;
    const isOpen = view.folds.get(id) ?? view.filter !== "";
    const size = bytes(several.reduce((total, { nbytes }) => total + nbytes, 0));
    const title = `${several[0]?.device} · ${count(several.length, "block")} · ${size}`;
    const names = [...new Set((several[0] as Group).members.map(root))].join(" ");
    const fold: Row = { kind: "fold", id, title, names, isOpen, isChanged: changed };
    return [fold, ...(isOpen ? several.flatMap((group) => groupRow(group, changed, view)) : [])];
  });
}

function groupRow(group: Group, changed: boolean, view: View): Row[] {
  const id = `group ${group.members[0]}`;
  const isOpen = view.folds.get(id) ?? group.members.length <= MAX_LANES;
  const lanes = isOpen ? group.members.map((path, member): Row => ({ kind: "lane", id: `lane ${path}`, group, member })) : [];
  return [{ kind: "group", id, group, isOpen, isChanged: changed }, ...lanes];
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
    foldOf(`alone ${name}`, `${name}, ${count(tensors.length, "tensor")}, each alone`, tensors, view),
  );
  return few.length > 0 ? [...rows, ...foldOf("alone", `${count(few.length, "tensor")} alone`, few, view)] : rows;
}

function foldOf(id: string, title: string, tensors: readonly Tensor[], view: View): Row[] {
  const isOpen = view.folds.get(id) ?? view.filter !== "";
  const fold: Row = { kind: "fold", id, title, names: "", isOpen, isChanged: false };
  return [fold, ...(isOpen ? tensors.map((tensor): Row => ({ kind: "alone", id: `alone ${tensor.path}`, tensor })) : [])];
}
