"""Compute with the constants of a cell: numbers, texts, truth values."""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING

from ..values.abstract_values import AbstractValue, Constant, Either, LibraryMethod, LibraryName, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable

_OPERATORS: dict[type[ast.AST], Callable[..., object]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod, ast.Div: operator.truediv, ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt,
    ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.USub: operator.neg, ast.Not: operator.not_,
}  # fmt: skip
_SCALARS = (int, float, str, bool, type(None))
_LONGEST = 10_000
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


def is_one_object(left: AbstractValue, right: AbstractValue) -> bool | None:
    """Return whether two values are one object; None if that is not known."""
    if any(isinstance(one, Unknown | Either | LibraryMethod | LibraryName) for one in (left, right)):
        return None
    if isinstance(left, Constant) and isinstance(right, Constant):
        return left.value is right.value if None in (left.value, right.value) else None
    return left is right
