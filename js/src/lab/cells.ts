/** Finds the cell that a place is in, and leads to it. */

import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { Cell, ICellModel } from "@jupyterlab/cells";
import type { ConsolePanel } from "@jupyterlab/console";
import type { NotebookPanel } from "@jupyterlab/notebook";
import type { Place } from "../registry";
import type { Document } from "./documents";

/** The cell of a place: the one with its id, else the only one that ran as its execution count. */
export function findCell(document: Document, { cell, count }: Place): Cell | null {
  const cells = cellsOf(document);
  const named = cells.find(({ model }) => model.id === cell);
  if (named || cell !== null) {
    return named ?? null;
  }
  const counted = cells.filter(({ model }) => (model as { executionCount?: number | null }).executionCount === count);
  return counted.length === 1 ? (counted[0] ?? null) : null;
}

export function cellsOf(document: Document): Cell[] {
  return isNotebook(document) ? [...document.content.widgets] : [...document.console.cells];
}

export function sourceOf({ sharedModel }: ICellModel): string {
  return sharedModel.getSource();
}

/** The cells of code from the one with the cursor on; none in a console. */
export function draftsOf(document: Document): Cell[] {
  const from = isNotebook(document) ? document.content.activeCellIndex : Number.POSITIVE_INFINITY;
  return cellsOf(document).filter(({ model }, index) => index >= from && model.type === "code");
}

/** The cell and the line that the cursor is in; before the first cell where there is none. */
export function cursorOf(document: Document): { cell: number; line: number } {
  const cell = isNotebook(document) ? document.content.activeCellIndex : -1;
  const editor = cellsOf(document)[cell]?.editor;
  return { cell, line: (editor?.getCursorPosition().line ?? 0) + 1 };
}

/** Select the cell, put the cursor on the line and show it; whether there is such a cell. */
export async function reveal(shell: JupyterFrontEnd.IShell, documents: Document[], place: Place): Promise<boolean> {
  for (const document of documents) {
    const cell = findCell(document, place);
    if (cell) {
      shell.activateById(document.id);
      if (isNotebook(document)) {
        await select(document, cell);
      } else {
        cell.node.scrollIntoView({ block: "nearest" });
      }
      placeCursor(cell, place.line - 1);
      return true;
    }
  }
  return false;
}

async function select({ content }: NotebookPanel, cell: Cell): Promise<void> {
  content.deselectAll();
  content.activeCellIndex = content.widgets.indexOf(cell);
  cell.inputHidden = false;
  await content.scrollToCell(cell);
  await cell.ready; // far from what is seen, a cell has no editor before it is scrolled to
  content.mode = "edit";
}

function placeCursor({ editor }: Cell, line: number): void {
  if (editor) {
    const position = { line: Math.min(line, editor.lineCount - 1), column: 0 };
    editor.focus();
    editor.setCursorPosition(position);
    editor.revealPosition(position);
  }
}

function isNotebook(document: Document): document is NotebookPanel {
  return (document as Partial<ConsolePanel>).console === undefined;
}
