/** What anywidget hands to a widget; see https://anywidget.dev/en/afm. */

export interface Model {
  get(name: string): unknown;
  on(event: "msg:custom", listener: (content: unknown, buffers: readonly DataView[]) => void): void;
  off(event: "msg:custom", listener: (content: unknown, buffers: readonly DataView[]) => void): void;
  send(content: unknown): void;
  /** The manager of JupyterLab and Notebook 7; other hosts have none, or one without a kernel. */
  readonly widget_manager?: { readonly kernel?: Kernel };
}

interface Kernel {
  readonly statusChanged?: Record<
    "connect" | "disconnect",
    (slot: (kernel: unknown, status: string) => void) => unknown
  >;
}
