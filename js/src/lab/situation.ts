/** What the panel has to say around the facts, or instead of them. */

import type { Ending } from "./documents";

export type Situation =
  | {
      readonly kind:
        | "no document"
        | "no kernel"
        | "starting"
        | "connecting"
        | "busy"
        | "dead"
        | "not loaded"
        | "loading";
    }
  | { readonly kind: "another language"; readonly language: string }
  | { readonly kind: "live"; readonly busy: boolean; readonly connected: boolean }
  | { readonly kind: "past"; readonly ending: Ending };

export interface Notice {
  /** Empty where the facts speak for themselves. */
  readonly text: string;
  /** Whether the extension can be loaded now. */
  readonly loadable: boolean;
}

const PAST: Record<Ending, string> = {
  restarted: "The kernel was restarted. What is shown here is from before the restart.",
  died: "The kernel died. What is shown here is from before.",
  "shut down": "The kernel was shut down. What is shown here is from before.",
};

export function describe(situation: Situation, canRun: boolean): Notice {
  switch (situation.kind) {
    case "no document":
      return say("Open a notebook or a console to watch its tensors.");
    case "no kernel":
      return say("This notebook has no kernel. Select one in its toolbar.");
    case "starting":
      return say("The kernel is starting.");
    case "connecting":
      return say("Connecting to the kernel…");
    case "dead":
      return say("The kernel died. Restart it from the Kernel menu.");
    case "busy":
      return say("The kernel is busy. The panel is here when the running cell has finished.");
    case "loading":
      return say("Loading tensorwatch…");
    case "another language":
      return say(
        `tensorwatch watches Python kernels; this one runs ${situation.language}. Open a notebook with a Python kernel.`,
      );
    case "not loaded":
      return say(
        "tensorwatch is not loaded in this kernel. Load it here, or run %load_ext tensorwatch in a cell.",
        true,
      );
    case "past":
      return say(PAST[situation.ending], canRun);
    case "live":
      return say(situation.connected ? "" : "The connection to the kernel is lost. Reconnecting…");
  }
}

function say(text: string, loadable = false): Notice {
  return { text, loadable };
}
