/** Marks behind lines of code: a CodeMirror extension in every cell, and what it shows there. */

import { StateEffect, StateField, type Text } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, ViewPlugin, WidgetType } from "@codemirror/view";
import { Signal } from "@lumino/signaling";
import type { Mark } from "../registry";

const EVENTS = ["click", "mouseenter"] as const;

/** A mark that is used, and where it stands. */
export interface Use {
  readonly how: (typeof EVENTS)[number];
  readonly model: object;
  readonly mark: Mark;
  readonly near: HTMLElement;
}

/** The marks of cells, by the models of the cells: an editor comes and goes as the notebook is scrolled. */
export class Marks {
  /** The marks of this model, or of all, are no longer what they were. */
  readonly changed = new Signal<this, object | null>(this);
  /** A cell is being edited. */
  readonly edited = new Signal<this, void>(this);
  /** A mark was clicked, or pointed at. */
  readonly used = new Signal<this, Use>(this);
  readonly #byModel = new WeakMap<object, readonly Mark[]>();
  readonly #foretold = new WeakMap<object, readonly Mark[]>();
  #visible = true;

  /** The marks of what has happened, to be shown. */
  get(model: object): readonly Mark[] {
    return (this.#visible && this.#byModel.get(model)) || [];
  }

  /** These, and what would happen at other lines. */
  all(model: object): readonly Mark[] {
    const happened = this.#byModel.get(model) ?? []; // also where it is not shown
    const others = (this.#foretold.get(model) ?? []).filter(({ line }) => happened.every((one) => one.line !== line));
    return [...this.get(model), ...others];
  }

  set(model: object, marks: readonly Mark[]): void {
    this.#put(this.#byModel, model, marks);
  }

  /** Mark a cell as one that must run again, or no longer as such. */
  rerun(model: object, mark: Mark | null): void {
    const others = (this.#byModel.get(model) ?? []).filter(({ kind }) => kind !== "again");
    this.set(model, mark ? [...others, mark] : others);
  }

  foretell(model: object, marks: readonly Mark[]): void {
    this.#put(this.#foretold, model, marks);
  }

  /** Forget what is no longer true of a cell that is edited. */
  edit(model: object): void {
    this.set(model, []);
    this.foretell(model, []);
    this.edited.emit();
  }

  #put(known: WeakMap<object, readonly Mark[]>, model: object, marks: readonly Mark[]): void {
    if (marks.length > 0 || known.get(model)?.length) {
      known.set(model, marks);
      this.changed.emit(model);
    }
  }

  show(visible: boolean): void {
    this.#visible = visible;
    this.changed.emit(null);
  }
}

/** The extension for the editor of one cell. */
export function markLines(marks: Marks, model: object) {
  const use: Act = (how, mark, near) => marks.used.emit({ model, how, mark, near });
  const show = StateEffect.define<readonly Mark[]>();
  const field = StateField.define<DecorationSet>({
    create: (state) => decorate(state.doc, marks.all(model), use),
    update(shown, { docChanged, effects, state }) {
      const told = effects.find((effect) => effect.is(show));
      if (told) {
        return decorate(state.doc, told.value, use);
      }
      return docChanged ? Decoration.none : shown; // the line is no longer the one that ran
    },
    provide: (from) => EditorView.decorations.from(from),
  });
  const follower = ViewPlugin.define((view) => {
    const follow = (_: Marks, changed: object | null): void => {
      if (changed === model || changed === null) {
        // An editor that is being updated takes no other update.
        queueMicrotask(() => view.dispatch({ effects: show.of(marks.all(model)) }));
      }
    };
    marks.changed.connect(follow);
    return {
      update: ({ docChanged }) => docChanged && marks.edit(model),
      destroy: () => marks.changed.disconnect(follow),
    };
  });
  // A key is bound to lines with a mark alone.
  const place = EditorView.contentAttributes.of(({ state }) => {
    const { number } = state.doc.lineAt(state.selection.main.head);
    return marks.get(model).some(({ line }) => line === number) ? { class: "ipytw-at-mark" } : null;
  });
  return [field, follower, place];
}

type Act = (how: Use["how"], mark: Mark, near: HTMLElement) => void;

function decorate(text: Text, marks: readonly Mark[], use: Act) {
  const byLine = new Map<number, Mark[]>();
  for (const mark of marks) {
    const { line, source } = mark;
    if (line >= 1 && line <= text.lines && text.line(line).text === (source ?? text.line(line).text)) {
      byLine.set(line, [...(byLine.get(line) ?? []), mark]);
    }
  }
  const ranges = [...byLine].flatMap(([number, ofLine]) => {
    const { from, to } = text.line(number);
    const [first] = ofLine as [Mark];
    const { kind, foretold } = ofLine.find((mark) => mark.kind === "hazard") ?? first;
    const looks = foretold ? `ipytw-mod-preview ipytw-mod-${kind}` : `ipytw-mod-${kind}`;
    const words = ofLine.map((mark) => mark.text).join("; ");
    const act = foretold || kind === "again" ? null : use;
    const note = Decoration.widget({ widget: new Note(looks, words, first, act), side: 1 }).range(to);
    return act
      ? [
          Decoration.line({ class: `ipytw-marked ${looks}` }).range(from),
          Decoration.widget({ widget: new Edge(looks, words, first, act), side: -1 }).range(from),
          note,
        ]
      : [note];
  });
  return Decoration.set(ranges, true);
}

/** Something at a marked line that leads to the panel, unless it only foretells. */
abstract class Sign extends WidgetType {
  readonly looks: string;
  readonly text: string;
  readonly #mark: Mark;
  readonly #use: Act | null;

  constructor(looks: string, text: string, mark: Mark, use: Act | null) {
    super();
    this.looks = looks;
    this.text = text;
    this.#mark = mark;
    this.#use = use;
  }

  override eq(other: Sign): boolean {
    return this.text === other.text && this.looks === other.looks && this.line === other.line;
  }

  override ignoreEvent(): boolean {
    return this.#use !== null; // a click is ours, and moves no cursor
  }

  get line(): number {
    return this.#mark.line;
  }

  protected element(name: string): HTMLElement {
    const element = document.createElement("span");
    element.className = `${name} ${this.looks}`;
    element.title = this.text;
    if (this.#use) {
      element.title += " (click: show it in the panel; Alt+Enter: mend it)";
      element.addEventListener("mousedown", (event) => event.preventDefault());
      for (const event of EVENTS) {
        element.addEventListener(event, () => this.#use?.(event, this.#mark, element));
      }
    }
    return element;
  }
}

/** At the left edge, also where a long line is scrolled. */
class Edge extends Sign {
  override toDOM(): HTMLElement {
    const edge = this.element("ipytw-edge");
    edge.setAttribute("aria-hidden", "true"); // the note says it
    return edge;
  }
}

/** Behind the line, and at the right edge where the line is longer than the cell. */
class Note extends Sign {
  override toDOM(): HTMLElement {
    const note = this.element("ipytw-mark");
    note.setAttribute("role", "note");
    note.append(document.createElement("span"));
    note.firstElementChild?.append(this.text);
    note.setAttribute("data-line", `${this.line}`);
    return note;
  }
}
