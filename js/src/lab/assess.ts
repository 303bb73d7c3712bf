/** Finds out what the situation is. */

import type { Kernel } from "@jupyterlab/services";
import type { Document } from "./documents";
import type { Situation } from "./situation";
import type { View } from "./views";

const ON_THE_WAY = ["initializing", "starting", "connecting", "restarting", "autorestarting"];

export interface Signs {
  readonly document: Document | null;
  readonly view: View | null;
  isBusy(kernel: Kernel.IKernelConnection): boolean;
  isLoading(kernel: Kernel.IKernelConnection): boolean;
}

export function assess({ document, view, isBusy, isLoading }: Signs): Situation {
  if (!document) {
    return { kind: "no document" };
  }
  const session = document.sessionContext;
  const kernel = session.session?.kernel;
  if (kernel && isLoading(kernel)) {
    return { kind: "loading" };
  }
  if (view?.ending) {
    return { kind: "past", ending: view.ending };
  }
  if (!kernel) {
    return { kind: ON_THE_WAY.includes(session.kernelDisplayStatus) ? "starting" : "no kernel" };
  }
  const connected = kernel.connectionStatus === "connected";
  if (view) {
    return { kind: "live", busy: isBusy(kernel), connected };
  }
  const language = session.specsManager.specs?.kernelspecs[kernel.name]?.language;
  if (language && language !== "python") {
    return { kind: "another language", language };
  }
  if (!connected || kernel.status === "unknown") {
    return { kind: "connecting" };
  }
  if (kernel.status === "dead") {
    return { kind: "dead" };
  }
  if (ON_THE_WAY.includes(kernel.status)) {
    return { kind: "starting" };
  }
  return { kind: isBusy(kernel) ? "busy" : "not loaded" };
}
