// @vitest-environment node

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Tensor } from "../src/report";
import { blockOf, dirtyOf, type Lane, laneOf, type Run } from "../src/widget/lane";
import { change, tensor } from "./tensors";

const MAX_RUNS = 120;

/** What is drawn, as pairs of the first byte and the one behind the last. */
function stretches({ runs }: Lane): [number, number][] {
  return runs.map(({ low, high }) => [low, high]);
}

/** Every byte of every element, one by one. */
function bytesOf({ shape, strides, itemsize, data_ptr }: Tensor): number[] {
  let elements = [data_ptr];
  shape.forEach((size, place) => {
    const stride = (strides[place] ?? 0) * itemsize;
    elements = elements.flatMap((begin) => Array.from({ length: size }, (_, index) => begin + index * stride));
  });
  return elements.flatMap((begin) => Array.from({ length: itemsize }, (_, byte) => begin + byte));
}

function bytesIn(runs: readonly Run[]): Set<number> {
  return new Set(runs.flatMap(({ low, high }) => Array.from({ length: high - low }, (_, byte) => low + byte)));
}

function covered(runs: readonly Run[]): number {
  return runs.reduce((total, { low, high, share }) => total + (high - low) * share, 0);
}

const dimension = fc.record({ size: fc.integer({ min: 0, max: 9 }), stride: fc.integer({ min: -12, max: 12 }) });

/** Tensors of any strides, elements on top of each other included. */
const tensors = fc
  .record({
    dimensions: fc.array(dimension, { maxLength: 4 }),
    itemsize: fc.constantFrom(1, 2, 4, 8, 16),
    data_ptr: fc.integer({ min: 0, max: 5000 }),
  })
  .map(({ dimensions, ...told }) =>
    tensor({ ...told, shape: dimensions.map(({ size }) => size), strides: dimensions.map(({ stride }) => stride) }),
  );

/** Windows over every other element, as `unfold` makes them, and the same transposed. */
const windows = fc
  .record({
    size: fc.integer({ min: 1, max: 300 }),
    width: fc.integer({ min: 1, max: 12 }),
    step: fc.integer({ min: 1, max: 4 }),
    gap: fc.integer({ min: 1, max: 4 }),
    isTransposed: fc.boolean(),
  })
  .map(({ size, width, step, gap, isTransposed }) => {
    const told = { shape: [size, width], strides: [gap * step, gap] };
    return tensor(isTransposed ? { shape: told.shape.reverse(), strides: told.strides.reverse() } : told);
  });

/** Tensors as slicing with steps makes them: every stride reaches over all that finer ones do, so no element lies on another. */
const slices = fc
  .record({
    dimensions: fc.array(
      fc.record({
        size: fc.integer({ min: 1, max: 30 }),
        step: fc.integer({ min: 1, max: 3 }),
        isFlipped: fc.boolean(),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    itemsize: fc.constantFrom(1, 4, 8),
  })
  .map(({ dimensions, itemsize }) => {
    let stride = 1;
    const strides = dimensions.map(({ size, step, isFlipped }) => {
      const own = stride * step;
      stride = own * size;
      return isFlipped ? -own : own;
    });
    return tensor({ shape: dimensions.map(({ size }) => size), strides, itemsize, data_ptr: 1 << 20 });
  });

describe("the lane of a tensor", () => {
  it.each<[string, Partial<Tensor>, [number, number][]]>([
    ["without gaps is one stretch", { shape: [2, 3] }, [[0, 24]]],
    ["that is transposed is one stretch too", { shape: [3, 2], strides: [1, 3] }, [[0, 24]]],
    ["begins where its first element lies", { shape: [3], data_ptr: 8 }, [[8, 20]]],
    [
      "that is a column has a stretch for every row",
      { shape: [2], strides: [3], data_ptr: 4 },
      [
        [4, 8],
        [16, 20],
      ],
    ],
    [
      "that is a corner has a stretch for every row",
      { shape: [2, 2], strides: [64, 1], data_ptr: 260 },
      [
        [260, 268],
        [516, 524],
      ],
    ],
    ["that is flipped lies below its first element", { shape: [4], strides: [-1], data_ptr: 12 }, [[0, 16]]],
    [
      "that is flipped and has gaps lies below it too",
      { shape: [2], strides: [-2], data_ptr: 8 },
      [
        [0, 4],
        [8, 12],
      ],
    ],
    ["that is a scalar is one element", { shape: [], data_ptr: 40, itemsize: 8 }, [[40, 48]]],
    ["of one element does not ask for its stride", { shape: [1], strides: [99] }, [[0, 4]]],
    ["that is expanded is what it was expanded from", { shape: [3, 5], strides: [1, 0] }, [[0, 12]]],
    ["of overlapping windows is what lies below them", { shape: [4, 3], strides: [1, 1] }, [[0, 24]]],
    ["of no elements is empty", { shape: [0, 64], strides: [64, 1] }, []],
  ])("%s", (_, told, expected) => {
    expect(expected).toEqual(stretches(laneOf(tensor(told), 0)));
  });

  it("is counted from where the block begins", () => {
    expect([[4, 16]]).toEqual(stretches(laneOf(tensor({ shape: [3], data_ptr: 1004 }), 1000)));
  });

  it.each<[string, Partial<Tensor>, number]>([
    ["one for each element", { shape: [2, 3] }, 1],
    ["five in one where it is expanded", { shape: [3, 5], strides: [1, 0] }, 5],
    ["two in one where windows lie half on each other", { shape: [4, 3], strides: [1, 1] }, 2],
    ["one where it is empty", { shape: [0] }, 1],
  ])("tells how many elements stand for each other: %s", (_, told, expected) => {
    expect(expected).toBe(laneOf(tensor(told), 0).fold);
  });

  it("of every other element is one stretch with half its bytes, where it has too many to draw", () => {
    const { runs, fold } = laneOf(tensor({ shape: [1000], strides: [2] }), 0);
    expect([{ low: 0, high: 7996, share: expect.closeTo(0.5, 3) }]).toEqual(runs);
    expect(1).toBe(fold);
  });

  it("of every other column keeps its rows apart, where these can be drawn", () => {
    const { runs } = laneOf(tensor({ shape: [100, 50], strides: [200, 2] }), 0);
    expect(100).toBe(runs.length);
    expect({ low: 800, high: 1196, share: expect.closeTo(200 / 396, 5) }).toEqual(runs[1]);
  });

  it("has every byte of every element, and where its pattern can be drawn no other", () => {
    fc.assert(
      fc.property(tensors, fc.nat(4000), (one, begin) => {
        const { runs } = laneOf(one, begin);
        const drawn = bytesIn(runs);
        const bytes = new Set(bytesOf(one).map((byte) => byte - begin));
        if (runs.every(({ share }) => share === 1)) {
          expect(bytes).toEqual(drawn);
        } else {
          expect([]).toEqual([...bytes].filter((byte) => !drawn.has(byte)));
          expect([Math.min(...bytes), Math.max(...bytes)]).toEqual([Math.min(...drawn), Math.max(...drawn)]);
        }
      }),
    );
  });

  it("is a rising list of stretches that do not touch, and never a long one", () => {
    fc.assert(
      fc.property(tensors, (one) => {
        const { runs } = laneOf(one, 0);
        expect(runs.length).toBeLessThanOrEqual(MAX_RUNS);
        expect(true).toBe(runs.every(({ low, high, share }) => low < high && 0 < share && share <= 1));
        expect(true).toBe(runs.every(({ low }, place) => low > (runs[place - 1]?.high ?? Number.NEGATIVE_INFINITY)));
      }),
    );
  });

  it("gives a pattern that is too fine to draw the share of its bytes", () => {
    fc.assert(
      fc.property(slices, (one) => {
        const { runs, fold } = laneOf(one, 0);
        expect(bytesOf(one).length).toBeCloseTo(covered(runs), 3);
        expect(1).toBe(fold);
      }),
    );
  });

  it("gives windows over a pattern that is too fine to draw the share of their bytes", () => {
    fc.assert(
      fc.property(windows, (one) => {
        const bytes = new Set(bytesOf(one));
        expect(bytes.size).toBeCloseTo(covered(laneOf(one, 0).runs), 3);
      }),
    );
  });

  it("counts how often bytes are shared, whatever the strides", () => {
    fc.assert(
      fc.property(tensors, (one) => {
        const bytes = bytesOf(one);
        const { runs, fold } = laneOf(one, 0);
        expect(true).toBe(Number.isInteger(fold) && fold >= 1);
        if (runs.every(({ share }) => share === 1) && bytes.length > 0) {
          expect(Math.round(bytes.length / new Set(bytes).size)).toBe(fold);
        }
      }),
    );
  });
});

describe("the block of a group", () => {
  it("spans its members from the lowest byte to the highest", () => {
    const middle = tensor({ shape: [2], data_ptr: 1008 });
    const flipped = tensor({ shape: [4], strides: [-1], data_ptr: 1012 });
    expect({ begin: 1000, size: 16 }).toEqual(blockOf([middle, flipped]));
  });

  it("spans exactly the bytes of any members", () => {
    fc.assert(
      fc.property(
        fc.array(
          tensors.filter(({ shape }) => !shape.includes(0)),
          { minLength: 1, maxLength: 3 },
        ),
        (members) => {
          const bytes = members.flatMap(bytesOf);
          const begin = Math.min(...bytes);
          expect({ begin, size: Math.max(...bytes) + 1 - begin }).toEqual(blockOf(members));
        },
      ),
    );
  });
});

describe("what is marked as changed", () => {
  const lane = laneOf(tensor(), 0);
  const elements = { changed: 6, total: 6, max_abs: 1, examples: [] };

  it("is nothing where the bytes are the same", () => {
    const clean = { runs: [], exact: true };
    expect(clean).toEqual(dirtyOf(lane, undefined, undefined));
    expect(clean).toEqual(dirtyOf(lane, change("x", { kind: "touched" }), undefined));
  });

  it("is the part that the kernel found", () => {
    const part = { runs: [[4, 8] as const], exact: false };
    const expected = { runs: [{ low: 4, high: 8, share: 1 }], exact: false };
    expect(expected).toEqual(dirtyOf(lane, change("x", { elements: { ...elements, changed: 1 } }), part));
  });

  it("is the whole lane, and surely so where every element changed", () => {
    expect({ runs: lane.runs, exact: true }).toEqual(dirtyOf(lane, change("x", { elements }), undefined));
    expect({ runs: lane.runs, exact: false }).toEqual(
      dirtyOf(lane, change("x", { elements: { ...elements, changed: null } }), undefined),
    );
    expect({ runs: lane.runs, exact: false }).toEqual(dirtyOf(lane, change("x"), undefined));
  });
});
