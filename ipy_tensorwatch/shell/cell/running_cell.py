"""A running cell: its statements, and what its probes record."""

from __future__ import annotations

import ast
from functools import cached_property
from itertools import islice
from threading import get_ident
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, cast

from ...capture.objects.follow_path import length_at
from ...capture.objects.inspect_object import is_number_or_text
from ...capture.running.born_paths import BornPaths, Names
from ...capture.running.memory_watch.look_budget import LookBudget
from ...capture.running.spoiled_backwards import SpoiledBackwards
from ...capture.running.write_log import WriteLog
from ...core.interpreter.reached_definitions import may_lead_anywhere
from ...core.runtime.record import field, mutable
from ...core.statements.names_used import names_led_on
from ...core.statements.statement import Statement, TargetNames, names_written, parse_statements, walk_statements
from ...core.syntax.ast_queries import statement_at
from ...core.syntax.inert_cells import only_defines
from ...core.syntax.parsing import (
    Defined,
    may_assign_gradients,
    may_convert,
    may_give_memory,
    may_hide_writes,
    parse_cell,
)
from ...core.syntax.syntax_tree import all_nodes, names_in, names_stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from threading import RLock
    from types import FrameType

    from ...capture.observer import Observer
    from ...capture.snapshot.snapshotter import Shot
    from ...core.records.snapshots.differences import Found
    from ..ipython.settings import TensorWatch
    from .operator_recording import Recording

_DEFINITIONS = (ModuleType, type, FunctionType, BuiltinFunctionType)
MAX_VALUES = 1000
KEPT = 8
"""How many of the latest values are searched for duplicates; bounded, so that loops stay fast."""


@mutable(eq=False, slots=False)
class RunningCell:
    """What is known of a cell when it begins, and what its probes record while it runs.

    Attributes
    ----------
    plain
        The cell as plain Python; its line 1 is line `1 + offset` of the typed source.
    files
        IPython's live map of file names to cells; the first `known` entries existed before this cell was compiled.
    peek
        Takes a snapshot while the cell runs.
    lock
        Held while the watcher looks.
    functions_give_memory, functions_hide_writes, functions_assign_gradients
        Whether a function of the notebook may replace a tensor's memory, bypass the version counter, or assign what
        becomes a gradient.
    beside
        The cells of other threads that ran at the same time.
    meanwhile
        The differences found by looks of other threads while this cell ran.
    values, targets
        By statement: the numbers and strings that its names held when it was entered, and the serials of the tensors
        that they led to.
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
    lock: RLock
    functions_give_memory: bool
    functions_hide_writes: bool
    functions_assign_gradients: bool
    outside: Sequence[Found] = ()
    began: float = 0.0
    thread_began: float = 0.0
    overhead: float = 0.0
    recording: Recording | None = None
    write_log: WriteLog = field(init=False)
    known: int = field(init=False)
    thread: int = field(default_factory=get_ident)
    beside: list[RunningCell] = field(default_factory=list)
    meanwhile: list[Sequence[Found]] = field(default_factory=list)
    values: dict[int, list[dict[str, int | str]]] = field(default_factory=dict)
    targets: dict[int, dict[str, set[int]]] = field(default_factory=dict)
    _nodes: list[ast.stmt] = field(default_factory=list)
    _written: list[TargetNames] = field(default_factory=list)
    _led_on: dict[int, Names] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Open the write log."""
        self.known = len(self.files)
        follows, follows_losses = may_give_memory(self.plain), self.functions_give_memory or may_convert(self.plain)
        self.observer.snapshotter.objects.may_move = follows or follows_losses
        self.write_log = WriteLog(
            marks=self.observer.prints.marks,
            devices=self.observer.devices,
            before=self.observer.shot,
            peek=self.peek,
            follows=follows,
            follows_losses=follows_losses,
            storages=self.observer.snapshotter.storages,
            paths=BornPaths(
                names=self.names,
                names_of=self._names_led_on,
                objects=self.observer.snapshotter.objects,
                storages=self.observer.snapshotter.storages,
                lock=self.lock,
                before=self.observer.shot.snapshot,
                assigns_gradients=self.functions_assign_gradients or may_assign_gradients(self.plain),
            ),
            look_budget=LookBudget(share=self.settings.probe_share, floor=self.settings.probe_floor),
            files=self.files,
            sample=self._sample,
            end_sampling=self._end_sampling,
            is_inert=self._is_inert,
        )

    def instrument(self, tree: ast.Module, *, is_typed: bool = True) -> ModuleType:
        """Store the cell's statements and return a module of probes; it is empty if the tree was rewritten.

        Parameters
        ----------
        is_typed
            Whether no other transformer can have changed the tree.
        """
        if not is_typed and not self._is_as_typed(tree):
            return self.write_log.probes
        self._nodes = [*walk_statements(tree.body)]
        self._written = [*map(names_written, self.statements)]
        hiding = frozenset(self._hiding(tree))
        self.write_log.begin(len(self._nodes), frozenset(self._changing(tree)), hiding)
        self.write_log.spoiled = self._backwards() if hiding else None
        return self.write_log.probes

    def _changing(self, tree: ast.Module) -> Iterator[int]:
        """Yield the statements whose targets depend on names that the cell binds, or on a container's length."""
        if any(one.names for one in self._written):
            bound = names_stored(tree)
            yield from (i for i, one in enumerate(self._written) if one.lengths or not bound.isdisjoint(one.names))

    def statement_at(self, frame: FrameType | None) -> int | None:
        """Return the index of the statement that a frame of the cell is at; None if it is ambiguous."""
        if not self.write_log.is_blurred:
            return self.write_log.current
        return None if frame is None else statement_at(self._nodes, *_position(frame))

    def _backwards(self) -> SpoiledBackwards:
        snapshotter = self.observer.snapshotter
        return SpoiledBackwards(
            names=self.names,
            statements=self.statements,
            graphs=self.observer.graphs,
            objects=snapshotter.objects,
            storages=snapshotter.storages,
            cell=self.count,
        )

    def _is_as_typed(self, tree: ast.Module) -> bool:
        """Return whether a tree has the same statements on the same lines as the typed cell."""
        return type(tree) is ast.Module and _outline(tree) == _outline(ast.parse(self.plain))

    def _hiding(self, tree: ast.Module) -> Iterator[int]:
        """Yield the statements that may bypass the version counter, or create something that can."""
        hides = may_hide_writes(self.plain)
        by_calls = self.functions_hide_writes or "fused" in self.plain
        by_calls = by_calls or (hides and any(isinstance(one, Defined) for one in all_nodes(tree)))
        for one in self.statements if hides or by_calls else ():
            if may_hide_writes(one.text) or (by_calls and one.calls):
                yield one.index

    def close(self) -> None:
        """Stop the line monitor and the operator recorder after the cell has run."""
        try:
            self.write_log.end()
        finally:
            if self.recording:
                self.recording.close()

    def forget(self) -> None:
        """Drop all copies of bytes."""
        if self.recording:
            self.recording.release()
        self.write_log.forget()
        self.meanwhile.clear()

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """The cell's statements, parsed when first asked for: only cells that changed something need them."""
        return parse_statements(self.plain)

    def _sample(self, index: int) -> None:
        """Record what a statement's names lead to as it is entered: keys such as `i`, and watched tensors."""
        objects = self.observer.snapshotter.objects
        values: dict[str, int | str] = {}
        written = self._written[index]
        for name in written.names:
            value = self.names.get(name)
            if is_number_or_text(value):
                values[name] = cast("int | str", value)
            elif (serial := objects.known(value)) is not None:
                self.targets.setdefault(index, {}).setdefault(name, set()).add(serial)
        for name, path in written.lengths.items():
            if (length := length_at(self.names, path, values)) is not None:
                values[name] = length
        seen = self.values.setdefault(index, [])
        if values and values not in seen[-KEPT:] and len(seen) < MAX_VALUES:
            seen.append(values)

    def _names_led_on(self, index: int) -> Names:
        """Return the names that may lead to new objects after a statement."""
        if index not in self._led_on:
            text = self.statements[index].text
            bound, mentioned = names_led_on(self._nodes[index])
            anywhere = self._named if may_lead_anywhere(text) else frozenset[str]()
            self._led_on[index] = Names(bound | anywhere, mentioned - anywhere)
        return self._led_on[index]

    @cached_property
    def _named(self) -> frozenset[str]:
        """The variables that the cell names anywhere."""
        return frozenset(names_in(parse_cell(self.plain)))

    def _is_inert(self, index: int) -> bool:
        """Return whether a statement that has run can have written no tensor, and led no name to or from one."""
        return only_defines(self._nodes[index]) and all(map(self._is_definition, self._names_led_on(index).bound))

    def _is_definition(self, name: str) -> bool:
        """Return whether a name leads to a module, function or class, and has led to no tensor."""
        paths = self.write_log.paths
        is_new = name not in paths.births and paths.before.get(name) is None
        return is_new and isinstance(self.names.get(name), _DEFINITIONS)

    def _end_sampling(self, index: int) -> None:
        """Record that the values of a statement's names are unknown from here on."""
        self.values.setdefault(index, []).append({})


def _position(frame: FrameType) -> tuple[int, int | None]:
    """Return the line of a frame, and its column in bytes or None."""
    if not hasattr(frame.f_code, "co_positions"):  # Python 3.10
        return frame.f_lineno, None
    line, _, column, _ = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None))
    return (frame.f_lineno, None) if line is None else (line, column)


def _outline(tree: ast.Module) -> list[tuple[type, int | None]]:
    return [(type(node), getattr(node, "lineno", None)) for node in walk_statements(tree.body)]
