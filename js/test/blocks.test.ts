// @vitest-environment node

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Change, Group, Tensor } from "../src/report";
import { type Row, rowsOf, type View } from "../src/widget/blocks";
import { assemble, type Snapshot } from "../src/widget/wire";
import { STORIES } from "./golden";
import { change, group, tensor } from "./tensors";

function view(told: {
  tensors?: Tensor[];
  groups?: Group[];
  changes?: Change[];
  folds?: Record<string, boolean>;
  filter?: string;
}): View {
  const { tensors = [], groups = [], changes = [], folds = {}, filter = "" } = told;
  return {
    tensors,
    groups,
    changes: new Map(changes.map((one) => [one.path, one])),
    parts: {},
    folds: new Map(Object.entries(folds)),
    filter,
  };
}

/** A row as a person reads it. */
function read(row: Row): string {
  switch (row.kind) {
    case "lane":
      return `  ${row.group.members[row.member]}`;
    case "alone":
      return `  ${row.tensor.path}`;
    default:
      return `${row.isOpen ? "▾" : "▸"} ${[row.title, row.mark, row.names.join("  ")].filter(Boolean).join(" | ")}`;
  }
}

function rows(told: Parameters<typeof view>[0]): string[] {
  return rowsOf(view(told)).map(read);
}

function alone(...paths: string[]): Tensor[] {
  return paths.map((path) => tensor({ path }));
}

/** A model and its state dict, group by group. */
function layers(count: number): Group[] {
  return Array.from({ length: count }, (_, place) => group([`model[${place}].weight`, `best['${place}.weight']`]));
}

describe("the rows of the picture", () => {
  it("are a head for each group and a lane for each member", () => {
    expect(["▾ cpu · 24 B | x  y", "  x", "  y"]).toEqual(rows({ groups: [group(["x", "y"])] }));
  });

  it("begin with what changed silently, then with what was written", () => {
    const groups = [group(["quiet", "q"]), group(["written", "w"]), group(["silent", "s"])];
    const changes = [change("w"), change("silent"), change("s", { silent: true }), change("q", { kind: "touched" })];
    expect([
      "▾ cpu · 24 B | silent | silent  s",
      "▾ cpu · 24 B | written | written  w",
      "▾ cpu · 24 B | quiet  q",
    ]).toEqual(rows({ groups, changes }).filter((row) => row.startsWith("▾")));
  });

  it("fold three groups or more that come from the same variables", () => {
    expect(["▾ cpu · 24 B", "▾ cpu · 24 B"]).toEqual(
      rows({ groups: layers(2) }).flatMap((row) => row.match(/^▾[^|]*\b/)?.[0] ?? []),
    );
    expect(["▸ cpu · 3 blocks · 72 B | model  best"]).toEqual(rows({ groups: layers(3) }));
    expect(10).toBe(rows({ groups: layers(3), folds: { "folded cpu model best": true } }).length);
  });

  it("do not fold groups of different devices into one", () => {
    const groups = layers(3).map((one, place) => ({ ...one, device: `cuda:${place}` }));
    expect(3).toBe(rows({ groups }).filter((row) => row.startsWith("▾")).length);
  });

  it("keep the folded groups that changed apart from those that did not, each with a fold of its own", () => {
    const told = {
      groups: layers(6),
      changes: [0, 1, 2].map((place) => change(`model[${place}].weight`, { silent: true })),
    };
    expect(["▸ cpu · 3 blocks · 72 B | silent | model  best", "▸ cpu · 3 blocks · 72 B | model  best"]).toEqual(
      rows(told),
    );
    const [, second] = rowsOf(view(told));
    const opened = rows({ ...told, folds: { [second?.id ?? ""]: true } });
    expect(["▸", "▾"]).toEqual(opened.slice(0, 2).map((row) => row[0]));
  });

  it("shut a group of more lanes than fit", () => {
    const [a, b, ...others] = Array.from({ length: 13 }, (_, place) => `x${place}`) as [string, string, ...string[]];
    expect(13).toBe(rows({ groups: [group([a, b, ...others.slice(1)])] }).length);
    expect(1).toBe(rows({ groups: [group([a, b, ...others])] }).length);
  });

  it("end with those that are alone, shut", () => {
    const told = { tensors: alone("x", "y", "z"), groups: [group(["x", "y"])] };
    expect("▸ 1 tensor alone").toBe(rows(told).at(-1));
    expect(["▾ 1 tensor alone", "  z"]).toEqual(rows({ ...told, folds: { alone: true } }).slice(-2));
  });

  it("fold those alone by their variable, where it has more than three", () => {
    const tensors = alone("x", "m[0]", "m[1]", "m[2]", "m[3]", "d.a", "d.b", "d.c");
    expect(["▸ 4 tensors, each alone | m", "▸ 4 tensors alone"]).toEqual(rows({ tensors }));
  });

  it("have ids of their own where a variable is a tensor and holds others", () => {
    const tensors = alone("x", "x.grad", "x.a", "x.b", "y");
    const shut = rowsOf(view({ tensors }));
    const open = rowsOf(view({ tensors, folds: Object.fromEntries(shut.map(({ id }) => [id, true])) }));
    expect(7).toBe(new Set(open.map(({ id }) => id)).size);
  });

  it("are only those that the filter names, whatever the case of its letters, and these are opened", () => {
    const told = { tensors: alone("x", "xs", "other"), groups: [group(["a", "Xa"]), group(["b", "c"])] };
    expect(["▾ cpu · 24 B | a  Xa", "  a", "  Xa", "▾ 2 tensors alone", "  x", "  xs"]).toEqual(
      rows({ ...told, filter: "x" }),
    );
    expect(10).toBe(rows({ groups: layers(3), filter: "best" }).length);
    expect([]).toEqual(rows({ ...told, filter: "nobody" }));
  });

  it("have the same ids when the same variables lie elsewhere", () => {
    const paths = ["x", "y"] as const;
    const before = { tensors: alone("x", "y", "z"), groups: [group([...paths])], folds: { alone: true } };
    const after = {
      ...before,
      tensors: before.tensors.map((one) => ({ ...one, object: one.object + 7, storage: 8, data_ptr: 4096 })),
      groups: [group([...paths], { id: 8, nbytes: 48 })],
      changes: [change("x", { silent: true })],
    };
    expect(rowsOf(view(before)).map(({ id }) => id)).toEqual(rowsOf(view(after)).map(({ id }) => id));
  });

  it("have the same ids when all of the folded groups change", () => {
    const groups = layers(4);
    const changes = groups.map(({ members }) => change(members[1], { silent: true }));
    expect(rowsOf(view({ groups })).map(({ id }) => id)).toEqual(rowsOf(view({ groups, changes })).map(({ id }) => id));
  });

  it("have each an id of its own, and show every variable once, whatever there is", () => {
    const root = fc.constantFrom("x", "y", "model", "best");
    const part = fc.constantFrom("", ".grad", "[0]", "[1]", "['0.weight']", ".weight");
    const paths = fc.uniqueArray(
      fc.tuple(root, part, part).map((parts) => parts.join("")),
      { minLength: 2, maxLength: 40 },
    );
    const told = fc.record({ paths, grouped: fc.nat(19), silent: fc.nat(40), filter: fc.constantFrom("", "x", "0") });
    fc.assert(
      fc.property(told, ({ paths: all, grouped, silent, filter }) => {
        const pairs = Math.min(grouped, Math.floor(all.length / 2));
        const groups = Array.from({ length: pairs }, (_, place) =>
          group(all.slice(2 * place, 2 * place + 2) as Group["members"]),
        );
        const changes = all.slice(0, silent).map((path) => change(path, { silent: true }));
        const shut = view({ tensors: alone(...all), groups, changes, filter });
        const folds = new Map(rowsOf(shut).map(({ id }) => [id, true]));
        const open = rowsOf({ ...shut, folds });
        expect(open.length).toBe(new Set(open.map(({ id }) => id)).size);
        const shown = open.flatMap((row) =>
          row.kind === "lane" ? [row.group.members[row.member]] : row.kind === "alone" ? [row.tensor.path] : [],
        );
        const wanted = [
          ...groups
            .filter(({ members }) => members.some((path) => path.includes(filter)))
            .flatMap(({ members }) => members),
          ...all.slice(2 * pairs).filter((path) => path.includes(filter)),
        ];
        expect(wanted.sort()).toEqual(shown.sort());
      }),
    );
  });

  it.each(Object.entries(STORIES))("of the story %s show every tensor once", (_, { messages }) => {
    const known = messages.reduce<Snapshot | null>((before, { body }) => assemble(before, body), null) as Snapshot;
    const told = { tensors: [...known.tensors], groups: [...known.groups], changes: [...known.changes] };
    const folds = Object.fromEntries(rowsOf(view(told)).map(({ id }) => [id, true]));
    const shown = rows({ ...told, folds }).filter((row) => row.startsWith("  "));
    expect(known.tensors.map(({ path }) => `  ${path}`).sort()).toEqual(shown.sort());
  });
});
