/**
 * The whole contract between the widget, which comes from the kernel's environment, and the JupyterLab extension,
 * which comes from the server's. Either may be older than the other: a change here is a new version of both names.
 */

/** The name of the global `Set<Entry>` of the widgets that are alive on this page. */
export const REGISTRY = "__ipy_tensorwatch_widgets_v1__";

/** The DOM event on `document` that a new widget fires, with its entry as the `detail`. */
export const EVENT = "ipy-tensorwatch:widget-v1";

/** One widget: the front end of one kernel's watcher. */
export interface Entry {
  /** The kernel connection that the widget belongs to; undefined where the host does not tell. */
  readonly kernel: unknown;
  /** When the kernel made it, in seconds since 1970: a fresh one is revealed, one that a reload brought back is not. */
  readonly born: number;
  /** Aborted when the kernel closes the widget: `%unload_ext`, `%reload_ext`. */
  readonly closed: AbortSignal;
  /** Draw the panel into an element, and return what removes it again. */
  mount(element: HTMLElement, host: Host): () => void;
  /** Call a listener with what is known now, and after every cell that changes it; return what ends that. */
  follow(listener: (news: News) => void): () => void;
  /** Take up what the user has set on this page; missing in a widget that is older. */
  choose?(wishes: Wishes): void;
  /** Lead to what a line of code did; missing in a widget that is older. */
  show?(place: Place): void;
  /** Ask what cells would change; never answered where another request follows or the kernel is gone. */
  foretell?(cells: readonly Draft[]): Promise<Foretold>;
  /** Show what mends a marked line, near its mark; asked for by key, it takes the focus, and also tells of nothing. */
  offer?(place: Place, near: HTMLElement, host: Host, isAsked: boolean): void;
}

/** A cell as it reads now. */
export interface Draft {
  readonly cell: string;
  readonly source: string;
}

/** What cells would change if they ran now. */
export interface Foretold {
  readonly marks: readonly Mark[];
  /** Whether there was time for all cells; else the kernel goes on when it is asked again. */
  readonly all: boolean;
}

/** What the user has set in JupyterLab's settings, as far as the kernel is to know it. */
export interface Wishes {
  /** What is shown under a cell; null where the kernel's own setting decides. */
  readonly block: string | null;
}

/** What the panel asks of the page around it. */
export interface Host {
  /** The path of the notebook; missing in an older host, and in a console. */
  readonly name?: string | undefined;
  /** Select the cell and the line. */
  reveal(place: Place): void;
  /** Run a line in the kernel, without a place in the history, and return what it printed; missing in an older host. */
  run?(code: string): Promise<string>;
  /** The text of a cell, or null where it is gone; missing in an older host. */
  find?(place: Place): CellText | null;
  /** Mark the cells that must run again, until the edit is undone; missing in an older host. */
  rerun?(marks: readonly Mark[], isUndone: () => boolean): void;
}

/** The text of a cell, in JupyterLab's own words. */
export interface CellText {
  getSource(): string;
  updateSource(start: number, end: number, value: string): void;
}

/** A line of a cell. */
export interface Place {
  /** The execution count that the cell had when it ran. */
  readonly count: number;
  /** The notebook's own id of the cell; null where it is not known. */
  readonly cell: string | null;
  /** The first line, counted from 1. */
  readonly line: number;
}

/** What is to be seen without the panel: the badge, and the marks in the notebook. */
export interface News {
  /** The execution count of the last cell; 0 before the first one. */
  readonly count: number;
  /** The notebook's own id of it; null where it is not known, missing in a widget that is older. */
  readonly cell?: string | null;
  /** How many of its changes were silent. */
  readonly silent: number;
  /** How many hazards that are worth saying began with it. */
  readonly hazards: number;
  /** The lines that did so, of the last cell, and of cells before it that were not told of yet. */
  readonly marks: readonly Mark[];
}

/** A line that silently changed something, or because of which something will go wrong. */
export interface Mark extends Place {
  readonly kind: "silent" | "hazard" | "again";
  /** What stands behind the line: `also changes x, z`, `loss.backward() will raise`. */
  readonly text: string;
  /** The line as it ran; a cell in which it reads otherwise by now has been edited. */
  readonly source?: string;
  /** Whether it has not happened yet; then `count` is 0. */
  readonly foretold?: boolean;
}
