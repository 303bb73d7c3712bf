"""Find loops that write to a tensor and keep it, or a view of it, in each of their turns."""

from __future__ import annotations

import ast
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING

from ...records.path import is_part_of
from ...syntax.ast_queries import COMPREHENSIONS, is_inplace_name, last_name, own_nodes, spell_item
from ...syntax.parsing import blocks_of, parse_header, walk_statements
from ...syntax.syntax_tree import LOOPS, all_nodes
from ...syntax.torch_vocabulary import FRESH, VIEW_ATTRIBUTES, VIEWS
from .statement_writes import targets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_TIGHT = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)
_SHARING = frozenset(("as_tensor", "asarray", "from_dlpack", "from_numpy", "frombuffer"))
_MAKING = frozenset(("arange", "array", "empty", "full", "ones", "rand", "randint", "randn", "tensor", "zeros"))
_OF_GRADIENTS = frozenset(("backward", "zero_grad"))
_KEEPING = frozenset(("add", "append", "appendleft", "extend", "insert", "push", "put"))


def _is_any(_: str) -> bool:
    return True


def refilled_in_loop(
    tree: ast.AST, into: str | None = None, may_hold: Callable[[str], bool] = _is_any
) -> ast.stmt | None:
    r"""Return the first statement in a loop that writes to what the same loop yields or puts into a container.

    Parameters
    ----------
    into
        The only variable whose containers count; any if None.
    may_hold
        Returns whether a variable may lead to memory.

    Examples
    --------
    >>> found = refilled_in_loop(ast.parse("for i in range(3):\n    buf.fill_(i)\n    kept.append(buf)"))
    >>> ast.unparse(found)
    'buf.fill_(i)'
    """
    return _refilled(tree, LOOPS, partial(paths_put_by, into=into, may_hold=may_hold))


def refilled_and_returned(tree: ast.AST) -> ast.stmt | None:
    """Return the first statement of a function that writes to what the same function returns."""
    return _refilled(tree, _FUNCTIONS, _returned_by)


def refilled_and_put(tree: ast.AST) -> ast.stmt | None:
    """Return the first statement of a function that writes to what the same function puts into a container."""
    return _refilled(tree, _FUNCTIONS, paths_put_by)


def _returned_by(node: ast.stmt) -> Iterable[str]:
    return paths_of(node.value) if isinstance(node, ast.Return) else ()


def refilled_by_itself(node: ast.stmt) -> bool:
    """Return whether a statement has a comprehension that writes to what it keeps: `[buf.fill_(i) for i in x]`."""
    parts = own_nodes(node)
    return writes_to(node, {path for part in parts for path in paths_of(kept_each_turn(part))})


def kept_each_turn(node: ast.AST) -> ast.expr | None:
    """Return what a comprehension keeps in each turn; None if the node is no comprehension that keeps anything."""
    match node:
        case ast.ListComp(elt=kept) | ast.SetComp(elt=kept) | ast.DictComp(value=kept):
            return kept
        case _:
            return None


def keeping_copies(text: str, copy: str, places: Collection[Sequence[str]] = ((),)) -> str | None:
    """Return a statement that keeps a copy of each tensor; None if it is not known how to spell it.

    Parameters
    ----------
    places
        The steps from what the container keeps each time to each of the tensors.

    Examples
    --------
    >>> keeping_copies("kept.append(buf)", ".clone()"), keeping_copies("all = list(stream())", ".clone()")
    ('kept.append(buf.clone())', 'all = [one.clone() for one in stream()]')
    >>> keeping_copies("kept.append((s, 1, t))", ".copy()", [["[0]"], ["[2]"]])
    'kept.append((s.copy(), 1, t.copy()))'
    >>> keeping_copies("return buf", ".clone()"), keeping_copies("all = list(pool.map(f, xs))", ".clone()")
    ('return buf.clone()', None)
    """
    node = deepcopy(parse_header(text))  # parsed once for all, and changed here
    match node:
        case (
            ast.Expr(value=ast.Call(func=ast.Attribute(attr="append"), args=[kept]))
            | ast.Assign(value=ast.ListComp(elt=kept) | ast.DictComp(value=kept))
            | ast.Return(value=ast.expr() as kept)
            | ast.Assign(targets=[ast.Subscript()], value=kept)
        ):
            made = _copied_at(kept, copy, places)
            return None if made is None else ast.unparse(_Exchange(kept, made).visit(node))
        case _ if any(places):
            return None
        case ast.Assign(value=ast.BinOp(left=ast.List(elts=[kept]), op=ast.Mult(), right=times)):
            turns = ast.Call(ast.Name("range"), [times], [])
            item = ast.comprehension(target=ast.Name("_"), iter=turns, ifs=[], is_async=0)
            node.value = ast.ListComp(elt=_copied(kept, "" if isinstance(kept, ast.Call) else copy), generators=[item])
        case ast.Assign(value=ast.Call(func=ast.Name(id="list"), args=[several])) if not _runs_ahead(several):
            item = ast.comprehension(target=ast.Name("one"), iter=several, ifs=[], is_async=0)
            node.value = ast.ListComp(elt=_copied(ast.Name("one"), copy), generators=[item])
        case _:
            return None
    return ast.unparse(node)


def _runs_ahead(several: ast.expr) -> bool:
    """Return whether a pool may have run all calls before the first result is read, so that copies come too late."""
    return isinstance(several, ast.Call) and isinstance(several.func, ast.Attribute) and "map" in several.func.attr


class _Exchange(ast.NodeTransformer):
    """Puts an expression in the place of another."""

    def __init__(self, old: ast.expr, new: ast.expr) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        """Return what stands in the place of a node."""
        return self._new if node is self._old else self.generic_visit(node)


def _copied_at(kept: ast.expr, copy: str, places: Collection[Sequence[str]]) -> ast.expr | None:
    """Return an expression with copies at some places in it; None if it does not spell all of them."""
    parts = _parts_of(kept)
    if parts is None:
        return None if any(places) else _copied(kept, copy)
    inside = [[place[1:] for place in places if place and step in (None, place[0])] for step, _ in parts]
    if sum(map(len, inside)) < len(places):
        return None
    made = [_copied_at(part, copy, each) if each else part for (_, part), each in zip(parts, inside, strict=True)]
    several = [one for one in made if one is not None]
    return _with_parts(kept, several) if len(several) == len(made) else None


def _parts_of(kept: ast.expr) -> list[tuple[str | None, ast.expr]] | None:
    """Return the parts of a display with their steps, None for any; None for another expression."""
    match kept:
        case ast.Tuple(elts=elts) | ast.List(elts=elts):
            return [(f"[{number}]", part) for number, part in enumerate(elts)]
        case ast.Dict(keys=keys, values=values):
            return [("" if key is None else spell_item(key), part) for key, part in zip(keys, values, strict=True)]
        case ast.ListComp(elt=elt) | ast.DictComp(value=elt):
            return [(None, elt)]
        case ast.Set() | ast.SetComp():
            return []
    return None


def _with_parts(kept: ast.expr, parts: list[ast.expr]) -> ast.expr:
    match kept:
        case ast.Tuple() | ast.List():
            kept.elts = parts
        case ast.Dict():
            kept.values = parts
        case ast.ListComp():
            kept.elt = parts[0]
        case ast.DictComp():
            kept.value = parts[0]
    return kept


def _copied(node: ast.expr, copy: str) -> ast.expr:
    spelled = ast.unparse(node) if isinstance(node, _TIGHT) else f"({ast.unparse(node)})"
    return ast.parse(spelled + copy, mode="eval").body


def repeats(node: ast.stmt) -> bool:
    """Return whether a statement itself computes something again and again: in a comprehension, or by `map`."""
    parts = own_nodes(node)
    names = {one.id for one in parts if isinstance(one, ast.Name)}
    return any(isinstance(one, COMPREHENSIONS) for one in parts) or not names.isdisjoint(("map", "list", "tuple"))


def _refilled(
    tree: ast.AST, kinds: tuple[type[ast.stmt], ...], kept_by: Callable[[ast.stmt], Iterable[str]]
) -> ast.stmt | None:
    """Return the first statement inside one of these kinds that writes to what another statement there keeps."""
    for outer in all_nodes(tree):
        body = [*walk_statements(getattr(outer, "body", []))] if isinstance(outer, kinds) else []
        kept = {path for node in body for path in kept_by(node)}
        writing = (node for node in body if writes_to(node, kept)) if kept else iter(())
        found = next((node for node in writing if not _writes_to_new(node, outer)), None)
        if found is not None:
            return found
    return None


def writes_to(node: ast.stmt, kept: set[str]) -> bool:
    """Return whether a statement names one of these paths as written, or a part of it."""
    return bool(_written_of(node, kept))


def _written_of(node: ast.stmt, kept: Collection[str]) -> list[str]:
    """Return which of some paths a statement writes, or a part of them; a backward and `zero_grad` write gradients."""
    written = [str(one.path) for one in targets_of(node) if not one.is_label and one.kind != "metadata"]
    found = [one for one in kept if any(path == one or is_part_of(path, one) for path in written)]
    called = {last_name(one.func) for one in own_nodes(node) if isinstance(one, ast.Call)}
    return found or [one for one in kept if one.endswith(".grad") and not called.isdisjoint(_OF_GRADIENTS)]


def keeping_statement(tree: ast.AST, written: ast.stmt) -> ast.stmt | None:
    """Return the only statement of a loop that keeps what another one of the loop writes."""
    loops = [[*walk_statements(one.body)] for one in all_nodes(tree) if isinstance(one, LOOPS)]
    bodies = [body for body in loops if written in body]
    every = [(one, [*paths_put_by(one)]) for one in min(bodies, key=len, default=[])]
    keeping = [one for one, kept in every if _written_of(written, kept)]
    return keeping[0] if len(keeping) == 1 else None


def returning_statement(tree: ast.AST, written: ast.stmt) -> ast.Return | None:
    """Return the only `return` of a function that gives back what a statement of it writes."""
    functions = [[*walk_statements(one.body)] for one in all_nodes(tree) if isinstance(one, _FUNCTIONS)]
    body = min((one for one in functions if written in one), key=len, default=[])
    returns = [one for one in body if isinstance(one, ast.Return)]
    giving = [one for one in returns if _written_of(written, [*paths_of(one.value)])]
    return giving[0] if len(giving) == 1 else None


def _writes_to_new(node: ast.stmt, outer: ast.AST) -> bool:
    """Return whether all that a statement writes was made anew before it in the same block: `x = y.copy()`."""
    blocks = (block for part in all_nodes(outer) if isinstance(part, ast.stmt) for block in blocks_of(part))
    before = next((block[: block.index(node)] for block in blocks if node in block), [])
    made = {
        target.id
        for one in before
        if isinstance(one, ast.Assign) and _gives_new_memory(one.value)
        for target in one.targets
        if isinstance(target, ast.Name)
    }
    return all(one.path.root in made for one in targets_of(node))


def _gives_new_memory(value: ast.expr) -> bool:
    """Return whether an expression certainly gives memory of its own."""
    match value:
        case ast.BinOp():
            return True
        case ast.Call(func=ast.Attribute(attr=name), keywords=given):
            return (name in FRESH or name in _MAKING) and not any(one.arg in {"out", "inplace", None} for one in given)
        case _:
            return False


def paths_put_by(node: ast.stmt, into: str | None = None, may_hold: Callable[[str], bool] = _is_any) -> Iterator[str]:
    """Yield the paths that a statement yields or puts into a container, or into those of one variable."""
    for container, kept in puts_of(node):
        if container is None or into in (None, *(path.split(".")[0] for path in paths_of(container))):
            yield from (path for path in _paths_of_all(kept) if may_hold(path.split(".")[0]))


def puts_into(node: ast.stmt, name: str) -> bool:
    """Return whether a statement puts something with a path into a container of a variable, or yields it."""
    return any(True for _ in paths_put_by(node, name))


def puts_of(node: ast.stmt) -> Iterator[tuple[ast.expr | None, list[ast.expr]]]:
    """Yield each container that a statement puts something into, with what it puts there; None if it yields it."""
    if isinstance(node, ast.Assign):
        yield from ((one.value, [node.value]) for one in node.targets if isinstance(one, ast.Subscript))
    if isinstance(node, ast.AugAssign) and isinstance(node.value, ast.List | ast.Tuple):
        yield node.target, [node.value]
    for part in own_nodes(node):
        if isinstance(part, ast.Yield) and part.value is not None:
            yield None, [part.value]
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in _KEEPING:
            yield part.func.value, part.args


def paths_of(node: ast.expr | None) -> Iterator[str]:
    """Yield the paths whose tensors, or views of them, an expression gives."""
    match node:
        case ast.Name(id=name):
            yield name
        case ast.Attribute(value=value, attr=name) if name not in VIEW_ATTRIBUTES and name != "data":
            yield from (f"{start}.{name}" for start in paths_of(value))
        case ast.Call(keywords=[*_, ast.keyword(arg="out", value=value)]):
            yield from paths_of(value)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            yield from _paths_of_all(parts)
        case ast.Dict(values=parts):
            yield from _paths_of_all(parts)
        case ast.ListComp(elt=part) | ast.DictComp(value=part):
            yield from paths_of(part)
        case ast.Subscript(value=value) | ast.Attribute(value=value):
            yield from paths_of(value)
        case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in VIEWS or is_inplace_name(name):
            yield from paths_of(value)
        case ast.Call(func=func, args=[value, *_]) if last_name(func) in _SHARING:
            yield from paths_of(value)
        case _:
            pass


def _paths_of_all(parts: Iterable[ast.expr]) -> Iterator[str]:
    for one in parts:
        yield from paths_of(one)
