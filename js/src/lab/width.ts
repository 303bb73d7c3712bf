/** Gives the panel the width that its rows need, the first time that it is shown; after that, the user's is kept. */

import type { Widget } from "@lumino/widgets";

const WIDTH = 360;
/** What the edges of the side bar take from that, in pixels. */
const EDGES = 8;

const FRAMES = 50;
const KEY = "ipy-tensorwatch:widened";

/** What divides the window into side bars and documents. */
interface Split extends Widget {
  relativeSizes(): number[];
  setRelativeSizes(sizes: number[]): void;
}

/** The side bar takes its place some frames after it is shown, and may take another when the layout is restored. */
const PATIENCE = 20;

export function widenOnce(panel: Widget, patience = PATIENCE): void {
  if (localStorage.getItem(KEY) !== null) {
    return;
  }
  const [split, place] = splitOf(panel);
  const width = panel.node.clientWidth;
  if (!split || width >= WIDTH - EDGES || patience === 0) {
    localStorage.setItem(KEY, "yes");
    return;
  }
  width > 0 && split.setRelativeSizes(widened(split, place));
  setTimeout(() => widenOnce(panel, patience - 1), FRAMES);
}

/** Take the width from what is widest: the documents. */
function widened(split: Split, place: number): number[] {
  const sizes = split.relativeSizes();
  const share = WIDTH / split.node.clientWidth;
  const widest = sizes.indexOf(Math.max(...sizes));
  const missing = share - (sizes[place] ?? 0);
  return sizes.map((size, index) => size + (index === place ? missing : index === widest ? -missing : 0));
}

function splitOf(panel: Widget): [Split | null, number] {
  let child = panel;
  for (let parent = panel.parent; parent; parent = parent.parent) {
    if ("setRelativeSizes" in parent) {
      return [parent as Split, [...(parent as unknown as { widgets: Iterable<Widget> }).widgets].indexOf(child)];
    }
    child = parent;
  }
  return [null, -1];
}
