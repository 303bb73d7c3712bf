"""What `iter`, the functions of `itertools`, and the getters of `operator` give."""

from __future__ import annotations

from itertools import islice, pairwise, product
from typing import TYPE_CHECKING

from ..values.abstract_values import (
    UNKNOWN,
    AbstractIterator,
    AbstractValue,
    CallArguments,
    LibraryName,
    constant_of,
    make_iterator,
    make_list,
    whole_number,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .evaluate_expression import ExpressionEvaluator

    Call = Callable[[ExpressionEvaluator, CallArguments], AbstractValue]

_MOST_ROWS = 64


def _items(run: ExpressionEvaluator, value: AbstractValue | None) -> tuple[list[AbstractValue], bool]:
    found: list[AbstractValue] = []
    return found, value is None or run.visit(value, found.append)


def _rows(rows: Iterable[tuple[AbstractValue, ...]], *, is_whole: bool) -> AbstractValue:
    made = [make_list([*row]) for row in rows]
    for one in made:
        one.class_name = "tuple"
    return make_iterator([*made], is_whole=is_whole)


def _iter(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    first = given.get(0)
    if isinstance(first, AbstractIterator):
        return first
    found, is_whole = _items(run, first)
    return make_iterator(found, is_whole=is_whole)


def _slice(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    """Return what `islice` gives: some of the items, where it is known which."""
    found, is_whole = _items(run, given.get(0))
    ends = [constant_of(one) for one in given.positional[1:]]
    known = [one for one in ends if one is None or (isinstance(one, int) and one >= 0)]
    part = slice(*known) if ends and len(known) == len(ends) else slice(None)
    return make_iterator(found[part], is_whole=is_whole)


def _chain(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    found = [_items(run, one) for one in given.positional]
    return make_iterator([one for items, _ in found for one in items], is_whole=all(whole for _, whole in found))


def _chain_all(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    return _chain(run, CallArguments((*_items(run, given.get(0))[0],)))


def _pairwise(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    found, is_whole = _items(run, given.get(0))
    return _rows(pairwise(found), is_whole=is_whole)


def _product(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    columns = [_items(run, one) for one in given.positional]
    rows = product(*(items for items, _ in columns))
    return _rows(islice(rows, _MOST_ROWS), is_whole=all(whole for _, whole in columns))


def _star_map(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    rows, is_whole = _items(run, given.get(1))
    handed = [CallArguments((*_items(run, row)[0],)) for row in rows]
    return make_iterator([run.call(given.positional[0], one) for one in handed], is_whole=is_whole)


def _repeat(_: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    times = whole_number(given.get(1, "times"))
    few = 2 if times is None else min(times, 2)
    return make_iterator([given.get(0) or UNKNOWN] * few, is_whole=times == few)


def _item_of(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    owner, key = given.get(0), given.get(1)
    return UNKNOWN if owner is None or key is None else run.item(owner, key)


def _get_item(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    return run.item(given.positional[-1], given.positional[0])


def _get_attribute(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    name, value = constant_of(given.get(0)), given.positional[-1]
    for one in name.split(".") if isinstance(name, str) else ():
        value = run.attribute(value, one)
    return value if isinstance(name, str) else UNKNOWN


def _call_method(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    name, owner = constant_of(given.get(0)), given.positional[-1]
    rest = CallArguments(given.positional[1:-1], given.named)
    return run.call(run.attribute(owner, name), rest) if isinstance(name, str) else UNKNOWN


def _keep(name: str) -> Call:
    """Return what makes a function that keeps what it is given until it is called."""
    return lambda _, given: LibraryName(f"{name}()", given.positional, given.named)


_GETTERS = {"itemgetter": _get_item, "attrgetter": _get_attribute, "methodcaller": _call_method}
CALLS: Mapping[str, Call] = {
    "iter": _iter,
    "islice": _slice,
    "chain": _chain,
    "chain.from_iterable": _chain_all,
    "pairwise": _pairwise,
    "product": _product,
    "starmap": _star_map,
    "repeat": _repeat,
    "operator.getitem": _item_of,
    **{f"operator.{name}": _keep(f"operator.{name}") for name in _GETTERS},
    **{f"operator.{name}()": call for name, call in _GETTERS.items()},
}
"""Those that are interpreted, by name; those of `itertools` without it."""
