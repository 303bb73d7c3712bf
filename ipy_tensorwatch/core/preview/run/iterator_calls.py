"""What `iter`, the functions of `itertools`, and the getters of `operator` give."""

from __future__ import annotations

import ast
import itertools
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from ..values.abstract_values import (
    NONE,
    NUMBER,
    UNKNOWN,
    AbstractIterator,
    AbstractValue,
    CallArguments,
    Constant,
    LibraryName,
    constant_of,
    make_iterator,
    make_list,
    make_tuple,
    whole_number,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .evaluate_expression import ExpressionEvaluator

    Call = Callable[[ExpressionEvaluator, CallArguments], AbstractValue]

_MOST_ROWS = 64


def _rows(rows: Iterable[tuple[AbstractValue, ...]], *, is_whole: bool) -> AbstractValue:
    return make_iterator([make_tuple(row) for row in rows], is_whole=is_whole)


def _iter(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    first = given.get(0)
    if isinstance(first, AbstractIterator):
        return first
    found, is_whole = run.list_items(first)
    return make_iterator(found, is_whole=is_whole)


def _slice(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    """Return what `islice` gives: some of the items, where it is known which."""
    found, is_whole = run.list_items(given.get(0))
    ends = [constant_of(one) for one in given.positional[1:]]
    known = [one for one in ends if one is None or (isinstance(one, int) and one >= 0)]
    part = slice(*known) if ends and len(known) == len(ends) else slice(None)
    return make_iterator(found[part], is_whole=is_whole)


def _count(_: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    """Return the first numbers that `count` gives; there is no last one."""
    first, step = (constant_of(given.get(place, name) or Constant(default)) for place, name, default in _OF_COUNT)
    if not isinstance(first, int) or not isinstance(step, int):
        return make_iterator([NUMBER] * _MOST_ROWS, is_whole=False)
    return make_iterator([Constant(first + turn * step) for turn in range(_MOST_ROWS)], is_whole=False)


_OF_COUNT = ((0, "start", 0), (1, "step", 1))


def _chain(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    found = [run.list_items(one) for one in given.positional]
    return make_iterator([one for items, _ in found for one in items], is_whole=all(whole for _, whole in found))


def _chain_all(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    return _chain(run, CallArguments((*run.list_items(given.get(0))[0],)))


def _over_one(function: Callable[..., Iterable[tuple[AbstractValue, ...]]]) -> Call:
    """Return what interprets a function of `itertools` that gives rows of the items of one value."""

    def call(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
        found, is_whole = run.list_items(given.get(0))
        sizes = [whole_number(one) for one in (*given.positional[1:], *given.named.values())]
        try:
            return _rows(islice(function(found, *sizes), _MOST_ROWS), is_whole=is_whole)
        except (TypeError, ValueError):  # as while one types
            return UNKNOWN

    return call


def _product(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    columns = [run.list_items(one) for one in given.positional]
    rows = itertools.product(*(items for items, _ in columns), repeat=whole_number(given.named.get("repeat")) or 1)
    return _rows(islice(rows, _MOST_ROWS), is_whole=all(whole for _, whole in columns))


def _zip_longest(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    columns = [run.list_items(one) for one in given.positional]
    filled = given.named.get("fillvalue", NONE)
    rows = itertools.zip_longest(*(items for items, _ in columns), fillvalue=filled)
    return _rows(rows, is_whole=all(whole for _, whole in columns))


def _tee(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    found, is_whole = run.list_items(given.get(0))
    times = whole_number(given.get(1, "n") or Constant(2)) or 0
    return make_list([make_iterator(found, is_whole=is_whole) for _ in range(min(times, _MOST_ROWS))])


def _select(
    run: ExpressionEvaluator, given: CallArguments, *, wanted: bool | None, stops: bool = False
) -> AbstractValue:
    """Return the items for which a test may be as wanted; with `stops`, those before the first for which it is not."""
    found, is_whole = run.list_items(given.get(1))
    test, kept = given.get(0) or UNKNOWN, list[AbstractValue]()
    for one in found:
        truth = run.truth(one if test is NONE else run.call(test, CallArguments((one,))))
        is_whole &= truth is not None
        if truth is None or truth is wanted:
            kept.append(one)
        elif stops:
            break
    return make_iterator(kept, is_whole=is_whole)


def _drop_while(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    found, is_whole = run.list_items(given.get(1))
    truths = (run.truth(run.call(given.get(0) or UNKNOWN, CallArguments((one,)))) for one in found)
    first = next(((place, truth) for place, truth in enumerate(truths) if truth is not True), (len(found), False))
    return make_iterator(found[first[0] :], is_whole=is_whole and first[1] is False)


def _compress(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    (found, is_whole), (chosen, are_all) = run.list_items(given.get(0)), run.list_items(given.get(1, "selectors"))
    truths = [run.truth(one) for one in chosen]
    kept = [one for one, truth in zip(found, truths, strict=False) if truth is not False]
    return make_iterator(kept, is_whole=is_whole and are_all and None not in truths)


def _accumulate(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    found, is_whole = run.list_items(given.get(0))
    function, first = given.get(1, "func"), given.named.get("initial", NONE)
    found = found if first is NONE else [first, *found]
    totals = found[:1]
    for one in found[1:]:
        both = CallArguments((totals[-1], one))
        is_sum = function is None or function is NONE
        totals.append(run.operate(ast.Add(), totals[-1], one) if is_sum else run.call(function or UNKNOWN, both))
    return make_iterator(totals, is_whole=is_whole)


def _group_by(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    """Return the runs of items with one key; of items whose keys are not known, one run of all."""
    found, is_whole = run.list_items(given.get(0))
    key = given.get(1, "key")
    keys = [one if key is None or key is NONE else run.call(key, CallArguments((one,))) for one in found]
    if not all(isinstance(one, Constant) for one in keys):
        return _rows([(UNKNOWN, make_iterator(found, is_whole=is_whole))] if found else [], is_whole=False)
    groups = itertools.groupby(range(len(found)), key=lambda place: constant_of(keys[place]))
    runs = [[*places] for _, places in groups]
    rows = [(keys[places[0]], make_iterator([found[one] for one in places], is_whole=True)) for places in runs]
    return _rows(rows, is_whole=is_whole)


def _star_map(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    rows, is_whole = run.list_items(given.get(1))
    handed = [CallArguments((*run.list_items(row)[0],)) for row in rows]
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
    "count": _count,
    **{
        name: _over_one(getattr(itertools, name))
        for name in ("pairwise", "combinations", "permutations", "combinations_with_replacement", "batched")
        if hasattr(itertools, name)  # `batched` is new in Python 3.12
    },
    "product": _product,
    "zip_longest": _zip_longest,
    "tee": _tee,
    "takewhile": partial(_select, wanted=True, stops=True),
    "filter": partial(_select, wanted=True),
    "filterfalse": partial(_select, wanted=False),
    "dropwhile": _drop_while,
    "compress": _compress,
    "accumulate": _accumulate,
    "groupby": _group_by,
    "starmap": _star_map,
    "repeat": _repeat,
    "operator.getitem": _item_of,
    **{f"operator.{name}": _keep(f"operator.{name}") for name in _GETTERS},
    **{f"operator.{name}()": call for name, call in _GETTERS.items()},
}
"""Those that are interpreted, by name; those of `itertools` without it."""
