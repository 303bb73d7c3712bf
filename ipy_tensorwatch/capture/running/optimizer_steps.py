"""Record which optimizers stepped, on which parameters, and from which line."""

from __future__ import annotations

import sys
from contextlib import suppress
from itertools import chain, islice
from threading import get_ident
from traceback import walk_stack
from typing import TYPE_CHECKING, Any

import numpy as np
from torch.optim.optimizer import register_optimizer_step_pre_hook

from ...core.runtime.guard import GUARD
from ...core.runtime.record import field, mutable, record
from ..frames.line_monitor import CELL
from ..memory.raw_memory import fetch_into, span
from ..objects.containers import groups_of
from ..objects.inspect_object import are_all, attribute, is_a, items_of, pairs_of, value_at
from ..runtime.torch_private import plain_reads, read_grad
from ..tensors.plain_reads import are_plain, has_version, is_leaf, is_plain, is_tensor, local_of, storage_of, version_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator
    from types import FrameType

    import torch

_WHERE = "before-step"
FEW_GRADIENTS = 8
"""So many gradients tell whether a backward has written any since the step before."""
FEW_BYTES = 1 << 16
"""A gradient in a larger storage is not read."""
MAX_OPTIMIZERS = 64
"""The number of optimizers whose last gradients are remembered, the latest."""

_Gradients = tuple[tuple[int, int], ...]


@record(kw_only=False)
class SeenStep:
    """One optimizer step: the addresses of what it holds, and the notebook line that called it.

    Attributes
    ----------
    frame
        The file name and line of the innermost notebook frame, and whether that is the cell itself.
    is_idle
        Whether none of its parameters had a new gradient, or one that is not zero.
    """

    optimizer: int
    parameters: frozenset[int]
    storages: frozenset[int]
    statement: int | None
    thread: int
    frame: tuple[str, int, bool] | None
    is_idle: bool = False


@mutable
class StepRecorder:
    """Records each optimizer step once per place of the cell; `close` removes the hooks.

    Attributes
    ----------
    current
        Returns the last statement known to have been entered.
    statement
        Returns the running statement, given the frame of the cell itself.
    """

    current: Callable[[], int | None]
    statement: Callable[[FrameType | None], int | None]
    is_notebook: Callable[[str], bool]
    seen: dict[object, SeenStep] = field(default_factory=dict)
    _last: dict[tuple[int, frozenset[int]], _Gradients] = field(default_factory=dict)
    _handle: Any = None

    def open(self) -> None:
        """Register the hook with PyTorch."""
        self._handle = register_optimizer_step_pre_hook(self._before_step)

    def close(self) -> None:
        """Remove the hooks."""
        if self._handle is not None:
            self._handle.remove()
            self._handle = None

    def forget(self, threads: Container[int] = ()) -> None:
        """Forget all steps except those of some threads."""
        self.seen = {key: one for key, one in self.seen.items() if one.thread in threads}

    def of_others_than(self, threads: Container[int]) -> list[SeenStep]:
        """Return the steps made by other threads than these."""
        return [one for one in list(self.seen.values()) if one.thread not in threads]

    def _before_step(self, optimizer: torch.optim.Optimizer, *_: object) -> None:
        try:
            GUARD.run_briefly(_WHERE, self._note_once, optimizer, default=None)
        finally:
            if GUARD.signals.arrived:
                GUARD.signals.send_later()

    def _note_once(self, optimizer: torch.optim.Optimizer) -> None:
        """Record a step unless one was made from the same place."""
        cell = self._cell_frame()
        place = (cell.f_code.co_filename, cell.f_lasti) if cell else None
        key = get_ident(), id(optimizer), self.current(), place
        if key not in self.seen:
            GUARD.run_inside(_WHERE, self._note, optimizer, cell, key, default=None)

    def _cell_frame(self) -> FrameType | None:
        frame: FrameType | None = sys._getframe(2)
        while frame is not None and not (frame.f_code.co_name == CELL and self.is_notebook(frame.f_code.co_filename)):
            frame = frame.f_back  # inlined: `walk_stack` computes the line of every frame
        return frame

    def _note(self, optimizer: torch.optim.Optimizer, cell: FrameType | None, key: object) -> None:
        with plain_reads():
            parameters: list[Any] = list(_parameters(optimizer))
            storages = _storages([*parameters, *_states(optimizer)])
            found = [*islice(_gradients(parameters), FEW_GRADIENTS)]
            gradients = tuple((id(one), version_of(one) if has_version(one) else -1) for one in found)
            held = frozenset(map(id, parameters))
            is_idle = self._last.pop((id(optimizer), held), ()) == gradients or all(map(_is_zero, found))
        self._last[id(optimizer), held] = gradients
        if len(self._last) > MAX_OPTIMIZERS:
            del self._last[next(iter(self._last))]
        self.seen[key] = SeenStep(
            optimizer=id(optimizer),
            parameters=held,
            storages=storages,
            statement=self.statement(cell),
            thread=get_ident(),
            frame=_calling_line(self.is_notebook),
            is_idle=is_idle,
        )


def _gradients(parameters: list[Any]) -> Iterator[Any]:
    """Yield the gradients; the address and the version of each stay while no backward writes it."""
    for one in parameters:
        grad = read_grad(one) if is_tensor(one) and is_leaf(one) else None
        if grad is not None and is_tensor(grad):
            yield grad


def _is_zero(grad: Any) -> bool:  # noqa: ANN401
    """Return whether a gradient was only cleared, as far as it is small and in the host's memory."""
    with suppress(RuntimeError):  # a sparse one has no storage
        storage = storage_of(grad) if is_plain(grad) else None
        if storage is not None and storage.device.type == "cpu" and 0 < storage.nbytes() <= FEW_BYTES:
            copied = np.empty(storage.nbytes(), np.uint8)
            return fetch_into(copied, span(storage.data_ptr(), copied.nbytes)) == copied.nbytes and not copied.any()
    return False


def _parameters(optimizer: torch.optim.Optimizer) -> Iterator[object]:
    for _, group in groups_of(optimizer):
        yield from _members_of(value_at(group, "params") if is_a(type(group), dict) else None)


def _states(optimizer: torch.optim.Optimizer) -> list[object]:
    """Return the values of all parameters' states."""
    states = attribute(optimizer, "state")
    inner = [state for _, state in pairs_of(states) if is_a(type(state), dict)] if is_a(type(states), dict) else []
    if are_all(inner, dict):
        with suppress(RuntimeError):  # another thread changed one meanwhile
            values = [*chain.from_iterable(map(dict.values, inner))]
            if are_plain(values):
                return values
    values = [value for state in inner for _, value in pairs_of(state)]
    return [*chain.from_iterable([_members_of(value) or [value] for value in values])]


def _members_of(values: object) -> list[object]:
    return items_of(values) if is_a(type(values), list, tuple) else []


def _storages(values: list[Any]) -> frozenset[int]:
    if are_plain(values):
        with suppress(RuntimeError):  # a sparse one has none
            return frozenset(map(id, map(storage_of, values)))
    return frozenset(_storages_one_by_one(values))


def _storages_one_by_one(values: list[Any]) -> Iterator[int]:
    for value in map(local_of, values):
        if is_plain(value) or is_tensor(value):
            try:
                yield id(storage_of(value))
            except RuntimeError:
                continue


def _calling_line(is_notebook: Callable[[str], bool]) -> tuple[str, int, bool] | None:
    for frame, line in walk_stack(sys._getframe(2)):
        name = frame.f_code.co_filename
        if is_notebook(name):
            return name, line, frame.f_code.co_name == CELL
    return None
