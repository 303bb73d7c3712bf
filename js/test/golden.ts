/// <reference types="vite/types/importMeta.d.ts" />
/** What the kernel sends for a few notebooks, beside its whole report after every cell. */

import type { Report } from "../src/report";
import type { Sent } from "../src/widget/wire";

export interface Message {
  readonly kind: "report";
  readonly base: number;
  readonly number: number;
  readonly body: Sent;
}

export interface Story {
  readonly cells: readonly string[];
  readonly messages: readonly Message[];
  readonly reports: readonly Report[];
}

const FILES = import.meta.glob<Story>("../../tests/stories/golden/*.json", { eager: true, import: "default" });

/** The stories by their names. */
export const STORIES: Readonly<Record<string, Story>> = Object.fromEntries(
  Object.entries(FILES).map(([path, story]) => [
    path.replace(/^.*\/|\.json$/g, ""),
    { ...story, reports: story.reports.map(without) },
  ]),
);

/** A report without what the panel is told only when it asks, or in words alone. */
function without(report: Report): Report {
  return {
    ...report,
    groups: report.groups.map((group) => ({ ...group, origins: [] })),
    changes: report.changes.map((change) => ({ ...change, fix: null })),
  };
}

export function story(name: string): Story {
  const found = STORIES[name];
  if (!found) {
    throw new Error(`there is no golden story ${name}`);
  }
  return found;
}
