/** Tensors, groups and changes as short as a test wants them. */

import type { Change, Group, Tensor } from "../src/report";

/** A tensor of 4-byte elements that lies at address 0 without gaps, unless told otherwise. */
export function tensor(told: Partial<Tensor> = {}): Tensor {
  const shape = told.shape ?? [6];
  const strides =
    told.strides ?? shape.map((_, place) => shape.slice(place + 1).reduce((total, size) => total * size, 1));
  const itemsize = told.itemsize ?? 4;
  const reach = shape.map((size, place) => Math.abs((size - 1) * (strides[place] ?? 0) * itemsize));
  const length = shape.includes(0) ? 0 : reach.reduce((total, one) => total + one, itemsize);
  return {
    path: "x",
    kind: "tensor",
    object: 1,
    storage: 1,
    device: "cpu",
    dtype: "torch.float32",
    itemsize,
    shape,
    strides,
    data_ptr: 0,
    span: [0, length],
    version: 0,
    requires_grad: false,
    is_leaf: true,
    grad_fn: null,
    unknown: null,
    ...told,
  };
}

export function group(members: Group["members"], told: Partial<Group> = {}): Group {
  return { id: 1, device: "cpu", nbytes: 24, members, pairs: [], pairs_left_out: 0, origins: [], ...told };
}

export function change(path: string, told: Partial<Change> = {}): Change {
  return {
    path,
    kind: "mutated",
    cause: "alias",
    silent: false,
    via: [],
    sites: [],
    born: null,
    versions: [0, 1],
    versioned: true,
    verified: true,
    elements: null,
    fields: [],
    since: null,
    shared_since: null,
    fix: null,
    ...told,
  };
}
