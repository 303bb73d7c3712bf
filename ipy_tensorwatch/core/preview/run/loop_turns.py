"""The turns of a loop: those that would do nothing new are passed over."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from ..values.abstract_memory import FIRST_SERIAL
from ..values.abstract_values import (
    NUMBER,
    AbstractIterator,
    AbstractObject,
    AbstractTensor,
    AbstractValue,
    Constant,
    Unknown,
    constant_of,
    tensors_of,
)
from ..values.stopped_error import StoppedError
from .abstract_frame import AbstractFrame, JumpError
from .steady_loop import LoopStart, count_turn, is_steady, start_loop

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Sequence

    from .bind_target import TargetBinder

    RunBlock = Callable[[Sequence[ast.stmt], AbstractFrame], None]


class LoopTurns:
    """Runs the turns of a loop until one does nothing that the turns before did not do; then only the last one.

    Where numbers decide what a turn does, as in `if step % 4 == 0`, one more turn is run in which they are not known.

    Attributes
    ----------
    ended
        Whether a turn has left the loop.
    """

    def __init__(
        self, run: TargetBinder, run_block: RunBlock, node: ast.For | ast.AsyncFor, frame: AbstractFrame
    ) -> None:
        self._run, self._run_block, self._node, self._frame = run, run_block, node, frame
        self._position, self._decided, self._names = run.memory.position, frame.decided, frame.names.copy()
        self._turns, self.ended = 0, False
        self._start: LoopStart | None = None
        self._item: AbstractValue | None = None
        self._likeness: object = None
        self._filled: Sequence[tuple[AbstractObject, AbstractValue]] = ()
        self._is_counted = self._is_settled = self._passed_over = self._is_counting = False

    def visit(self, source: AbstractValue) -> None:
        """Run the turns of the items of a value."""
        self._is_counting = isinstance(source, AbstractIterator) and source.counts
        self._finish(are_all=self._run.visit(source, self._take))

    def _take(self, item: AbstractValue) -> None:
        """Run the turn of an item, unless it would do nothing new."""
        if self.ended or self._is_counted:
            return
        self._turns += 1
        if self._turns == 1:
            self._start = start_loop(self._run) if self._frame is self._run.top else None
        elif self._start is not None and is_steady(self._run, self._start, self._node, item):
            self._is_counted = True
            count_turn(self._run.memory, self._run.notes.bound, self._start)
            return
        else:
            self._start = None
        likeness, self._item = _likeness(item), item
        is_like = likeness is not None and likeness == self._likeness
        self._likeness = likeness
        self._passed_over = self._is_settled and is_like
        if self._passed_over:
            self._note_growth()
        else:
            self._is_settled = not self._does_new(item) and (is_like or self._is_counting)

    def _finish(self, *, are_all: bool) -> None:
        """Run the turns that are left; `are_all` is whether every item was given."""
        item = self._item
        if self.ended or self._is_counted or item is None or (are_all and not self._passed_over):
            return
        is_decided = self._frame.decided > self._decided and self._turn_with_unknown_numbers(item)
        if self._passed_over:
            self._turn(item)
        elif is_decided:
            self._run.bind(self._node.target, item, self._frame)

    def _note_growth(self) -> None:
        """Note that a turn that is passed over would put more into what the last one has put something into."""
        for owner, _ in self._filled:
            owner.is_whole = False

    def _turn(self, item: AbstractValue) -> None:
        self._run.memory.position = self._position
        self._run.bind(self._node.target, item, self._frame)
        self.ended = run_turn(self._run_block, self._node.body, self._frame)
        self._run.memory.doubt += self.ended  # what would give the next item is asked for none

    def _does_new(self, item: AbstractValue) -> bool:
        """Run a turn; return whether it writes to, or keeps, what no turn before it did.

        A loop that counts may write elsewhere in each turn: only its last one is run, if none keeps what it writes.
        """
        memory = self._run.memory
        written, filled, serial = len(memory.writes), len(memory.filled), memory.next_serial
        self._turn(item)
        self._filled = memory.filled[filled:]
        writes = ((one.reading.storage, one.by) for one in islice(memory.writes, written, None))
        kept = (one for _, value in self._filled for one in tensors_of(value))
        if not self._is_counting and any(storage < (FIRST_SERIAL if by else serial) for storage, by in writes):
            return True
        return any(one.reading.storage < serial for one in kept)

    def _turn_with_unknown_numbers(self, item: AbstractValue) -> bool:
        """Run a turn with unknown numbers for those that the turns change; return whether there are any."""
        names, unknown = self._frame.names, _without_numbers(item)
        before = {name: self._before(name) for name, one in names.items() if _is_number(one)}
        counted = [name for name, one in before.items() if constant_of(one) != constant_of(names[name])]
        if unknown is item and not counted:
            return False
        names.update(dict.fromkeys(counted, NUMBER))
        with suppress(JumpError, StoppedError):
            self._turn(unknown)
        self.ended = False
        return True

    def _before(self, name: str) -> AbstractValue | None:
        """Return the number that a name led to before the loop; what it leads to now if it led to none."""
        is_outside = name not in self._names and self._frame is self._run.top
        found = self._frame.scene.look_up(name) if is_outside else self._names.get(name)
        return found if _is_number(found) else self._frame.names[name]


def run_turn(run_block: RunBlock, body: Sequence[ast.stmt], frame: AbstractFrame) -> bool:
    """Run one turn of a loop; return whether it ends the loop."""
    try:
        run_block(body, frame)
    except JumpError as jump:
        if jump.kind == "return":
            raise
        return jump.kind == "break"
    return False


def _likeness(item: AbstractValue) -> object:
    """Return what two items have in common whose turns write alike; None if that is not known."""
    match item:
        case AbstractTensor(reading=reading):
            plain = reading.kind, reading.dtype, item.is_read_only, item.is_piece
            return None if reading.requires_grad or item.parts or item.grad else plain
        case Constant(value=value):
            return type(value)
        case Unknown():
            return item
        case AbstractObject(kind="list" | "dict") if item.is_whole:
            parts = [(step, _likeness(one)) for step, one in item.parts.items()]
            return None if any(one is None for _, one in parts) else (item.kind, *parts)
    return None


def _without_numbers(item: AbstractValue) -> AbstractValue:
    """Return an item with its numbers unknown; the very same if it has none."""
    if _is_number(item):
        return NUMBER
    if not isinstance(item, AbstractObject) or item.class_name != "tuple" or not any(map(_is_number, item.items())):
        return item
    parts = {step: _without_numbers(one) for step, one in item.parts.items()}
    return AbstractObject(item.kind, item.class_name, parts)


def _is_number(value: AbstractValue | None) -> bool:
    return isinstance(value, Constant) and isinstance(value.value, int | float) and not isinstance(value.value, bool)
