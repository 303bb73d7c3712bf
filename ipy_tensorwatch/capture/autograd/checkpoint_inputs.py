"""The tensors a checkpoint recomputes from: its function's arguments, and what the function reads besides."""

from __future__ import annotations

import dis
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from ..objects.inspect_object import is_a, member_of, mro_of, pairs_of, text_of, value_at
from ..objects.walk import walk
from ..runtime.graph_private import CheckpointFrame, checkpoint_arguments
from ..tensors.plain_reads import is_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

STATISTICS = (".running_mean", ".running_var", ".num_batches_tracked")
"""Attributes that normalizations in training write and do not read."""
MAX_FUNCTIONS = 64
"""The maximum number of notebook functions searched from one."""


class CheckpointInput(NamedTuple):
    """A tensor that a checkpoint recomputes from.

    Attributes
    ----------
    way
        Its identity: how the function reaches it.
    check
        Reads it as the checkpoint will, with the version check, if there is one.
    """

    way: str
    tensor: torch.Tensor
    check: Callable[[Any], object] | None


def inputs_of_checkpoint(hook: object) -> tuple[int, Iterator[CheckpointInput]]:
    """Return an identifier of the checkpoint behind a saved tensor's hook, and what it will recompute from."""
    frame = _variables(hook).get("frame")
    return id(frame), _read_by_frame(frame) if type(frame) is CheckpointFrame else iter(())


def tensors_read_by(function: object) -> Iterator[CheckpointInput]:
    """Yield the tensors that a function can reach by name, through notebook functions too."""
    names: dict[str, object] = {}
    waiting, seen = [("function", function)], set[int]()
    while waiting and len(seen) < MAX_FUNCTIONS:
        name, thing = waiting.pop()
        if id(thing) not in seen:
            seen.add(id(thing))
            names[f"{name}{len(seen)}"] = thing
            waiting += _inside(thing)
    for branch in walk(names).branches.values():
        for path, tensor in zip(branch.outline.paths(), branch.objects, strict=True):
            if is_plain(tensor) and not str(path).endswith(STATISTICS):
                yield CheckpointInput(str(path), tensor, None)


def _read_by_frame(frame: Any) -> Iterator[CheckpointInput]:  # noqa: ANN401
    for place, (tensor, check) in enumerate(checkpoint_arguments(frame)):
        yield CheckpointInput(f"args[{place}]", tensor, check)
    outer = _variables(getattr(frame, "recompute_fn", None))
    if "fn" in outer:
        yield from tensors_read_by(partial(outer["fn"], **outer.get("kwargs", {})))


def _inside(thing: object) -> list[tuple[str, object]]:
    """Return what a callable reads by name, including the global names of notebook functions."""
    if type(thing) is MethodType:
        return [("self", thing.__self__), *_inside(thing.__func__)]
    if type(thing) is partial:
        named = [(f"{text_of(name)}", value) for name, value in pairs_of(thing.keywords)]
        return [("function", thing.func), *_numbered("argument", thing.args), *named]
    if type(thing) is FunctionType:
        return [*_globals_of(thing), *_variables(thing).items(), *_numbered("default", thing.__defaults__ or ())]
    if is_a(type(thing), torch.nn.Module):
        return [("forward", _forward_of(type(thing)))]
    return []


def _forward_of(kind: type) -> object:
    found = (member_of(base, "forward") for base in mro_of(kind))
    return next((one for one in found if one is not None), None)


def _numbered(what: str, values: tuple[object, ...]) -> list[tuple[str, object]]:
    return [(f"{what}{place}", value) for place, value in enumerate(values)]


def _globals_of(function: FunctionType) -> list[tuple[str, object]]:
    known = function.__globals__
    if text_of(value_at(known, "__name__")) != "__main__":
        return []
    wanted = _global_names(function.__code__)
    return [(name, value) for name, value in pairs_of(known) if type(name) is str and name in wanted]


def _variables(function: object) -> Mapping[str, Any]:
    """Return a function's closure variables; unset ones are left out."""
    if type(function) is not FunctionType or not function.__closure__:
        return {}
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__, strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            continue
    return found


def _global_names(code: CodeType) -> frozenset[str]:
    """Return the global names that code reads, nested functions included."""
    own = {one.argval for one in dis.get_instructions(code) if one.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return frozenset(own.union(*(_global_names(one) for one in code.co_consts if isinstance(one, CodeType))))
