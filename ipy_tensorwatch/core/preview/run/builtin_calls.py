"""What Python's own functions give: lists, pairs, numbers, attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..library.container_methods import add_item, put_part
from ..values.abstract_values import (
    NONE,
    NUMBER,
    UNKNOWN,
    AbstractClass,
    AbstractFunction,
    AbstractIterator,
    AbstractObject,
    AbstractTensor,
    AbstractValue,
    CallArguments,
    Constant,
    LibraryName,
    constant_of,
    key_step,
    make_iterator,
    make_list,
    make_tuple,
    whole_number,
)
from . import ordering_calls, record_calls
from .fold_constants import call_with_constants

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .evaluate_expression import ExpressionEvaluator
    from .iterator_calls import Call

_RUN_IN_FULL = 3
"""The longest range of whose loop each turn is run."""
_FEW_TURNS = 64
"""How many numbers of a range are given in full; of a longer one, the first of these and the last."""


def _list(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    made = AbstractObject("list")

    def put(value: AbstractValue) -> None:
        step = f"[{len(made.parts)}]"
        made.parts[step], made.since[step] = value, run.memory.now

    if given.positional:
        made.is_whole = run.visit(given.positional[0], put)
    return made


def _deque(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    made, limit = AbstractObject("list", "deque"), given.get(1, "maxlen")
    if whole_number(limit) is not None:
        made.parts[".maxlen"] = limit or NONE
    first = given.get(0, "iterable")
    made.is_whole = first is None or run.visit(first, lambda value: add_item(run.memory, made, value))
    return made


def _default_dict(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    made, factory = _dict(run, given.after(1)), given.get(0)
    if isinstance(made, AbstractObject) and factory is not None:
        made.parts[".default_factory"] = factory
    return made


def _dict(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    made = AbstractObject("dict", parts={f"[{name!r}]": value for name, value in given.named.items()})
    first = given.get(0)
    if isinstance(first, AbstractObject) and first.kind == "dict":
        made.parts = {**{step: one for step, one in first.parts.items() if step[:1] == "["}, **made.parts}
        made.is_whole = first.is_whole
    elif first is not None:
        pairs, made.is_whole = run.list_items(first)
        for pair in pairs:
            key, value = run.item(pair, Constant(0)), run.item(pair, Constant(1))
            put_part(run.memory, made, key_step(key), value)
    return made


def _zip(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    columns = [run.list_items(one) for one in given.positional]
    rows = [make_tuple(row) for row in zip(*(items for items, _ in columns), strict=False)]
    ends = [is_whole for items, is_whole in columns if len(items) == len(rows)]
    return make_iterator([*rows], is_whole=any(ends) or not columns)


def _enumerate(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    if not given.positional:
        return UNKNOWN
    first = whole_number(given.get(1, "start")) or 0

    def visit(each: Callable[[AbstractValue], None]) -> bool:
        count = [first]

        def turn(value: AbstractValue) -> None:
            each(make_tuple((Constant(count[0]), value)))
            count[0] += 1

        return run.visit(given.positional[0], turn)

    return AbstractIterator(visit)


def _range(_: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    numbers = [whole_number(one) for one in given.positional]
    known = [one for one in numbers if one is not None]
    try:
        turns = range(*known)
    except (TypeError, ValueError):
        turns = range(0)

    def visit(each: Callable[[AbstractValue], None]) -> bool:
        if len(known) < len(numbers) or not known:
            each(Constant(known[0] if len(numbers) > 1 and numbers[0] is not None else 0))
            each(NUMBER)
            return False
        for turn in turns if len(turns) <= _FEW_TURNS else (*turns[: _FEW_TURNS - 1], turns[-1]):
            each(Constant(turn))
        return len(turns) <= _FEW_TURNS

    return AbstractIterator(visit, counts=len(turns) > _RUN_IN_FULL)


def _map(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    if len(given.positional) < 2:  # noqa: PLR2004  (a function and what it is mapped over)
        return UNKNOWN
    function, *sources = given.positional

    def visit(each: Callable[[AbstractValue], None]) -> bool:
        if len(sources) == 1:
            return run.visit(sources[0], lambda value: each(run.call(function, CallArguments((value,)))))
        columns = [run.list_items(one) for one in sources]
        for row in zip(*(items for items, _ in columns), strict=False):
            each(run.call(function, CallArguments(row)))
        return all(are_all for _, are_all in columns)

    return AbstractIterator(visit)


def _same(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    del run
    return given.positional[0] if given.positional else UNKNOWN


def _next(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    owner = given.get(0)
    if isinstance(owner, AbstractObject) and owner.class_name == "iterator" and owner.parts:
        is_last = len(owner.parts) == 1 and not owner.is_whole
        step = next(iter(owner.parts))
        return owner.parts[step] if is_last else owner.parts.pop(step)
    found = _first_items(run, owner) if owner is not None else []
    return found[0] if found else given.get(1) or UNKNOWN


def _first_items(run: ExpressionEvaluator, owner: AbstractValue) -> list[AbstractValue]:
    """Return what an iterator gives; what it does after the first item happens only if more is asked for."""
    found, doubt = list[AbstractValue](), run.memory.doubt

    def take(value: AbstractValue) -> None:
        run.memory.doubt += not found
        found.append(value)

    run.visit(owner, take)
    run.memory.doubt = doubt
    return found


def _reversed(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    found, is_whole = run.list_items(given.get(0))
    return make_list(found[::-1], is_whole=is_whole)


def _getattr(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    name = constant_of(given.get(1))
    return run.attribute(given.positional[0], name) if isinstance(name, str) else UNKNOWN


def _setattr(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    name, owner = constant_of(given.get(1)), given.get(0)
    value = given.get(2)
    if isinstance(name, str) and owner is not None and value is not None:
        run.assign_attribute(owner, name, value)
    run.memory.is_lost |= not isinstance(name, str)
    return NONE


def _vars(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    return run.attribute(given.positional[0], "__dict__") if given.positional else LibraryName("globals()")


def _exec(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    text = constant_of(given.get(0))
    if isinstance(text, str) and len(given.positional) == 1:
        return run.run_text(text)
    run.memory.is_lost = True
    return UNKNOWN


def _type(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    first = given.get(0)
    name = first.class_name if isinstance(first, AbstractObject) and len(given.positional) == 1 else ""
    return AbstractClass(name) if run.scene.library.class_node(name) is not None else UNKNOWN


def _slice(_: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    known = all(isinstance(one, Constant) and isinstance(one.value, int | None) for one in given.positional)
    return Constant(slice(*map(constant_of, given.positional))) if known and given.positional else NUMBER


def _reduce(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    found, _ = run.list_items(given.get(1))
    found = [*([first] if (first := given.get(2)) is not None else []), *found]
    if not found:
        return UNKNOWN
    total = found[0]
    for one in found[1:]:
        total = run.call(given.positional[0], CallArguments((total, one)))
    return total


def _from_keys(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    keys, is_whole = run.list_items(given.get(0))
    made = AbstractObject("dict", is_whole=is_whole)
    for key in keys:
        put_part(run.memory, made, key_step(key), given.get(1) or NONE)
    return made


def _len(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    first = given.get(0)
    if isinstance(first, AbstractTensor):
        return Constant(first.shape[0]) if first.shape else NUMBER
    if isinstance(first, AbstractObject) and first.is_whole and first.kind in ("list", "dict", "module"):
        return Constant(len(first.items()))
    if isinstance(first, AbstractObject) and (own := run.scene.library.method(first.class_name, "__len__")) is not None:
        return run.call(AbstractFunction(own, given=(first,)), CallArguments())
    return call_with_constants("len", given.positional) or NUMBER


def _isinstance(_: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    first, wanted = given.get(0), given.get(1)
    names = [one.name.split(".")[-1] for one in (wanted.items() if isinstance(wanted, AbstractObject) else [wanted])
             if isinstance(one, LibraryName)]  # fmt: skip
    if not names:
        return UNKNOWN
    if isinstance(first, AbstractTensor):
        own = {"ndarray": ("ndarray",), "parameter": ("Tensor", "Parameter")}.get(first.reading.kind, ("Tensor",))
        return Constant(any(name in own for name in names))
    if isinstance(first, AbstractObject) and first.kind == "module" and first.class_name:
        return Constant(any(name in (first.class_name, "Module") for name in names))
    return UNKNOWN


def _sum(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    found, _ = run.list_items(given.get(0))
    tensors = [one for one in (*found, given.get(1, "start")) if isinstance(one, AbstractTensor)]
    return run.memory.make(sources=tensors) if tensors else NUMBER


def _null_context(_: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    return AbstractObject("nullcontext", others=given.get(0, "enter_result") or NONE)


def _test_items(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    run.list_items(given.get(0))
    return UNKNOWN


CALLS: Mapping[str, Call] = {
    **record_calls.CALLS,
    **ordering_calls.CALLS,
    "sum": _sum,
    **dict.fromkeys(("any", "all"), _test_items),
    **dict.fromkeys(("nullcontext", "contextlib.nullcontext"), _null_context),
    "memoryview": _same,
    **dict.fromkeys(("list", "tuple", "set", "frozenset"), _list),
    **dict.fromkeys(("deque", "collections.deque"), _deque),
    **dict.fromkeys(("dict", "OrderedDict", "collections.OrderedDict"), _dict),
    **dict.fromkeys(("defaultdict", "collections.defaultdict"), _default_dict),
    "zip": _zip,
    "enumerate": _enumerate,
    "range": _range,
    "trange": _range,
    "map": _map,
    **dict.fromkeys(("tqdm", "tqdm.tqdm", "cycle", "itertools.cycle"), _same),
    "vars": _vars,
    **dict.fromkeys(("globals", "locals"), lambda _run, _given: LibraryName("globals()")),
    **dict.fromkeys(("exec", "eval"), _exec),
    "compile": _same,
    "type": _type,
    "slice": _slice,
    "functools.partial()": lambda run, given: run.call(given.positional[0], given.after(1)),
    "next": _next,
    "reversed": _reversed,
    **dict.fromkeys(("reduce", "functools.reduce"), _reduce),
    "dict.fromkeys": _from_keys,
    "getattr": _getattr,
    "setattr": _setattr,
    "len": _len,
    "isinstance": _isinstance,
    "print": lambda _run, _given: NONE,
}
"""Python's functions that are interpreted, and those of its libraries, by name."""
