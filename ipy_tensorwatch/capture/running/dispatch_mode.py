"""Intercept each operator before it runs, and find the memory it will write."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import torch

from ...core.blame.evidence.operator_writes import UNKNOWN, Region
from ...core.runtime.guard import GUARD
from ..runtime.torch_private import (
    DispatchMode,
    is_cow,
    is_fake,
    is_functorch,
    never_compile,
    plain_reads,
    push_below,
    schema_of,
    spare_subclassing,
    take_out,
)
from ..tensors.plain_reads import has_storage, is_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ..tensors.serials import StorageSerials

_BATCH_NORM = ("native_batch_norm", "_native_batch_norm_legit", "cudnn_batch_norm", "miopen_batch_norm")
_TRAINING = frozenset(f"aten::{name}" for name in _BATCH_NORM)
_RUNNING = ((3, "running_mean"), (4, "running_var"))
_TRAINING_PLACE = 5


class OperatorMode(DispatchMode):
    """Passes each operator to a note-taker, then runs it; an error returned by the note-taker stops it."""

    supports_higher_order_operators = True

    def __init__(self, note: Callable[[Any, Sequence[Any], Mapping[str, Any]], BaseException | None]) -> None:
        super().__init__()
        self._note = note
        self._is_on = False
        self._stop_sparing: Callable[[], object] | None = None

    def open(self) -> None:
        """Start to intercept this thread's operators, below the user's modes."""
        self._is_on = True
        push_below(self)
        self._stop_sparing = spare_subclassing(self)

    def close(self) -> None:
        """Stop intercepting; the user's modes stay."""
        self.rest()
        take_out(self)
        if self._stop_sparing is not None:
            self._stop_sparing()

    def rest(self) -> None:
        """Stop intercepting, from any thread: only the thread that opened a mode can remove it."""
        self._is_on = False

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Have PyTorch wrap this class's `__torch_dispatch__` only if the compiler cannot be kept away otherwise."""
        return not never_compile(cls.__torch_dispatch__.__code__)

    @classmethod
    def ignore_compile_internals(cls) -> bool:
        """Keep compiled functions compiled: a mode that looks inside them disables compilation for good."""
        return True

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401
        types: object,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Record the operator, then run it."""
        __tracebackhide__ = True
        del types
        if not self._is_on:
            return func(*args, **(kwargs or {}))
        if getattr(func, "namespace", "") != "aten":  # it may run the user's Python code for long
            if error := self._ask(func, args, kwargs):
                raise error
            return func(*args, **(kwargs or {}))
        GUARD.signals.hold()  # signals would be raised in our frame: Python handles them when an operator ends
        try:
            if error := self._ask(func, args, kwargs):
                raise error
            return func(*args, **(kwargs or {}))
        finally:
            GUARD.signals.release()
            if GUARD.signals.arrived:
                GUARD.signals.send_later()

    def _ask(self, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any] | None) -> BaseException | None:  # noqa: ANN401
        return GUARD.run("before-operator", self._note, func, args, kwargs or {}, default=None)


@cache
def lays_out_anew(function: Any) -> bool:  # noqa: ANN401
    """Return whether an operator only changes a tensor's storage or layout: `t_`, `set_`, `resize_`."""
    return torch.Tag.inplace_view in getattr(function, "tags", ())


@cache
def written_arguments(function: Any) -> tuple[str, tuple[tuple[int, str], ...]]:  # noqa: ANN401
    """Return an operator's name, and the place and name of each argument that it writes."""
    schema = schema_of(function)
    if schema is None:
        return str(function), ()
    if lays_out_anew(function):
        return schema.name, ()
    written = tuple(
        (place, argument.name)
        for place, argument in enumerate(schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    )
    if schema.name in _TRAINING:  # the schema of the first says that it writes nothing
        written = (*_RUNNING, *(slot for slot in written if slot not in _RUNNING))
    return schema.name, written


def written_tensors(
    name: str, slots: tuple[tuple[int, str], ...], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Iterator[torch.Tensor]:
    """Yield the tensors that a call of an operator will write."""
    for place, argument in slots:
        if _is_spared(name, argument, args, kwargs):
            continue
        value = args[place] if place < len(args) else kwargs.get(argument)
        for one in value if isinstance(value, list | tuple) else (value,):
            if isinstance(one, torch.Tensor):
                yield one


def region_of(tensor: torch.Tensor, storages: StorageSerials) -> Region:
    """Return the memory region of any kind of tensor."""
    if is_plain(tensor):
        return _read(tensor, storages)
    with plain_reads():
        return _read(tensor, storages)


def _read(tensor: torch.Tensor, storages: StorageSerials) -> Region:
    if is_functorch(tensor) or is_fake(tensor) or tensor.layout is not torch.strided:
        return UNKNOWN
    if not has_storage(tensor) or is_cow(tensor):
        return UNKNOWN
    return Region(
        storages.of_torch(tensor.untyped_storage()),
        tensor.data_ptr(),
        tensor.element_size(),
        int(tensor.storage_offset()),
        tensor.shape,
        tensor.stride(),
    )


def _is_spared(name: str, argument: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Return whether an argument is not written by this call, although the schema says so."""
    if name in _TRAINING and argument in ("running_mean", "running_var"):
        return not (args[_TRAINING_PLACE] if len(args) > _TRAINING_PLACE else kwargs.get("training"))
    return name.startswith("aten::_fused_") and argument == "grads" and kwargs.get("grad_scale") is None
