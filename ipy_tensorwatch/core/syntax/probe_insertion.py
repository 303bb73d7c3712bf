"""Insert a probe before each of a cell's own statements; bodies of functions and classes stay as typed."""

from __future__ import annotations

import ast
import copy
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from ..runtime.record import record
from .parsing import walk_statements
from .syntax_tree import LOOPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    _Part = TypeVar("_Part", ast.ExceptHandler, ast.match_case)

_WITHS = (ast.With, ast.AsyncWith)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LOAD = ast.Load()
_MAX_BLOCKS = 20
"""How many loops, `with` and `try` may lie in each other; Python refuses to compile more."""
_PROBE_BLOCKS = 2
"""How many of these a probe takes: its `try`, and the handler of that."""
_MAX_DEPTH = 100
"""How many statements may lie in each other, as in a chain of `elif`; for more, our recursion is too deep."""


def instrument(tree: ast.Module, name: str) -> tuple[ast.Module, list[str]]:
    """Return a tree that calls `name.p<k>()` before statement `k`, and when control returns to its header.

    A Ctrl-C during a probe raises KeyboardInterrupt in the cell's own line: the probe returns true, and
    the cell calls `name.deliver()`. One that Python notices before our code has begun is raised again by the cell, so
    that no frame of ours appears in its traceback.

    The given tree is not modified. `k` is the statement's index in `statements_of(tree, …)`. The second result lists
    all names under which the tree finds its probes: each statement of the module that contains a loop has its own,
    declared `global` there. Python reads such a name in a third of the time, and refuses a declaration after a use.
    """
    indices = {id(node): index for index, node in enumerate(walk_statements(tree.body))}
    names, body, outer = [name], list[ast.stmt](), _Prober(name, indices)
    for position, node in enumerate(tree.body):
        inner = outer
        if has_loop := _has_loop(node):
            names.append(f"{name}{len(names)}")
            inner = _Prober(names[-1], indices)
        body += outer.statement(node, position, None, inner)
        if has_loop:
            _first_block(body[-1]).insert(0, inner.declaration(node))
    return ast.Module(body=body, type_ignores=tree.type_ignores), names


def can_instrument(tree: ast.Module) -> bool:
    """Return whether probes leave a tree one that Python compiles: its statements are not nested too deeply."""
    ahead: list[tuple[ast.AST, int, int]] = [(node, _PROBE_BLOCKS, 1) for node in tree.body]
    while ahead:
        node, blocks, depth = ahead.pop()
        if blocks > _MAX_BLOCKS or depth > _MAX_DEPTH:
            return False
        if not isinstance(node, _SCOPES):
            blocks += _most_blocks(node)
            ahead += [(part, blocks, depth + 1) for part in _statements_in(node)]
    return True


def _most_blocks(node: ast.AST) -> int:
    """Return how many blocks a statement makes once it is instrumented, or more."""
    if isinstance(node, _WITHS):
        return len(node.items) + 2  # what follows it, and what follows its body
    if type(node).__name__ in ("Try", "TryStar"):
        return 3  # its body, the handler in it, and the name of that
    return int(isinstance(node, LOOPS))


def _has_loop(node: ast.stmt) -> bool:
    if "body" not in node._fields and "cases" not in node._fields:
        return False
    return any(isinstance(one, LOOPS) for one in walk_statements([node]))


def _statements_in(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements directly inside one, those of its handlers and cases too."""
    for name in ("body", "orelse", "handlers", "cases", "finalbody"):
        parts = getattr(node, name, ())
        yield from parts if isinstance(parts, list) else ()


def _continues(node: ast.AST) -> bool:
    """Return whether a statement may begin the next turn of a loop around it."""
    if isinstance(node, ast.Continue):
        return True
    if isinstance(node, _SCOPES):
        return False
    return any(map(_continues, node.orelse if isinstance(node, LOOPS) else _statements_in(node)))


def _first_block(node: Any) -> list[ast.stmt]:  # noqa: ANN401  (any compound statement)
    block: list[ast.stmt] = (node.cases[0] if isinstance(node, ast.Match) else node).body
    return block


def make_probes(calls: Mapping[int, Callable[[], object]]) -> ModuleType:
    """Return the object that an instrumented tree uses: an attribute for each probe.

    It is a module because attributes of modules are the fastest to read, even after one was reassigned.
    """
    probes = ModuleType("probes")
    vars(probes).update({probe_name(index): call for index, call in calls.items()})
    vars(probes).update(deliver=bool, Interrupted=KeyboardInterrupt)
    return probes


def probe_name(index: int) -> str:
    """Return the attribute name of a statement's probe."""
    return f"p{index}"


def silence(probes: ModuleType) -> None:
    """Replace all probes by no-ops."""
    vars(probes).update((name, bool) for name in list(vars(probes)) if name != "Interrupted")


@record(kw_only=False)
class _Prober:
    name: str
    indices: Mapping[int, int]

    def block(self, body: Sequence[ast.stmt], loop: int | None, header: int | None) -> list[ast.stmt]:
        """Add probes to a block: `loop` is its enclosing loop, `header` the statement that runs again when it ends."""
        probed = [part for position, node in enumerate(body) for part in self.statement(node, position, loop, self)]
        if header is not None:
            probed.append(self._probe(header, body[-1]))
        return probed

    def statement(self, node: ast.stmt, position: int, loop: int | None, inner: _Prober) -> Iterator[ast.stmt]:
        """Yield a statement after its probe; `inner` adds those inside it."""
        index = self.indices[id(node)]
        if not _must_come_first(node, position):
            yield self._probe(loop if isinstance(node, ast.Continue) and loop is not None else index, node)
        new = inner.inside(node, index, loop)
        yield (
            self._finally([new], loop, node)
            if isinstance(node, _WITHS) and loop is not None and _continues(node)
            else new
        )

    def inside(self, node: ast.stmt, index: int, loop: int | None) -> ast.stmt:
        """Return a copy of a statement with probes inside it."""
        new = copy.copy(node)
        if isinstance(new, LOOPS):
            new.body = self.block(new.body, index, index)
            new.orelse = self.block(new.orelse, loop, None)
        elif isinstance(new, _WITHS):
            new.body = [self._finally(self.block(new.body, loop, None), index, new.body[-1])]
        elif isinstance(new, ast.If):
            new.body, new.orelse = self.block(new.body, loop, None), self.block(new.orelse, loop, None)
        elif isinstance(new, ast.Match):
            new.cases = [self._part(case, loop) for case in new.cases]
        elif isinstance(new, ast.Try) or type(new).__name__ == "TryStar":
            self._try(new, loop)  # type: ignore[arg-type]
        return new

    def _try(self, new: ast.Try, loop: int | None) -> None:
        new.body, new.orelse = self.block(new.body, loop, None), self.block(new.orelse, loop, None)
        new.finalbody = self.block(new.finalbody, loop, loop if new.finalbody and _continues(new) else None)
        new.handlers = [self._part(handler, loop) for handler in new.handlers]

    def _part(self, node: _Part, loop: int | None) -> _Part:
        new = copy.copy(node)
        new.body = self.block(new.body, loop, None)
        return new

    def _finally(self, body: list[ast.stmt], index: int, at: ast.stmt) -> ast.stmt:
        """Enter a statement whenever control leaves a block, also by an error, `break` or `continue`."""
        return ast.copy_location(ast.Try(body, [], [], [self._probe(index, at)]), at)

    def declaration(self, at: ast.stmt) -> ast.stmt:
        """Return the declaration of the probes' name as global, which runs no code."""
        return ast.copy_location(ast.Global([self.name]), at)

    def _probe(self, index: int, at: ast.stmt) -> ast.stmt:
        """Build `try: if name.p<k>(): name.deliver()`; an `if`, because IPython may display an expression's value."""
        line, column = at.lineno, at.col_offset
        place: Any = {"lineno": line, "col_offset": column, "end_lineno": line, "end_col_offset": column}
        # Attributes, because transformers of other extensions may rewrite number literals.
        ours = ast.Name(self.name, _LOAD, **place)
        interrupted = ast.Attribute(ours, "Interrupted", _LOAD, **place)
        entered = ast.Call(ast.Attribute(ours, probe_name(index), _LOAD, **place), [], [], **place)
        delivered = ast.Call(ast.Attribute(ours, "deliver", _LOAD, **place), [], [], **place)
        asked = ast.If(entered, [ast.Expr(delivered, **place)], [], **place)
        # The cell, or a function it calls, may restore the builtins from before it began.
        missing = ast.Name("NameError", _LOAD, **place)
        anew = ast.Raise(interrupted, ast.Constant(None, **place), **place)
        handlers = [
            ast.ExceptHandler(missing, None, [ast.Pass(**place)], **place),
            ast.ExceptHandler(interrupted, None, [anew], **place),
        ]
        return ast.Try([asked], handlers, [], [], **place)


def _must_come_first(node: ast.stmt, position: int) -> bool:
    """Return whether a statement must stay first to keep its meaning: `from __future__`, or a docstring."""
    if isinstance(node, ast.ImportFrom):
        return node.module == "__future__"
    return position == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
