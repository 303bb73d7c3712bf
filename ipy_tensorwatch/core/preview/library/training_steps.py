"""What backward passes and optimizers write: gradients, parameters and their state."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ...records.path import AccessPath
from ..values.abstract_memory import AbstractMemory, leaves_of
from ..values.abstract_values import (
    NONE,
    UNKNOWN,
    AbstractObject,
    AbstractTensor,
    AbstractValue,
    CallArguments,
    Constant,
    constant_of,
    make_list,
    tensors_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


_STATES = {
    **dict.fromkeys(("Adam", "AdamW", "NAdam", "RAdam"), ("step", "exp_avg", "exp_avg_sq")),
    "RMSprop": ("step", "square_avg"),
    "Adagrad": ("step", "sum"),
    "Momentum": ("momentum_buffer",),
}
"""What an optimizer keeps for each parameter; SGD with momentum is called `Momentum` here."""


class AbstractStep:
    """An optimizer's step: the optimizer and what it held, and the moment."""

    __slots__ = ("optimizer", "statement", "written")

    def __init__(self, optimizer: AbstractObject, written: list[AbstractTensor], statement: int) -> None:
        self.optimizer, self.written, self.statement = optimizer, written, statement


def run_backward(memory: AbstractMemory, roots: Iterable[AbstractTensor], given: CallArguments) -> None:
    """Give gradients to the leaves that some tensors were computed from."""
    wanted = [*tensors_of(given.named.get("inputs"))]
    roots = [*roots]
    keeps = constant_of(given.named.get("retain_graph")) is True or constant_of(given.named.get("create_graph")) is True
    leaves = dict.fromkeys(leaf for root in roots for leaf in leaves_of(root))
    through = dict.fromkeys(one.base for one in leaves if one.base is not None and not one.reading.object)
    every = [path for one in dict.fromkeys((*roots, *through)) for path in memory.paths.get(one.reading.object, ())]
    memory.run_backward(every, keeps=keeps)
    memory.run_own(roots, keeps=keeps)
    memory.reached.update(leaf for leaf in leaves if leaf.reading.object and not memory.doubt)
    if any(not leaf.reading.object for leaf in leaves):  # it is not known which
        leaves |= dict.fromkeys(memory.every_leaf())
    for leaf in leaves:
        if wanted and leaf not in wanted:
            continue
        if leaf.grad is not None:
            memory.record(leaf.grad, by="backward")
        elif leaf.reading.object:
            leaf.grad = memory.make(leaf.shape, leaf.reading.dtype)


def clear_gradients(memory: AbstractMemory, tensors: Iterable[AbstractTensor], given: CallArguments) -> None:
    """Drop the gradients of some tensors, or overwrite them with zeros."""
    keeps = constant_of(given.get(0, "set_to_none")) is False
    for one in tensors:
        if one.grad is not None and keeps:
            memory.record(one.grad, by="backward")
        elif not keeps:
            one.grad = None


def step_optimizer(memory: AbstractMemory, optimizer: AbstractObject) -> AbstractStep:
    """Write every parameter that has a gradient, and the optimizer's state."""
    stepped = [one for one in optimizer.held if one.grad is not None]
    is_counted = ".fused" not in optimizer.parts
    for one in stepped:
        memory.record(one, by="step", is_counted=is_counted)
    if stepped and optimizer.class_name in _STATES and ".state" not in optimizer.parts:
        _make_state(memory, optimizer)
    elif stepped:
        for one in held_inside(optimizer.parts.get(".state", UNKNOWN)):
            memory.record(one, by="step")
    return AbstractStep(optimizer, stepped, memory.position.statement)


def _make_state(memory: AbstractMemory, optimizer: AbstractObject) -> None:
    """Make the state that an optimizer's first step makes."""
    names = _STATES[optimizer.class_name]
    states: list[AbstractValue] = [
        AbstractObject("dict", parts={f"[{one!r}]": memory.make() for one in names}) for _ in optimizer.held
    ]
    optimizer.parts[".state"] = make_list(states)


def call_optimizer_method(
    memory: AbstractMemory, optimizer: AbstractObject, name: str, given: CallArguments
) -> AbstractValue:
    """Return what a method of an optimizer gives, `step` excluded."""
    if name == "zero_grad":
        clear_gradients(memory, optimizer.held, given)
        return NONE
    if name == "add_param_group":
        optimizer.held += [one for value in given.positional for one in tensors_of(value)]
        return NONE
    if name == "state_dict":
        made = AbstractObject("dict", is_whole=False)
        if (state := optimizer.parts.get(".state")) is not None:
            made.parts["['state']"] = make_list(state.items()) if isinstance(state, AbstractObject) else state
        return made
    if name == "load_state_dict" and isinstance(source := given.get(0, "state_dict"), AbstractObject):
        if (state := source.parts.get("['state']")) is not None:
            optimizer.parts[".state"] = state
        return NONE
    return UNKNOWN


def make_optimizer(name: str, given: CallArguments) -> AbstractObject:
    """Return a new optimizer over some parameters."""
    held = dict.fromkeys(tensors_of(given.get(0, "params")))
    momentum = given.get(2, "momentum") if name == "SGD" else None
    kind = "Momentum" if momentum is not None and constant_of(momentum) != 0 else name
    made = AbstractObject("optimizer", kind, held=[*held], is_whole=False)
    if constant_of(given.named.get("fused")) is True:
        made.parts[".fused"] = Constant(True)  # noqa: FBT003  (the value of an attribute)
    return made


def param_groups(optimizer: AbstractObject) -> AbstractObject:
    """Return the groups of an optimizer's parameters."""
    group = AbstractObject("dict", parts={"['params']": make_list([*optimizer.held])}, is_whole=False)
    return make_list([group], is_whole=False)


def held_inside(value: AbstractValue, kind: str = "") -> list[AbstractTensor]:
    """Return the tensors at or behind an object, each once; of one kind if that is given."""
    parts = [*value.parts.values()] if isinstance(value, AbstractObject) else []
    if not any(isinstance(one, AbstractObject) for one in parts) and parts:
        own = dict.fromkeys(one for one in parts if isinstance(one, AbstractTensor))
        return [one for one in own if not kind or one.reading.kind == kind]
    waiting: list[AbstractValue] = [value]
    seen: set[int] = set()
    found: list[AbstractTensor] = []
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, AbstractTensor):
            if not kind or one.reading.kind == kind:
                found.append(one)
        elif isinstance(one, AbstractObject):
            waiting += list(one.parts.values())[::-1]
    return found


def tensors_behind(value: AbstractValue, kinds: tuple[str, ...]) -> Iterator[tuple[AccessPath, AbstractTensor]]:
    """Yield the tensors of some kinds at or behind an object, each once, with the steps that lead there."""
    waiting: deque[tuple[tuple[str, ...], AbstractValue]] = deque([((), value)])
    seen: set[int] = set()
    while waiting:
        steps, one = waiting.popleft()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, AbstractTensor):
            if one.reading.kind in kinds:
                yield AccessPath("", steps), one
        elif isinstance(one, AbstractObject):
            waiting += [((*steps, step), part) for step, part in one.parts.items()]
