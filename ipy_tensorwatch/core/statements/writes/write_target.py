"""A target: what a statement names as written."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Literal

from ...records.path import ANY_ITEM, AccessPath
from ...runtime.record import record
from ...syntax.syntax_tree import all_nodes
from ...syntax.torch_vocabulary import VALUE_ATTRIBUTES

TargetKind = Literal["write", "assign", "array", "module", "metadata"]
Key = int | str
KeyValues = Mapping[str, Key]

_IN_KEYS = (ast.Name, ast.Constant, ast.BinOp, ast.UnaryOp, ast.JoinedStr, ast.FormattedValue)
_OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


@record
class Target:
    """A target that a statement names as written.

    Attributes
    ----------
    path
        Its steps as typed, up to the first that the text does not determine; `spell_target` fills in
        items such as `[i]`.
    below
        Whether everything behind `path` may be written.
    same_object
        Whether the write goes to the tensor object at `path`, not to another one over its memory.
    grad
        For what is behind `path`: True for gradients only, False for all but gradients, None for either.
    kind
        "assign" if the last step of `path` is assigned to, as in `k.scale = 2` and `x[0] = 1`; "array" or "module" if
        only an array or a module is written so, as in `a.sort()` and `net.half()`; "metadata" if no byte is, as in
        `x.requires_grad_()`.
    """

    path: AccessPath
    below: bool = False
    same_object: bool = True
    grad: bool | None = None
    kind: TargetKind = "write"

    @property
    def is_label(self) -> bool:
        """Whether an attribute is assigned that holds none of a tensor's bytes: `x.grad = None`, `x.tag = "a"`."""
        step = self.path.steps[-1] if self.kind == "assign" else ""
        return step.startswith(".") and step[1:] not in VALUE_ATTRIBUTES

    def covers(self, path: AccessPath, spelled: AccessPath) -> bool:
        """Return whether a path is behind this target, whose own path is given as `spelled`."""
        return spelled.leads_to(path) and self.grad in (None, path.is_grad)


def spell_target(target: Target, values: KeyValues) -> AccessPath:
    """Spell a target's path with its keys' values at run time, `[*]` if not known.

    Examples
    --------
    >>> str(spell_target(Target(path=AccessPath("h", ("[i - 1]",))), {"i": 3}))
    'h[2]'
    >>> str(spell_target(Target(path=AccessPath("h", ("[-1]",))), {"len(h)": 3}))
    'h[2]'
    """
    path = target.path
    resolved = (_resolve_step(step, values, path, place) for place, step in enumerate(path.steps))
    return AccessPath(path.root, tuple(resolved))


def _resolve_step(step: str, values: KeyValues, path: AccessPath, place: int) -> str:
    if not step.startswith("["):
        return step
    try:
        key = key_of(step, values)
        if isinstance(key, int) and key < 0:  # counted from the end
            key += _whole(values[name_of_length(path, place)])
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return ANY_ITEM
    return f"[{key!r}]"


def key_of(step: str, values: KeyValues) -> object:
    """Return the key of an item's step.

    Raises
    ------
    KeyError, TypeError, ValueError, ArithmeticError
        If it is not known.
    """
    key = _parse_key(step)
    if key is None:
        raise ValueError(step)
    return evaluate_key(key, values)


def name_of_length(path: AccessPath, place: int) -> str:
    """Return the name under which the length is recorded that an item counted from the end needs: `len(h)`."""
    return f"len({path.first(place)})"


def lengths_of(path: AccessPath) -> dict[str, AccessPath]:
    """Return the containers, each by the name of its length, of which a path may take an item counted from the end."""
    places = [place for place, step in enumerate(path.steps) if step.startswith("[") and "-" in step]
    return {name_of_length(path, place): path.first(place) for place in places}


def key_names(path: AccessPath) -> frozenset[str]:
    """Return the names whose values at run time determine the path's items."""
    keys = (_parse_key(step) for step in path.steps if step.startswith("["))
    return frozenset(name for key in keys if key is not None for name in _names(key))


@lru_cache(maxsize=1024)
def _parse_key(step: str) -> ast.expr | None:
    try:
        return ast.parse(step[1:-1], mode="eval").body
    except SyntaxError:
        return None


def _names(key: ast.expr) -> frozenset[str]:
    parts = all_nodes(key)
    is_plain = all(isinstance(part, _IN_KEYS) for part in parts)
    return frozenset(part.id for part in parts if isinstance(part, ast.Name)) if is_plain else frozenset()


def evaluate_key(key: ast.expr, values: KeyValues) -> object:
    """Return the value of a parsed key; raises as `key_of` does."""
    match key:
        case ast.Constant(value=value):
            if value is ...:
                raise TypeError(value)
            return value
        case ast.Name(id=name):
            return values[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_whole(evaluate_key(operand, values))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_whole(evaluate_key(left, values)), _whole(evaluate_key(right, values)))
        case ast.JoinedStr(values=parts):
            return "".join(str(evaluate_key(part, values)) for part in parts)
        case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
            return evaluate_key(value, values)
        case _:
            raise TypeError(key)


def _whole(value: object) -> int:
    if isinstance(value, int):
        return value
    raise TypeError(value)
