"""What named tuples and dataclasses are made with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..values.abstract_values import (
    RECORD_CLASS,
    UNKNOWN,
    AbstractObject,
    AbstractValue,
    CallArguments,
    Constant,
    LibraryName,
    constant_of,
    make_record,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .evaluate_expression import ExpressionEvaluator
    from .iterator_calls import Call


def _record_class(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    """Return the class that `namedtuple` makes."""
    fields = given.get(1, "field_names") or UNKNOWN
    text = constant_of(fields)
    found = text.replace(",", " ").split() if isinstance(text, str) else map(constant_of, run.list_items(fields)[0])
    names = tuple(one for one in found if isinstance(one, str))
    return LibraryName(RECORD_CLASS, (Constant(names),)) if names else UNKNOWN


def _record(_: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    names = constant_of(given.get(0))
    return make_record(names, given.after(1)) if isinstance(names, tuple | list) else UNKNOWN


def _record_of(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    """Return what `_make` gives: a named tuple of the items of a value."""
    found, _ = run.list_items(given.get(1))
    return _record(run, CallArguments((given.positional[0], *found)))


def _replace(_: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    """Return what `dataclasses.replace` gives: another object with the same parts, but for those that are given."""
    first = given.get(0)
    if not isinstance(first, AbstractObject):
        return UNKNOWN
    new = {f".{name}": one for name, one in given.named.items()}
    return AbstractObject(first.kind, first.class_name, {**first.parts, **new}, first.is_whole)


def _field(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    """Return the default of a dataclass's field."""
    factory = given.named.get("default_factory")
    return run.call(factory, CallArguments()) if factory is not None else given.named.get("default", UNKNOWN)


CALLS: Mapping[str, Call] = {
    **dict.fromkeys(("namedtuple", "collections.namedtuple"), _record_class),
    RECORD_CLASS: _record,
    f"{RECORD_CLASS}._make": _record_of,
    **dict.fromkeys(("replace", "dataclasses.replace"), _replace),
    **dict.fromkeys(("field", "dataclasses.field"), _field),
}
"""Those that are interpreted, by name."""
