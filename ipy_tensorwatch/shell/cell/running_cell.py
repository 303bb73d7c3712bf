"""A cell on its way: its statements, and what its probes note."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from threading import get_ident
from typing import TYPE_CHECKING, Any, cast

from ...capture.objects.inspect_object import is_number_or_text
from ...capture.running.look_budget import Allowance
from ...capture.running.write_log import Ledger
from ...core.blame.statement_timeline import Timeline
from ...core.statements.statement import Statement, names_written, parse_statements, walk_statements
from ...core.syntax.ast_queries import statement_at
from ...core.syntax.parsing import Defined, may_convert, may_give_memory, may_hide_writes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FrameType, ModuleType

    from ...capture.observer import Observer
    from ...capture.snapshot.snapshotter import Shot
    from ...core.model.differences import Found
    from ..ipython.settings import TensorWatch
    from .operator_recording import Recording

MAX_VALUES = 1000
KEPT = 8
"""How many of the last values are looked through for the same ones, so that a loop is not slowed down."""


@dataclass(eq=False, repr=False)
class RunningCell:
    """What is known of a cell when it begins, and what its probes note while it runs.

    Attributes
    ----------
    plain
        The cell as plain Python; its line 1 is line `1 + offset` of what the user typed.
    files
        The file names of the notebook's cells, with this one's from when it is compiled; `known` were there before.
    peek
        Takes a snapshot while the cell runs.
    functions_give_memory, functions_hide_writes
        Whether a function of the notebook may give a tensor other memory, or write without a version.
    beside
        The cells that ran while this one did, in other threads.
    meanwhile
        What was found each time that somebody looked while this cell ran.
    values, targets
        For each statement, the numbers and texts that its names stood for as it was entered, and the serials of the
        tensors that they led to.
    """

    count: int
    source: str
    plain: str
    offset: int
    names: Mapping[str, Any]
    files: Mapping[str, int]
    observer: Observer
    settings: TensorWatch
    peek: Callable[[], Shot]
    functions_give_memory: bool
    functions_hide_writes: bool
    outside: Sequence[Found] = ()
    began: float = 0.0
    overhead: float = 0.0
    recording: Recording | None = None
    ledger: Ledger = field(init=False)
    known: int = field(init=False)
    thread: int = field(default_factory=get_ident)
    beside: list[RunningCell] = field(default_factory=list)
    meanwhile: list[Sequence[Found]] = field(default_factory=list)
    values: dict[int, list[dict[str, int | str]]] = field(default_factory=dict)
    targets: dict[int, dict[str, set[int]]] = field(default_factory=dict)
    _nodes: list[ast.stmt] = field(default_factory=list)
    _names: list[tuple[str, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Open the ledger."""
        self.known = len(self.files)
        self.ledger = Ledger(
            marks=self.observer.prints.marks,
            before=self.observer.shot,
            peek=self.peek,
            follows=may_give_memory(self.plain),
            follows_losses=self.functions_give_memory or may_convert(self.plain),
            storages=self.observer.lens.storages,
            allowance=Allowance(share=self.settings.probe_share, floor=self.settings.probe_floor),
            files=self.files,
            sample=self._sample,
            end_sampling=self._end_sampling,
        )

    def instrument(self, tree: ast.Module, *, is_typed: bool = True) -> ModuleType:
        """Take the cell's own statements and return a probe for each; none where they are not those that were typed.

        Parameters
        ----------
        is_typed
            Whether nobody else can have changed the tree.
        """
        if not is_typed and not self._is_as_typed(tree):
            return self.ledger.probes
        self._nodes = [*walk_statements(tree.body)]
        self._names = [*map(names_written, self._nodes)]
        bound = {one.id for one in ast.walk(tree) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
        changing = (index for index, names in enumerate(self._names) if not bound.isdisjoint(names))
        self.ledger.begin(len(self._names), frozenset(changing), frozenset(self._hiding(tree)))
        return self.ledger.probes

    def statement_at(self, frame: FrameType | None) -> int | None:
        """Find the statement that a frame of the cell itself is at; None where several may be."""
        if not self.ledger.is_blurred:
            return self.ledger.current
        return None if frame is None else statement_at(self._nodes, *_position(frame))

    def _is_as_typed(self, tree: ast.Module) -> bool:
        """Tell whether a tree still has the statements that the cell has, so that their numbers mean the same."""
        return type(tree) is ast.Module and _outline(tree) == _outline(ast.parse(self.plain))

    def _hiding(self, tree: ast.Module) -> Iterator[int]:
        """Give the statements that may write, or make what can write, without the version counter seeing it."""
        hides = may_hide_writes(self.plain)
        by_calls = self.functions_hide_writes or "fused" in self.plain
        by_calls = by_calls or (hides and any(isinstance(one, Defined) for one in ast.walk(tree)))
        for one in self.statements() if hides or by_calls else ():
            if may_hide_writes(one.text) or (by_calls and one.calls):
                yield one.index

    def close(self) -> None:
        """Stop seeing lines and operators: the cell has run."""
        try:
            self.ledger.end()
        finally:
            if self.recording:
                self.recording.close()

    def forget(self) -> None:
        """Let go of the copies of bytes."""
        if self.recording:
            self.recording.release()
        self.ledger.forget()
        self.meanwhile.clear()

    @cached_property
    def timeline(self) -> Timeline:
        """When its statements ran; to be asked for when it has ended."""
        return Timeline(self.plain, tuple(self.ledger.built))

    def statements(self) -> tuple[Statement, ...]:
        """Describe the cell's own statements; only a cell that changed something is worth the time."""
        return self._statements

    @cached_property
    def _statements(self) -> tuple[Statement, ...]:
        return parse_statements(self.plain)

    def _sample(self, index: int) -> None:
        """Note what a statement's names lead to as it is entered: keys such as `i`, and tensors under watch."""
        known = self.observer.lens.objects
        values: dict[str, int | str] = {}
        for name in self._names[index]:
            value = self.names.get(name)
            if is_number_or_text(value):
                values[name] = cast("int | str", value)
            elif (serial := known.of_id(id(value))) is not None:
                self.targets.setdefault(index, {}).setdefault(name, set()).add(serial)
        seen = self.values.setdefault(index, [])
        if values and values not in seen[-KEPT:] and len(seen) < MAX_VALUES:
            seen.append(values)

    def _end_sampling(self, index: int) -> None:
        """Note that a statement may have had any keys from here on."""
        self.values.setdefault(index, []).append({})


def _position(frame: FrameType) -> tuple[int, int | None]:
    """Return the line of a frame, and its column, in bytes, where Python knows it."""
    if not hasattr(frame.f_code, "co_positions"):  # Python 3.10
        return frame.f_lineno, None
    line, _, column, _ = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None))
    return (frame.f_lineno, None) if line is None else (line, column)


def _outline(tree: ast.Module) -> list[tuple[type, int | None]]:
    return [(type(node), getattr(node, "lineno", None)) for node in walk_statements(tree.body)]
