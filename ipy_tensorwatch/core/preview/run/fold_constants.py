"""Compute with the constants of a cell: numbers, texts, truth values."""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING

from ..values.abstract_values import (
    AbstractValue,
    Constant,
    Either,
    LibraryMethod,
    LibraryName,
    Unknown,
    constant_of,
    make_list,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_OPERATORS: dict[type[ast.AST], Callable[..., object]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod, ast.Div: operator.truediv, ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt,
    ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.USub: operator.neg, ast.Not: operator.not_,
}  # fmt: skip
_SCALARS = (int, float, str, bool, type(None))
_LONGEST, _SHORT = 10_000, 200
"""The largest number or text that is computed with."""


def compute_constant(op: type[ast.AST], *values: AbstractValue) -> Constant | None:
    """Compute with small constants."""
    known = [one.value for one in values if isinstance(one, Constant) and isinstance(one.value, _SCALARS)]
    if op not in _OPERATORS or len(known) < len(values):
        return None
    if any(len(one) > _LONGEST if isinstance(one, str) else abs(one or 0) > _LONGEST**4 for one in known):
        return None
    if op is ast.Mult and any(isinstance(one, str) for one in known):
        return None
    try:
        return Constant(_OPERATORS[op](*known))
    except (TypeError, ValueError, ArithmeticError):
        return None


_TEXT_METHODS = frozenset(
    ("startswith", "endswith", "lower", "upper", "strip", "lstrip", "rstrip", "replace", "removeprefix", "removesuffix",
     "find", "count", "isdigit", "split", "rsplit", "partition", "rpartition")
)  # fmt: skip
_FUNCTIONS: dict[str, Callable[..., object]] = {
    "abs": abs, "int": int, "float": float, "round": round, "bool": bool, "str": str, "len": len, "divmod": divmod,
}  # fmt: skip


def call_with_constants(name: str, given: Sequence[AbstractValue]) -> AbstractValue | None:
    """Return what one of Python's functions gives for small constants; None for every other call."""
    return _compute(_FUNCTIONS.get(name), given)


def call_text_method(text: str, name: str, given: Sequence[AbstractValue]) -> AbstractValue | None:
    """Return what a method of a text gives for constants; None for every other call."""
    is_short = len(text) < _SHORT and all(len(str(constant_of(one))) < _SHORT for one in given)
    return _compute(getattr(text, name), given) if name in _TEXT_METHODS and is_short else None


def _compute(function: Callable[..., object] | None, given: Sequence[AbstractValue]) -> AbstractValue | None:
    known = [one.value for one in given if isinstance(one, Constant) and isinstance(one.value, _SCALARS)]
    if function is None or len(known) < len(given):
        return None
    try:
        found = function(*known)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return make_list([*map(Constant, found)]) if isinstance(found, list | tuple) else Constant(found)


def is_one_object(left: AbstractValue, right: AbstractValue) -> bool | None:
    """Return whether two values are one object; None if that is not known."""
    if any(isinstance(one, Unknown | Either | LibraryMethod | LibraryName) for one in (left, right)):
        return None
    if isinstance(left, Constant) and isinstance(right, Constant):
        return left.value is right.value if None in (left.value, right.value) else None
    return left is right
