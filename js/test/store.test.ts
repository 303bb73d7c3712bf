// @vitest-environment node

import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Mark, News } from "../src/registry";
import { SCHEMA, Store } from "../src/widget/store";
import { type Message, STORIES, story } from "./golden";
import { StandInModel } from "./model";

let model: StandInModel;
let store: Store;

beforeEach(() => {
  model = new StandInModel();
  store = new Store(model);
});

function deliver({ body, ...head }: Message): void {
  model.deliver(head, body);
}

const { messages, reports } = story("views");
const [first, second, third] = messages as [Message, Message, Message];
const MARK: Mark = { count: 3, cell: "c", line: 2, kind: "silent", text: "also changes x" };
const NEWS: News = { count: 3, cell: "c", silent: 1, hazards: 1, marks: [MARK] };

describe("a store", () => {
  it("greets the kernel, and asks for nothing while nobody looks", () => {
    const [hello, ...others] = model.take();
    expect({ kind: "hello", from: expect.stringMatching(/./), what: "nothing" }).toEqual(hello);
    expect([]).toEqual(others);
  });

  it("has a name of its own", () => {
    const other = new StandInModel();
    new Store(other);
    expect(model.sent[0]?.from).not.toBe(other.sent[0]?.from);
  });

  it("wants reports while somebody sees a view, else news while somebody follows", () => {
    model.take();
    const wants = (): unknown[] => model.take().map(({ kind, what }) => [kind, what]);
    const [a, b] = [{}, {}];
    store.see(a, true);
    expect([["want", "report"]]).toEqual(wants());
    store.see(b, true);
    store.see(a, false);
    const leave = store.follow(() => undefined);
    expect([]).toEqual(wants());
    store.see(b, false);
    expect([["want", "news"]]).toEqual(wants());
    leave();
    expect([["want", "nothing"]]).toEqual(wants());
  });

  it("hands over what cells would change, as it was asked last", async () => {
    const answer = (to: unknown, request: number, text: string): void =>
      model.deliver({ kind: "preview", to, request }, { marks: [{ ...MARK, text }], all: true });
    model.take();
    const told: string[] = [];
    for (const source of ["y", "y.add_(1)"]) {
      void store.foretell([{ cell: "c", source }]).then(({ marks }) => told.push(...marks.map(({ text }) => text)));
    }
    const [first, second] = model.take();
    expect([{ cell: "c", source: "y.add_(1)" }]).toEqual(second?.cells);

    answer(first?.from, first?.request as number, "older");
    answer("another page", second?.request as number, "for another page");
    answer(second?.from, second?.request as number, "would also change x");
    await Promise.resolve();

    expect(["would also change x"]).toEqual(told);
  });

  it("says under its own name what it wants", () => {
    store.see({}, true);
    const [hello, want] = model.take();
    expect(hello?.from).toBe(want?.from);
  });

  it("says again what it wants when the kernel calls the roll", () => {
    store.see({}, true);
    model.take();
    model.deliver({ kind: "roll" });
    expect([expect.objectContaining({ kind: "want", what: "report" })]).toEqual(model.take());
  });

  it("asks about cells and paths", () => {
    model.take();
    store.askCell(3);
    store.askPath("d['x']");
    expect([
      { kind: "cell", count: 3 },
      { kind: "path", path: "d['x']" },
    ]).toEqual(model.take());
  });

  it("does not mind a kernel that is gone", () => {
    model.isGone = true;
    store.see({}, true);
    store.askCell(1);
    expect("").toBe(store.problem);
  });
});

describe("the ranks of a cluster", () => {
  const ROW = { label: "rank 1", rank: 1, what: ["1 silent change"], quiet: false };

  it("are told in rows, and no more once they are left", () => {
    model.deliver({ kind: "ranks", number: 1 }, [ROW]);
    expect([ROW]).toEqual(store.ranks);
    model.deliver({ kind: "ranks", number: 2 }, []);
    expect([]).toEqual(store.ranks);
  });

  it("have a store each, whose messages go through that of the client", () => {
    model.take();
    const one = store.rank(1);
    one.see({}, true);
    expect(store.rank(1)).toBe(one);
    expect([
      { kind: "rank", rank: 1, message: expect.objectContaining({ kind: "hello" }) },
      { kind: "rank", rank: 1, message: expect.objectContaining({ kind: "want", what: "report" }) },
    ]).toEqual(model.take());
  });

  it("tell of lines that lead to the cells of this notebook", () => {
    const one = store.rank(1);
    const { body, ...head } = first;
    const places = { 7: { cell: "body", offset: 1, line: 0 }, 8: { cell: "call", offset: 0, line: 3 } };
    model.deliver({ ...head, rank: 1, places }, body);
    model.deliver({ ...head, rank: 1, places: { 9: { cell: null, offset: 1, line: 0 } } }, body);
    const led = [7, 8, 9, 1].map((count) => one.inNotebook({ count, cell: null, line: 2 }));
    expect([
      { count: 0, cell: "body", line: 3 },
      { count: 0, cell: "call", line: 3 },
      { count: 0, cell: "", line: 3 },
      { count: 0, cell: "", line: 2 },
    ]).toEqual(led);
  });

  it("are not mistaken for each other, nor for the client", () => {
    const [one, two] = [store.rank(1), store.rank(2)];
    const { body, ...head } = first;
    model.deliver({ ...head, rank: 2 }, body);
    expect([null, null]).toEqual([store.snapshot, one.snapshot]);
    expect(body.cell).toEqual(two.snapshot?.cell);
  });
});

describe("what the kernel tells", () => {
  it.each(Object.keys(STORIES))("is put together: the story %s", (name) => {
    const told = story(name);
    told.messages.forEach(deliver);
    const last = told.reports.at(-1);
    expect(last?.tensors).toEqual(store.snapshot?.tensors);
    expect(last?.groups).toEqual(store.snapshot?.groups);
    expect(told.messages.at(-1)?.body.news).toEqual(store.news);
    expect("").toBe(store.problem);
  });

  it("is told of what is frozen between two reports", () => {
    deliver({ ...first, body: { ...first.body, frozen: ["x"] } });
    expect(["x"]).toEqual(store.snapshot?.frozen);

    model.deliver({ kind: "frozen", number: 2 }, []);

    expect([]).toEqual(store.snapshot?.frozen);
  });

  it("asks the kernel to be quiet about a hazard, and for what is shown under a cell, unless that is left to it", () => {
    model.take();
    store.hush("TW201 h", true);
    store.chooseBlock("line");
    store.chooseBlock(null);

    expect([
      { kind: "hush", key: "TW201 h", on: true },
      { kind: "block", shows: "line" },
    ]).toEqual(model.take());
  });

  it("is told to whoever listens", () => {
    const heard: string[] = [];
    store.addEventListener("change", () => heard.push("change"));
    store.addEventListener("news", () => heard.push("news"));
    deliver(first);
    expect(["change", "news"]).toEqual(heard);
    model.deliver({ kind: "news", number: 2 }, NEWS);
    expect(["change", "news", "news"]).toEqual(heard);
  });

  it("reaches followers at once and until they leave", () => {
    const listener = vi.fn<(news: News) => void>();
    const leave = store.follow(listener);
    model.deliver({ kind: "news", number: 1 }, NEWS);
    leave();
    model.deliver({ kind: "news", number: 2 }, { ...NEWS, silent: 0 });
    expect([{ count: 0, cell: null, silent: 0, hazards: 0, marks: [] }, NEWS]).toEqual(
      listener.mock.calls.map(([news]) => news),
    );
  });

  it("answers what was asked, and null stands for what is not kept", () => {
    const told = { cell: first.body.cell, lines: first.body.lines, left_out: 0, hazards: [], hazards_left_out: 0 };
    const past = { happened: [], values: null };
    model.deliver({ kind: "cell", count: 1, number: 1 }, told);
    model.deliver({ kind: "cell", count: 2, number: 2 }, null);
    model.deliver({ kind: "path", path: "x", number: 3 }, past);
    expect(told).toEqual(store.cells.get(1));
    expect(null).toBe(store.cells.get(2));
    expect(undefined).toBe(store.cells.get(3));
    expect(past).toEqual(store.paths.get("x"));
  });

  it("begins anew with a report that stands for itself", () => {
    [first, second, first].forEach(deliver);
    expect(reports[0]?.tensors).toEqual(store.snapshot?.tensors);
  });

  it("is answered once it adds up to much", () => {
    model.take();
    const news = { ...NEWS, marks: [{ ...MARK, text: "x".repeat(100_000) }] };
    for (const number of [1, 2, 3, 4, 5]) {
      model.deliver({ kind: "news", number }, news);
    }
    expect([{ kind: "answer", number: 3 }]).toEqual(model.take());
  });
});

describe("a report that does not follow the one before", () => {
  it("makes the store greet the kernel again, and what is known stays until the answer comes", () => {
    store.see({}, true);
    deliver(first);
    model.take();
    deliver(third);
    expect([expect.objectContaining({ kind: "hello", what: "report" })]).toEqual(model.take());
    expect(reports[0]?.tensors).toEqual(store.snapshot?.tensors);
    model.deliver({ kind: "roll" });
    model.deliver({ kind: "report", base: 0, number: 9 }, first.body);
    model.deliver({ kind: "report", base: 9, number: 10 }, second.body);
    expect(reports[1]?.tensors).toEqual(store.snapshot?.tensors);
    expect("").toBe(store.problem);
  });

  it("is not taken for a beginning", () => {
    deliver(second);
    expect(null).toBe(store.snapshot);
    expect(["hello"]).toEqual(model.sent.map(({ kind }) => kind));
  });
});

describe("what cannot be read", () => {
  it("is another version of the schema: the panel says so and keeps the last report", () => {
    deliver(first);
    deliver({ ...second, body: { ...second.body, schema: SCHEMA + 1 } });
    expect("The kernel sends reports of version 2, and this panel reads version 1: reload the page.").toBe(
      store.problem,
    );
    expect(reports[0]?.tensors).toEqual(store.snapshot?.tensors);
  });

  it.each<[string, (model: StandInModel) => void]>([
    ["half a JSON text", (to) => to.deliverText({ kind: "report", base: 1, number: 2 }, '{"schema": 1, "tens')],
    ["no body", (to) => to.deliver({ kind: "report", base: 1, number: 2 })],
    ["no buffer", (to) => to.deliverBuffers({ kind: "report", base: 1, number: 2 }, [])],
    ["a body that is no object", (to) => to.deliver({ kind: "report", base: 1, number: 2 }, null)],
    ["a body without lists", (to) => to.deliver({ kind: "report", base: 1, number: 2 }, { schema: SCHEMA })],
    [
      "splices that are none",
      (to) => to.deliver({ kind: "report", base: 1, number: 2 }, { ...second.body, groups: [7] }),
    ],
    ["news without a body", (to) => to.deliver({ kind: "news", number: 2 })],
    ["news that are no object", (to) => to.deliver({ kind: "news", number: 2 }, 7)],
    [
      "bytes that are no text",
      (to) => to.deliverBuffers({ kind: "news" }, [new DataView(new Uint8Array([0xff, 0x7b]).buffer)]),
    ],
  ])("is %s: the last report stays, and the next good one mends it", (_, send) => {
    const heard = vi.fn<(news: News) => void>();
    store.follow(heard);
    deliver(first);
    send(model);
    expect(store.problem).toMatch(/^A message of the kernel could not be read: /);
    expect(reports[0]?.tensors).toEqual(store.snapshot?.tensors);
    expect(first.body.news).toEqual(store.news);
    expect(first.body.news).toEqual(heard.mock.lastCall?.[0]);
    deliver(second);
    expect(reports[1]?.tensors).toEqual(store.snapshot?.tensors);
    expect("").toBe(store.problem);
  });

  it.each([[null], [undefined], [7], ["report"], [[]], [{}], [{ kind: "dance" }], [{ kind: null }]])(
    "but has no known kind is left alone: %j",
    (head) => {
      deliver(first);
      model.deliver(head, { schema: SCHEMA });
      expect("").toBe(store.problem);
      expect(reports[0]?.tensors).toEqual(store.snapshot?.tensors);
    },
  );
});
