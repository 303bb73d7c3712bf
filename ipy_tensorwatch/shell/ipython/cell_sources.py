"""The shell's cells: their plain source, the functions that they define, and the file names of their code."""

from __future__ import annotations

import linecache
import re
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from ...capture.objects.inspect_object import Nameless, name_of
from ...core.interpreter.cell_definitions import definitions_in
from ...core.records.report_parts import Inner
from ...core.records.typed_line import TypedLine
from ...core.runtime.record import field, mutable
from ...core.statements.leftover_names import leftover_names
from ...core.statements.loaded_states import Loader, loaded_states, loading_functions, sure_loaders
from ...core.statements.renamed_leaves import renamed_leaves
from ...core.statements.repeated_calls import repeated_calls
from ...core.statements.shallow_copies import copying_functions, shallow_copies
from ...core.statements.told_by_text import awaits, leaves_collective_open
from ...core.syntax.cached_functions import cached_functions
from ...core.syntax.cell_lines import Listing
from ...core.syntax.parsing import (
    may_assign_gradients,
    may_define,
    may_give_memory,
    may_hide_writes,
    may_restore,
    may_write_back,
    may_write_gradients,
)
from .ipython_private import FILES, HIDDEN
from .resizing_code import ResizingCode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from IPython.core.interactiveshell import InteractiveShell

    from ...core.records.trace.notebook import Definition, ShallowCopy

_NUMBERED = re.compile(r"_i?\d+|_+|_i+|_[iod]h")
MAX_CHARACTERS = 1 << 23
"""Maximum characters of source kept, for cells and for definitions each; the oldest goes first."""
SLOW = 0.5
"""The processor time in seconds from which on the statements of a cell are not tried again with a fix."""
MAX_BITS = 1000
"""Larger integers are not printed: Python refuses to convert thousands of digits."""
MAX_NESTED = 1000
"""How many files compiled by magics are kept; the oldest goes first."""
MAX_UNREAD = 256
"""How many of the last cells are kept until names left over from loops are asked for."""
MAX_STARTED = 8
"""How many of the last cells that started collectives are kept."""
MAX_COPIES = 64
"""How many shallow copies, and how many loaded state dicts, are kept."""
MAX_LOADS = 8
"""How many of the statements that loaded one state dict are kept."""
_LOOPS, _WORD = re.compile(r"\bfor\b"), re.compile(r"\w+")


def user_variables(shell: InteractiveShell) -> dict[str, Any]:
    """Return a copy of the user's namespace without IPython's own names (`_`, `Out`, `_3`, …).

    A name of the namespace itself (`g = globals()`) would lead to every variable a second time.
    """
    hidden, names = HIDDEN.of(shell), shell.user_ns
    found: dict[str, Any] = {}
    for place, (name, value) in enumerate(dict.copy(names).items()):
        if type(name) is not str:
            found[_spell(name, place)] = Nameless()
        elif value is not names and name not in hidden and not (name[:1] == "_" and _NUMBERED.fullmatch(name)):
            found[name] = value
    return found


def _spell(key: object, place: int) -> str:
    """Return a spelling for a key that is not a string, without calling its `__repr__`."""
    is_short = type(key) is int and key.bit_length() < MAX_BITS
    return f"globals()[{key}]" if is_short else f"globals()[<{name_of(type(key))} {place}>]"


@mutable
class Sources:
    """The plain sources of cells that define functions or classes, and the latest definition of each name.

    Attributes
    ----------
    plain
        The plain sources of all cells, by count.
    give_memory
        Whether any cell so far may replace a tensor's memory.
    hide_writes
        Whether any function may bypass the version counter.
    assign_gradients
        Whether any function may make a tensor of its own a gradient.
    write_gradients
        Whether any cell registers a hook of a backward, or defines the backward of a Function.
    restore
        Whether any function may load a state dict that it has taken, or write back what it has kept.
    cache
        Whether any function's results are kept by `functools`.
    repeat
        Whether any function or class may repeat one object in a list.
    slow
        The cells that took more processor time than `SLOW`.
    nested
        The cells of files compiled by magics, which IPython assigns to the next cell.
    copies
        The last shallow copies that cells keep, by what keeps them.
    loaded
        The paths of state dicts that cells loaded, each with the last statements that did.
    resizing
        Whether code resizes arrays in place.
    collectives
        The plain sources of the last cells that started collectives and did not wait for them, by count.
    """

    cells: dict[int, str] = field(default_factory=dict)
    definitions: dict[str, Definition] = field(default_factory=dict)
    give_memory: bool = False
    hide_writes: bool = False
    assign_gradients: bool = False
    write_gradients: bool = False
    restore: bool = False
    cache: bool = False
    repeat: bool = False
    slow: set[int] = field(default_factory=set)
    nested: dict[str, int] = field(default_factory=dict)
    plain: dict[int, str] = field(default_factory=dict)
    collectives: dict[int, str] = field(default_factory=dict)
    copies: dict[tuple[str, str], ShallowCopy] = field(default_factory=dict)
    loaded: dict[str, tuple[TypedLine, ...]] = field(default_factory=dict)
    resizing: ResizingCode = field(default_factory=ResizingCode)
    _size: int = 0
    _awaited: int = 0
    _leftovers: frozenset[str] = frozenset()
    _renamed: frozenset[str] = frozenset()
    _copiers: frozenset[str] = frozenset()
    _loaders: frozenset[Loader] = frozenset()
    _loaders_now: frozenset[Loader] = frozenset()
    _unread: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_UNREAD))

    def add(self, count: int, source: str, busy: float = 0.0) -> None:
        """Add a cell, with its processor time in seconds; 0 if it raised, for to print a traceback may take longer."""
        self.plain[count] = source
        if busy > SLOW and "import" not in source:  # a first import takes seconds, and no second one does
            self.slow.add(count)
        self._size += len(source)
        while self._size > MAX_CHARACTERS and len(self.plain) > 1:
            self._size -= len(self.plain.pop(next(iter(self.plain))))
        self._unread.append(source)
        self._note_collectives(count, source)
        self._note_copies(source)
        self._note_loads(count, source)
        self.give_memory = self.give_memory or may_give_memory(source)
        self.write_gradients = self.write_gradients or may_write_gradients(source)
        self.cache = self.cache or bool(cached_functions(source))
        if not may_define(source):
            return
        self.resizing.note(source)
        self.hide_writes = self.hide_writes or may_hide_writes(source)
        self.assign_gradients = self.assign_gradients or may_assign_gradients(source)
        self.repeat = self.repeat or bool(repeated_calls(source))
        self.restore = self.restore or may_restore(source) or may_write_back(source)
        self.cells.pop(count, None)
        self.cells[count] = source
        for name, one in definitions_in(source, count).items():
            self.definitions.pop(name, None)
            self.definitions[name] = one
        self._bound()

    def _note_collectives(self, count: int, source: str) -> None:
        """Keep a cell that leaves collectives open; the cell after one that waits has none."""
        known = {one: text for one, text in self.collectives.items() if one >= self._awaited}
        self._awaited = count if awaits(source) else self._awaited
        if leaves_collective_open(source):
            known[count] = source
        self.collectives = dict([*known.items()][-MAX_STARTED:])

    def _note_copies(self, source: str) -> None:
        self._copiers |= copying_functions(source)
        for one in shallow_copies(source, self._copiers):
            self.copies.pop((one.within, one.target), None)
            self.copies[one.within, one.target] = one
        for known in [*self.copies][:-MAX_COPIES]:
            del self.copies[known]

    def _note_loads(self, count: int, source: str) -> None:
        self._loaders |= loading_functions(source)
        if self._loaders and may_define(source):
            defined = {**self.definitions, **definitions_in(source, count)}
            self._loaders_now = sure_loaders(self._loaders, [one.source for one in defined.values()])
        for path, line, text in loaded_states(source, self._loaders_now):
            found = *self.loaded.pop(path, ()), TypedLine(cell=count, line=line, text=text)
            self.loaded[path] = found[-MAX_LOADS:]
        for known in [*self.loaded][:-MAX_COPIES]:
            del self.loaded[known]

    def loads(self, source: str) -> bool:
        """Return whether a cell loads a state dict, itself or by a function of the notebook."""
        return bool(loaded_states(source, self._loaders_now))

    def leftovers(self) -> frozenset[str]:
        """Return the names that loops of the cells so far have left over."""
        self._read_on()
        return self._leftovers

    def renamed(self) -> frozenset[str]:
        """Return the paths of tensors that have a second name since they were made leaves."""
        self._read_on()
        return self._renamed

    def _read_on(self) -> None:
        while self._unread:
            source = self._unread.popleft()
            self._renamed = renamed_leaves(source, self._renamed)
            if _LOOPS.search(source) or not self._leftovers.isdisjoint(_WORD.findall(source)):
                self._leftovers = leftover_names(source, self._leftovers)

    def _bound(self) -> None:
        """Drop the oldest cells and definitions beyond `MAX_CHARACTERS` each."""
        size = sum(map(len, self.cells.values()))
        while size > MAX_CHARACTERS and len(self.cells) > 1:
            size -= len(self.cells.pop(next(iter(self.cells))))
        size = sum(len(one.source) for one in self.definitions.values())
        while size > MAX_CHARACTERS and len(self.definitions) > 1:
            size -= len(self.definitions.pop(next(iter(self.definitions))).source)

    def adopt(self, files: Mapping[str, int], known: int, count: int) -> None:
        """Assign the files that were compiled after the first `known` ones to a cell."""
        self.nested.update((name, count) for name in islice(files, known, None) if files[name] != count)
        for name in [*islice(self.nested, max(0, len(self.nested) - MAX_NESTED))]:
            del self.nested[name]

    def files(self, shell: InteractiveShell) -> Mapping[str, int]:
        """Return the file names of the cells' code, each with the execution count of its cell."""
        return {**FILES.of(shell), **self.nested}

    def listing(self, shell: InteractiveShell) -> Listing:
        """Return the lines of the cells, by the file names of their code."""
        return Listing(self.files(shell), source_of)

    def line(self, shell: InteractiveShell, file_name: str, line: int) -> Inner | None:
        """Return cell, line and text of a position in a file; None if the cell's source is not kept."""
        count = cell_of(shell, file_name)
        if count is None or count not in self.cells:
            return None
        lines = self.cells[count].splitlines()
        text = lines[line - 1].strip() if 0 < line <= len(lines) else ""
        return Inner(cell=count, line=line, text=text)


def cell_of(shell: InteractiveShell, file_name: str) -> int | None:
    """Return the execution count of the cell that was compiled under a file name."""
    files: Mapping[str, int] = FILES.of(shell)
    return files.get(file_name)


def source_of(file_name: str) -> str:
    """Return the source of a file or cell, from `linecache`."""
    return "".join(linecache.getlines(file_name))


def typed_source(shell: InteractiveShell, count: int) -> str:
    """Return the source of a cell as typed, by its number.

    Raises
    ------
    UsageError
        If there is none.
    """
    typed = getattr(shell.history_manager, "input_hist_raw", None)
    if type(typed) is list and 0 < count < len(typed) and type(typed[count]) is str:
        return str(typed[count])
    raise UsageError(f"there is no cell {count}")


def plain_source(shell: InteractiveShell, raw: str, transformed: str | None) -> tuple[str, int]:
    """Return a cell as plain Python, and how many leading blank lines IPython removed."""
    if transformed is None:
        try:
            transformed = shell.transform_cell(raw)
        except Exception:  # noqa: BLE001  (IPython reports the error itself)
            return "", 0
    return transformed, leading_blanks(raw) - leading_blanks(transformed)


def leading_blanks(text: str) -> int:
    """Return the number of blank lines at the beginning of a source."""
    count = 0
    for line in text.splitlines():
        if line.strip():
            break
        count += 1
    return count
