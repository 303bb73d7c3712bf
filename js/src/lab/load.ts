/** Loads the extension into a kernel and runs its commands, as a cell would, but without a place in the history. */

import type { Kernel, KernelMessage } from "@jupyterlab/services";

const LOAD = "%load_ext tensorwatch";

/** Run a line, and return its reply and what it printed; rejected where the kernel stopped or the connection was lost. */
async function ask(
  kernel: Kernel.IKernelConnection,
  code: string,
): Promise<[KernelMessage.IExecuteReplyMsg["content"], string]> {
  const future = kernel.requestExecute({ code, silent: false, store_history: false, allow_stdin: false }, true, {
    tensorwatch: true,
  });
  let printed = "";
  future.onIOPub = ({ header, content }) => {
    printed += header.msg_type === "stream" || header.msg_type === "display_data" ? textOf(content as Printed) : "";
  };
  return [(await future.done).content, printed];
}

interface Printed {
  readonly text?: string;
  readonly data?: { readonly [mime: string]: unknown };
}

function textOf({ text, data }: Printed): string {
  return text ?? `${data?.["text/plain"] ?? ""}\n`;
}

/** Run one of our commands, and return what it said. */
export async function say(kernel: Kernel.IKernelConnection, code: string): Promise<string> {
  try {
    const [reply, printed] = await ask(kernel, code);
    return reply.status === "error" ? reply.evalue : printed.trim();
  } catch {
    return "The kernel stopped before it was done.";
  }
}

/** Load the extension, and return what stood in the way, or null. */
export async function load(kernel: Kernel.IKernelConnection): Promise<string | null> {
  try {
    const [reply, printed] = await ask(kernel, LOAD);
    return reply.status === "error" ? explain(reply.ename, reply.evalue) : explainPrinted(printed);
  } catch {
    return "The kernel stopped before tensorwatch was loaded."; // restarted, shut down, or the connection lost
  }
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
