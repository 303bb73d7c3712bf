/** Tells a kernel that is busy from one that was busy for a moment: the panel says a word about the first only. */

import type { Kernel } from "@jupyterlab/services";

const MOMENT = 500; // milliseconds

export class Patience {
  readonly #timers = new WeakMap<Kernel.IKernelConnection, number>();
  readonly #over = new WeakSet<Kernel.IKernelConnection>();
  readonly #wasIdle = new WeakSet<Kernel.IKernelConnection>();
  readonly #tell: () => void;

  /** `tell` is called when a moment is over. */
  constructor(tell: () => void) {
    this.#tell = tell;
  }

  isBusy(kernel: Kernel.IKernelConnection): boolean {
    if (kernel.status !== "busy") {
      clearTimeout(this.#timers.get(kernel));
      this.#timers.delete(kernel);
      this.#over.delete(kernel);
      this.#wasIdle.add(kernel);
      return false;
    }
    if (!this.#timers.has(kernel)) {
      this.#timers.set(
        kernel,
        window.setTimeout(() => this.#end(kernel), MOMENT),
      );
    }
    // One that was never idle on this page was busy before the page was there.
    return this.#over.has(kernel) || !this.#wasIdle.has(kernel);
  }

  #end(kernel: Kernel.IKernelConnection): void {
    this.#over.add(kernel);
    this.#tell();
  }
}
