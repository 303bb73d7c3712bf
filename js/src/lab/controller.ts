/** Keeps the panel, the badge and the marks in step with the kernels. */

import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { Kernel } from "@jupyterlab/services";
import type { Host } from "../registry";
import { assess } from "./assess";
import { reveal } from "./cells";
import type { Documents } from "./documents";
import { load } from "./load";
import { Marker } from "./marker";
import type { Marks } from "./marks";
import { Patience } from "./patience";
import { SidePanel } from "./side";
import { describe } from "./situation";
import { type View, Views } from "./views";

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
  );
  readonly #shell: JupyterFrontEnd.IShell;
  readonly #documents: Documents;
  readonly #marker: Marker;
  readonly #views = new Views((kernel) => this.#hostOf(kernel));
  readonly #patience = new Patience(() => this.#refresh());
  readonly #loading = new WeakSet<Kernel.IKernelConnection>();
  /** What is to be said beside the situation, by kernel. */
  readonly #remarks = new Map<string, string>();
  #isDue = false;

  constructor(shell: JupyterFrontEnd.IShell, documents: Documents, marks: Marks) {
    this.#shell = shell;
    this.#documents = documents;
    this.#marker = new Marker(documents, marks);
    documents.changed.connect(() => this.#refresh());
    documents.ended.connect((_, { kernel, ending }) => this.#views.end(kernel, ending));
    this.#views.added.connect((_, view) => this.#welcome(view));
    this.#views.told.connect((_, { kernel, news }) => {
      this.#remarks.delete(kernel.id);
      this.#marker.mark(kernel.id, news?.marks ?? []);
      this.#refresh();
    });
    for (const over of [this.#views.ended, this.#views.dropped]) {
      over.connect((_, { kernel }) => {
        this.#marker.mark(kernel.id, []);
        this.#refresh();
      });
    }
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
    this.side.display({ ...notice, text: remark }, view);
    this.side.tell(view?.ending ? null : (view?.news ?? null));
  }

  #welcome({ entry, kernel }: View): void {
    const current = this.#documents.current;
    this.#refresh();
    if (Date.now() / 1000 - entry.born < FRESH && current && this.#documents.kernelOf(current) === kernel.id) {
      this.#shell.activateById(this.side.id);
    }
  }

  #hostOf(kernel: string): Host {
    return {
      reveal: async (place) => {
        this.#remark(kernel, (await reveal(this.#shell, this.#documents.of(kernel), place)) ? null : GONE);
      },
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
