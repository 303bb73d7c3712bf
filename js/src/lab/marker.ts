/** Puts the marks of every kernel's cells where they belong, and takes them away in time. */

import type { Cell } from "@jupyterlab/cells";
import { NotebookActions } from "@jupyterlab/notebook";
import type { Mark, News, Place } from "../registry";
import { cellsOf, findCell } from "./cells";
import type { Document, Documents } from "./documents";
import type { Marks } from "./marks";

export class Marker {
  readonly #documents: Documents;
  readonly #marks: Marks;
  /** The models that carry a mark now, by kernel. */
  readonly #marked = new Map<string, Set<object>>();
  /** Marks of cells that do not carry their execution count yet, by kernel. */
  readonly #waiting = new Map<string, readonly Mark[]>();

  /** Look whether the last fix has been undone. */
  #heed = (): void => {};

  constructor(documents: Documents, marks: Marks) {
    this.#documents = documents;
    this.#marks = marks;
    marks.edited.connect(() => this.#heed());
    NotebookActions.executionScheduled.connect((_, { cell }) => marks.set(cell.model, []));
    NotebookActions.executed.connect(() => {
      for (const [kernel, waiting] of this.#waiting) {
        this.#place(kernel, waiting);
      }
    });
  }

  /** Mark the lines that a kernel's latest cells changed something with; those of cells before stay. */
  mark(kernel: string, { count, cell, marks }: News): void {
    const last = { count, cell: cell ?? null, line: 1 };
    for (const { model } of this.find(kernel, last)) {
      this.#marks.set(model, []);
    }
    this.#place(kernel, marks);
  }

  /** Mark cells that must run again, until the edit that made it so is undone. */
  rerun(kernel: string, marks: readonly Mark[], isUndone: () => boolean): void {
    const found = marks.flatMap((mark) => this.find(kernel, mark).map(({ model }) => [model, mark] as const));
    for (const [model, mark] of found) {
      this.#marks.rerun(model, mark);
      this.#marked.get(kernel)?.add(model);
    }
    this.#heed = () => {
      if (isUndone()) {
        this.#heed = () => {};
        for (const [model] of found) {
          this.#marks.rerun(model, null);
        }
      }
    };
  }

  /** Take away the marks of a kernel that knows nothing of them any more. */
  clear(kernel: string): void {
    for (const model of this.#marked.get(kernel) ?? []) {
      this.#marks.set(model, []);
    }
    this.#marked.delete(kernel);
    this.#waiting.delete(kernel);
  }

  /** The kernel whose marks a model carries. */
  kernelOf(model: object): string | null {
    return [...this.#marked].find(([, models]) => models.has(model))?.[0] ?? null;
  }

  /** The marked lines of a document, from its top to its bottom. */
  all(document: Document): Place[] {
    return cellsOf(document).flatMap(({ model }) =>
      this.#marks
        .get(model)
        .filter(({ kind }) => kind !== "again")
        .sort((a, b) => a.line - b.line)
        .map((mark) => ({ ...mark, cell: model.id })),
    );
  }

  /** The cells of a place, one in each document of the kernel that has it. */
  find(kernel: string, place: Place): Cell[] {
    return this.#documents.of(kernel).flatMap((document) => findCell(document, place) ?? []);
  }

  #place(kernel: string, marks: readonly Mark[]): void {
    const byModel = new Map<object, Mark[]>();
    const waiting: Mark[] = [];
    for (const mark of marks) {
      const cells = this.find(kernel, mark);
      if (cells.length === 0) {
        waiting.push(mark);
      }
      for (const { model } of cells) {
        byModel.set(model, [...(byModel.get(model) ?? []), mark]);
      }
    }
    this.#marked.set(kernel, new Set([...(this.#marked.get(kernel) ?? []), ...byModel.keys()]));
    waiting.length > 0 ? this.#waiting.set(kernel, waiting) : this.#waiting.delete(kernel);
    for (const [model, ofCell] of byModel) {
      this.#marks.set(model, ofCell);
    }
  }
}
