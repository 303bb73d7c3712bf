/** Applies a fix to the cells of the notebook, and tells why not. */

import type { CellText, Host } from "../registry";
import type { Offer, Offers } from "./wire";

export const DONE = "Edited; nothing was run. Run the marked cells again.";
export const GONE = "That cell is gone: nothing was edited.";
export const CHANGED = "The cell has been edited since it ran: nothing was edited.";

type Edits = Offer["edits"];

/** Edit all cells of a fix, each in one step, or none of them; what was done, in words. */
export function mend(offer: Offer, cells: Offers["cells"], host: Host): string {
  const counts = [...new Set(offer.edits.map(({ count }) => count))];
  const mended: [CellText, string][] = [];
  for (const count of counts) {
    const { cell = null, source = "" } = cells[count] ?? {};
    const text = host.find?.({ count, cell, line: 1 });
    if (!text) {
      return GONE;
    }
    if (text.getSource().trimEnd() !== source.trimEnd()) {
      return CHANGED;
    }
    mended.push([text, edited(text.getSource(), editsOf(offer, count))]);
  }
  const before = mended.map(([text]) => text.getSource());
  for (const [text, wanted] of mended) {
    replace(text, wanted);
  }
  host.rerun?.(offer.again, () => before.every((source, index) => mended[index]?.[0].getSource() === source));
  return DONE;
}

export function editsOf({ edits }: Offer, count: number): Edits {
  return edits.filter((one) => one.count === count);
}

/** A source with lines replaced, from the last to the first; an insertion goes before what replaces its line. */
export function edited(source: string, edits: Edits): string {
  const lines = source.split("\n");
  for (const { line, end_line, text } of [...edits].sort((a, b) => b.line - a.line || b.end_line - a.end_line)) {
    lines.splice(line - 1, end_line - line + 1, ...text.split("\n"));
  }
  return lines.join("\n");
}

/** Replace only what differs, so that the cursor stays. */
function replace(text: CellText, wanted: string): void {
  const source = text.getSource();
  const room = Math.min(source.length, wanted.length);
  let start = 0;
  while (start < room && source[start] === wanted[start]) {
    start++;
  }
  let same = 0;
  while (same < room - start && source.at(-1 - same) === wanted.at(-1 - same)) {
    same++;
  }
  text.updateSource(start, source.length - same, wanted.slice(start, wanted.length - same));
}
