/** Where a tensor's bytes lie in its block. */

import type { Change, Tensor } from "../report";
import type { Part } from "./wire";

/** A stretch of bytes `[low, high)` of which `share` belong to the tensor: less than 1 is a pattern too fine to draw. */
export interface Run {
  readonly low: number;
  readonly high: number;
  readonly share: number;
}

export interface Lane {
  readonly runs: readonly Run[];
  /** How many elements stand for each other: 1, unless the tensor is expanded or overlaps itself. */
  readonly fold: number;
}

/** Finer patterns than this are drawn as one stretch. */
const MAX_RUNS = 120;

interface Dimension {
  readonly stride: number;
  readonly size: number;
}

/** Lay a tensor's bytes over a block that begins at an address. */
export function laneOf(tensor: Tensor, begin: number): Lane {
  const elements = tensor.shape.reduce((total, size) => total * size, 1);
  if (elements === 0) {
    return { runs: [], fold: 1 };
  }
  const { low, dimensions, folded } = normalized(tensor, begin);
  let [length, outer] = absorbed(tensor.itemsize, dimensions);
  let share = 1;
  while (outer.reduce((total, one) => total * one.size, 1) > MAX_RUNS) {
    const [inner, ...rest] = outer as [Dimension, ...Dimension[]];
    const extent = (inner.size - 1) * inner.stride + length;
    share *= Math.min(1, (inner.size * length) / extent);
    length = extent;
    outer = rest;
  }
  const runs = merged(spread(low, length, outer), share);
  const covered = runs.reduce((total, run) => total + (run.high - run.low) * run.share, 0);
  return { runs, fold: Math.max(folded, Math.round((elements * tensor.itemsize) / covered)) };
}

/** The lowest byte, the dimensions with the finest stride first, and how often stride 0 repeats the elements. */
function normalized(tensor: Tensor, begin: number): { low: number; dimensions: Dimension[]; folded: number } {
  let low = tensor.data_ptr - begin;
  let folded = 1;
  const dimensions: Dimension[] = [];
  tensor.shape.forEach((size, place) => {
    const stride = (tensor.strides[place] ?? 0) * tensor.itemsize;
    low += Math.min(0, (size - 1) * stride);
    if (stride === 0) {
      folded *= size;
    } else if (size > 1) {
      dimensions.push({ stride: Math.abs(stride), size });
    }
  });
  return { low, dimensions: joined(dimensions.sort((a, b) => a.stride - b.stride)), folded };
}

/** Dimensions that step onto each other's elements are one: windows over every other element are every other element. */
function joined(dimensions: readonly Dimension[]): Dimension[] {
  const result: Dimension[] = [];
  for (const { stride, size } of dimensions) {
    const inner = result.at(-1);
    if (inner && stride % inner.stride === 0 && stride <= inner.size * inner.stride) {
      result[result.length - 1] = { ...inner, size: inner.size + ((size - 1) * stride) / inner.stride };
    } else {
      result.push({ stride, size });
    }
  }
  return result;
}

/** Take the dimensions that leave no gap into the length of one run. */
function absorbed(itemsize: number, dimensions: readonly Dimension[]): [number, readonly Dimension[]] {
  let length = itemsize;
  let place = 0;
  for (const { stride, size } of dimensions) {
    if (stride > length) {
      break;
    }
    length += (size - 1) * stride;
    place += 1;
  }
  return [length, dimensions.slice(place)];
}

function spread(low: number, length: number, dimensions: readonly Dimension[]): [number, number][] {
  let begins = [low];
  for (const { stride, size } of dimensions) {
    begins = begins.flatMap((begin) => Array.from({ length: size }, (_, index) => begin + index * stride));
  }
  return begins.sort((a, b) => a - b).map((begin) => [begin, begin + length]);
}

function merged(stretches: readonly [number, number][], share: number): Run[] {
  const runs: Run[] = [];
  for (const [low, high] of stretches) {
    const last = runs.at(-1);
    if (last && low <= last.high) {
      runs[runs.length - 1] = { ...last, high: Math.max(last.high, high) };
    } else {
      runs.push({ low, high, share });
    }
  }
  return runs;
}

/** What a cell did to the bytes of one lane: not exact where it is only known that some of these changed. */
export interface Dirty {
  readonly runs: readonly Run[];
  readonly exact: boolean;
}

const CLEAN: Dirty = { runs: [], exact: true };

/** Where a change is to be marked: in the whole lane, in the part that the kernel found, or somewhere in the lane. */
export function dirtyOf(lane: Lane, change: Change | undefined, part: Part | undefined): Dirty {
  if (change?.kind !== "mutated") {
    return CLEAN;
  }
  if (part) {
    return { runs: part.runs.map(([low, high]) => ({ low, high, share: 1 })), exact: part.exact };
  }
  const { elements } = change;
  return { runs: lane.runs, exact: elements !== null && elements.changed === elements.total };
}

/** A group's block of memory, as the span of addresses `[begin, begin + size)`. */
export function blockOf(members: readonly Tensor[]): { begin: number; size: number } {
  const spans = members.map(spanOf);
  const begin = Math.min(...spans.map(([low]) => low));
  return { begin, size: Math.max(...spans.map(([, high]) => high)) - begin };
}

/** The addresses of a tensor's first byte and of the byte behind its last. */
function spanOf(tensor: Tensor): [number, number] {
  const below = tensor.shape.reduce((total, size, place) => {
    const reach = Math.max(0, size - 1) * (tensor.strides[place] ?? 0) * tensor.itemsize;
    return total + Math.min(0, reach);
  }, 0);
  const low = tensor.data_ptr + below;
  return [low, low + tensor.span[1] - tensor.span[0]];
}
