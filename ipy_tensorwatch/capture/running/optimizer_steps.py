"""Note which optimizers stepped, on whose parameters, and from which line."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, Any

from torch.optim.optimizer import register_optimizer_step_pre_hook

from ...core.host.guard import GUARD
from ..host.torch_private import plain_reads
from ..objects.containers import groups_of
from ..objects.inspect_object import attribute, is_a, items_of, pairs_of, value_at
from ..tensors.plain_reads import has_storage, is_tensor, storage_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator

    import torch


@dataclass(frozen=True, slots=True)
class SeenStep:
    """One optimizer's step: what it holds, by address, and the notebook line that called it.

    Attributes
    ----------
    frame
        File name and line of the innermost notebook frame, and whether that is the cell itself.
    """

    optimizer: int
    parameters: frozenset[int]
    storages: frozenset[int]
    statement: int | None
    thread: int
    frame: tuple[str, int, bool] | None


@dataclass(slots=True)
class StepRecorder:
    """Records each optimizer's step once per statement; `close` takes the hooks away again.

    Attributes
    ----------
    statement
        Tells the statement that runs, and whether it may be another one.
    """

    statement: Callable[[], tuple[int | None, bool]]
    is_notebook: Callable[[str], bool]
    seen: dict[tuple[int, int, int | None], SeenStep] = field(default_factory=dict)
    _handle: Any = None

    def open(self) -> None:
        """Register the hook with PyTorch."""
        note = partial(GUARD.run_inside, "before an optimizer's step", self._note, default=None)
        self._handle = register_optimizer_step_pre_hook(note)

    def close(self) -> None:
        """Take the hooks away."""
        if self._handle is not None:
            self._handle.remove()
            self._handle = None

    def forget(self, threads: Container[int] = ()) -> None:
        """Forget all steps but those of some threads."""
        self.seen = {key: one for key, one in self.seen.items() if one.thread in threads}

    def of_others_than(self, threads: Container[int]) -> list[SeenStep]:
        """Give the steps that no thread of these has made."""
        return [one for one in list(self.seen.values()) if one.thread not in threads]

    def _note(self, optimizer: torch.optim.Optimizer, *_: object) -> None:
        statement, is_blurred = self.statement()
        key = get_ident(), id(optimizer), statement
        if key in self.seen or (is_blurred and any(known[:2] == key[:2] for known in list(self.seen))):
            return
        with plain_reads():
            parameters = list(_parameters(optimizer))
            storages = frozenset(_storages([*parameters, *_states(optimizer)]))
        self.seen[key] = SeenStep(
            optimizer=id(optimizer),
            parameters=frozenset(map(id, parameters)),
            storages=storages,
            statement=statement,
            thread=get_ident(),
            frame=_calling_line(self.is_notebook),
        )


def _parameters(optimizer: torch.optim.Optimizer) -> Iterator[object]:
    for _, group in groups_of(optimizer):
        yield from _members_of(value_at(group, "params") if is_a(type(group), dict) else None)


def _states(optimizer: torch.optim.Optimizer) -> Iterator[object]:
    states = attribute(optimizer, "state")
    for _, state in pairs_of(states) if is_a(type(states), dict) else ():
        for _, value in pairs_of(state) if is_a(type(state), dict) else ():
            yield from _members_of(value) or [value]


def _members_of(values: object) -> list[object]:
    return items_of(values) if is_a(type(values), list, tuple) else []


def _storages(values: list[Any]) -> Iterator[int]:
    for value in values:
        if is_tensor(value) and has_storage(value):
            yield id(storage_of(value))


def _calling_line(is_notebook: Callable[[str], bool]) -> tuple[str, int, bool] | None:
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if is_notebook(name):
            return name, frame.f_lineno, frame.f_code.co_name == "<module>"
        frame = frame.f_back  # type: ignore[assignment]
    return None
