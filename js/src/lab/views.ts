/** What the widgets show: one view for each kernel, made when its widget appears on the page. */

import type { Kernel } from "@jupyterlab/services";
import { Signal } from "@lumino/signaling";
import { Widget } from "@lumino/widgets";
import { type Entry, EVENT, type Host, type News, REGISTRY } from "../registry";
import type { Ending } from "./documents";

export interface View {
  readonly entry: Entry;
  readonly kernel: Kernel.IKernelConnection;
  readonly host: Widget;
  /** Why the facts are a thing of the past; null while they are not. */
  ending: Ending | null;
  news: News | null;
  /** Stop listening to the widget, but go on showing what it told. */
  unfollow(): void;
  /** Take away what it draws. */
  unmount(): void;
}

export class Views {
  readonly added = new Signal<this, View>(this);
  readonly dropped = new Signal<this, View>(this);
  readonly ended = new Signal<this, View>(this);
  readonly told = new Signal<this, View>(this);

  readonly #byKernel = new Map<string, View>();
  readonly #outdated = new WeakSet<Entry>();
  readonly #hostOf: (kernel: string) => Host;

  constructor(hostOf: (kernel: string) => Host) {
    this.#hostOf = hostOf;
  }

  /** Show the widgets that are on the page, and all that come. */
  open(): void {
    document.addEventListener(EVENT, (event) => this.#add((event as CustomEvent<Entry>).detail));
    for (const entry of registry()) {
      this.#add(entry);
    }
  }

  all(): View[] {
    return [...this.#byKernel.values()];
  }

  of(kernel: string | null): View | null {
    return (kernel !== null && this.#byKernel.get(kernel)) || null;
  }

  /** Keep showing what a kernel knew before it lost it. */
  end(kernel: string, ending: Ending): void {
    for (const entry of registry()) {
      if (kernelOf(entry)?.id === kernel) {
        this.#outdated.add(entry);
      }
    }
    const view = this.of(kernel);
    // A kernel that died is reported as restarting first, as one that is restarted on purpose.
    if (view && (!view.ending || ending === "died")) {
      view.ending = ending;
      view.unfollow();
      this.ended.emit(view);
    }
  }

  /** Drop the views of kernels that nothing on the page uses any more. */
  retain(isUsed: (kernel: string) => boolean): void {
    for (const [kernel, view] of this.#byKernel) {
      if (!isUsed(kernel)) {
        this.#drop(view);
      }
    }
  }

  #add(entry: Entry): void {
    const kernel = kernelOf(entry);
    const old = kernel && this.of(kernel.id);
    if (!kernel || kernel.isDisposed || old?.entry === entry || this.#outdated.has(entry)) {
      return;
    }
    if (old) {
      this.#drop(old);
    }
    const host = new Widget();
    host.addClass("ipytw-host");
    const view: View = {
      entry,
      kernel,
      host,
      ending: null,
      news: null,
      unfollow: () => {},
      unmount: entry.mount(host.node, this.#hostOf(kernel.id)),
    };
    this.#byKernel.set(kernel.id, view);
    entry.closed.addEventListener("abort", () => this.#lose(view), { once: true });
    kernel.disposed.connect(() => this.#lose(view));
    this.added.emit(view);
    view.unfollow = entry.follow((news) => {
      view.news = news;
      this.told.emit(view);
    });
  }

  /** A widget is gone: another notebook on the same kernel may still have one. */
  #lose(view: View): void {
    this.#outdated.add(view.entry);
    if (view.ending || this.of(view.kernel.id) !== view) {
      return;
    }
    this.#drop(view);
    for (const entry of registry()) {
      if (kernelOf(entry)?.id === view.kernel.id) {
        this.#add(entry);
      }
    }
  }

  #drop(view: View): void {
    this.#byKernel.delete(view.kernel.id);
    view.unfollow();
    view.unmount();
    view.host.dispose();
    this.dropped.emit(view);
  }
}

function registry(): Iterable<Entry> {
  return (globalThis as unknown as Record<string, Set<Entry> | undefined>)[REGISTRY] ?? [];
}

/** The contract says `unknown`, since the widget does not know what JupyterLab gives it. */
function kernelOf(entry: Entry): Kernel.IKernelConnection | undefined {
  return entry.kernel as Kernel.IKernelConnection | undefined;
}
