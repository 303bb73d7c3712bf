import { expect, it } from "vitest";
import { explain, explainPrinted, load } from "../../src/lab/load";

type Kernel = Parameters<typeof load>[0];

/** A kernel that prints and replies. */
function kernel(reply: object | Error, printed = ""): Kernel {
  const future = {
    onIOPub: (_message: object) => {},
    get done() {
      this.onIOPub({ header: { msg_type: "stream" }, content: { name: "stdout", text: printed } });
      return reply instanceof Error ? Promise.reject(reply) : Promise.resolve({ content: reply });
    },
  };
  return { requestExecute: () => future } as unknown as Kernel;
}

it("has nothing to say when all went well", async () => {
  expect(await load(kernel({ status: "ok" }))).toBeNull();
});

it("tells how to install what is not there", () => {
  expect(explain("ModuleNotFoundError", "No module named 'tensorwatch'")).toContain("%pip install ipy-tensorwatch");
});

it("passes on an error that it does not know", async () => {
  const reply = { status: "error", ename: "ImportError", evalue: "libcudart.so.12" };

  expect(await load(kernel(reply))).toBe("tensorwatch could not be loaded. ImportError: libcudart.so.12");
});

it("knows the other package of that name by what IPython prints", async () => {
  const printed = "The tensorwatch module is not an IPython extension.";

  expect(await load(kernel({ status: "ok" }, printed))).toContain("%load_ext ipy_tensorwatch");
});

it("tells how to get a panel for an extension that was loaded without one", () => {
  expect(explainPrinted("The tensorwatch extension is already loaded.")).toContain("%reload_ext tensorwatch");
});

it("says so when the kernel stopped on the way", async () => {
  expect(await load(kernel(new Error("Canceled future")))).toContain("The kernel stopped");
});
