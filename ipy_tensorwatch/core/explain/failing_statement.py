"""The statement of a frame that raised, and the targets of its failing part."""

from __future__ import annotations

import ast
from contextlib import suppress
from typing import TYPE_CHECKING

from ..records.trace.cell_error import Spot  # noqa: TC001  (the examples make one)
from ..runtime.record import record
from ..statements.names_used import mentions_of
from ..statements.writes.statement_writes import targets_of
from ..syntax.ast_queries import covers_line, is_library, last_name, spell_path
from ..syntax.parsing import DEFINITIONS, parse_cell, parse_path, statements_around, walk_statements, without_blocks
from ..syntax.statement_text import header_end, spell_header
from ..syntax.syntax_tree import all_nodes, find_nodes, names_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from ..records.path import AccessPath
    from ..statements.writes.write_target import Target


@record
class Failing:
    """The statement that failed; of a compound statement its header only.

    Attributes
    ----------
    text
        Its source on one line.
    node
        Its node, without the statements inside it.
    part
        The expression in it that failed; None if not known, or if it is the whole statement.
    """

    line: int
    end_line: int
    text: str
    node: ast.stmt
    part: ast.expr | None

    def targets(self) -> list[Target]:
        """Return the targets that the failing part names as written, the outermost call's first."""
        found: list[Target] = []
        with suppress(RecursionError):  # an expression too deep for the recursion limit
            found = [] if self.part is None else [*targets_of(_as_statement(self.part))][::-1]
            found = found or [*targets_of(self.node)]
        return found

    def iterated(self) -> dict[str, list[AccessPath]]:
        """Map each name of a comprehension to the paths it iterates over: since Python 3.12 no frame keeps it."""
        parts = find_nodes(ast.comprehension, self.node)
        return {name: [*mentions_of(ast.Expr(value=part.iter))] for part in parts for name in names_in(part.target)}

    def mentions(self) -> list[AccessPath]:
        """Return the paths that the failing part reads."""
        found: list[AccessPath] = []
        with suppress(RecursionError):
            found = [*mentions_of(self.node if self.part is None else ast.Expr(value=self.part))]
        return found


def find_failing(source: str, spot: Spot) -> Failing | None:
    """Return the statement that a frame was at.

    Examples
    --------
    >>> find_failing("a = 1; w[0] = 2", Spot(file="", line=1, span=(1, 7, 1, 11), function="")).text
    'w[0] = 2'
    >>> find_failing("a = 1; w[0] = 2", Spot(file="", line=1, span=None, function=""))
    >>> find_failing("for i in x: w[i] = 2", Spot(file="", line=1, span=None, function="")).text
    'w[i] = 2'
    """
    tree = parse_cell(source)
    return None if tree is None else failing_in(tree, source.split("\n"), spot)


def failing_in(tree: ast.Module, lines: list[str], spot: Spot) -> Failing | None:
    """Return the statement of a parsed source that a frame was at; None if several beside each other may be it."""
    around = [*statements_around(tree.body, lambda one: _holds(one, spot))]
    if not around:
        return None
    node = max(around, key=lambda one: (one.lineno, one.col_offset))
    if not all(_ends(one) >= _ends(node) for one in around):  # Python 3.10 knows lines only
        return None
    bare = without_blocks(node)
    return Failing(
        line=node.lineno,
        end_line=header_end(node, lines)[0],
        text=spell_header(node, lines),
        node=bare,
        part=next(_parts(bare, spot), None),
    )


def find_writer(source: str, spot: Spot, names: Collection[str]) -> tuple[int, str] | None:
    r"""Return the only statement of a frame's function that writes to one of its names: its line and text.

    Examples
    --------
    >>> find_writer("def f(h):\n    h.add_(1)\n    g()", Spot(file="", line=3, span=None, function="f"), {"h"})
    (2, 'h.add_(1)')
    """
    tree, lines = parse_cell(source), source.split("\n")
    functions = [one for one in all_nodes(tree or ast.Module(body=[], type_ignores=[])) if isinstance(one, DEFINITIONS)]
    around = [one for one in functions if one.name == spot.function and covers_line(one, spot.line)]
    inside = [*walk_statements(around[-1].body)] if around else []
    paths = [parse_path(one) for one in names]
    found = [one for one in inside if any(path.leads_to(target.path) for target in targets_of(one) for path in paths)]
    if len(found) != 1:
        return None
    return found[0].lineno, spell_header(found[0], lines)


def _holds(node: ast.stmt, spot: Spot) -> bool:
    end = node.end_lineno or node.lineno
    if spot.span is None:
        return node.lineno <= spot.line <= end
    start, stop = spot.span[:2], spot.span[2:]
    return (node.lineno, node.col_offset) <= start and stop <= (end, node.end_col_offset or 0)


def _ends(node: ast.stmt) -> tuple[int, int]:
    return node.end_lineno or node.lineno, node.end_col_offset or 0


def _parts(node: ast.stmt, spot: Spot) -> Iterator[ast.expr]:
    for part in all_nodes(node):
        if isinstance(part, ast.expr):
            here = part.lineno, part.col_offset, part.end_lineno, part.end_col_offset
            if here == spot.span and isinstance(part, ast.Call | ast.Subscript):
                yield part


def _as_statement(part: ast.expr) -> ast.stmt:
    """Turn the failing expression, a call or an assigned item, into a statement."""
    if isinstance(part, ast.Subscript) and isinstance(part.ctx, ast.Store):
        return ast.Assign(targets=[part], value=ast.Constant(value=0))
    return ast.Expr(value=part)


def find_backward(node: ast.AST) -> ast.Call | None:
    """Return the call that runs a backward."""
    return next((one for one in find_nodes(ast.Call, node) if last_name(one.func) in {"backward", "grad"}), None)


def backward_root(node: ast.AST) -> str | None:
    """Return the variable that a backward starts from, as typed.

    Examples
    --------
    >>> backward_root(ast.parse("torch.autograd.grad(loss, w)"))
    'loss'
    """
    call = find_backward(node)
    if call is None:
        return None
    is_method = isinstance(call.func, ast.Attribute) and not is_library(call.func.value)
    begins = [call.func.value] if is_method and isinstance(call.func, ast.Attribute) else call.args[:1]
    return spell_path(begins[0]) if begins else None
