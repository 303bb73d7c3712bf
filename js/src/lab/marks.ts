/** Marks behind lines of code: a CodeMirror extension in every cell, and what it shows there. */

import { StateEffect, StateField, type Text } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, ViewPlugin, WidgetType } from "@codemirror/view";
import { Signal } from "@lumino/signaling";
import type { Mark } from "../registry";

/** The marks of cells, by the models of the cells: an editor comes and goes as the notebook is scrolled. */
export class Marks {
  /** The marks of this model, or of all, are no longer what they were. */
  readonly changed = new Signal<this, object | null>(this);
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
  const show = StateEffect.define<readonly Mark[]>();
  const field = StateField.define<DecorationSet>({
    create: (state) => decorate(state.doc, marks.get(model)),
    update(shown, { docChanged, effects, state }) {
      const told = effects.find((effect) => effect.is(show));
      if (told) {
        return decorate(state.doc, told.value);
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

function decorate(text: Text, marks: readonly Mark[]) {
  const byLine = new Map<number, Mark[]>();
  for (const mark of marks) {
    const { line, source } = mark;
    if (line >= 1 && line <= text.lines && text.line(line).text === (source ?? text.line(line).text)) {
      byLine.set(line, [...(byLine.get(line) ?? []), mark]);
    }
  }
  const ranges = [...byLine].flatMap(([number, ofLine]) => {
    const { from, to } = text.line(number);
    const note = new Note(ofLine.map((mark) => mark.text).join("; "));
    const line = ofLine.some(({ kind }) => kind === "hazard") ? HAZARD : SILENT;
    return [line.range(from), Decoration.widget({ widget: note, side: 1 }).range(to)];
  });
  return Decoration.set(ranges, true);
}

const SILENT = Decoration.line({ class: "ipytw-marked" });
const HAZARD = Decoration.line({ class: "ipytw-marked ipytw-mod-hazard" });

/** What stands behind a line. */
class Note extends WidgetType {
  readonly #text: string;

  constructor(text: string) {
    super();
    this.#text = text;
  }

  override eq(other: Note): boolean {
    return this.#text === other.#text;
  }

  override toDOM(): HTMLElement {
    const note = document.createElement("span");
    note.className = "ipytw-mark";
    note.setAttribute("role", "note");
    note.textContent = this.#text;
    return note;
  }
}
