"""Find lines that may have written memory that no variable leads to, from their text and the graph.

A line is reported only if no other fits; even then it is only likely.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from ..runtime.deadline import NEVER, Deadline
from ..runtime.record import record
from ..statements.rewrite_statement import parse_one, with_clones
from ..statements.writes.statement_writes import written_roots
from ..syntax.ast_queries import is_inplace_name, is_true, keyword, last_name, own_nodes
from ..syntax.parsing import parse_header
from ..syntax.syntax_tree import names_stored
from ..syntax.torch_vocabulary import METADATA
from .reached_lines import DefinitionReader, is_below

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from ..records.report_parts import Inner
    from ..records.trace.notebook import Notebook
    from ..statements.statement import Statement

_SIGNS: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.Pow: "pow",
}
_NODES = {"Dropout": "mul", "ReLU6": "hardtanh", "SELU": "elu", "RReLU": "rreluwithnoise"}
_UNCOUNTED = re.compile(r"\.(?:data|numpy|__array__|storage|untyped_storage)\b")
_SET_ITEM = "copyslices", "indexput"


@record
class CandidateLine:
    """A line that computes something.

    Attributes
    ----------
    statement
        The statement of the cell that led to it.
    inner
        The line, if it is in a function of the notebook.
    writes, makes
        The operators by which it writes in place, and those that it applies, as prefixes of node names.
    begins
        The first line of the function, in its cell.
    """

    statement: Statement
    inner: Inner | None
    writes: frozenset[str]
    makes: frozenset[str]
    begins: int = 0


def list_candidates(
    statements: Iterable[Statement], notebook: Notebook, deadline: Deadline = NEVER
) -> list[CandidateLine]:
    """List the lines of some statements and of the notebook functions that they may reach.

    The list is empty if the deadline passes: an incomplete list cannot single out a line.
    """
    found: dict[Inner | tuple[int, str], CandidateLine] = {}
    reader = DefinitionReader(notebook)
    for one in statements:
        if deadline.has_passed():
            return []
        node = parse_header(one.text) if (one.line, one.text) not in found else None
        if node is not None:
            found[one.line, one.text] = _candidate(one, node, None)
            for inner, line, _, begins in reader.reached(one, node):
                if inner not in found:
                    found[inner] = _candidate(one, line, inner, begins)
    return [*found.values()]


def only_writer(candidates: Iterable[CandidateLine], ops: Collection[str]) -> CandidateLine | None:
    """Return the only line that writes by an operator of these nodes; if there is none, the only line that writes."""
    writing = [one for one in candidates if one.writes and is_counted((one.inner or one.statement).text)]
    fitting = [one for one in writing if one.writes & {*map(stem, ops)}]
    likely = fitting or writing
    return likely[0] if len(likely) == 1 else None


def only_maker(candidates: Iterable[CandidateLine], op: str) -> CandidateLine | None:
    """Return the only line that applies a node's operator, by its name or its sign."""
    making = [one for one in candidates if stem(op) in one.makes]
    return making[0] if len(making) == 1 else None


def writer_of_result(candidates: Sequence[CandidateLine], op: str) -> CandidateLine | None:
    """Return the first line that writes to the variable to which the only line that applies an operator binds it.

    Other lines may write too: this one has written to what the node of the operator saved, its result.
    """
    maker = only_maker(candidates, op)
    name = _bound_to(maker.inner.text, op) if maker is not None and maker.inner is not None else None
    if maker is None or maker.inner is None or name is None:
        return None
    place, line = (maker.inner.cell, maker.begins), maker.inner.line
    beside = [(one.inner, one) for one in candidates if one.inner and (one.inner.cell, one.begins) == place]
    for inner, one in sorted(beside, key=lambda each: each[0].line):
        node = parse_one(inner.text) if inner.line > line else None
        if node is not None and one.writes and name in written_roots(node):
            return one if is_counted(inner.text) else None
        if node is not None and name in names_stored(node):
            return None
    return None


def _bound_to(text: str, op: str) -> str | None:
    """Return the variable that a line binds to the result of an operator."""
    match parse_one(text):
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=func)) if _operator(func) == stem(op):
            return name
    return None


def only_reader(candidates: Iterable[CandidateLine], names: Collection[str]) -> Inner | None:
    """Return the only line inside functions that reads one of these variables and uses the result."""
    inner = [one.inner for one in candidates if one.inner is not None and not one.writes]
    found = [one for one in inner if not isinstance(parse_one(one.text), ast.Expr) and with_clones(one.text, names)]
    return found[0] if len(found) == 1 else None


def quiet_modules(
    statements: Iterable[Statement], notebook: Notebook, ops: Collection[str], before: str
) -> tuple[str, ...]:
    """List the in-place modules reached by some statements that match one of these nodes.

    Parameters
    ----------
    before
        The node whose result was overwritten: among several modules, the one right after its module is chosen.
    """
    stems = {*map(stem, ops)}
    mentioned = {str(path) for one in statements for path in one.mentions}
    reached = {path for path in notebook.inplace if is_below(path, mentioned)}
    found = [path for path in notebook.classes if path in reached and _node_of(notebook.classes[path]) in stems]
    behind = [path for path in found if _node_of(notebook.classes.get(_neighbour(path), "")) == stem(before)]
    return tuple(behind if len(behind) == 1 else found)


def _node_of(kind: str) -> str:
    """Return the prefix of the name of the last node that a module of some class makes."""
    return _NODES.get(kind, kind.lower())


def _neighbour(path: str) -> str:
    """Return the spelled path of the preceding module in a sequence: `net[2]` for `net[3]`."""
    head, _, number = path.removesuffix("]").rpartition("[")
    return f"{head}[{int(number) - 1}]" if number.isdecimal() else ""


def is_counted(text: str) -> bool:
    """Return whether the version counter sees a statement's writes; other writes make nothing raise."""
    return _UNCOUNTED.search(text) is None


def stem(op: str) -> str:
    """Return the part of a node's name that it shares with its operator's.

    Examples
    --------
    >>> stem("MaskedFillBackward0"), stem("torch::autograd::CopySlices")
    ('maskedfill', 'copyslices')
    """
    return re.sub(r"Backward\d*$", "", op.rpartition("::")[2]).lower()


def _candidate(statement: Statement, node: ast.stmt, inner: Inner | None, begins: int = 0) -> CandidateLine:
    parts = own_nodes(node)
    calls = [part for part in parts if isinstance(part, ast.Call)]
    makes = {_operator(one.func) for one in calls}
    makes |= {_SIGNS.get(type(one.op), "") for one in (node, *parts) if isinstance(one, ast.BinOp | ast.AugAssign)}
    return CandidateLine(
        statement=statement,
        inner=inner,
        writes=frozenset(_writes(node, calls)),
        makes=frozenset(makes),
        begins=begins,
    )


def _writes(node: ast.stmt, calls: Iterable[ast.Call]) -> Iterator[str]:
    if isinstance(node, ast.AugAssign):
        yield _SIGNS.get(type(node.op), "")
    targets = node.targets if isinstance(node, ast.Assign) else []
    if any(isinstance(one, ast.Subscript) and not _is_name(one.slice) for one in targets):
        yield from _SET_ITEM
    for one in calls:
        name = last_name(one.func)
        works_in_place = (is_inplace_name(name) and name not in METADATA) or is_true(keyword(one, "inplace"))
        works_in_place |= keyword(one, "out") is not None
        if works_in_place and not name[:1].isupper():
            yield _operator(one.func)


def _operator(func: ast.expr) -> str:
    """Return the prefix of the names of the nodes that a call makes."""
    return last_name(func).replace("_", "").lower()


def _is_name(key: ast.expr) -> bool:
    return isinstance(key, ast.Constant) and isinstance(key.value, str)
