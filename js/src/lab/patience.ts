/** Tells a kernel that is busy from one that was busy for a moment: the panel says a word about the first only. */

import type { Kernel } from "@jupyterlab/services";

const MOMENT = 500; // milliseconds

export class Patience {
  readonly #since = new WeakMap<Kernel.IKernelConnection, number>();
  readonly #wasIdle = new WeakSet<Kernel.IKernelConnection>();
  readonly #over: () => void;

  /** `over` is called when a moment has passed. */
  constructor(over: () => void) {
    this.#over = over;
  }

  isBusy(kernel: Kernel.IKernelConnection): boolean {
    if (kernel.status !== "busy") {
      this.#since.delete(kernel);
      this.#wasIdle.add(kernel);
      return false;
    }
    const since = this.#since.get(kernel);
    if (since === undefined) {
      this.#since.set(kernel, Date.now());
      setTimeout(this.#over, MOMENT);
    }
    // One that was never idle on this page was busy before the page was there.
    return !this.#wasIdle.has(kernel) || (since !== undefined && Date.now() - since >= MOMENT);
  }
}
