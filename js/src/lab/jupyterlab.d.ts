/**
 * The part of JupyterLab's public interface that the extension uses, in the words of JupyterLab.
 *
 * The packages' own types come with some 300 others and half a gigabyte, which every `make setup` would download. So
 * they are written down here, and `src/lab` was compiled against the real ones of JupyterLab 4.6 as well, without this
 * file and without an error. Whoever adds to what is used does that again.
 */

declare module "@jupyterlab/services" {
  import type { IDisposable, IObservableDisposable } from "@lumino/disposable";

  export namespace Kernel {
    type Status = "unknown" | "starting" | "idle" | "busy" | "terminating" | "restarting" | "autorestarting" | "dead";
    type ConnectionStatus = "connected" | "connecting" | "disconnected";

    interface IFuture extends IDisposable {
      readonly done: Promise<KernelMessage.IExecuteReplyMsg>;
      onIOPub: (message: KernelMessage.IIOPubMessage) => PromiseLike<void> | void;
    }

    interface IKernelConnection extends IObservableDisposable {
      readonly id: string;
      readonly name: string;
      readonly status: Status;
      readonly connectionStatus: ConnectionStatus;
      requestExecute(
        content: { code: string; silent?: boolean; store_history?: boolean; allow_stdin?: boolean },
        disposeOnDone?: boolean,
        metadata?: Record<string, boolean>,
      ): IFuture;
    }
  }

  export namespace KernelMessage {
    interface IIOPubMessage {
      readonly header: { readonly msg_type: string };
      readonly content: unknown;
    }
    interface IStreamMsg extends IIOPubMessage {
      readonly content: { readonly name: "stdout" | "stderr"; readonly text: string };
    }
    interface IExecuteReplyMsg {
      readonly content:
        | { readonly status: "ok" }
        | { readonly status: "abort" }
        | { readonly status: "error"; readonly ename: string; readonly evalue: string };
    }
  }

  export namespace Session {
    interface ISessionConnection {
      readonly kernel: Kernel.IKernelConnection | null;
    }
  }

  export namespace KernelSpec {
    interface IManager {
      readonly specs: {
        readonly kernelspecs: { readonly [name: string]: { readonly language: string } | undefined };
      } | null;
    }
  }
}

declare module "@jupyterlab/apputils" {
  import type { Kernel, KernelSpec, Session } from "@jupyterlab/services";
  import type { Token } from "@lumino/coreutils";
  import type { IDisposable } from "@lumino/disposable";
  import type { ISignal } from "@lumino/signaling";
  import type { Widget } from "@lumino/widgets";

  export interface ICommandPalette {
    addItem(options: { command: string; category: string }): IDisposable;
  }
  export const ICommandPalette: Token<ICommandPalette>;

  export interface ISessionContext {
    readonly session: Session.ISessionConnection | null;
    readonly kernelDisplayStatus: Kernel.Status | Kernel.ConnectionStatus | "initializing" | "";
    readonly specsManager: KernelSpec.IManager;
    readonly kernelChanged: ISignal<
      this,
      { readonly oldValue: Kernel.IKernelConnection | null; readonly newValue: Kernel.IKernelConnection | null }
    >;
    readonly statusChanged: ISignal<this, Kernel.Status>;
    readonly connectionStatusChanged: ISignal<this, Kernel.ConnectionStatus>;
  }

  export interface IWidgetTracker<T extends Widget> {
    readonly currentWidget: T | null;
    readonly currentChanged: ISignal<this, T | null>;
    readonly widgetAdded: ISignal<this, T>;
    forEach(visit: (widget: T) => void): void;
  }
}

declare module "@jupyterlab/application" {
  import type { CommandRegistry } from "@lumino/commands";
  import type { Token } from "@lumino/coreutils";
  import type { ISignal } from "@lumino/signaling";
  import type { Widget } from "@lumino/widgets";

  export interface JupyterFrontEnd {
    readonly commands: CommandRegistry;
    readonly shell: JupyterFrontEnd.IShell;
  }
  export namespace JupyterFrontEnd {
    interface IShell extends Widget {
      activateById(id: string): void;
      add(widget: Widget, area?: string, options?: { rank?: number; type?: string }): void;
    }
  }
  export interface JupyterFrontEndPlugin<T> {
    readonly id: string;
    readonly description?: string;
    readonly autoStart?: boolean;
    readonly optional?: Token<unknown>[];
    // biome-ignore lint/suspicious/noExplicitAny: what is handed in is what `optional` names
    activate(app: JupyterFrontEnd, ...services: any[]): T;
  }

  export interface ILabShell extends JupyterFrontEnd.IShell {
    readonly currentWidget: Widget | null;
    readonly currentChanged: ISignal<this, unknown>;
  }
  export const ILabShell: Token<ILabShell>;

  export interface ILayoutRestorer {
    add(widget: Widget, name: string): void;
  }
  export const ILayoutRestorer: Token<ILayoutRestorer>;
}

declare module "@jupyterlab/cells" {
  import type { Widget } from "@lumino/widgets";

  export interface ICellModel {
    readonly id: string;
    readonly type: string;
    readonly sharedModel: {
      getSource(): string;
      updateSource(start: number, end: number, value: string): void;
    };
  }
  export interface IPosition {
    readonly line: number;
    readonly column: number;
  }
  export interface IEditor {
    readonly lineCount: number;
    getCursorPosition(): IPosition;
    focus(): void;
    setCursorPosition(position: IPosition): void;
    revealPosition(position: IPosition): void;
  }
  export class Cell extends Widget {
    readonly model: ICellModel;
    readonly editor: IEditor | null;
    readonly ready: Promise<void>;
    inputHidden: boolean;
  }
}

declare module "@jupyterlab/notebook" {
  import type { ISessionContext, IWidgetTracker } from "@jupyterlab/apputils";
  import type { Cell } from "@jupyterlab/cells";
  import type { Token } from "@lumino/coreutils";
  import type { ISignal } from "@lumino/signaling";
  import type { Widget } from "@lumino/widgets";

  export interface Notebook extends Widget {
    readonly widgets: readonly Cell[];
    activeCellIndex: number;
    mode: "command" | "edit";
    deselectAll(): void;
    scrollToCell(cell: Cell): Promise<void>;
  }
  export interface NotebookPanel extends Widget {
    readonly content: Notebook;
    readonly context: { readonly path: string };
    readonly sessionContext: ISessionContext;
  }
  export interface INotebookTracker extends IWidgetTracker<NotebookPanel> {
    readonly activeCellChanged: ISignal<this, unknown>;
  }
  export const INotebookTracker: Token<INotebookTracker>;

  export class NotebookActions {
    static readonly executed: ISignal<unknown, { readonly cell: Cell }>;
    static readonly executionScheduled: ISignal<unknown, { readonly cell: Cell }>;
  }
}

declare module "@jupyterlab/console" {
  import type { ISessionContext, IWidgetTracker } from "@jupyterlab/apputils";
  import type { Cell } from "@jupyterlab/cells";
  import type { Token } from "@lumino/coreutils";
  import type { Widget } from "@lumino/widgets";

  export interface ConsolePanel extends Widget {
    readonly console: { readonly cells: Iterable<Cell> };
    readonly sessionContext: ISessionContext;
  }
  export interface IConsoleTracker extends IWidgetTracker<ConsolePanel> {}
  export const IConsoleTracker: Token<IConsoleTracker>;
}

declare module "@jupyterlab/codemirror" {
  import type { Extension } from "@codemirror/state";
  import type { Token } from "@lumino/coreutils";

  export interface IConfigurableExtension<T> {
    instance(value: T): Extension;
  }
  export interface IEditorExtensionRegistry {
    addExtension<T>(factory: {
      readonly name: string;
      readonly factory: (options: {
        readonly inline: boolean;
        readonly model: object;
      }) => IConfigurableExtension<T> | null;
    }): void;
  }
  export const IEditorExtensionRegistry: Token<IEditorExtensionRegistry>;

  export class EditorExtensionRegistry {
    static createImmutableExtension(extension: Extension): IConfigurableExtension<undefined>;
  }
}

declare module "@jupyterlab/settingregistry" {
  import type { Token } from "@lumino/coreutils";
  import type { ISignal } from "@lumino/signaling";

  export interface ISettingRegistry {
    load(plugin: string): Promise<{
      get(key: string): { readonly composite: unknown };
      readonly changed: ISignal<unknown, void>;
    }>;
  }
  export const ISettingRegistry: Token<ISettingRegistry>;
}

declare module "@jupyterlab/ui-components" {
  import type { Widget } from "@lumino/widgets";

  export class LabIcon {
    constructor(options: { name: string; svgstr: string });
    // An icon is what a title takes as its renderer.
    readonly render: NonNullable<Exclude<Widget["title"]["icon"], undefined>>["render"];
  }
}
