"""What `torch.func.functional_call` does: it calls a module with other parameters and buffers than its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..library.container_methods import find_member
from ..values.abstract_values import UNKNOWN, AbstractObject, AbstractValue, CallArguments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .evaluate_expression import ExpressionEvaluator


def call_with_other_state(run: ExpressionEvaluator, given: CallArguments) -> AbstractValue:
    """Call a module while the tensors of a dict, or of several, stand for its own."""
    module, state = given.get(0, "module"), given.get(1, "parameter_and_buffer_dicts")
    if not isinstance(module, AbstractObject):
        return UNKNOWN
    before = [(owner, dict(owner.parts)) for owner, _, _ in _places(module, state)]
    for owner, step, value in _places(module, state):
        owner.parts[step] = value
    try:
        return run.call(module, _arguments(given))
    finally:
        for owner, parts in reversed(before):
            owner.parts = parts


def _places(module: AbstractObject, state: AbstractValue | None) -> Iterator[tuple[AbstractObject, str, AbstractValue]]:
    """Yield the modules and the steps that other values are put at."""
    if isinstance(state, AbstractObject) and state.kind != "dict":
        for one in state.items():
            yield from _places(module, one)
    for step, value in state.parts.items() if isinstance(state, AbstractObject) and state.kind == "dict" else ():
        *above, last = step[2:-2].split(".")
        owner: AbstractValue | None = module
        for name in above:
            owner = find_member(owner, name) if isinstance(owner, AbstractObject) else None
        if isinstance(owner, AbstractObject) and f".{last}" in owner.parts:
            yield owner, f".{last}", value


def _arguments(given: CallArguments) -> CallArguments:
    args, named = given.get(2, "args"), given.get(3, "kwargs")
    is_tuple = isinstance(args, AbstractObject) and args.class_name == "tuple"
    several = args.items() if is_tuple and isinstance(args, AbstractObject) else [] if args is None else [args]
    parts = named.parts if isinstance(named, AbstractObject) else {}
    return CallArguments((*several,), {step[2:-2]: value for step, value in parts.items()})
