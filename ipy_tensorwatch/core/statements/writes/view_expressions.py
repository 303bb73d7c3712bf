"""Expressions of views, such as `a.T[1:]`: which elements of a tensor they are."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ...memory.view_layouts import ViewLayout, permute, swap, take_index
from ...syntax.ast_queries import spell_path
from ...syntax.syntax_tree import names_in
from .write_target import KeyValues, evaluate_key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator


_SAME, _TURNED = ("data", "detach"), ("T", "mT", "t")


def is_spelled_view(node: ast.expr) -> bool:
    """Return whether an expression is a chain of names, items and views whose layout can be told from its text."""
    return any(isinstance(one, ast.Name) for one in chain_of(node))


def _taken_from(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Attribute(value=value) | ast.Subscript(value=value):
            return value
        case ast.Call(func=ast.Attribute(value=value, attr="detach" | "t"), args=[], keywords=[]):
            return value
    return None


def chain_of(node: ast.expr) -> Iterator[ast.expr]:
    """Yield a view, what it is taken from, and so on, as far as the variable."""
    inner: ast.expr | None = node
    while inner is not None:
        yield inner
        inner = _taken_from(inner)


def base_of(node: ast.expr) -> str:
    """Spell what the first item or view of an expression is taken from.

    Examples
    --------
    >>> base_of(ast.parse("self.rows[0].T[1:]", mode="eval").body)
    'self.rows'
    """
    return next((ast.unparse(one) for one in chain_of(node) if all(map(_is_plain, chain_of(one)))), "")


def _is_plain(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and node.attr not in (*_SAME, *_TURNED))


def layout_of_view(
    node: ast.expr, layout_of: Callable[[str], ViewLayout | None], values: KeyValues
) -> ViewLayout | None:
    """Return the layout of a view; None if it is not known.

    Parameters
    ----------
    layout_of
        Gives the layout of the tensor that a path leads to; None if it leads to none.
    values
        The values of the names in its indices.
    """
    path = spell_path(node)
    known = layout_of(path) if path is not None else None
    inner = _taken_from(node)
    if known is not None or inner is None:
        return known
    layout = layout_of_view(inner, layout_of, values)
    if layout is None:
        return None
    if isinstance(node, ast.Subscript):
        keys = _keys(node.slice, values)
        return None if keys is None else take_index(layout, keys)
    name = node.attr if isinstance(node, ast.Attribute) else getattr(getattr(node, "func", None), "attr", "")
    if name in _TURNED:
        return swap(layout, -2, -1) if name == "mT" else permute(layout, range(len(layout.shape))[::-1])
    return layout if name in _SAME else None


def _keys(key: ast.expr, values: KeyValues) -> list[object] | None:
    """Return the indices of a subscript; None if they are not known, or not basic ones."""
    try:
        return [_key(one, values) for one in _parts(key)]
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None


def _parts(key: ast.expr) -> list[ast.expr]:
    return key.elts if isinstance(key, ast.Tuple) else [key]


def _key(key: ast.expr, values: KeyValues) -> object:
    match key:
        case ast.Constant(value=value) if value is None or value is ...:
            return value
        case ast.Slice(lower=lower, upper=upper, step=step):
            return slice(*(None if one is None else _whole_number(one, values) for one in (lower, upper, step)))
    return _whole_number(key, values)


def _whole_number(node: ast.expr, values: KeyValues) -> int:
    found = evaluate_key(node, values)
    if type(found) is not int:
        raise TypeError(found)
    return found


def index_numbers(node: ast.expr, numbers: Collection[str]) -> frozenset[str]:
    """Return the names in the indices of a view that are whole numbers: those in the bounds of slices always are.

    Parameters
    ----------
    numbers
        The names that are known to be whole numbers.
    """
    keys = [part for one in chain_of(node) if isinstance(one, ast.Subscript) for part in _parts(one.slice)]
    return frozenset(name for key in keys for name in names_in(key) if isinstance(key, ast.Slice) or name in numbers)
