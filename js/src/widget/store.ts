/** What one kernel has told this page, and what the page asks of it. */

import type { Draft, Foretold, News, Place } from "../registry";
import { type Model, modelOf } from "./model";
import {
  assemble,
  type CellPlace,
  type Offers,
  type PathPast,
  type RankRow,
  type Sent,
  type Snapshot,
  type Told,
} from "./wire";

/** The version of the report's schema that this panel was written for. */
export const SCHEMA = 1;

/** The kernel is told what has arrived once it is so many bytes. */
const ANSWER_AFTER = 256 * 1024;

/** The kernel takes so many cells and characters at once. */
const MAX_CELLS = 200;
const MAX_SOURCE = 100_000;

type Want = "nothing" | "news" | "report";

interface Head {
  readonly kind?: unknown;
  readonly number?: unknown;
  readonly base?: unknown;
  readonly count?: unknown;
  readonly path?: unknown;
  readonly watching?: unknown;
  readonly to?: unknown;
  readonly request?: unknown;
  readonly rank?: unknown;
  readonly places?: unknown;
}

const NO_NEWS: News = { count: 0, cell: null, silent: 0, hazards: 0, marks: [] };

export class Store extends EventTarget {
  snapshot: Snapshot | null = null;
  news: News = NO_NEWS;
  /** Whether cells are watched; `%tensorwatch off` ends it for a while. */
  isWatching = true;
  /** Whether the kernel that told all this is gone, or tensorwatch was unloaded from it. */
  isPast = false;
  /** Why nothing can be shown, in words; empty where all is well. */
  problem = "";
  /** What cells of the past did; null where the kernel no longer knows. */
  readonly cells = new Map<number, Told | null>();
  readonly paths = new Map<string, PathPast>();
  /** What mends what cells did. */
  readonly offers = new Map<number, Offers | null>();
  /** The ranks of the cluster that the kernel has joined. */
  ranks: readonly RankRow[] = [];
  /** Where the cells of a rank are in the notebook that drives it, by their count on that rank. */
  places: Readonly<Record<number, CellPlace>> = {};
  readonly #ofRanks = new Map<number, Store>();
  readonly #model: Model;
  readonly #name = Math.random().toString(36).slice(2);
  readonly #views = new Set<object>();
  readonly #followers = new Set<object>();
  #base = 0;
  #unanswered = 0;
  #wanted: Want = "nothing";
  #request = 0;
  #foretell: (told: Foretold) => void = () => {};

  constructor(model: Model) {
    super();
    this.#model = model;
    model.on("msg:custom", (content, buffers) => this.#receive(content as Head | null, buffers));
    this.#greet();
  }

  /** Note whether somebody sees a view: the kernel sends reports only while somebody does. */
  see(view: object, isSeen: boolean): void {
    isSeen ? this.#views.add(view) : this.#views.delete(view);
    this.#want();
  }

  /** Call a listener with the news, now and whenever there are others. */
  follow(listener: (news: News) => void): () => void {
    const tell = (): void => listener(this.news);
    this.#followers.add(tell);
    this.addEventListener("news", tell);
    this.#want();
    tell();
    return () => {
      this.#followers.delete(tell);
      this.removeEventListener("news", tell);
      this.#want();
    };
  }

  /** Note that the kernel has forgotten what it told. */
  retire(): void {
    this.isPast = true;
    this.dispatchEvent(new Event("change"));
  }

  /** Ask the panel to show the row of a line of code. */
  show(place: Place): void {
    this.dispatchEvent(new CustomEvent("show", { detail: place }));
  }

  /** Have the kernel keep quiet about a hazard, or tell it again. */
  hush(key: string | undefined, isOn: boolean): void {
    this.#send({ kind: "hush", key, on: isOn });
  }

  /** Have the kernel show this under a cell. */
  chooseBlock(shows: string | null): void {
    shows !== null && this.#send({ kind: "block", shows });
  }

  /** Ask what cells would change; only the newest request is answered. */
  foretell(cells: readonly Draft[]): Promise<Foretold> {
    let room = MAX_SOURCE;
    const fitting = cells.slice(0, MAX_CELLS).filter(({ source }) => {
      room -= source.length;
      return room >= 0;
    });
    this.#send({ kind: "preview", from: this.#name, request: ++this.#request, cells: fitting });
    return new Promise((resolve) => {
      this.#foretell = resolve;
    });
  }

  askCell(count: number): void {
    this.#send({ kind: "cell", count });
  }

  /** Ask what mends what a cell did. */
  askOffers(count: number): Promise<Offers | null> {
    this.#send({ kind: "fixes", count });
    return new Promise((resolve) => {
      const hear = (): void => {
        const told = this.offers.get(count);
        if (told !== undefined) {
          this.removeEventListener("change", hear);
          resolve(told);
        }
      };
      this.addEventListener("change", hear);
      hear();
    });
  }

  /** What one rank has told. */
  rank(rank: number): Store {
    const store = this.#ofRanks.get(rank) ?? new Store(modelOf(rank, this.#model));
    this.#ofRanks.set(rank, store);
    return store;
  }

  /** The place in the notebook of a line of this rank; one that is nowhere if it is not known. */
  inNotebook({ count, line }: Place): Place {
    const known = this.places[count];
    return known
      ? { count: 0, cell: known.cell ?? "", line: known.line || line + known.offset }
      : { count: 0, cell: "", line };
  }

  askPath(path: string): void {
    this.#send({ kind: "path", path });
  }

  #greet(): void {
    this.#base = 0;
    this.#send({ kind: "hello", from: this.#name, what: this.#wanted });
  }

  #want(force = false): void {
    const wanted = this.#views.size > 0 ? "report" : this.#followers.size > 0 ? "news" : "nothing";
    if (force || wanted !== this.#wanted) {
      this.#wanted = wanted;
      this.#send({ kind: "want", from: this.#name, what: wanted });
    }
  }

  #send(content: unknown): void {
    try {
      this.#model.send(content);
    } catch {
      // The kernel is gone, and with it whoever could have answered.
    }
  }

  #receive(head: Head | null, buffers: readonly DataView[]): void {
    if (head?.rank !== undefined) {
      return; // for the store of a rank
    }
    try {
      const body = buffers[0]?.byteLength ? JSON.parse(new TextDecoder().decode(buffers[0])) : null;
      this.#read(head ?? {}, body);
      this.#answer(head?.number, buffers[0]?.byteLength ?? 0);
    } catch (error) {
      this.#fail(`A message of the kernel could not be read: ${error instanceof Error ? error.message : error}.`);
    }
  }

  #read(head: Head, body: unknown): void {
    if (head.kind === "roll") {
      this.#want(true);
    } else if (head.kind === "report") {
      this.#readReport(head, body as Sent);
    } else if (head.kind === "ranks") {
      this.ranks = body as RankRow[];
      this.dispatchEvent(new Event("change"));
    } else if (head.kind === "watching") {
      this.isWatching = head.watching !== false;
      this.dispatchEvent(new Event("change"));
    } else if (head.kind === "frozen") {
      this.snapshot = this.snapshot && { ...this.snapshot, frozen: body as string[] };
      this.dispatchEvent(new Event("change"));
    } else if (head.kind === "fixes") {
      this.offers.set(head.count as number, body as Offers | null);
      this.dispatchEvent(new Event("change"));
    } else if (head.kind === "preview") {
      head.to === this.#name && head.request === this.#request && this.#foretell(body as Foretold);
    } else if (head.kind === "news") {
      this.#tell(body as News);
    } else if (head.kind === "cell") {
      this.cells.set(head.count as number, body as Told | null);
      this.dispatchEvent(new Event("change"));
    } else if (head.kind === "path") {
      this.paths.set(head.path as string, body as PathPast);
      this.dispatchEvent(new Event("change"));
    }
  }

  #readReport(head: Head, sent: Sent): void {
    if (sent.schema !== SCHEMA) {
      this.#fail(
        `The kernel sends reports of version ${sent.schema}, and this panel reads version ${SCHEMA}: reload the page.`,
      );
    } else if (head.base === 0 || head.base === this.#base) {
      this.snapshot = assemble(head.base === 0 ? null : this.snapshot, sent);
      this.places = { ...this.places, ...(head.places as typeof this.places | undefined) };
      this.#base = head.number as number;
      this.problem = "";
      this.isWatching = head.watching !== false;
      this.dispatchEvent(new Event("change"));
      this.#tell(sent.news);
    } else if (this.#base !== 0) {
      this.#greet(); // once: what was under way does not fit either
    }
  }

  #tell({ count, cell = null, silent, hazards, marks }: News): void {
    this.news = { count, cell, silent, hazards, marks: [...marks] };
    this.dispatchEvent(new Event("news"));
  }

  #fail(problem: string): void {
    this.problem = problem;
    this.dispatchEvent(new Event("change"));
  }

  #answer(number: unknown, size: number): void {
    this.#unanswered += size;
    if (this.#unanswered >= ANSWER_AFTER) {
      this.#unanswered = 0;
      this.#send({ kind: "answer", number });
    }
  }
}
