"""Save the state of abstract values, and set them back to it."""

from __future__ import annotations

from dataclasses import fields
from operator import attrgetter
from typing import Any, NamedTuple

from .abstract_values import AbstractObject, AbstractTensor, AbstractValue

_COPIED = ("parts", "since", "held", "hooks", "pre_hooks")
"""The fields that hold containers."""
_OF_TENSOR, _OF_OBJECT = (
    tuple(one.name for one in fields(kind) if one.name not in _COPIED) for kind in (AbstractTensor, AbstractObject)
)
_tensor_fields, _object_fields = attrgetter(*_OF_TENSOR), attrgetter(*_OF_OBJECT)


_NOTHING: dict[str, Any] = {}


class SavedValue(NamedTuple):
    """What a tensor or an object was like."""

    value: AbstractTensor | AbstractObject
    plain: tuple[object, ...]
    parts: dict[str, AbstractValue]
    since: dict[str, int]
    held: tuple[AbstractTensor, ...] = ()
    hooks: tuple[AbstractValue, ...] = ()
    pre_hooks: tuple[AbstractValue, ...] = ()


def save_tensor(value: AbstractTensor) -> SavedValue:
    """Return what a tensor is like now."""
    parts = value.parts.copy() if value.parts else _NOTHING
    return SavedValue(value, _tensor_fields(value), parts, value.since.copy() if value.since else _NOTHING)


def save_object(value: AbstractObject) -> SavedValue:
    """Return what an object is like now."""
    plain = _object_fields(value)
    hooks, pre_hooks = (*value.hooks,), (*value.pre_hooks,)
    return SavedValue(value, plain, value.parts.copy(), value.since.copy(), (*value.held,), hooks, pre_hooks)


def set_back(saved: SavedValue) -> None:
    """Make a value what it was; most have not changed."""
    value, plain, parts, since, held, hooks, pre_hooks = saved
    if isinstance(value, AbstractTensor):
        if _tensor_fields(value) != plain:
            _set_fields(value, _OF_TENSOR, plain)
    else:
        if _object_fields(value) != plain:
            _set_fields(value, _OF_OBJECT, plain)
        if len(value.held) != len(held):  # only added to
            value.held = [*held]
        if value.hooks or hooks or value.pre_hooks or pre_hooks:
            value.hooks, value.pre_hooks = [*hooks], [*pre_hooks]
    if value.since != since or value.parts != parts:
        value.parts, value.since = parts.copy(), since.copy()


def _set_fields(value: AbstractValue, names: tuple[str, ...], plain: tuple[object, ...]) -> None:
    for name, one in zip(names, plain, strict=True):
        setattr(value, name, one)
