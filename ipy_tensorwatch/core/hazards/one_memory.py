"""One memory under several items of a container that was filled again for each: all hold what was written last."""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ..interpreter.functions_named import functions_named
from ..model.differences import Differences
from ..model.path import AccessPath, count_alike
from ..model.records import Inner, Site
from ..statements.kept_in_loops import (
    keeping_copies,
    refilled_and_returned,
    refilled_by_itself,
    refilled_in_loop,
    repeats,
)
from ..syntax.ast_queries import last_name
from ..syntax.parsing import parse_cell, parse_header, parse_path
from ..syntax.torch_vocabulary import VIEWS
from .facts import OneMemory, typed_line
from .fix import Fix
from .hazard import Hazard
from .lasting_hazard import Lasting, anchor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..blame.reasoning import Reasoning
    from ..model.born import Born
    from ..model.differences import Found
    from ..model.notebook import Notebook
    from ..model.reading import Reading
    from ..model.records import Change
    from ..model.snapshot import Snapshot
    from ..statements.statement import Statement

    Written = tuple[AccessPath, Change, Reading]


FEW = 3
"""So many tensors of one memory, written as often, are told although the source of what made them is not known."""


class Item(NamedTuple):
    """A tensor in a container, and when it was put there."""

    path: AccessPath
    reading: Reading
    first: Reading | None
    born: Born


def kept_in_one_memory(reasoning: Reasoning, changes: Iterable[Change]) -> Iterator[Lasting]:
    """Yield a hazard for each container whose items are one memory that was written for one after the other."""
    told = set[str]()
    for items in _in_one_memory(reasoning.trace.born):
        written = _between(reasoning, items) or _within(reasoning, items)
        if written is not None:
            told.update(str(one.path) for one in items)
            yield _lasting(reasoning, [(one.path, one.reading) for one in items], written)
    for several in _filled_by_name(changes, reasoning.trace.after):
        change = several[0][1]
        if change.path not in told:
            before, after = change.versions
            times = None if before is None or after is None else after - before
            yield _lasting(reasoning, [(path, reading) for path, _, reading in several], Refill(times, change.site))


def may_be_one_memory(born: Iterable[Born]) -> bool:
    """Return whether several items of one container, bound in this cell, are one memory."""
    return any(True for _ in _in_one_memory(born))


def _in_one_memory(born: Iterable[Born]) -> Iterator[list[Item]]:
    """Yield the items of one container that have the same elements."""
    alike: dict[object, list[tuple[Born, int]]] = defaultdict(list)
    for one in born:
        for number, reading in enumerate(_readings(one.found)):
            if reading is not None and reading.storage and not reading.unknown and reading.nbytes:
                alike[reading.device, reading.data_ptr, reading.layout[1:]].append((one, number))
    for several in alike.values():
        containers: dict[object, list[Item]] = defaultdict(list)
        for one, number in several if len(several) > 1 else ():
            difference, _ = one.found[number]
            path, reading = difference.path, difference.after
            if reading is not None and path.steps and path.steps[-1].startswith("["):
                containers[_spelled_alike(path)].append(Item(path, reading, difference.before, one))
        yield from (items for items in containers.values() if len(items) > 1)


def _spelled_alike(path: AccessPath) -> tuple[str, ...]:
    """Return what the paths of a container's items have in common: `pairs[0][1]` and `pairs[2][1]` are alike."""
    return path.root, *("[" if one.startswith("[") else one for one in path.steps)


def _readings(found: Sequence[Found]) -> Iterator[Reading | None]:
    if isinstance(found, Differences):
        return (row.after for row in found.rows)
    return (difference.after for difference, _ in found)


class Refill(NamedTuple):
    """How the memory was written between two items: how often, if known, and where."""

    times: int | None
    site: Site | None


def _between(reasoning: Reasoning, items: Sequence[Item]) -> Refill | None:
    """Return the writes that were seen between the looks that saw two items first."""
    looks = sorted({one.born.look for one in items})
    storages = dict.fromkeys(one.reading.storage for one in items)
    seen = (one for storage in storages for one in reasoning.trace.own.writes.get(storage, ()))
    between = [one for one in seen if looks[0] < one.look <= looks[-1]]
    if not between:
        return None
    versions = [one.version for item in items for one in (item.first, item.reading) if one and one.version is not None]
    alone = [one.statement for write in between if len(write.positions) == 1 for one in write.positions]
    site = reasoning.own.timeline.site(alone[0]) if alone else None
    return Refill(times=max(versions) - min(versions) + 1 if versions else None, site=site)


def _within(reasoning: Reasoning, items: Sequence[Item]) -> Refill | None:
    """Return the writes of the statements that put the items there, if their source shows that each was kept."""
    born = items[0].born
    times = _times_written(reasoning, items)
    if (times is None and not _may_be_written(reasoning, items[0])) or (times is not None and times < len(items) - 1):
        return None
    ran = [reasoning.own.numbered[one] for one in sorted({one.statement for one in born.positions})]
    followed = [_Followed(one, reasoning.trace.notebook, reasoning.trace.own.plain if ran[1:] else "") for one in ran]
    for one in followed:
        site = one.refill()
        if site is not None:
            return Refill(times=times, site=site)
    is_unread = times is not None and any(one.repeats_unread for one in followed)
    several = len({item.reading.object for item in items}) >= FEW
    return Refill(times=times, site=None) if is_unread and several else None


def _may_be_written(reasoning: Reasoning, item: Item) -> bool:
    """Return whether memory without a version may have been written when an item was put there."""
    storage, look = item.reading.storage, item.born.look
    seen = reasoning.trace.own.writes.get(storage, ())
    return any(one.look == look for one in seen) or not reasoning.trace.before.by_storage.get(storage)


def _times_written(reasoning: Reasoning, items: Sequence[Item]) -> int | None:
    """Return how often the memory was written since the cell began; None if it has no version of its own."""
    reading = items[0].reading
    if reading.version is None or any(one.reading.storage != reading.storage for one in items):
        return None
    before = [one.version for _, one in reasoning.trace.before.by_storage.get(reading.storage, ())]
    return reading.version - max((one for one in before if one is not None), default=0)


class _Followed:
    """A statement, and the functions of the notebook that it may call."""

    def __init__(self, statement: Statement, notebook: Notebook, whole: str) -> None:
        self._statement, self._notebook = statement, notebook
        self._node = parse_header(statement.text) or ast.Pass()
        self._around = parse_cell(whole) if whole else None
        self.functions = functions_named(self._node, notebook)

    def refill(self) -> Site | None:
        """Return where a loop writes to what it keeps."""
        one = self._statement
        site = Site(line=one.line, end_line=one.end_line, text=one.text)
        if refilled_by_itself(self._node):
            return site
        found = refilled_in_loop(self._around) if self._around else None
        if found is not None:
            return Site(line=found.lineno, end_line=found.end_lineno or found.lineno, text=ast.unparse(found))
        for name, tree in self.functions.items():
            found = refilled_in_loop(tree) or (refilled_and_returned(tree) if repeats(self._node) else None)
            if found is not None:
                known = self._notebook.definitions[name]
                inner = Inner(cell=known.cell, line=found.lineno + known.offset, text=ast.unparse(found))
                return replace(site, certainty="inferred", inner=inner)
        return None

    @property
    def repeats_unread(self) -> bool:
        """Whether it repeats a call of a function whose source is not known."""
        return not self.functions and repeats(self._node) and any(map(_calls_anew, ast.walk(self._node)))


def _calls_anew(node: ast.AST) -> bool:
    """Return whether a part of an expression repeats a call that may give what it gave before."""
    match node:
        case ast.ListComp(elt=kept, generators=[ast.comprehension(iter=source), *_]):
            return _is_unknown_call(kept) or _is_unknown_call(source)
        case ast.Call(func=ast.Name(id="list" | "tuple"), args=[source]):
            return _is_unknown_call(source)
        case _:
            return False


def _is_unknown_call(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and last_name(node.func) not in VIEWS | {"range", "zip", "enumerate"}


def _filled_by_name(
    changes: Iterable[Change], snapshot: Snapshot
) -> Iterator[list[tuple[AccessPath, Change, Reading]]]:
    """Yield the items of one container that are one tensor, and that statements name as written, each by itself."""
    alike: dict[object, list[Written]] = defaultdict(list)
    for one in changes:
        reading = snapshot.get(one.path) if one.cause == "direct" and one.path.endswith("]") else None
        if reading is not None and not reading.requires_grad:
            path = parse_path(one.path)
            alike[path.root, path.steps[:-1], reading.object].append((path, one, reading))
    return (several for several in alike.values() if len(several) > 1)


def _lasting(reasoning: Reasoning, items: Sequence[tuple[AccessPath, Reading]], written: Refill) -> Lasting:
    path, reading = items[0]
    born, count = reasoning.born.sites.get(str(path)), reasoning.trace.cell.count
    copy = ".copy()" if reading.kind == "ndarray" else ".clone()"
    depth = min(count_alike([one.steps for one, _ in items]), len(path.steps) - 1)
    fact = OneMemory(container=str(AccessPath(path.root, path.steps[:depth])), count=len(items), times=written.times)
    code = keeping_copies(born.text, copy, path.steps[depth + 1 :]) if born else None
    hazard = Hazard(
        code="TW211",
        outcome="risk",
        paths=tuple(str(one) for one, _ in items),
        op=None,
        fact=fact,
        fix=Fix(kind="keep-copies", code=code or "", other=copy, target=typed_line(count, born)),
        saved_at=born,
        written_at=written.site,
        saved_cell=count if born else None,
        written_cell=count,
    )
    return Lasting(hazard=hazard, anchors=tuple(anchor(str(one), its) for one, its in items))
