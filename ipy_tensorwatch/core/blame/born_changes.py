"""What became of the paths that a cell bound, and which statement bound them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, NamedTuple

from ..memory.address_space import space_of
from ..records.snapshots.differences import Differences, readings_after
from ..runtime.grouped import tally
from ..statements.told_by_text import runs_backward
from ..statements.used_up import is_used_up
from ..statements.writes.kept_in_loops import puts_into
from ..syntax.parsing import parse_header
from .changed_rows import ChangedRows
from .expected.expected_changes import is_mutated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ..records.path import AccessPath
    from ..records.reading import Reading
    from ..records.report_parts import Cause, Change, Site
    from ..records.snapshots.differences import Found
    from ..records.trace.born import Born
    from ..statements.statement import Statement
    from .changed_rows import Judge
    from .evidence.cell_index import CellIndex


class Item(NamedTuple):
    """A tensor in a container, and when it was put there."""

    path: AccessPath
    reading: Reading
    first: Reading | None
    born: Born


class BornChanges:
    """The mutations of what one cell bound, since it was bound."""

    def __init__(self, cell: CellIndex, born: Sequence[Born], judge: Judge) -> None:
        self._cell, self._born = cell, born
        changed = (one for one in born if _has_mutated(one.found))
        self._rows = [
            ChangedRows(partial(cell.since, one.look, one.ran, one.until), one.found, judge) for one in changed
        ]

    @property
    def causes(self) -> Iterator[Cause | None]:
        """The causes of the mutations, as far as their classes settle them."""
        return (cause for rows in self._rows for cause in rows.classes.values())

    @property
    def all(self) -> Iterator[Change]:
        """Every mutation."""
        for rows in self._rows:
            yield from self._with_sites(rows.changes(rows.classes))

    @property
    def unsettled(self) -> Iterator[Change]:
        """The mutations whose cause no class settles."""
        for rows in self._rows:
            yield from self._with_sites(rows.changes(rows.unsettled))

    @property
    def used(self) -> Iterator[Change]:
        """The silent mutations of what paths led to, where a later statement reads the path's variable."""
        mutated = (one for one in self._born if _has_mutated(one.found))
        for born, rows in zip(mutated, self._rows, strict=True):
            reads = frozenset[str]().union(*(self._cell.numbered[index].reads for index in born.later))
            roots = {str(difference.path): difference.path.root for difference, _ in born.found}
            if reads.isdisjoint(roots.values()):
                continue
            for one in self._with_sites(rows.changes(rows.unsettled)):
                if one.silent and not self._is_used_up(roots[one.path], one):
                    yield one

    def of_names(self, says: Callable[[str], bool]) -> Iterator[Change]:
        """Yield the mutations of the paths with a name of some kind in them."""
        for rows in self._rows:
            yield from rows.of_names(says)

    def know(self, changes: Mapping[str, Change]) -> None:
        """Take over silent changes that are known without further reasoning, by their paths."""
        for rows in self._rows:
            rows.know(changes)

    def adopt(self, other: BornChanges) -> None:
        """Take over the changes that were made from the same records."""
        for mine, known in zip(self._rows, other._rows, strict=True):
            mine.adopt(known)

    @cached_property
    def sites(self) -> Mapping[str, Site | None]:
        """The statement that bound each path."""
        known: dict[tuple[int, str, bool], Site | None] = {}
        found: dict[str, Site | None] = {}
        for number, born in enumerate(self._born):
            ran = _Ran.of(born, self._cell.numbered)
            for path in (difference.path for difference, _ in born.found):
                key = number, path.root, path.is_grad
                if key not in known:
                    known[key] = self._site(ran, path)
                found[str(path)] = known[key]
        return found

    @cached_property
    def together(self) -> Sequence[Sequence[Item]]:
        """The items in one variable that have the same elements, for each such variable and memory."""
        return [*_in_one_memory(self._born)]

    def _is_used_up(self, root: str, change: Change) -> bool:
        """Return whether no statement reads a path's variable after the writers: it read it before them, in a turn."""
        lines = {site.line for site in change.sites}
        writers = [one.index for one in self._cell.statements if one.line in lines]
        return bool(writers) and all(is_used_up(self._cell.evidence.plain, index, root) for index in writers)

    def _with_sites(self, changes: Iterable[Change]) -> Iterator[Change]:
        return (replace(one, born=self.sites[one.path]) for one in changes if one.kind == "mutated")

    def _site(self, ran: _Ran, path: AccessPath) -> Site | None:
        """Return the statement that bound a path: among several that ran, the last that binds its name."""
        before = (one for one in reversed(self._cell.statements) if path.is_grad and one.index <= ran.last)
        one = next(filter(runs_backward, before), None) or ran.telling(path.root)
        return None if one is None else one.site("observed" if ran.indices == [one.index] else "inferred")


class _Ran(NamedTuple):
    """The statements that ran when paths were bound, and those that bind each name, the last of them."""

    indices: list[int]
    statements: list[Statement]
    binding: dict[str, Statement]

    @classmethod
    def of(cls, born: Born, numbered: Mapping[int, Statement]) -> _Ran:
        """Return those of some paths."""
        indices = sorted({one.statement for one in born.positions})
        known = [numbered[index] for index in indices if index in numbered]
        return cls(indices, known, {name: one for one in known for name in one.binds})

    @property
    def last(self) -> int:
        """The index of the last of them; -1 if none ran."""
        return self.indices[-1] if self.indices else -1

    def telling(self, name: str) -> Statement | None:
        """Return the last that binds a name, or puts something into it, or mentions it, or any."""
        last_first = self.statements[::-1]
        putting = (one for one in last_first if name in one.text and _puts_into(one, name))
        several = (one for one in last_first if name in one.text)
        return self.binding.get(name) or next(putting, None) or next(several, None) or next(iter(last_first), None)


def _puts_into(statement: Statement, name: str) -> bool:
    """Return whether a statement puts something into a container that a variable leads to."""
    node = parse_header(statement.text)
    return node is not None and puts_into(node, name)


def _in_one_memory(born: Iterable[Born]) -> Iterator[list[Item]]:
    """Yield the items in one variable that have the same elements, in whichever storages over one memory."""
    alike: dict[object, list[tuple[Born, int]]] = defaultdict(list)
    known = [(one, [*readings_after(one.found)]) for one in born]
    addresses = [reading.data_ptr for _, readings in known for reading in readings if reading is not None]
    times = tally(addresses) if len({*addresses}) < len(addresses) else {}
    twice = {address for address, count in times.items() if count > 1}
    for one, readings in known if twice else ():
        for number, reading in enumerate(readings):
            if reading is None or reading.data_ptr not in twice:
                continue
            if reading.storage and not reading.unknown and reading.nbytes:
                key = space_of(reading), reading.data_ptr, reading.shape, reading.strides, reading.itemsize
                alike[key].append((one, number))
    for several in alike.values():
        containers: dict[object, list[Item]] = defaultdict(list)
        for one, number in several if len(several) > 1 else ():
            difference, _ = one.found[number]
            path, reading = difference.path, difference.after
            if reading is not None and path.steps and path.steps[-1].startswith("["):
                containers[path.root].append(Item(path, reading, difference.before, one))
        yield from (items for items in containers.values() if len(items) > 1)


def _has_mutated(found: Sequence[Found]) -> bool:
    if isinstance(found, Differences):
        return bool(found.is_mutated.any())
    return any(is_mutated(difference, content) for difference, content in found)
