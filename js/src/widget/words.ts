/** Numbers and facts in words, spelled as in every other output. */

import type { Tensor } from "../report";

const UNITS = ["B", "KB", "MB", "GB", "TB"];

const WHOLE = /\.0$/;
const ROOT = /^[^.[]*/;

/** Whole numbers below are written out. */
const PLAIN = 1e6;

export function bytes(count: number): string {
  let size = count;
  let unit = 0;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${size.toFixed(1).replace(WHOLE, "")} ${UNITS[unit]}`;
}

export function seconds(duration: number): string {
  if (duration >= 1) {
    return `${brief(duration)} s`;
  }
  return duration >= 1e-3 ? `${brief(duration * 1e3)} ms` : `${brief(duration * 1e6)} µs`;
}

/** Three digits of a number; whole numbers stay whole. */
export function brief(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < PLAIN) {
    return String(value);
  }
  const [digits = "", exponent = ""] = value.toExponential(2).split("e");
  const power = Number(exponent);
  if (-4 <= power && power < 3) {
    return String(Number(value.toPrecision(3)));
  }
  return `${Number(digits)}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

export function count(number: number, noun: string): string {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

export function shape(sizes: readonly number[]): string {
  return sizes.length > 0 ? sizes.join("×") : "scalar";
}

/** The variable that a path begins with. */
export function root(path: string): string {
  return ROOT.exec(path)?.[0] || path;
}

/** What stands behind a lane: shape, version, and what autograd makes of the tensor. */
export function facts(tensor: Tensor): string {
  const version = tensor.kind === "ndarray" || tensor.version === null ? "" : `v${tensor.version}`;
  const grad = tensor.requires_grad ? (tensor.is_leaf ? "leaf, grad" : "grad") : "";
  const kind = tensor.kind === "ndarray" ? "NumPy" : "";
  return [shape(tensor.shape), kind, version, grad].filter(Boolean).join(" · ");
}

/** A whole tensor in one sentence, for a tooltip and for screen readers. */
export function description(tensor: Tensor): string {
  const { path, kind, dtype, device, span, unknown } = tensor;
  const place = unknown ? `memory not known: ${unknown}` : `bytes ${span[0]} to ${span[1]} of its storage`;
  const strides = tensor.strides.length > 0 ? `strides ${tensor.strides.join(", ")}` : "";
  return [path, kind, dtype, shape(tensor.shape), device, strides, place].filter(Boolean).join(" · ");
}

/** Whether a filter names a path: a part of it, in large or small letters. */
export function hasPart(path: string, filter: string): boolean {
  return path.toLowerCase().includes(filter.toLowerCase());
}
