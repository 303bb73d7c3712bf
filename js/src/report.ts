/** Generated from `ipy_tensorwatch/report.schema.json` by `npm run types`. */

/**
 * An access path, as a person would type it: model.layers[0].weight
 */
export type Path = string;

/**
 * What one notebook cell did to the tensors that the user's names lead to, and what shares memory after it.
 */
export interface Report {
  schema: 1;
  cell: Cell;
  /**
   * Every access path that leads to a tensor or an array after the cell.
   */
  tensors: Tensor[];
  /**
   * The access paths that lie in one block of memory, two or more of them.
   */
  groups: Group[];
  /**
   * What the cell did, one entry a path.
   */
  changes: Change[];
  /**
   * States that will make a later step raise or give a wrong result.
   */
  hazards: Hazard[];
  coverage: Coverage;
  /**
   * The operators that wrote, in order; recorded under %%tensordiff only.
   */
  writes: Write[];
}
/**
 * The cell that ran; durations in seconds.
 */
export interface Cell {
  count: number;
  source: string;
  status: "ok" | "error" | "interrupted";
  duration: number;
  overhead: number;
}
/**
 * One tensor or array, as one access path leads to it.
 */
export interface Tensor {
  path: Path;
  /**
   * tensor, parameter, buffer, ndarray, …
   */
  kind: string;
  /**
   * Serial number of the object, never reused while a kernel lives; below zero for what PyTorch makes anew whenever it is asked for, as the values of a sparse tensor.
   */
  object: number;
  /**
   * Serial number of the storage, never reused; 0 where there is none to speak of.
   */
  storage: number;
  device: string;
  dtype: string;
  itemsize: number;
  shape: number[];
  /**
   * In elements.
   */
  strides: number[];
  /**
   * Address of the first element; 0 where the memory cannot be told.
   */
  data_ptr: number;
  /**
   * The bytes [low, high) of the storage that the elements span.
   *
   * @minItems 2
   * @maxItems 2
   */
  span: [number, number];
  /**
   * The version counter; null where a tensor has none.
   */
  version: number | null;
  requires_grad: boolean;
  is_leaf: boolean;
  grad_fn: string | null;
  /**
   * Why the memory cannot be told (sparse, meta, lazy, …); null where span and strides are exact.
   */
  unknown: string | null;
}
/**
 * Access paths that lie in one block of memory.
 */
export interface Group {
  id: number;
  device: string;
  nbytes: number;
  /**
   * @minItems 2
   */
  members: [Path, Path, ...Path[]];
  /**
   * Every pair of members, up to a cap.
   */
  pairs: Pair[];
  /**
   * How many pairs lie beyond the cap.
   */
  pairs_left_out: number;
  /**
   * Where the sharing of these pairs began, as far as it is known.
   */
  origins: Origin[];
}
/**
 * How the memory of two access paths relates.
 */
export interface Pair {
  a: Path;
  b: Path;
  relation: "same-object" | "same-elements" | "overlap" | "disjoint" | "unknown";
}
/**
 * The statement after which two access paths were one memory.
 */
export interface Origin {
  a: Path;
  b: Path;
  cell: number;
  line: number;
  end_line: number;
  text: string;
  /**
   * What made them so: an operation by its name, `same object`, `slice`, `DLPack`, or `call`.
   */
  how: string;
  certainty: "observed" | "inferred";
  /**
   * The line inside a function of the notebook that made them one memory.
   */
  inner: Inner | null;
}
/**
 * A line inside a function of the notebook.
 */
export interface Inner {
  cell: number;
  line: number;
  text: string;
}
/**
 * What the cell did to one access path.
 */
export interface Change {
  path: Path;
  kind: "mutated" | "touched" | "bound" | "unbound" | "rebound" | "metadata";
  /**
   * Why the bytes differ; null unless they do.
   */
  cause:
    | "direct"
    | "call"
    | "alias"
    | "optimizer"
    | "backward"
    | "module"
    | "object"
    | "leftover"
    | "component"
    | "outside"
    | null;
  /**
   * Whether nobody would have expected it from reading the cell.
   */
  silent: boolean;
  /**
   * The variables through which the memory was written, when not through this path.
   */
  via: Path[];
  /**
   * The statements of the cell that wrote.
   */
  sites: Site[];
  /**
   * The statement of the cell that bound the path; then it is compared with what it was when it was bound.
   */
  born: Site | null;
  /**
   * The version counter before and after.
   *
   * @minItems 2
   * @maxItems 2
   */
  versions: [number | null, number | null];
  /**
   * Whether the version counter saw the write; null where nothing was written or there is no counter.
   */
  versioned: boolean | null;
  /**
   * Whether the bytes were compared.
   */
  verified: boolean;
  elements: Elements | null;
  /**
   * The metadata that changed.
   */
  fields: ("shape" | "strides" | "dtype" | "device" | "requires_grad" | "grad_fn" | "storage")[];
  /**
   * The cell after which the bytes were last known, when that is not the one before.
   */
  since: number | null;
  /**
   * Where the path and the first of `via` became one memory; null where that is not known.
   */
  shared_since: Origin | null;
  /**
   * What mends a silent change, mostly a copy where sharing began; null where nothing plain does, or where the change is not silent.
   */
  fix: Fix | null;
}
/**
 * The statement of the cell that wrote.
 */
export interface Site {
  line: number;
  end_line: number;
  text: string;
  certainty: "observed" | "inferred";
  /**
   * The innermost notebook line that wrote, inside a function that the cell called.
   */
  inner: Inner | null;
}
/**
 * How many elements changed, by how much at most, and the first few.
 */
export interface Elements {
  changed: number | null;
  total: number;
  /**
   * The largest finite difference; null where there is none or the elements are not numbers.
   */
  max_abs: number | null;
  examples: Example[];
}
/**
 * One element that changed; text where JSON has no such number.
 */
export interface Example {
  index: number[];
  before: number | string;
  after: number | string;
}
/**
 * What mends a hazard or a silent change.
 */
export interface Fix {
  title: string;
  /**
   * safe where all but what it mends comes out the same, unsafe where other results may change, display where there is nothing to apply.
   */
  applicability: "safe" | "unsafe" | "display";
  edits: Edit[];
}
/**
 * Lines of a cell to be replaced by others; where end_line is line - 1, the text goes before the line.
 */
export interface Edit {
  cell: number;
  line: number;
  end_line: number;
  /**
   * The new lines, indented as they are to stand there.
   */
  text: string;
}
/**
 * A state that will make a later step raise or give a wrong result, or of which the cell died.
 */
export interface Hazard {
  code: string;
  outcome: "raises" | "wrong" | "risk";
  paths: Path[];
  op: string | null;
  message: string;
  remedy: string;
  /**
   * What the remedy says, as edits of cells; null where nothing mends it.
   */
  fix: Fix | null;
  saved_at: Site | null;
  written_at: Site | null;
  /**
   * The cell of `saved_at`.
   */
  saved_cell: number | null;
  /**
   * The cell of `written_at`.
   */
  written_cell: number | null;
  /**
   * The number of the node that saved the tensor.
   */
  node: number | null;
  /**
   * Whether it has come true: it is the error that the cell ended with.
   */
  happened: boolean;
}
/**
 * How much of what is watched was compared byte by byte after this cell.
 */
export interface Coverage {
  tensors: number;
  bytes: number;
  verified_bytes: number;
  unverified: Unverified[];
  /**
   * Paths of which what changed them was not looked for to the end, for want of time.
   */
  curtailed: string[];
}
/**
 * A path whose bytes were not compared, and why.
 */
export interface Unverified {
  path: string;
  why: string;
}
/**
 * One operator that wrote.
 */
export interface Write {
  /**
   * The line that ran it; null where it ran outside the cell's own statements.
   */
  site: Site | null;
  /**
   * The operator, as aten.add_.
   */
  op: string;
  /**
   * The variables whose bytes it touched; none for a temporary.
   */
  paths: Path[];
  /**
   * How often it ran from this line on these variables.
   */
  times: number;
}
