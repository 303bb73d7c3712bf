/** Keeps the panel, the badge and the marks in step with the kernels. */

import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { NotebookPanel } from "@jupyterlab/notebook";
import type { Kernel } from "@jupyterlab/services";
import type { Host, Place } from "../registry";
import { assess } from "./assess";
import { cellsOf, cursorOf, reveal } from "./cells";
import type { Document, Documents } from "./documents";
import { Foreteller } from "./foreteller";
import { load, say } from "./load";
import { Marker } from "./marker";
import type { Marks, Use } from "./marks";
import type { Options } from "./options";
import { Patience } from "./patience";
import { SidePanel } from "./side";
import { describe } from "./situation";
import { type View, Views } from "./views";
import { widenOnce } from "./width";

/** A widget that is younger than this, in seconds, was just asked for: `%load_ext`, not a page that was reloaded. */
const FRESH = 10;
/** How long a widget may take to appear after its extension was loaded, in milliseconds. */
const ARRIVAL = 5000;

const GONE = "That cell is gone.";
const NO_WIDGET = "tensorwatch is loaded, but its panel did not come. Is anywidget installed where JupyterLab runs?";

export class Controller {
  readonly side = new SidePanel(
    () => void this.#load(),
    () => this.#leave(),
    () => void this.next(),
  );
  readonly #shell: JupyterFrontEnd.IShell;
  readonly #documents: Documents;
  readonly #marks: Marks;
  readonly #marker: Marker;
  readonly #options: Options;
  readonly #keys: () => string;
  readonly #views = new Views((kernel) => this.#hostOf(kernel));
  readonly #patience = new Patience(() => this.#refresh());
  readonly #loading = new WeakSet<Kernel.IKernelConnection>();
  /** Kernels into which the extension was loaded by itself, since their last restart. */
  readonly #tried = new Set<string>();
  /** What is to be said beside the situation, by kernel. */
  readonly #remarks = new Map<string, string>();
  /** The mark that the reader was led to last. */
  #visited: Place | null = null;
  #isDue = false;

  constructor(shell: JupyterFrontEnd.IShell, documents: Documents, marks: Marks, options: Options, keys: () => string) {
    this.#shell = shell;
    this.#documents = documents;
    this.#marks = marks;
    this.#options = options;
    this.#keys = keys;
    this.#marker = new Marker(documents, marks);
    documents.changed.connect(() => this.#refresh());
    documents.ended.connect((_, { kernel, ending }) => {
      this.#tried.delete(kernel);
      this.#views.end(kernel, ending);
    });
    marks.changed.connect(() => this.#refresh());
    marks.used.connect((_, use) => (use.how === "click" ? this.#showMark(use) : this.#offer(use, false)));
    options.changed.connect(() => {
      marks.show(options.values.markLines);
      for (const { entry, ending } of this.#views.all()) {
        ending === null && entry.choose?.(options.wishes);
      }
      this.#refresh();
    });
    this.side.shown.connect(() => widenOnce(this.side));
    this.#views.added.connect((_, view) => this.#welcome(view));
    this.#views.told.connect((_, { kernel, news }) => {
      this.#remarks.delete(kernel.id);
      news && this.#marker.mark(kernel.id, news);
      this.#refresh();
    });
    for (const over of [this.#views.ended, this.#views.dropped]) {
      over.connect((_, { kernel }) => {
        this.#marker.clear(kernel.id);
        this.#refresh();
      });
    }
    new Foreteller(documents, marks, options, this.#views);
    this.#views.open();
    this.#refresh();
  }

  /** Go to the panel, or from the panel back to the notebook. */
  toggleFocus(): void {
    if (this.side.node.contains(document.activeElement)) {
      this.#leave();
    } else {
      this.#shell.activateById(this.side.id);
      this.side.focus();
    }
  }

  /** Go to the next line with a mark, and from the last one to the first. */
  async next(): Promise<void> {
    const document = this.#documents.current;
    const places = document ? this.#marker.all(document) : [];
    if (!document || places.length === 0) {
      return;
    }
    const cells = cellsOf(document).map(({ model }) => model.id);
    const at = cursorOf(document);
    const index = ({ cell }: Place): number => cells.indexOf(cell ?? "");
    const order = (place: Place): number => index(place) - at.cell || place.line - at.line;
    const isVisited = ({ cell, line }: Place): boolean => this.#visited?.cell === cell && this.#visited?.line === line;
    const place = places.find((one) => order(one) > 0 || (order(one) === 0 && !isVisited(one))) ?? (places[0] as Place);
    this.#visited = place;
    await reveal(this.#shell, [document], place);
    this.#views.of(this.#documents.kernelOf(document))?.entry.show?.(place);
  }

  /** Offer what mends the line with the cursor. */
  mend(): void {
    const document = this.#documents.current;
    const at = document && cursorOf(document);
    const { model, node } = (document && at && cellsOf(document)[at.cell]) || {};
    const mark = model && this.#marks.get(model).find(({ line }) => line === at?.line);
    const near = node?.querySelector<HTMLElement>(`.ipytw-mark[data-line="${at?.line}"]`);
    model && mark && near && this.#offer({ model, mark, near }, true);
  }

  #offer({ model, mark, near }: Omit<Use, "how">, isAsked: boolean): void {
    const view = this.#views.of(this.#marker.kernelOf(model));
    view?.entry.offer?.(mark, near, this.#hostOf(view.kernel.id), isAsked);
  }

  #showMark({ model, mark }: Use): void {
    this.#shell.activateById(this.side.id);
    this.#views.of(this.#marker.kernelOf(model))?.entry.show?.(mark);
  }

  #leave(): void {
    const { current } = this.#documents;
    if (current) {
      this.#shell.activateById(current.id);
    }
  }

  /** Draw, once for all that happens at a time: a kernel tells its status several times a cell. */
  #refresh(): void {
    if (!this.#isDue) {
      this.#isDue = true;
      queueMicrotask(() => {
        this.#isDue = false;
        this.#draw();
      });
    }
  }

  #draw(): void {
    this.#views.retain((kernel) => this.#documents.of(kernel).length > 0);
    const document = this.#documents.current;
    const id = document && this.#documents.kernelOf(document);
    const view = this.#views.of(id);
    const situation = assess({
      document,
      view,
      isBusy: (kernel) => this.#patience.isBusy(kernel),
      isLoading: (kernel) => this.#loading.has(kernel),
    });
    const notice = describe(situation, Boolean(document?.sessionContext.session?.kernel));
    const remark = (id && this.#remarks.get(id)) || notice.text;
    const isBusy = situation.kind === "live" && situation.busy;
    this.side.entitle({ name: document?.title.label ?? "", isBusy });
    this.side.offer(document ? this.#marker.all(document).length : 0, this.#keys());
    this.side.display({ ...notice, text: remark }, view);
    this.side.tell(view?.ending ? null : (view?.news ?? null));
    const isOut = situation.kind === "not loaded" || (situation.kind === "past" && notice.loadable);
    isOut && id && document && this.#loadByItself(document, id);
  }

  /** Load the extension once in a kernel that is at rest, and once again after each restart, where that is set. */
  #loadByItself(document: Document, id: string): void {
    const kernel = document.sessionContext.session?.kernel;
    if (this.#options.values.loadByItself && kernel?.status === "idle" && !this.#tried.has(id)) {
      this.#tried.add(id);
      void this.#load();
    }
  }

  #welcome({ entry, kernel }: View): void {
    entry.choose?.(this.#options.wishes);
    const current = this.#documents.current;
    this.#refresh();
    const isFresh = Date.now() / 1000 - entry.born < FRESH;
    if (this.#options.values.openPanel && isFresh && current && this.#documents.kernelOf(current) === kernel.id) {
      this.#shell.activateById(this.side.id);
    }
  }

  #hostOf(kernel: string): Host {
    const [document] = this.#documents.of(kernel);
    return {
      name: (document as NotebookPanel | undefined)?.context?.path,
      reveal: async (place) => {
        this.#remark(kernel, (await reveal(this.#shell, this.#documents.of(kernel), place)) ? null : GONE);
      },
      run: (code) => {
        const connection = this.#views.of(kernel)?.kernel;
        return connection ? say(connection, code) : Promise.resolve("The kernel is gone.");
      },
      find: (place) => this.#marker.find(kernel, place)[0]?.model.sharedModel ?? null,
      rerun: (marks, isUndone) => this.#marker.rerun(kernel, marks, isUndone),
    };
  }

  #remark(kernel: string, text: string | null): void {
    text ? this.#remarks.set(kernel, text) : this.#remarks.delete(kernel);
    this.#refresh();
  }

  async #load(): Promise<void> {
    const kernel = this.#documents.current?.sessionContext.session?.kernel;
    if (!kernel || this.#loading.has(kernel)) {
      return;
    }
    this.#loading.add(kernel);
    this.#remark(kernel.id, null);
    const problem = await load(kernel);
    this.#loading.delete(kernel);
    this.#remark(kernel.id, problem);
    if (!problem) {
      setTimeout(() => this.#isMissing(kernel.id) && this.#remark(kernel.id, NO_WIDGET), ARRIVAL);
    }
  }

  #isMissing(kernel: string): boolean {
    const view = this.#views.of(kernel);
    return !view || view.ending !== null;
  }
}
