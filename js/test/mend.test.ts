// @vitest-environment node

import { describe, expect, it } from "vitest";
import type { Host, Mark } from "../src/registry";
import { CHANGED, DONE, edited, GONE, mend } from "../src/widget/mend";
import type { Offer } from "../src/widget/wire";

const SOURCE = "a = 1\nh.add_(1)\nb = 2";
const AGAIN: Mark = { count: 3, cell: "c", line: 1, kind: "again", text: "edited: run it again" };

function offer(...edits: Offer["edits"]): Offer {
  return { of: ["h"], lines: [2], title: ["Write out of place."], note: "", edits, again: [AGAIN] };
}

const EDIT = { count: 3, line: 2, end_line: 2, text: "h = h.add(1)" };
const CELLS = { 3: { cell: "c", source: SOURCE }, 4: { cell: "d", source: "x = 1" } };

/** A notebook of cells, with the steps in which they were edited, and the marks. */
function notebook(sources: Record<string, string>) {
  const steps: [cell: string, start: number, end: number, value: string][] = [];
  const marks: Mark[] = [];
  const undone: (() => boolean)[] = [];
  const host: Host = {
    reveal: () => undefined,
    find: ({ cell }) => {
      const name = cell ?? "";
      return name in sources
        ? {
            getSource: () => sources[name] ?? "",
            updateSource: (start, end, value) => {
              const old = sources[name] ?? "";
              sources[name] = old.slice(0, start) + value + old.slice(end);
              steps.push([name, start, end, value]);
            },
          }
        : null;
    },
    rerun: (told, isUndone) => {
      marks.push(...told);
      undone.push(isUndone);
    },
  };
  return { sources, steps, marks, undone, host };
}

describe("a fix", () => {
  it("edits a cell in one step, only where it differs, and marks what must run again", () => {
    const { sources, steps, marks, host } = notebook({ c: SOURCE });

    expect(DONE).toBe(mend(offer(EDIT), CELLS, host));

    expect("a = 1\nh = h.add(1)\nb = 2").toBe(sources.c);
    expect(1).toBe(steps.length);
    expect([AGAIN]).toEqual(marks);
  });

  it("edits all of its cells, or none where one has been edited or is gone", () => {
    const several = offer(EDIT, { count: 4, line: 1, end_line: 1, text: "x = 2" });
    for (const [others, words] of [
      [{ d: "x = 3" }, CHANGED],
      [{}, GONE],
    ] as const) {
      const { sources, marks, host } = notebook({ c: SOURCE, ...others });
      expect(words).toBe(mend(several, CELLS, host));
      expect({ c: SOURCE, ...others }).toEqual(sources);
      expect([]).toEqual(marks);
    }
    const { sources, host } = notebook({ c: SOURCE, d: "x = 1" });
    expect(DONE).toBe(mend(several, CELLS, host));
    expect({ c: "a = 1\nh = h.add(1)\nb = 2", d: "x = 2" }).toEqual(sources);
  });

  it("is undone when its cells read again as before", () => {
    const { sources, undone, host } = notebook({ c: SOURCE });
    mend(offer(EDIT), CELLS, host);
    expect([false]).toEqual(undone.map((isUndone) => isUndone()));

    sources.c = SOURCE;

    expect([true]).toEqual(undone.map((isUndone) => isUndone()));
  });

  it("takes a line break at the end of a cell for no edit", () => {
    const { sources, host } = notebook({ c: `${SOURCE}\n` });

    expect(DONE).toBe(mend(offer(EDIT), CELLS, host));

    expect("a = 1\nh = h.add(1)\nb = 2\n").toBe(sources.c);
  });
});

it.each([
  ["replaces lines", [{ ...EDIT, line: 1, end_line: 2, text: "c" }], "c\nb = 2"],
  ["puts lines before a line", [{ ...EDIT, line: 2, end_line: 1, text: "c\nd" }], "a = 1\nc\nd\nh.add_(1)\nb = 2"],
  [
    "counts the lines as they were",
    [
      { ...EDIT, line: 1, end_line: 0, text: "import copy" },
      { ...EDIT, line: 1, end_line: 1, text: "a = 2" },
      { ...EDIT, line: 3, end_line: 3, text: "b = 3" },
    ],
    "import copy\na = 2\nh.add_(1)\nb = 3",
  ],
])("an edit %s", (_, edits, wanted) => {
  expect(wanted).toBe(edited(SOURCE, edits));
});
