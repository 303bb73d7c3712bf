/** The open notebooks and consoles, and which of them the panel follows. */

import type { ILabShell } from "@jupyterlab/application";
import type { ConsolePanel, IConsoleTracker } from "@jupyterlab/console";
import type { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook";
import type { Kernel } from "@jupyterlab/services";
import { Signal } from "@lumino/signaling";

export type Document = NotebookPanel | ConsolePanel;

/** Why what a kernel knew is a thing of the past. */
export type Ending = "restarted" | "died" | "shut down";

const ENDINGS: Partial<Record<Kernel.Status, Ending>> = {
  restarting: "restarted",
  autorestarting: "died",
  dead: "died",
  terminating: "shut down",
};

/** Where documents come from and which of them has the focus; Notebook 7 has no shell with areas. */
export interface Sources {
  readonly shell: ILabShell | null;
  readonly notebooks: INotebookTracker | null;
  readonly consoles: IConsoleTracker | null;
}

export class Documents {
  /** Something that decides about the panel's contents is no longer what it was. */
  readonly changed = new Signal<this, void>(this);
  /** The cursor is in another cell. */
  readonly moved = new Signal<this, void>(this);
  /** A kernel has lost all that it knew. */
  readonly ended = new Signal<this, { kernel: string; ending: Ending }>(this);

  readonly #sources: Sources;
  readonly #open = new Set<Document>();
  readonly #kernels = new WeakMap<Document, string>();
  #current: Document | null = null;

  constructor(sources: Sources) {
    this.#sources = sources;
    for (const tracker of [sources.notebooks, sources.consoles]) {
      tracker?.forEach((document) => {
        this.#watch(document);
      });
      tracker?.widgetAdded.connect((_, document) => this.#watch(document));
      tracker?.currentChanged.connect(() => this.changed.emit());
    }
    sources.notebooks?.activeCellChanged.connect(() => this.moved.emit());
    sources.shell?.currentChanged.connect(() => this.changed.emit());
  }

  /** The notebook or console that had the focus last: a file browser takes nothing away. */
  get current(): Document | null {
    const { shell, notebooks, consoles } = this.#sources;
    const focused = [shell?.currentWidget, this.#current, notebooks?.currentWidget, consoles?.currentWidget];
    this.#current = focused.find((one): one is Document => this.#open.has(one as Document)) ?? null;
    return this.#current;
  }

  /** Those that a kernel runs the cells of. */
  of(kernel: string): Document[] {
    return [...this.#open].filter((document) => this.kernelOf(document) === kernel);
  }

  /** The id of a document's kernel, or of the one that it had last. */
  kernelOf(document: Document): string | null {
    return document.sessionContext.session?.kernel?.id ?? this.#kernels.get(document) ?? null;
  }

  #watch(document: Document): void {
    const session = document.sessionContext;
    const remember = (): void => {
      const kernel = session.session?.kernel;
      if (kernel) {
        this.#kernels.set(document, kernel.id);
      }
    };
    this.#open.add(document);
    remember();
    session.kernelChanged.connect((_, { oldValue }) => {
      remember();
      if (oldValue && !session.session?.kernel) {
        this.ended.emit({ kernel: oldValue.id, ending: "shut down" });
      }
      this.changed.emit();
    });
    session.statusChanged.connect((_, status) => {
      const ending = ENDINGS[status];
      const kernel = this.kernelOf(document);
      if (ending && kernel) {
        this.ended.emit({ kernel, ending });
      }
      this.changed.emit();
    });
    session.connectionStatusChanged.connect(() => this.changed.emit());
    document.disposed.connect(() => {
      this.#open.delete(document);
      this.changed.emit();
    });
    this.changed.emit();
  }
}
