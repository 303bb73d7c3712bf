/** Marks behind lines of code: a CodeMirror extension in every cell, and what it shows there. */

import { StateEffect, StateField, type Text } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, ViewPlugin, WidgetType } from "@codemirror/view";
import { Signal } from "@lumino/signaling";
import type { Mark } from "../registry";

/** The marks of cells, by the models of the cells: an editor comes and goes as the notebook is scrolled. */
export class Marks {
  /** The marks of this model, or of all, are no longer what they were. */
  readonly changed = new Signal<this, object | null>(this);
  /** A mark was clicked. */
  readonly clicked = new Signal<this, { readonly model: object; readonly mark: Mark }>(this);
  readonly #byModel = new WeakMap<object, readonly Mark[]>();
  #visible = true;

  /** The marks to be shown. */
  get(model: object): readonly Mark[] {
    return (this.#visible && this.#byModel.get(model)) || [];
  }

  set(model: object, marks: readonly Mark[]): void {
    if (marks.length > 0 || this.#byModel.get(model)?.length) {
      this.#byModel.set(model, marks);
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
  const open = (mark: Mark): void => void marks.clicked.emit({ model, mark });
  const show = StateEffect.define<readonly Mark[]>();
  const field = StateField.define<DecorationSet>({
    create: (state) => decorate(state.doc, marks.get(model), open),
    update(shown, { docChanged, effects, state }) {
      const told = effects.find((effect) => effect.is(show));
      if (told) {
        return decorate(state.doc, told.value, open);
      }
      return docChanged ? Decoration.none : shown; // the line is no longer the one that ran
    },
    provide: (from) => EditorView.decorations.from(from),
  });
  const follower = ViewPlugin.define((view) => {
    const follow = (_: Marks, changed: object | null): void => {
      if (changed === model || changed === null) {
        // An editor that is being updated takes no other update.
        queueMicrotask(() => view.dispatch({ effects: show.of(marks.get(model)) }));
      }
    };
    marks.changed.connect(follow);
    return {
      update: ({ docChanged }) => docChanged && marks.set(model, []),
      destroy: () => marks.changed.disconnect(follow),
    };
  });
  return [field, follower];
}

function decorate(text: Text, marks: readonly Mark[], open: (mark: Mark) => void) {
  const byLine = new Map<number, Mark[]>();
  for (const mark of marks) {
    const { line, source } = mark;
    if (line >= 1 && line <= text.lines && text.line(line).text === (source ?? text.line(line).text)) {
      byLine.set(line, [...(byLine.get(line) ?? []), mark]);
    }
  }
  const ranges = [...byLine].flatMap(([number, ofLine]) => {
    const { from, to } = text.line(number);
    const kind = ofLine.some((mark) => mark.kind === "hazard") ? "hazard" : "silent";
    const words = ofLine.map((mark) => mark.text).join("; ");
    const act = (): void => open(ofLine[0] as Mark);
    return [
      LINES[kind].range(from),
      Decoration.widget({ widget: new Edge(kind, words, act), side: -1 }).range(from),
      Decoration.widget({ widget: new Note(kind, words, act), side: 1 }).range(to),
    ];
  });
  return Decoration.set(ranges, true);
}

const LINES = {
  silent: Decoration.line({ class: "ipytw-marked" }),
  hazard: Decoration.line({ class: "ipytw-marked ipytw-mod-hazard" }),
};

/** Something at a marked line that leads to the panel. */
abstract class Sign extends WidgetType {
  readonly kind: Mark["kind"];
  readonly text: string;
  readonly #act: () => void;

  constructor(kind: Mark["kind"], text: string, act: () => void) {
    super();
    this.kind = kind;
    this.text = text;
    this.#act = act;
  }

  override eq(other: Sign): boolean {
    return this.text === other.text && this.kind === other.kind;
  }

  override ignoreEvent(): boolean {
    return true; // a click is ours, and moves no cursor
  }

  protected element(name: string): HTMLElement {
    const element = document.createElement("span");
    element.className = this.kind === "hazard" ? `${name} ipytw-mod-hazard` : name;
    element.title = `${this.text} (click: show it in the panel)`;
    element.addEventListener("mousedown", (event) => event.preventDefault());
    element.addEventListener("click", this.#act);
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
    note.textContent = this.text;
    return note;
  }
}
