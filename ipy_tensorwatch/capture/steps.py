"""Note which optimizers stepped, on whose parameters, and from which line."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch.optim.optimizer import register_optimizer_step_pre_hook

from .bare import is_tensor, storage_of
from .contents import groups_of
from .inspect_object import attribute, is_a, items_of, pairs_of, value_at
from .torch_private import has_storage, plain_reads, storage_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
    seen: dict[tuple[int, int | None], SeenStep] = field(default_factory=dict)
    _handle: Any = None

    def open(self) -> None:
        """Register the hook with PyTorch."""
        self._handle = register_optimizer_step_pre_hook(self._note)

    def close(self) -> None:
        """Take the hooks away."""
        if self._handle is not None:
            self._handle.remove()
            self._handle = None

    def _note(self, optimizer: torch.optim.Optimizer, *_: object) -> None:
        statement, is_blurred = self.statement()
        key = id(optimizer), statement
        if key in self.seen or (is_blurred and any(known == id(optimizer) for known, _ in self.seen)):
            return
        try:
            with plain_reads():
                parameters = list(_parameters(optimizer))
                storages = frozenset(_storages([*parameters, *_states(optimizer)]))
            self.seen[key] = SeenStep(
                optimizer=id(optimizer),
                parameters=frozenset(map(id, parameters)),
                storages=storages,
                statement=key[1],
                frame=_calling_line(self.is_notebook),
            )
        except Exception:  # noqa: BLE001  (the user's step goes on whatever we meet)
            return


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
            yield storage_address(storage_of(value))


def _calling_line(is_notebook: Callable[[str], bool]) -> tuple[str, int, bool] | None:
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if is_notebook(name):
            return name, frame.f_lineno, frame.f_code.co_name == "<module>"
        frame = frame.f_back  # type: ignore[assignment]
    return None
