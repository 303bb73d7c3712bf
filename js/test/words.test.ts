// @vitest-environment node

import { describe, expect, it } from "vitest";
import { brief, bytes, count, description, facts, root, seconds, shape } from "../src/widget/words";
import { tensor } from "./tensors";

describe("words are those of every other output:", () => {
  it.each([
    [24, "24 B"],
    [1023, "1023 B"],
    [4096, "4 KB"],
    [1_500_000, "1.4 MB"],
    [3 * 2 ** 30, "3 GB"],
    [2 ** 60, "1048576 TB"],
  ])("%d bytes", (number, expected) => {
    expect(expected).toBe(bytes(number));
  });

  it.each([
    [0.000_004_2, "4.2 µs"],
    [0.0123, "12.3 ms"],
    [2.5, "2.5 s"],
    [0, "0 µs"],
  ])("%d seconds", (number, expected) => {
    expect(expected).toBe(seconds(number));
  });

  it.each([
    [1, "1"],
    [-3, "-3"],
    [-0, "0"],
    [999_999, "999999"],
    [1_234_567, "1.23e+06"],
    [0.012_34, "0.0123"],
    [0.000_123_4, "0.000123"],
    [0.000_012_34, "1.23e-05"],
    [-1234.5, "-1.23e+03"],
    [999.6, "1e+03"],
    [1e100, "1e+100"],
    [1 / 3, "0.333"],
  ])("the number %d", (number, expected) => {
    expect(expected).toBe(brief(number));
  });

  it.each([
    [1, "silent change", "1 silent change"],
    [1200, "tensor", "1,200 tensors"],
    [0, "group", "0 groups"],
  ])("%d of something", (number, noun, expected) => {
    expect(expected).toBe(count(number, noun));
  });

  it("shapes", () => {
    expect(["2×3", "0", "scalar"]).toEqual([[2, 3], [0], []].map(shape));
  });
});

describe("a path", () => {
  it.each([
    ["x", "x"],
    ["model.layers[0].weight", "model"],
    ["d['a.b[c]']", "d"],
    ["変数[0]", "変数"],
  ])("%s begins with its variable", (path, expected) => {
    expect(expected).toBe(root(path));
  });
});

describe("a tensor", () => {
  it("tells its shape and version, and what autograd makes of it", () => {
    expect("2×3 · v4 · leaf, grad").toBe(facts(tensor({ shape: [2, 3], version: 4, requires_grad: true })));
    expect("2 · v0 · grad").toBe(facts(tensor({ shape: [2], requires_grad: true, is_leaf: false })));
    expect("2").toBe(facts(tensor({ shape: [2], version: null })));
    expect("2 · NumPy").toBe(facts(tensor({ shape: [2], kind: "ndarray", version: 0 })));
  });

  it("is described in one sentence", () => {
    expect("x · tensor · torch.float32 · 2×3 · cpu · strides 3, 1 · bytes 0 to 24 of its storage").toBe(
      description(tensor({ shape: [2, 3] })),
    );
    expect("s · tensor · torch.float32 · 2 · cpu · strides 1 · memory not known: sparse").toBe(
      description(tensor({ path: "s", shape: [2], unknown: "sparse" })),
    );
  });
});
