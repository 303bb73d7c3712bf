/** A model as anywidget hands it out: keeps what is sent to the kernel, and delivers what the kernel sends. */

import type { Model } from "../src/widget/model";

type Listener = Parameters<Model["on"]>[1];

export class StandInModel implements Model {
  readonly sent: Record<string, unknown>[] = [];
  isGone = false;
  readonly #listeners = new Set<Listener>();

  get(name: string): unknown {
    return name;
  }

  on(_event: string, listener: Listener): void {
    this.#listeners.add(listener);
  }

  off(_event: string, listener: Listener): void {
    this.#listeners.delete(listener);
  }

  send(content: Record<string, unknown>): void {
    if (this.isGone) {
      throw new Error("the comm is closed");
    }
    this.sent.push(content);
  }

  /** Give what was sent since the last call. */
  take(): Record<string, unknown>[] {
    return this.sent.splice(0);
  }

  /** Deliver a message with its body written as JSON. */
  deliver(head: unknown, body?: unknown): void {
    this.deliverText(head, body === undefined ? "" : JSON.stringify(body));
  }

  deliverText(head: unknown, text: string): void {
    this.deliverBuffers(head, [new DataView(new TextEncoder().encode(text).buffer)]);
  }

  deliverBuffers(head: unknown, buffers: readonly DataView[]): void {
    for (const listener of this.#listeners) {
      listener(head, buffers);
    }
  }
}
