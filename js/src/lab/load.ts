/** Loads the extension into a kernel, as a cell would, but without a place in the user's history. */

import type { Kernel, KernelMessage } from "@jupyterlab/services";

const LOAD = "%load_ext tensorwatch";

/** Load the extension, and return what stood in the way, or null. */
export async function load(kernel: Kernel.IKernelConnection): Promise<string | null> {
  const future = kernel.requestExecute({ code: LOAD, silent: false, store_history: false, allow_stdin: false }, true, {
    tensorwatch: true,
  });
  let printed = "";
  future.onIOPub = ({ header, content }) => {
    if (header.msg_type === "stream") {
      printed += (content as KernelMessage.IStreamMsg["content"]).text;
    }
  };
  let reply: KernelMessage.IExecuteReplyMsg["content"];
  try {
    reply = (await future.done).content;
  } catch {
    return "The kernel stopped before tensorwatch was loaded."; // restarted, shut down, or the connection lost
  }
  return reply.status === "error" ? explain(reply.ename, reply.evalue) : explainPrinted(printed);
}

export function explain(name: string, value: string): string {
  if (name === "ModuleNotFoundError" && value.includes("'tensorwatch'")) {
    return "tensorwatch is not installed in this kernel's environment. Run %pip install ipy-tensorwatch in a cell.";
  }
  return `tensorwatch could not be loaded. ${name}: ${value}`;
}

/** IPython prints, rather than raises, that a module is no extension, or that one is loaded already. */
export function explainPrinted(printed: string): string | null {
  if (printed.includes("not an IPython extension")) {
    return "Another package is named tensorwatch there. Run %load_ext ipy_tensorwatch in a cell.";
  }
  if (printed.includes("already loaded")) {
    return "tensorwatch is loaded, but has no panel here. Run %reload_ext tensorwatch in a cell.";
  }
  return null;
}
