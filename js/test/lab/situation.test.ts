import { describe, expect, it } from "vitest";
import { assess, type Signs } from "../../src/lab/assess";
import { describe as notice, type Situation } from "../../src/lab/situation";

interface Kernel {
  name?: string;
  status?: string;
  connectionStatus?: string;
}

/** The signs of a notebook on a kernel, which is an idle Python unless said otherwise. */
function signs(kernel: Kernel | null, more: object = {}): Signs {
  const connection = kernel && { name: "python3", status: "idle", connectionStatus: "connected", ...kernel };
  const specs = { kernelspecs: { python3: { language: "python" }, ir: { language: "R" } } };
  const sessionContext = { session: { kernel: connection }, kernelDisplayStatus: "", specsManager: { specs } };
  const known = { document: { sessionContext }, view: null, isBusy: () => false, isLoading: () => false };
  return { ...known, ...more } as unknown as Signs;
}

describe("the situation", () => {
  const view = { ending: null };
  const cases: [string, Signs, Situation][] = [
    ["nothing is open", signs({}, { document: null }), { kind: "no document" }],
    ["there is no kernel", signs(null), { kind: "no kernel" }],
    ["the kernel starts", signs({ status: "starting" }), { kind: "starting" }],
    ["the kernel starts again", signs({ status: "autorestarting" }), { kind: "starting" }],
    ["the kernel is dead", signs({ status: "dead" }), { kind: "dead" }],
    ["the kernel is no Python", signs({ name: "ir" }), { kind: "another language", language: "R" }],
    ["nothing is known of the kernel yet", signs({ status: "unknown" }), { kind: "connecting" }],
    ["the kernel is not connected", signs({ connectionStatus: "connecting" }), { kind: "connecting" }],
    ["the extension is not loaded", signs({}), { kind: "not loaded" }],
    ["a cell runs before there is a view", signs({}, { isBusy: () => true }), { kind: "busy" }],
    ["the extension is being loaded", signs({}, { isLoading: () => true }), { kind: "loading" }],
    ["there is a view", signs({}, { view }), { kind: "live", busy: false, connected: true }],
    [
      "a cell runs beside a view",
      signs({}, { view, isBusy: () => true }),
      { kind: "live", busy: true, connected: true },
    ],
    [
      "the connection of a view is lost",
      signs({ connectionStatus: "disconnected" }, { view }),
      { kind: "live", busy: false, connected: false },
    ],
    ["the view is of the past", signs({}, { view: { ending: "died" } }), { kind: "past", ending: "died" }],
  ];

  it.each(cases)("when %s", (_, given, expected) => {
    expect(assess(given)).toEqual(expected);
  });
});

describe("the notice", () => {
  it("is empty where the facts speak for themselves", () => {
    expect(notice({ kind: "live", busy: false, connected: true }, true)).toEqual({ text: "", loadable: false });
  });

  it("says that a lost connection matters more than a running cell", () => {
    expect(notice({ kind: "live", busy: true, connected: false }, true).text).toContain("Reconnecting");
  });

  it("offers to load the extension again only where a kernel can run it", () => {
    expect(notice({ kind: "past", ending: "restarted" }, true).loadable).toBe(true);
    expect(notice({ kind: "past", ending: "shut down" }, false).loadable).toBe(false);
  });
});
