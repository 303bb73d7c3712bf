/** Puts the marks of every kernel's last cell where they belong, and takes them away in time. */

import { NotebookActions } from "@jupyterlab/notebook";
import type { Mark } from "../registry";
import { findCell } from "./cells";
import type { Documents } from "./documents";
import type { Marks } from "./marks";

export class Marker {
  readonly #documents: Documents;
  readonly #marks: Marks;
  /** The models that carry a mark now, by kernel. */
  readonly #marked = new Map<string, Set<object>>();
  /** Marks of cells that do not carry their execution count yet, by kernel. */
  readonly #waiting = new Map<string, readonly Mark[]>();

  constructor(documents: Documents, marks: Marks) {
    this.#documents = documents;
    this.#marks = marks;
    NotebookActions.executionScheduled.connect((_, { cell }) => marks.set(cell.model, []));
    NotebookActions.executed.connect(() => {
      for (const [kernel, waiting] of this.#waiting) {
        this.#place(kernel, waiting);
      }
    });
  }

  /** Mark the lines that a kernel's last cell changed something with, in place of the ones before. */
  mark(kernel: string, marks: readonly Mark[]): void {
    for (const model of this.#marked.get(kernel) ?? []) {
      this.#marks.set(model, []);
    }
    this.#marked.delete(kernel);
    this.#place(kernel, marks);
  }

  #place(kernel: string, marks: readonly Mark[]): void {
    const byModel = new Map<object, Mark[]>();
    const waiting: Mark[] = [];
    for (const mark of marks) {
      const cells = this.#documents.of(kernel).map((document) => findCell(document, mark));
      const models = cells.flatMap((cell) => (cell ? [cell.model] : []));
      if (models.length === 0) {
        waiting.push(mark);
      }
      for (const model of models) {
        byModel.set(model, [...(byModel.get(model) ?? []), mark]);
      }
    }
    for (const [model, ofCell] of byModel) {
      this.#marks.set(model, ofCell);
    }
    this.#marked.set(kernel, new Set([...(this.#marked.get(kernel) ?? []), ...byModel.keys()]));
    waiting.length > 0 ? this.#waiting.set(kernel, waiting) : this.#waiting.delete(kernel);
  }
}
