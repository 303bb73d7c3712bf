// @vitest-environment node

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Change } from "../src/report";
import { assemble, type Snapshot, type Splice, splice } from "../src/widget/wire";
import { STORIES } from "./golden";

/** Silent changes are sent first, new variables last: what does not fit is what tells least. */
function byUrgency(a: Change, b: Change): number {
  return Number(b.silent) - Number(a.silent) || Number(a.kind === "bound") - Number(b.kind === "bound");
}

function named({ code, outcome }: { code: string; outcome: string }): string {
  return `${code} ${outcome}`;
}

/** The hazards of a report: those that are over are told, but in it no more. */
function standing({ hazards }: Snapshot): string[] {
  return hazards.filter(({ turn }) => turn !== "over").map(named);
}

describe.each(Object.entries(STORIES))("the messages of the story %s", (_, { messages, reports }) => {
  it("add up to the whole report after every cell", () => {
    let known: Snapshot | null = null;
    messages.forEach(({ body }, place) => {
      known = assemble(known, body);
      const report = reports[place];
      expect(report?.tensors).toEqual(known.tensors);
      expect(report?.groups).toEqual(known.groups);
      expect([...(report?.changes ?? [])].sort(byUrgency)).toEqual(known.changes);
      expect(report?.hazards.map(named).sort()).toEqual(standing(known).sort());
      expect(report?.coverage).toEqual({ ...known.coverage, unverified: known.unverified });
    });
  });

  it("leave the report before as it was", () => {
    const known = messages.slice(0, -1).reduce<Snapshot | null>((before, { body }) => assemble(before, body), null);
    const kept = structuredClone(known);
    for (const { body } of messages.slice(-1)) {
      assemble(known, body);
    }
    expect(kept).toEqual(known);
  });
});

describe("splice", () => {
  it("gives the very list where there is nothing to do", () => {
    const items = [1, 2, 3];
    expect(items).toBe(splice(items, []));
  });

  it("counts each place in the list as it has become so far", () => {
    const edits: Splice<string>[] = [
      [0, 1, []],
      [1, 0, ["x", "y"]],
      [4, 1, ["z"]],
    ];
    expect(["b", "x", "y", "c", "z"]).toEqual(splice(["a", "b", "c", "d"], edits));
  });

  it("turns any list into any other, a part at a time", () => {
    const part = fc.record({ keep: fc.array(fc.nat()), drop: fc.array(fc.nat()), put: fc.array(fc.nat()) });
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        let at = 0;
        const edits = parts.map(({ keep, drop, put }): Splice<number> => {
          const edit: Splice<number> = [at + keep.length, drop.length, put];
          at += keep.length + put.length;
          return edit;
        });
        const before = Object.freeze(parts.flatMap(({ keep, drop }) => [...keep, ...drop]));
        const after = parts.flatMap(({ keep, put }) => [...keep, ...put]);
        expect(after).toEqual(splice(before, edits));
      }),
    );
  });
});
