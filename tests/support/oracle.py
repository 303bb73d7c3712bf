"""The true changes, by brute-force comparison of bytes: an oracle that shares no code with the package.

It may be slow and may hold tensors: it runs the same cells in a plain namespace of its own.
"""

from __future__ import annotations

import ast
import itertools
import sys
import types
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Array: TypeAlias = "torch.Tensor | np.ndarray[Any, Any]"

SKIPPED = (
    types.ModuleType,
    types.FunctionType,
    types.BuiltinFunctionType,
    type,
    torch.Generator,
    np.random.Generator,
    torch.optim.Optimizer,
)
"""Types that are not searched for tensors; paths in optimizers are given by the test one by one."""

DEPTH = 6


# ---------------------------------------------------------------- what there is


def walk(namespace: Mapping[str, Any]) -> dict[str, Array]:
    """Return every tensor and array that a name leads to, by access path."""
    found: dict[str, Array] = {}
    for name, value in namespace.items():
        if not name.startswith("_") and name not in ("In", "Out", "get_ipython", "exit", "quit", "open"):
            found.update(_walk_value(name, value, ()))
    return found


def _walk_value(path: str, value: Any, above: tuple[int, ...]) -> Iterator[tuple[str, Array]]:
    if isinstance(value, SKIPPED) or id(value) in above or len(above) > DEPTH:
        return
    above = (*above, id(value))
    if isinstance(value, torch.Tensor):
        yield path, value
        if (grad := _gradient(value)) is not None:
            yield f"{path}.grad", grad
    elif isinstance(value, np.ndarray):
        if not value.dtype.hasobject:
            yield path, value
    elif isinstance(value, torch.nn.Module):
        yield from _walk_module(path, value, above)
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        for name in value._fields:
            yield from _walk_value(f"{path}.{name}", getattr(value, name), above)
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from _walk_value(f"{path}[{i}]", item, above)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _walk_value(f"{path}[{key!r}]", item, above)
    else:
        for name, item in list(getattr(value, "__dict__", {}).items()):
            if not name.startswith("__"):
                yield from _walk_value(f"{path}.{name}", item, above)


def _gradient(tensor: torch.Tensor) -> torch.Tensor | None:
    try:
        return tensor.grad if tensor.is_leaf or tensor.retains_grad else None
    except RuntimeError:  # a view that a write to its base made invalid
        return None


def _walk_module(path: str, module: torch.nn.Module, above: tuple[int, ...]) -> Iterator[tuple[str, Array]]:
    listed = isinstance(module, (torch.nn.Sequential, torch.nn.ModuleList, torch.nn.ParameterList))
    keyed = isinstance(module, (torch.nn.ModuleDict, torch.nn.ParameterDict))
    parts: dict[str, Any] = {**module._parameters, **module._buffers, **module._modules}
    own = {n: v for n, v in vars(module).items() if not n.startswith("_")}
    for name, item in parts.items():
        step = f"[{name}]" if listed and name.isdigit() else f"[{name!r}]" if keyed else f".{name}"
        yield from _walk_value(path + step, item, above)
    for name, item in own.items():
        yield from _walk_value(f"{path}.{name}", item, above)


def look_up(path: str, namespace: Mapping[str, Any]) -> Array | None:
    """Evaluate an access path; return None if it leads to no tensor or array."""
    try:
        value = eval(path, dict(namespace))
    except (SyntaxError, NameError, KeyError, IndexError, AttributeError, TypeError):
        return None
    return value if isinstance(value, (torch.Tensor, np.ndarray)) else None


# ---------------------------------------------------------------- bytes


def own_bytes(array: Array) -> bytes:
    """Return the bytes of the elements of one array, in logical order."""
    if isinstance(array, np.ndarray):
        return array.tobytes()
    with torch.no_grad(), torch._C.DisableTorchFunction():
        t = array.detach()
        if t.layout is not torch.strided:
            t = t.coalesce() if t.layout is torch.sparse_coo and t.is_coalesced() else t
            parts = (
                (t._indices(), t._values())
                if t.layout is torch.sparse_coo
                else (t.crow_indices(), t.col_indices(), t.values())
            )
            return b"|".join(own_bytes(p) for p in parts)
        if t.numel() == 0:
            return b""
        if t.dtype is torch.bool:
            t = t.view(torch.uint8)  # a copy of booleans would make every true byte a 1
        dense = torch.empty(t.numel(), dtype=t.dtype).copy_(t.resolve_conj().resolve_neg().reshape(-1))
        return dense.view(torch.uint8).numpy().tobytes()


def geometry(array: Array) -> tuple[Any, ...]:
    """Return address, layout and dtype of the elements."""
    if isinstance(array, np.ndarray):
        return (array.ctypes.data, str(array.dtype), array.shape, array.strides)
    if array.layout is not torch.strided:
        return (str(array.layout), str(array.dtype), tuple(array.shape))
    strides = tuple(s * array.element_size() for s in array.stride())
    return (array.data_ptr(), str(array.dtype), tuple(array.shape), strides)


def addresses(array: Array) -> set[int]:
    """Return the address of every byte of every element."""
    if isinstance(array, torch.Tensor) and array.layout is not torch.strided:
        return set()
    start, _, shape, strides = geometry(array)
    size = array.itemsize if isinstance(array, np.ndarray) else array.element_size()
    offsets = (
        sum(i * s for i, s in zip(index, strides, strict=True)) for index in itertools.product(*map(range, shape))
    )
    return {start + offset + k for offset in offsets for k in range(size)}


@dataclass
class Copy:
    """A copy of one array: the object itself, its geometry, and its bytes."""

    array: Array
    where: tuple[Any, ...]
    content: bytes
    version: int | None

    @classmethod
    def of(cls, array: Array) -> Copy:
        """Copy the current state of an array."""
        has_version = isinstance(array, torch.Tensor) and not array.is_inference()
        return cls(array, geometry(array), own_bytes(array), array._version if has_version else None)

    def judge(self, after: Array) -> str:
        """Return `same`, `mutated`, `rebound`, or `reshaped` if the elements are not comparable one by one."""
        if after is not self.array:
            return "rebound"
        where, content = geometry(after), own_bytes(after)
        if where[1:] == self.where[1:]:
            return "same" if content == self.content else "mutated"
        return "reshaped"

    def changed_elements(self) -> int:
        """Return the number of elements whose bits differ; shape, strides and dtype must be unchanged."""
        size = max(1, self.array.itemsize if isinstance(self.array, np.ndarray) else self.array.element_size())
        now = own_bytes(self.array)
        return sum(self.content[i : i + size] != now[i : i + size] for i in range(0, len(now), size))


def copies(namespace: Mapping[str, Any], also: tuple[str, ...] = ()) -> dict[str, Copy]:
    """Copy all arrays that names and the extra paths lead to."""
    found = walk(namespace)
    for path in also:
        array = look_up(path, namespace)
        if array is not None:
            found.setdefault(path, array)
    return {path: Copy.of(array) for path, array in found.items()}


@dataclass
class Verdict:
    """What one cell did to every path, from the bytes.

    Attributes
    ----------
    reshaped
        Paths of the same object whose elements are not comparable one by one.
    moved
        Paths of the same object with another geometry.
    born
        The lines that bound the mutated paths that the cell bound itself.
    counts
        For mutated paths, (changed elements, all elements).
    """

    mutated: set[str] = field(default_factory=set)
    reshaped: set[str] = field(default_factory=set)
    rebound: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)
    bound: set[str] = field(default_factory=set)
    unbound: set[str] = field(default_factory=set)
    born: dict[str, int] = field(default_factory=dict)
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    versions: dict[str, tuple[int | None, int | None]] = field(default_factory=dict)


def compare(before: Mapping[str, Copy], after: Mapping[str, Array]) -> Verdict:
    """Classify every path by the copies taken before."""
    verdict = Verdict(bound=after.keys() - before.keys(), unbound=before.keys() - after.keys())
    for path in before.keys() & after.keys():
        outcome = before[path].judge(after[path])
        if outcome != "same":
            getattr(verdict, outcome).add(path)
        if outcome == "mutated":
            array = after[path]
            verdict.counts[path] = (
                before[path].changed_elements(),
                array.size if isinstance(array, np.ndarray) else array.numel(),
            )
        if outcome != "rebound" and geometry(after[path]) != before[path].where:
            verdict.moved.add(path)
        if outcome in ("same", "mutated"):
            verdict.versions[path] = (before[path].version, Copy.of(after[path]).version)
    return verdict


# ---------------------------------------------------------------- pairs


def relation(a: Array, b: Array) -> set[str]:
    """Return the true relations of a pair; more than one only if the same bytes are read in another way."""
    if a is b:
        return {"same-object"}
    mine, theirs = addresses(a), addresses(b)
    if not mine & theirs:
        return {"disjoint"}
    if geometry(a) == geometry(b):
        return {"same-elements"}
    return {"same-elements", "overlap"} if mine == theirs else {"overlap"}


def same_storage(a: Array, b: Array) -> bool:
    """Return whether two tensors lie in one storage."""
    if not (isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor)):
        return False
    return a.layout is b.layout is torch.strided and a.untyped_storage()._cdata == b.untyped_storage()._cdata


def all_relations(arrays: Mapping[str, Array]) -> dict[frozenset[str], set[str]]:
    """Return the true relations of every pair that has a byte in common or lies in one storage."""
    found = {}
    for (p, a), (q, b) in itertools.combinations(arrays.items(), 2):
        true = relation(a, b)
        if true != {"disjoint"} or (same_storage(a, b) and addresses(a) and addresses(b)):
            found[frozenset((p, q))] = true
    return found


# ---------------------------------------------------------------- lines


@dataclass
class Birth:
    """What a line of a cell bound a path to, and the lines that changed it since, or only increased its version."""

    line: int
    copy: Copy
    lines: set[int] = field(default_factory=set)
    idle: set[int] = field(default_factory=set)


@dataclass
class Written:
    """The lines of a cell that changed the bytes of each path, from a comparison at every line event.

    Attributes
    ----------
    lines
        For each path, the lines that changed its bytes.
    idle
        For each path, the lines that only increased its version counter.
    born
        The paths that the cell bound, gradients excluded; one that was bound again is another tensor.
    left
        For each path, the lines that changed what it led to before a later line bound it to another tensor.
    error
        The error of the cell.
    """

    born: dict[str, Birth] = field(default_factory=dict)
    lines: dict[str, set[int]] = field(default_factory=dict)
    idle: dict[str, set[int]] = field(default_factory=dict)
    busy: set[int] = field(default_factory=set)
    left: dict[str, set[int]] = field(default_factory=dict)
    error: BaseException | None = None

    def tell_born(self, verdict: Verdict, after: Mapping[str, Array]) -> None:
        """Add to a verdict what was bound and then changed, with its lines."""
        for path, birth in self.born.items():
            if path in after and path not in verdict.versions and birth.copy.judge(after[path]) == "mutated":
                verdict.mutated.add(path)
                verdict.born[path] = birth.line
                size = after[path].size if isinstance(after[path], np.ndarray) else after[path].numel()
                verdict.counts[path] = birth.copy.changed_elements(), size
                verdict.versions[path] = birth.copy.version, Copy.of(after[path]).version
                self.lines[path], self.idle[path] = birth.lines, birth.idle
            elif path in after and birth.copy.judge(after[path]) == "reshaped":
                verdict.reshaped.add(path)


@contextmanager
def warnings_are_no_errors() -> Iterator[None]:
    """Allow warnings, as in a notebook."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@warnings_are_no_errors()
def run_by_line(source: str, namespace: dict[str, Any], sharing: Sharing | None = None) -> Written:
    """Run a cell under `sys.settrace`, comparing bytes at every new line."""
    code = compile(source, "<cell>", "exec")
    heads = _statement_lines(source)
    first, latest = walk(namespace), dict[str, Copy]()
    watched = {path: Copy.of(array) for path, array in first.items()}
    written = Written()
    last = [0]

    held: dict[str, tuple[Array, set[int]]] = {path: (array, set()) for path, array in first.items()}
    contents = {path: Copy.of(array).content for path, array in first.items()}

    def settle_left() -> None:
        now = walk(namespace)
        for path, (array, lines) in [*held.items()]:
            if now.get(path) is not array:
                if lines:
                    written.left[path] = written.left.get(path, set()) | lines
                del held[path], contents[path]
            elif (content := own_bytes(array)) != contents[path]:
                lines.add(last[0])
                contents[path] = content
        for path, array in now.items():
            if path not in held:
                held[path], contents[path] = (array, set()), own_bytes(array)

    def settle() -> None:
        if sharing is not None:
            sharing.settle(namespace, last[0])
        settle_left()
        settle_born()
        for path, copy in watched.items():
            now = Copy.of(copy.array)
            if now.content != copy.content:
                written.lines.setdefault(path, set()).add(last[0])
                written.busy.add(last[0])
            elif now.version != copy.version:
                written.idle.setdefault(path, set()).add(last[0])
            watched[path] = now
        for path, array in walk(namespace).items():
            birth = written.born.get(path)
            if path.endswith(".grad") or (birth is not None and birth.copy.array is array):
                continue
            if birth is not None or path not in first or first[path] is not array:
                written.born[path] = Birth(last[0], Copy.of(array))
                latest[path] = written.born[path].copy

    def settle_born() -> None:
        for path, birth in written.born.items():
            now = Copy.of(birth.copy.array)
            if now.content != latest[path].content:
                birth.lines.add(last[0])
                written.busy.add(last[0])
            elif now.version != latest[path].version:
                birth.idle.add(last[0])
            latest[path] = now

    def trace(frame: types.FrameType, event: str, _: object) -> Callable[..., Any] | None:
        if frame.f_code is not code:
            return None
        if event in ("line", "return"):
            settle()
            last[0] = heads.get(frame.f_lineno, frame.f_lineno)
        return trace

    outer = sys.gettrace()
    sys.settrace(trace)
    try:
        exec(code, namespace)
    except Exception as error:
        written.error = error
    finally:
        sys.settrace(outer)
    settle()
    return written


@dataclass
class Sharing:
    """Since which cell and line each pair of paths has had a byte in common, without a break.

    Attributes
    ----------
    cell
        The count of the cell that runs.
    """

    cell: int = 0
    since: dict[frozenset[str], tuple[int, int]] = field(default_factory=dict)

    def settle(self, namespace: Mapping[str, Any], line: int) -> None:
        """Compare all pairs after a line."""
        bytes_of = {path: addresses(array) for path, array in walk(namespace).items()}
        pairs = itertools.combinations(bytes_of.items(), 2)
        now = [frozenset((p, q)) for (p, one), (q, two) in pairs if not one.isdisjoint(two)]
        self.since = {pair: self.since.get(pair, (self.cell, line)) for pair in now}


def _statement_lines(source: str) -> dict[int, int]:
    """Map every line to the first line of its innermost statement."""
    heads: dict[int, int] = {}
    for node in ast.walk(ast.parse(source)):  # breadth first: inner statements come later and win
        if isinstance(node, ast.stmt):
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                heads[line] = node.lineno
    return heads


# ---------------------------------------------------------------- lines inside functions

Inside: TypeAlias = "tuple[int, tuple[int, int] | None]"
"""A line of the cell, and the (cell, line) inside a function that it called; None if it wrote itself."""


@warnings_are_no_errors()
def run_inside(cells: list[str]) -> dict[str, set[Inside]]:
    """Run cells in their own namespace; return for each path the lines at which the last cell changed its bytes."""
    namespace: dict[str, Any] = {}
    codes = [compile(source, f"<cell {k}>", "exec") for k, source in enumerate(cells, 1)]
    heads = {f"<cell {k}>": _statement_lines(source) for k, source in enumerate(cells, 1)}
    numbers = {code.co_filename: k for k, code in enumerate(codes, 1)}
    for code in codes[:-1]:
        exec(code, namespace)
    watched = {path: Copy.of(array) for path, array in walk(namespace).items()}
    written: dict[str, set[Inside]] = {}
    last: list[Inside] = [(0, None)]

    def settle() -> None:
        for path, copy in watched.items():
            now = Copy.of(copy.array)
            if now.content != copy.content:
                written.setdefault(path, set()).add(last[0])
                watched[path] = now

    def locate(frame: types.FrameType | None) -> Inside:
        inner = None
        while frame is not None and frame.f_code is not codes[-1]:
            name = frame.f_code.co_filename
            if inner is None and name in numbers and frame.f_code not in codes:
                inner = numbers[name], heads[name].get(frame.f_lineno, frame.f_lineno)
            frame = frame.f_back
        own = heads[codes[-1].co_filename].get(frame.f_lineno, 0) if frame else 0
        return own, None if inner == (len(cells), own) else inner

    def trace(frame: types.FrameType, event: str, _: object) -> Callable[..., Any] | None:
        if frame.f_code.co_filename not in numbers:
            return None
        settle()
        last[0] = locate(frame.f_back if event == "return" else frame)
        return trace

    outer = sys.gettrace()
    sys.settrace(trace)
    try:
        exec(codes[-1], namespace)
    except Exception:
        pass  # a cell that raises has written too
    finally:
        sys.settrace(outer)
    settle()
    return written
