"""A moment of an abstract run between two statements of the cell, to which it can return."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from ...runtime.record import record
from ..values.abstract_memory import AbstractMemory
from ..values.abstract_values import (
    AbstractFunction,
    AbstractIterator,
    AbstractObject,
    AbstractTensor,
    AbstractValue,
    Either,
    LibraryMethod,
    LibraryName,
)
from ..values.saved_values import SavedValue, save_object, save_tensor, set_back
from .abstract_frame import AbstractFrame
from .run_notes import RunNotes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .run_statement import StatementInterpreter

    FrameState = tuple[dict[str, AbstractValue], dict[str, AbstractFrame], set[str]]


Record = TypeVar("Record", AbstractMemory, RunNotes)


@record
class Checkpoint:
    """What a run was like before one of the cell's outermost statements.

    Attributes
    ----------
    place
        The index of that statement among the outermost ones.
    values
        The tensors and objects that its names led to.
    made
        How many the scene had made.
    """

    place: int
    values: tuple[SavedValue, ...]
    made: int
    frames: tuple[tuple[AbstractFrame, FrameState], ...]
    around: tuple[tuple[dict[str, AbstractValue], dict[str, AbstractValue]], ...]
    memory: AbstractMemory
    notes: RunNotes

    def return_to(self, run: StatementInterpreter) -> None:
        """Make a run what it was."""
        run.scene.set_back(self.made)
        for one in self.values:
            set_back(one)
        for frame, (names, elsewhere, asked) in self.frames:
            frame.names, frame.elsewhere, frame.asked = names.copy(), elsewhere.copy(), asked.copy()
        for names, before in self.around:
            names.clear()
            names.update(before)
        for mine, kept in ((run.memory, self.memory), (run.notes, self.notes)):
            for each in fields(kept):
                setattr(mine, each.name, _copied(getattr(kept, each.name)))


def take_checkpoint(run: StatementInterpreter, place: int) -> Checkpoint | None:
    """Return what a run is like; None where it holds an iterator, which cannot be set back."""
    reached = _reached(run)
    if any(isinstance(one, AbstractIterator) for one in reached):
        return None
    frames = [one for one in reached if isinstance(one, AbstractFrame)]
    functions = [one for one in reached if isinstance(one, AbstractFunction)]
    return Checkpoint(
        place=place,
        values=tuple(
            [save_tensor(one) for one in reached if isinstance(one, AbstractTensor)]
            + [save_object(one) for one in reached if isinstance(one, AbstractObject)]
        ),
        made=run.scene.count_made(),
        frames=tuple((one, (one.names.copy(), one.elsewhere.copy(), one.asked.copy())) for one in frames),
        around=tuple((one.around, one.around.copy()) for one in functions if isinstance(one.around, dict)),
        memory=_copy_of(run.memory),
        notes=_copy_of(run.notes),
    )


def _copy_of(record: Record) -> Record:
    """Return a copy of a record and of the containers in its fields: all of them, so that none is forgotten."""
    copied: dict[str, Any] = {one.name: _copied(getattr(record, one.name)) for one in fields(record)}
    return replace(record, **copied)


def _copied(value: object) -> object:
    return value.copy() if isinstance(value, dict | set | list) else value


def _reached(run: StatementInterpreter) -> list[object]:
    """Return the frames of a run and all that their names lead to, each once."""
    waiting: list[object] = [run.top, *run.scene.made(), *(one.optimizer for one in run.notes.steps)]
    seen: dict[int, object] = {}
    while waiting:
        one = waiting.pop()
        if id(one) not in seen:
            seen[id(one)] = one
            waiting += _behind(one)
    return [*seen.values()]


def _behind(one: object) -> Iterable[object]:
    match one:
        case AbstractTensor():
            return (one.base, one.grad, *one.leaves, *one.parts.values())
        case AbstractObject():
            return (one.others, *one.parts.values(), *one.held, *one.hooks, *one.pre_hooks)
        case AbstractFrame():
            return (one.around, *one.names.values(), *one.elsewhere.values())
        case AbstractFunction(around=around):
            held = around.values() if isinstance(around, dict) else (around,)
            return (*one.given, *one.named.values(), *held)
        case LibraryName():
            return (*one.given, *one.named.values())
        case LibraryMethod():
            return (one.owner,)
        case Either():
            return one.options
    return ()
