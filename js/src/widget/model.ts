/** What anywidget hands to a widget; see https://anywidget.dev/en/afm. */

export interface Model {
  get(name: string): unknown;
  on(event: "msg:custom", listener: (content: unknown, buffers: readonly DataView[]) => void): void;
  send(content: unknown): void;
  /** The manager of JupyterLab and Notebook 7; other hosts have none, or one without a kernel. */
  readonly widget_manager?: { readonly kernel?: Kernel };
}

/** The model of one rank: all that it sends and hears goes through the model of the process that joined the ranks. */
export function modelOf(rank: number, model: Model): Model {
  return {
    get: (name) => model.get(name),
    send: (message) => model.send({ kind: "rank", rank, message }),
    on: (event, listener) =>
      model.on(event, (content, buffers) => {
        const { rank: from, ...head } = content as { rank?: unknown };
        from === rank && listener(head, buffers);
      }),
  };
}

interface Kernel {
  readonly statusChanged?: Record<
    "connect" | "disconnect",
    (slot: (kernel: unknown, status: string) => void) => unknown
  >;
}
