import { EditorView } from "@codemirror/view";
import { expect, it, vi } from "vitest";
import { Marks, markLines } from "../../src/lab/marks";
import type { Mark } from "../../src/registry";

const CODE = "a = 1\ny.add_(1)\nb = 2";

function mark(line: number, text: string): Mark {
  return { count: 3, cell: "c", line, kind: "silent", text };
}

/** An editor of a cell, with what stands behind its lines. */
function edit(marks: Marks, model: object) {
  const view = new EditorView({ doc: CODE, extensions: markLines(marks, model) });
  return { view, notes: () => [...view.dom.querySelectorAll("[role=note]")].map((note) => note.textContent) };
}

/** The code of the lines that have a look of their own. */
function linesOf(view: EditorView, look: string) {
  return [...view.dom.querySelectorAll(`.cm-line${look}`)].map((line) =>
    [...line.childNodes].map((node) => (node.nodeType === 3 ? node.textContent : "")).join(""),
  );
}

it("shows the marks that were set before the editor was made, and after", async () => {
  const [marks, model] = [new Marks(), {}];
  marks.set(model, [mark(2, "also changes x")]);
  const { notes } = edit(marks, model);
  expect(notes()).toEqual(["also changes x"]);

  marks.set(model, [mark(3, "also changes z")]);
  await Promise.resolve();

  expect(notes()).toEqual(["also changes z"]);
});

it("leaves the editors of other cells alone", async () => {
  const marks = new Marks();
  const { notes } = edit(marks, {});

  marks.set({}, [mark(2, "also changes x")]);
  await Promise.resolve();

  expect(notes()).toEqual([]);
});

it("puts two marks of one line into one note, and drops one of a line that is not there", () => {
  const [marks, model] = [new Marks(), {}];
  marks.set(model, [mark(2, "also changes x"), mark(2, "changes z"), mark(9, "lost")]);

  expect(edit(marks, model).notes()).toEqual(["also changes x; changes z"]);
});

it("tells a line because of which something will go wrong from one that only changed something", () => {
  const [marks, model] = [new Marks(), {}];
  marks.set(model, [
    mark(1, "also changes x"),
    mark(2, "also changes h"),
    { ...mark(2, "loss.backward() will raise"), kind: "hazard" },
  ]);
  const { view, notes } = edit(marks, model);

  expect(notes()).toEqual(["also changes x", "also changes h; loss.backward() will raise"]);
  expect(["a = 1", "y.add_(1)"]).toEqual(linesOf(view, ".ipytw-marked"));
  expect(["y.add_(1)"]).toEqual(linesOf(view, ".ipytw-mod-hazard"));
});

it("never takes the names of variables for markup", () => {
  const [marks, model] = [new Marks(), {}];
  marks.set(model, [mark(1, "also changes d['<img src=x>']")]);

  expect(edit(marks, model).notes()).toEqual(["also changes d['<img src=x>']"]);
});

it("forgets the marks of a cell that is edited", () => {
  const [marks, model] = [new Marks(), {}];
  marks.set(model, [mark(2, "also changes x")]);
  const { view, notes } = edit(marks, model);

  view.dispatch({ changes: { from: 0, insert: "b" } });

  expect(notes()).toEqual([]);
  expect(marks.get(model)).toEqual([]);
});

it("shows palely what would happen, at lines where nothing has, until the cell is edited", () => {
  const [marks, model] = [new Marks(), {}];
  const edited = vi.fn();
  marks.edited.connect(edited);
  marks.set(model, [mark(2, "also changes x")]);
  marks.foretell(
    model,
    [2, 3].map((line) => ({ ...mark(line, "would also change x"), foretold: true })),
  );
  const { view, notes } = edit(marks, model);
  expect(notes()).toEqual(["also changes x", "would also change x"]);
  expect(view.dom.querySelectorAll(".ipytw-mod-preview")).toHaveLength(1);
  expect(marks.get(model)).toHaveLength(1);

  view.dispatch({ changes: { from: 0, insert: "b" } });

  expect(notes()).toEqual([]);
  expect(marks.all(model)).toEqual([]);
  expect(edited).toHaveBeenCalledOnce();
});

it("hides all marks, and shows them again", async () => {
  const [marks, model] = [new Marks(), {}];
  marks.set(model, [mark(2, "also changes x")]);
  const { notes } = edit(marks, model);

  marks.show(false);
  await Promise.resolve();
  expect(notes()).toEqual([]);
  marks.show(true);
  await Promise.resolve();

  expect(notes()).toEqual(["also changes x"]);
});

it("stops listening when the editor is gone", async () => {
  const [marks, model] = [new Marks(), {}];
  const { view } = edit(marks, model);

  const dispatch = vi.spyOn(view, "dispatch");

  view.destroy();
  marks.set(model, [mark(2, "also changes x")]);
  await Promise.resolve();

  expect(dispatch).not.toHaveBeenCalled();
});

it("marks no line that reads otherwise than it ran", () => {
  const [marks, model] = [new Marks(), {}];
  marks.set(model, [
    { ...mark(1, "also changes x"), source: "a = 2" },
    { ...mark(2, "also changes z"), source: "y.add_(1)" },
  ]);

  expect(edit(marks, model).notes()).toEqual(["also changes z"]);
});

it("leads to what a line did when its mark or its edge is clicked", () => {
  const [marks, model] = [new Marks(), {}];
  const silent = mark(2, "also changes x");
  marks.set(model, [silent]);
  const { view } = edit(marks, model);
  const clicked: unknown[] = [];
  marks.used.connect((_, { how, model, mark }) => clicked.push({ how, model, mark }));

  for (const sign of view.dom.querySelectorAll<HTMLElement>(".ipytw-mark, .ipytw-edge")) {
    sign.click();
  }

  expect([
    { how: "click", model, mark: silent },
    { how: "click", model, mark: silent },
  ]).toEqual(clicked);
});
