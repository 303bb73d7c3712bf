"""Random programs: cells like those that users type, executed while they are drawn, so that each statement is valid.

Each drawn statement runs at once in a separate namespace; one that raises is wrapped in `try`, so that the program
runs to its end and failing writes are part of it. (`from_dlpack` takes a `detach()`: an export holds the tensor, not
its memory, so `x.data = …` would free what the imported tensor still reads.) Every draw is a small choice, so that
Hypothesis can shrink a program.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st

from tests.support import oracle

PRELUDE = """\
import numpy as np
import torch
from torch.nn import functional as F

def bump(value):
    value += 1

def flip(value):
    value ^= True

def fill_first(value):
    value[0] = 5

def look(value):
    return value.sum()

def keep(value):
    return value

class Box:
    def __init__(self, value):
        self.value = value

    def grow(self):
        self.value += 1
"""

TENSORS = (
    "torch.arange(1, 7, dtype=torch.float32).reshape(2, 3)",
    "torch.arange(4.0)",
    "torch.arange(5, dtype=torch.int64)",
    "torch.arange(4, dtype=torch.bfloat16)",
    "torch.arange(6).reshape(3, 2) > 2",
    "torch.arange(6, dtype=torch.int16).reshape(3, 2)",
    "torch.arange(4, dtype=torch.uint8)",
    "torch.ones(3, dtype=torch.complex64)",
    "torch.arange(4, dtype=torch.float64).reshape(2, 2)",
    "torch.ones(3, requires_grad=True)",
    "torch.tensor(2.0)",
    "np.arange(4, dtype=np.float32)",
    "np.arange(6, dtype=np.int64).reshape(2, 3)",
    "np.array([True, False, True])",
)


@dataclass
class Statement:
    """One statement of a program.

    Attributes
    ----------
    rows
        Its lines.
    names
        For each line, counted from 0: the paths that the line names as its write targets.
    hints
        The same for paths that it names and may write, without being targets.
    """

    rows: list[str]
    names: dict[int, set[str]] = field(default_factory=dict)
    hints: dict[int, set[str]] = field(default_factory=dict)

    @classmethod
    def writing(cls, row: str, *names: str) -> Statement:
        """Make a line that names its write targets."""
        return cls([row], {0: set(names)})

    @classmethod
    def calling(cls, row: str, *hints: str) -> Statement:
        """Make a line that passes a path to a function known to write."""
        return cls([row], {}, {0: set(hints)})

    def under(self, head: str, *tail: str) -> Statement:
        """Indent the statement under a compound one."""
        down = {i + 1: p for i, p in self.names.items()}
        return Statement(
            [head, *("    " + r for r in self.rows), *tail], down, {i + 1: p for i, p in self.hints.items()}
        )


@dataclass
class Cell:
    """One cell of a program, with the write targets of each line, lines counted from 1."""

    source: str
    names: dict[int, set[str]]
    hints: dict[int, set[str]]


@dataclass
class Program:
    """A list of cells, printed as a notebook. The only error that a cell may raise is a division by zero."""

    cells: list[Cell]

    def __repr__(self) -> str:
        """Return the program as a percent-format file."""
        return "\n" + "\n".join(f"# %% [{i}]\n{c.source}" for i, c in enumerate(self.cells))


def _is_bool(value: Any) -> bool:
    return "bool" in str(value.dtype)


def _views_of(path: str, t: torch.Tensor) -> list[str]:
    flat = t.numel()
    found = [
        path,
        f"{path}[...]",
        f"{path}.detach()",
        f"{path}.data",
        f"{path}.clone()",
        f"{path}.unsqueeze(0)",
        f"keep({path})",
        f"torch.from_dlpack({path}.detach())",
    ]
    found += [
        f"{path}.contiguous()",
        f"{path}.expand(2, {', '.join(['-1'] * t.dim())})" if t.dim() else f"{path}.expand(2)",
    ]
    if t.dtype is not torch.bfloat16:
        found += [f"{path}.numpy()", f"np.asarray({path})", f"np.array({path})"]
    if t.dim() >= 1 and t.shape[0] >= 2:
        found += [
            f"{path}[0]",
            f"{path}[1:]",
            f"{path}[:1]",
            f"{path}[::2]",
            f"{path}[[0, 1]]",
            f"{path}.unfold(0, 2, 1)",
        ]
    if t.dim() == 2:
        found += [
            f"{path}.T",
            f"{path}[:, 0]",
            f"{path}[:, 1:]",
            f"{path}.reshape(-1)",
            f"{path}.flatten()",
            f"{path}.diagonal()",
        ]
    if t.is_contiguous() and t.dim() and flat:
        found += [f"{path}.view(-1)", f"{path}.view(torch.uint8)" if not t.requires_grad else f"{path}.view(-1)"]
    if t.is_complex():
        found += [f"{path}.real", f"{path}.imag", f"{path}.conj()"]
    return found


def _views_of_array(path: str, a: np.ndarray[Any, Any]) -> list[str]:
    found = [path, f"{path}[...]", f"{path}.copy()", f"{path}.reshape(-1)", f"np.asarray({path})"]
    if a.ndim and len(a) >= 2:
        found += [f"{path}[0:1]", f"{path}[1:]", f"{path}[::2]", f"{path}[::-1]", f"{path}.T"]
    if a.ndim and all(s >= 0 for s in a.strides):
        found += [f"torch.from_numpy({path})", f"torch.as_tensor({path})"]
        if a.flags.c_contiguous and a.size:
            found += [f"torch.frombuffer({path}, dtype=torch.uint8)"]
    return found


def _writes_to(path: str, value: Any) -> list[Statement]:
    if isinstance(value, np.ndarray):
        return _array_writes(path, value)
    named = Statement.writing
    if _is_bool(value):
        rows = [
            named(f"{path}.logical_not_()", path),
            named(f"{path} ^= True", path),
            named(f"torch.logical_not({path}, out={path})", path),
        ]
        rows.append(Statement([f"flip({path})"]))
    else:
        rows = [
            named(f"{path}.add_(1)", path),
            named(f"{path} += 1", path),
            named(f"torch.add({path}, 1, out={path})", path),
        ]
        rows += [
            named(f"{path}.mul_(2)", path),
            Statement([f"bump({path})"]),
            Statement.calling(f"torch._foreach_add_([{path}], 1)", path),
        ]
    rows += [named(f"{path}.data.fill_(1)", path), named(f"{path}.zero_()", path), named(f"{path}[...] = 1", path)]
    rows += [
        named(f"{path}.copy_(torch.ones({tuple(value.shape)}))", path),
        named(f"{path}.data = {path}.data.clone().logical_not()", path),
    ]
    rows += (
        [named(f"{path}.data = {path}.data + 1", path)]
        if value.dtype in (torch.float32, torch.int64, torch.float64)
        else []
    )
    rows += [
        Statement.calling(f"{path}.detach().fill_(3)", path),
        Statement.calling(f"torch.zeros_like({path}, out={path})", path),
    ]
    if value.dim() >= 1 and value.shape[0] >= 2:
        rows += [
            named(f"{path}[0] = 1", path),
            named(f"{path}[1:] = 4", path),
            Statement.calling(f"{path}[:1].fill_(6)", path),
            Statement([f"fill_first({path})"]),
        ]
        rows += [
            named(f"{path}[[0, 99]] = 8", path),
            named(f"{path}[0], {path}[1] = {path}[1].clone(), {path}[0].clone()", path),
        ]
        rows += [Statement([f"for row in {path}:", "    row.fill_(9)"], {1: {"row"}})]
    if not value.is_complex():
        rows += [named(f"{path}[{path} > 1] = 0", path)]
    return rows


def _array_writes(path: str, a: np.ndarray[Any, Any]) -> list[Statement]:
    named = Statement.writing
    if _is_bool(a):
        rows = [named(f"{path} ^= True", path), Statement([f"flip({path})"])]
    else:
        rows = [
            named(f"{path} += 1", path),
            named(f"np.add({path}, 1, out={path})", path),
            Statement([f"bump({path})"]),
        ]
    rows += [
        named(f"{path}[...] = 1", path),
        Statement.calling(f"{path}.fill(3)", path),
        Statement.calling(f"np.copyto({path}, 1)", path),
    ]
    if a.ndim and len(a) >= 2:
        rows += [
            named(f"{path}[0] = 2", path),
            named(f"{path}[1:] = 4", path),
            Statement([f"fill_first({path})"]),
            Statement.calling(f"{path}.sort()", path),
        ]
    return rows


@dataclass
class Writer:
    """Draws statements and runs each one at once."""

    draw: Any
    namespace: dict[str, Any] = field(default_factory=dict)
    fresh: Any = field(default_factory=lambda: itertools.count())

    def __post_init__(self) -> None:
        """Run the prelude."""
        exec(PRELUDE, self.namespace)

    def pick(self, options: list[Any]) -> Any:
        """Draw one option; shrinking prefers the first."""
        return self.draw(st.sampled_from(options))

    def arrays(self) -> dict[str, Any]:
        """Return the arrays that are small enough to stay fast, by path."""
        found = oracle.walk(self.namespace)
        return {
            p: a
            for p, a in found.items()
            if (a.size if isinstance(a, np.ndarray) else a.numel()) <= 48 and ".grad" not in p
        }

    def name(self) -> str:
        """Draw a name, new or already bound."""
        bound = [n for n in self.namespace if n[0] in "abc" and n[1:].isdigit()]
        new = f"a{next(self.fresh)}"
        return str(self.pick([new, new, *bound]))

    def statement(self) -> Statement:
        """Draw one statement and run it."""
        statement = self.pick([self.write, self.write, self.bind, self.contain, self.compound, self.other])()
        try:
            with oracle.warnings_are_no_errors():
                exec(compile("\n".join(statement.rows), "<program>", "exec"), self.namespace)
        except Exception as error:  # (whatever NumPy and PyTorch refuse)
            kind = next(one.__name__ for one in type(error).__mro__ if one.__module__ == "builtins")
            return statement.under("try:", f"except {kind}:", "    pass")
        return statement

    def create(self) -> Statement:
        """Bind a name to new memory."""
        return Statement([f"{self.name()} = {self.pick(list(TENSORS))}"])

    def bind(self) -> Statement:
        """Bind a name to a view, an alias or a copy of an existing array."""
        arrays = self.arrays()
        if not arrays:
            return self.create()
        path = self.pick(list(arrays))
        value = arrays[path]
        options = _views_of(path, value) if isinstance(value, torch.Tensor) else _views_of_array(path, value)
        name = (
            self.pick([path.split(".")[0].split("[")[0]])
            if self.draw(st.integers(0, 5)) == 5 and path.isidentifier()
            else self.name()
        )
        return Statement([f"{name} = {self.pick(options)}"])

    def contain(self) -> Statement:
        """Put arrays into lists and dicts, or take them out."""
        arrays = self.arrays()
        if not arrays:
            return self.create()
        one, two = self.pick(list(arrays)), self.pick(list(arrays))
        lists = [n for n, v in self.namespace.items() if isinstance(v, list) and n[0] == "b"]
        dicts = [n for n, v in self.namespace.items() if isinstance(v, dict) and n[0] == "c"]
        options = [f"b{len(lists)} = [{one}, {two}]", f"c{len(dicts)} = {{'u': {one}, 'v': {two}}}"]
        slots = {f"{name}[0]" for name in lists} | {f"{name}['u']" for name in dicts}
        boxes = [n for n in self.namespace if n[0] == "d" and n[1:].isdigit()]
        slots |= {f"{name}.value" for name in boxes}
        options += [f"d{len(boxes)} = Box({one})", *(f"{name}.value = {one}" for name in boxes)]
        options += [f"b{len(lists)} = [[{one}], ({two},)]", f"c{len(dicts)} = {{'u': [{one}], 3: {two}}}"]
        for name in lists:
            options += [f"{name} += [{one}]", f"{name}.reverse()", f"del {name}[0]"]
            options += [
                f"{name}.append({one})",
                f"{name}[0] = {one}",
                f"{name} = [{one}] * 3",
                f"{name} = {name}[1:] + {name}[:1]",
            ]
        for name in dicts:
            options += [f"{name}['u'] = {one}", f"{name} = dict({name})", f"{name}.pop('v', None)"]
        if isinstance(arrays[one], torch.Tensor) and arrays[one].dim():
            options.append(f"b{len(lists)} = list({one})")
        row = self.pick(options)
        return Statement([row], {}, {0: {s for s in slots if row.startswith(f"{s} = ")}})

    def write(self) -> Statement:
        """Write to an existing array."""
        arrays = self.arrays()
        if not arrays:
            return self.create()
        path = self.pick(list(arrays))
        options = _writes_to(path, arrays[path])
        if isinstance(arrays[path], torch.Tensor):
            options += self.roundabout(path)
        statement = self.pick(options)
        leaf = isinstance(arrays[path], torch.Tensor) and arrays[path].requires_grad
        return statement.under("with torch.no_grad():") if leaf else statement

    def roundabout(self, path: str) -> list[Statement]:
        """Return writes that do not name their target directly."""
        calls = [
            f"exec('{path}.zero_()')" if "'" not in path else f"eval({path + '.zero_()'!r})",
            f"(lambda v: v.zero_())({path})",
        ]
        calls += [
            f"[{path}.fill_(k) for k in range(3)]",
            f"assert {path}.zero_() is not None",
            f"{path}.view(-1).fill_(7)",
            f"{path}.T.zero_()",
        ]
        ways = [Statement.calling(c, path) for c in calls]
        target = self.name()
        is_its_own = self.namespace.get(target) is eval(path, self.namespace)
        ways += [
            Statement.writing(f"{target} = {path}.fill_(2)", path, *([target] if is_its_own else [])),
            Statement.writing(f"{path}.fill_(1).mul_(2)", path),
        ]
        boxes = [n for n in self.namespace if n[0] == "d" and n[1:].isdigit()]
        ways += [Statement.calling(f"{n}.grow()", f"{n}.value") for n in boxes]
        for name, items in self.namespace.items():
            if name[0] == "b" and isinstance(items, list) and items:
                ways += [Statement(["i = 0", f"{name}[i] += 1"], {1: {f"{name}[0]"}})]
        return ways

    def compound(self) -> Statement:
        """Put a write into a block, or define a function and call it."""
        inner = self.write()
        lists = [n for n, v in self.namespace.items() if isinstance(v, list) and n[0] == "b"]
        options = [
            inner.under("for i in range(2):"),
            inner.under("if True:"),
            inner.under("with torch.no_grad():"),
            inner.under("try:", "finally:", "    pass"),
            inner.under("while True:", "    break"),
            inner.under("for i in range(2):").under("with torch.no_grad():"),
            Statement(
                [*inner.under("def act():").rows, "act()"],
                {},
                {0: set().union(*inner.names.values(), *inner.hints.values())},
            ),
        ]
        options += [Statement([f"for item in {n}:", "    item += 1"], {1: {"item"}}, {1: self.items(n)}) for n in lists]
        options += [Statement([f"done = [bump(item) for item in {n}]"], {}, {0: self.items(n)}) for n in lists]
        return self.pick(options)

    def items(self, name: str) -> set[str]:
        """Return the paths of a list's items."""
        return {f"{name}[{i}]" for i in range(len(self.namespace[name]))}

    def other(self) -> Statement:
        """Draw a statement that writes to no tensor."""
        arrays = self.arrays()
        if not arrays:
            return self.create()
        path = self.pick(list(arrays))
        names = [n for n in self.namespace if n[0] in "abc" and n[1:].isdigit()] or ["a0"]
        one, two = self.pick(names), self.pick(names)
        return Statement(
            [self.pick([f"look({path})", f"del {one}", f"{one}, {two} = {two}, {one}", "pass", f"{one} = None"])]
        )


@st.composite
def programs(draw: Any) -> Program:
    """Draw a program of a few cells, each of a few statements."""
    writer = Writer(draw)
    cells = [Cell(PRELUDE, {}, {})]
    for number in range(draw(st.integers(2, 5))):
        drawn = []
        if number == 0:
            for _ in range(draw(st.integers(1, 3))):
                statement = writer.create()
                exec("\n".join(statement.rows), writer.namespace)
                drawn.append(statement)
        drawn += [writer.statement() for _ in range(draw(st.integers(0 if number == 0 else 1, 4)))]
        rows: list[str] = []
        cell = Cell("", {}, {})
        for statement in drawn:
            for told, into in ((statement.names, cell.names), (statement.hints, cell.hints)):
                for row, named in told.items():
                    into.setdefault(len(rows) + row + 1, set()).update(named)
            rows += statement.rows
        if draw(st.integers(0, 9)) == 9:
            rows.append("1 / 0")
        cell.source = "\n".join(rows)
        cells.append(cell)
    return Program(cells)
