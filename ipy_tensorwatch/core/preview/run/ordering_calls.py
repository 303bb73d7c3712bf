"""What `sorted`, `max` and `min` give: where plain values decide the order, it is known."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ..library.container_methods import set_items
from ..values.abstract_values import (
    NONE,
    NUMBER,
    AbstractObject,
    AbstractTensor,
    AbstractValue,
    CallArguments,
    Constant,
    only_one,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .evaluate_expression import ExpressionEvaluator
    from .iterator_calls import Call


def sort_items(
    run: ExpressionEvaluator, found: list[AbstractValue], given: CallArguments
) -> tuple[list[AbstractValue], bool]:
    """Return items in the order in which `sort` puts them, and whether that is known."""
    keys, reverse = _keys(run, found, given), given.named.get("reverse", Constant(value=False))
    is_turned = run.truth(reverse)
    if keys is None or is_turned is None:
        return found, len(found) < 2  # noqa: PLR2004  (one has one order)
    try:
        places = sorted(range(len(found)), key=keys.__getitem__, reverse=is_turned)
    except TypeError:
        return found, False
    return [found[place] for place in places], True


def _keys(run: ExpressionEvaluator, found: list[AbstractValue], given: CallArguments) -> list[Any] | None:
    """Return the plain values by which items are compared, the function for which is called; None if not known."""
    key = given.named.get("key", NONE)
    keys = found if key is NONE else [run.call(key, CallArguments((one,))) for one in found]
    values = [_plain_value(one) for one in keys]
    return None if _NOT_PLAIN in values else values


def _plain_value(value: AbstractValue) -> object:
    """Return a constant's value; of a tuple of constants, theirs."""
    if isinstance(value, AbstractObject) and value.class_name == "tuple" and value.is_whole:
        parts = tuple(_plain_value(one) for one in value.items())
        return _NOT_PLAIN if _NOT_PLAIN in parts else parts
    return value.value if isinstance(value, Constant) and isinstance(value.value, int | float | str) else _NOT_PLAIN


_NOT_PLAIN = object()


def _sorted(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    """Return a list, in an order that may be unknown; the key's function is called for each item."""
    found, is_whole = run.list_items(given.get(0))
    items, is_ordered = sort_items(run, found, given)
    made = AbstractObject("list", is_whole=is_whole)
    set_items(run.memory, made, items, ordered=is_ordered)
    return made


def _choose(run: ExpressionEvaluator, given: CallArguments, *, reverse: bool) -> AbstractValue:
    """Return what `max` or `min` gives; of tensors and objects nothing, where only data decide which one it is."""
    found = [*given.positional] if len(given.positional) > 1 else run.list_items(given.get(0))[0]
    named = {**given.named, "reverse": Constant(reverse)}
    items, is_ordered = sort_items(run, found, CallArguments(named=named))
    if items and is_ordered:
        return items[0]
    holds = any(isinstance(one, AbstractTensor | AbstractObject) for one in found)
    return only_one(found) if holds else NUMBER


CALLS: Mapping[str, Call] = {
    "sorted": _sorted,
    "max": partial(_choose, reverse=True),
    "min": partial(_choose, reverse=False),
}
"""Those that are interpreted, by name."""
