/** Shows in the editor what cells would change, while a person types. */

import { NotebookActions } from "@jupyterlab/notebook";
import { draftsOf, sourceOf } from "./cells";
import type { Documents } from "./documents";
import type { Marks } from "./marks";
import type { Options } from "./options";
import type { Views } from "./views";

/** How long nothing is typed before the kernel is asked, in milliseconds. */
const PAUSE = 300;

export class Foreteller {
  readonly #documents: Documents;
  readonly #marks: Marks;
  readonly #options: Options;
  readonly #views: Views;
  #timer = 0;
  /** Whether the kernel is to be asked as soon as it is idle. */
  #isDue = false;
  /** The notebook in which the reader has had enough of it, until the next letter. */
  #hushed: object | null = null;
  #shown = new Set<object>();

  constructor(documents: Documents, marks: Marks, options: Options, views: Views) {
    this.#documents = documents;
    this.#marks = marks;
    this.#options = options;
    this.#views = views;
    const plan = (): void => this.#plan();
    const clear = (): void => this.#clear();
    marks.edited.connect(() => {
      this.#hushed = null;
      this.#plan();
    });
    NotebookActions.executionScheduled.connect((_, { cell }) => marks.foretell(cell.model, []));
    NotebookActions.executed.connect(plan);
    documents.moved.connect(plan);
    documents.changed.connect(() => this.#isDue && this.#ask());
    options.changed.connect(() => (options.values.preview ? this.#plan() : this.#clear()));
    views.told.connect(plan);
    views.ended.connect(clear);
    views.dropped.connect(clear);
    window.addEventListener(
      "keydown",
      ({ key }) => {
        if (key === "Escape") {
          this.#hushed = documents.current;
          this.#clear();
        }
      },
      true,
    );
  }

  #plan(): void {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#ask(), PAUSE);
  }

  #clear(): void {
    for (const model of this.#shown) {
      this.#marks.foretell(model, []);
    }
    this.#shown.clear();
  }

  async #ask(): Promise<void> {
    const { current } = this.#documents;
    const view = current && this.#views.of(this.#documents.kernelOf(current));
    const cells = current ? draftsOf(current) : [];
    const isWanted = (): boolean => this.#options.values.preview && current !== this.#hushed && view?.ending === null;
    this.#isDue = isWanted() && view?.kernel.status === "busy";
    if (this.#isDue || !isWanted() || cells.length === 0) {
      return;
    }
    const asked = cells.map(({ model }) => ({ cell: model.id, source: sourceOf(model) }));
    const told = await view?.entry.foretell?.(asked);
    if (!(told && isWanted())) {
      return;
    }
    const before = this.#shown;
    this.#shown = new Set(cells.map(({ model }) => model));
    cells.forEach(({ model }, index) => {
      const marks = told.marks.filter(({ cell }) => cell === model.id);
      before.delete(model);
      sourceOf(model) === asked[index]?.source && this.#marks.foretell(model, marks);
    });
    before.forEach((model) => {
      this.#marks.foretell(model, []);
    });
    told.all || this.#plan();
  }
}
