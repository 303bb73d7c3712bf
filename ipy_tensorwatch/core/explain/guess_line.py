"""Add likely lines to the explanation of a failed backward, from the source of functions, where none was observed."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from ..hazards.overwritten.hook_output import returned_by_hook
from ..hazards.overwritten.read_copies import read_copies
from ..interpreter.candidate_lines import (
    CandidateLine,
    is_counted,
    list_candidates,
    only_maker,
    only_reader,
    only_writer,
    quiet_modules,
    stem,
    writer_of_result,
)
from ..records.report_parts import Inner, Site
from ..records.trace.saved_tensor import Writing
from ..runtime.record import record
from ..statements.rewrite_statement import read_paths
from ..statements.statement import Statement, parse_statements, statements_in
from ..syntax.magic_calls import MAGIC_CALL
from ..syntax.parsing import bound_around, parse_path, rebindable
from .error_scene import statement_of
from .failing_statement import find_writer
from .known_writes import line_and_text, writes_by_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..blame.reasoning import Reasoning
    from ..hazards.error_facts import Stopped
    from ..hazards.fix import Fix
    from ..records.trace.cell_error import ErrorFrame
    from ..runtime.deadline import Deadline
    from .find_writer import OverwriteSearch


@record
class Guess:
    """Guesses from the sources of the notebook's functions.

    Attributes
    ----------
    owner
        The frame that has a local name for the tensor.
    deadline
        When to stop searching for lines inside functions.
    """

    search: OverwriteSearch
    owner: ErrorFrame | None
    deadline: Deadline

    @property
    def _reasoning(self) -> Reasoning:
        return self.search.scene.reasoning

    def complete(self, found: Stopped) -> Stopped:
        """Return the explanation with all likely lines added."""
        found = self._with_line_of_owner(found)
        if found.saved_in is not None:
            carried = self._carried(found)
            found = self._with_candidate(replace(found, carried=carried, containers=self._containers(carried)))
            found = self._with_saver(found)
        return replace(found, rebinds=self._rebinds(found), reading=self._reading(found))

    def _with_line_of_owner(self, found: Stopped) -> Stopped:
        """Add the only line of the owner's function that writes to the local name."""
        if self.owner is None:
            return found
        line = find_writer(self.owner.source, self.owner.spot, found.paths)
        if line is None:
            return found
        number, text = line
        inner, site = self.owner.inner, found.writing.site if found.writing else None
        if inner and found.writing and site and site.inner is None:
            there = replace(site, certainty="inferred", inner=Inner(cell=inner.cell, line=number, text=text))
            return replace(found, writing=replace(found.writing, site=there))
        return replace(found, inside=replace(statement_of(self.owner), line=number, text=text))

    def _with_candidate(self, found: Stopped) -> Stopped:
        """Add the only line, or the in-place modules, that match the operators that the graph shows."""
        writing, spoiled = found.writing, found.spoiled
        if found.inside or spoiled.is_detached or (writing is not None and _is_told(writing, found.saved_at)):
            return found
        followed = self._follow_names(found) if not found.paths else None
        if followed is not None:
            return replace(found, writing=followed)
        ops = [spoiled.writer[0]] if spoiled.writer else spoiled.users if spoiled.is_output else []
        ran, notebook = self._ran(found), self._reasoning.trace.notebook
        elsewhere, candidates = self._lay_elsewhere(ran), list_candidates(ran, notebook, self.deadline)
        able = [one for one in candidates if one.inner or _may_write(one.statement, elsewhere)]
        candidate = only_writer(able, ops)
        if candidate is None and spoiled.is_output:
            candidate = writer_of_result(candidates, spoiled.op)
        modules = quiet_modules(ran, notebook, ops, spoiled.op)
        if modules and not (candidate and candidate.writes & {*map(stem, ops)}):
            return replace(found, modules=tuple((path, notebook.classes[path]) for path in modules))
        return found if candidate is None or modules else replace(found, writing=_guess(candidate, found))

    def _follow_names(self, found: Stopped) -> Writing | None:
        """Return the first write to a name that the saving statement used, unless another write may come first."""
        steps = [*self._ran_from(found.saved_in or 0)]
        if not steps:
            return None
        (_, saver), everything = steps[0], [one for _, one in steps]
        if found.spoiled.is_output:
            names = {*saver.binds} or {target.path.root for target in saver.targets}
        else:
            names = {path.root for path in saver.mentions} - saver.binds
        is_own = not found.spoiled.is_output and any(_writes_itself(saver, name) for name in names)
        elsewhere = self._lay_elsewhere(everything)
        for cell, one in steps[not is_own :]:
            if is_counted(one.text) and any(writes_by_name(one, name) for name in names):
                return Writing(cell=cell, site=one.site("inferred"))
            if is_counted(one.text) and one.targets and _may_write(one, elsewhere):
                return None  # the write may go through another name
            names -= one.binds
        return None

    def _ran_from(self, first: int) -> Iterator[tuple[int, Statement]]:
        """Yield the statements that ran since the save with their cells, up to the first unknown cell."""
        for cell in range(first, self.search.scene.count + 1):
            if not self.search.scene.timeline(cell).statements:
                return
            yield from ((cell, one) for one in self.search.ran_in(cell))

    def _lay_elsewhere(self, ran: Iterable[Statement]) -> set[str]:
        """Return the roots of variables that were not bound by these statements, so that their memory is older."""
        bound = {name for each in ran for name in each.binds}
        return {path.root for path, _ in self._reasoning.trace.after.entries()} - bound

    def _ran(self, found: Stopped) -> list[Statement]:
        """Return the statement that wrote; if it is unknown, all that ran since the save, inner ones included."""
        writing = found.writing
        cell = (found.saved_in if writing is None else writing.cell) or 0
        site = writing.site if writing else None
        since = {*self.search.ran_since(cell)}
        statements = self.search.scene.timeline(cell).statements
        ran = [one for one in statements if (line_and_text(one) == line_and_text(site) if site else one.index in since)]
        return [one for each in ran for one in statements_in(each)]

    def _with_saver(self, found: Stopped) -> Stopped:
        """Add the line inside a function that likely saved the tensor: by its operator, or by reading the variable."""
        site = found.saved_at
        if site is None:
            return found
        candidates = list_candidates(parse_statements(site.text), self._reasoning.trace.notebook, self.deadline)
        if found.paths and not found.owner:
            own = [one for one in candidates if one.inner and not self._is_hidden(one.inner, found.paths)]
            return replace(found, reader=only_reader(own, found.paths))
        maker = only_maker(candidates, found.spoiled.op)
        if maker is None or maker.inner is None:
            return found
        return replace(found, saved_at=replace(site, certainty="inferred", inner=maker.inner))

    def _is_hidden(self, inner: Inner, paths: Iterable[str]) -> bool:
        """Return whether a line lies in a function whose local names hide one of these variables."""
        own = bound_around(self.search.scene.built.plain_of(inner.cell), inner.line)
        return any(parse_path(path).root in own for path in paths)

    def _carried(self, found: Stopped) -> tuple[str, ...]:
        """Return the non-leaf variables that carry the graph of one loop iteration into the next."""
        if found.saved_in != self.search.scene.count:
            return ()
        since = self.search.ran_since(self.search.scene.count)
        statements = {one.index: one for one in self._reasoning.own.statements}
        if not since or since[0] not in since[1:] or since[0] not in statements:
            return ()
        builder, ran = statements[since[0]], [statements[index] for index in {*since} if index in statements]
        before = {name for one in ran if one.index < builder.index for name in one.binds}
        bound = {name for one in ran if one.index >= builder.index for name in one.binds} - before
        bound |= {str(target.path) for one in ran if one.index >= builder.index for target in one.targets}
        snapshot = self._reasoning.trace.after
        carried = (path for path in read_paths(builder.text) if path in bound)
        first = ((path, snapshot.get(path) or snapshot.get(f"{path}[0]")) for path in carried)
        return tuple(path for path, one in first if one is not None and not one.is_leaf)

    def _containers(self, carried: Iterable[str]) -> dict[str, Literal["tuple", "list"]]:
        """Return which of some variables are tuples or lists of tensors."""
        known = self.search.scene.error.containers
        return {path: known[path] for path in carried if path in known}

    def _reading(self, found: Stopped) -> Fix | None:
        """Return what lets the line inside a function that wrote read copies, or a hook return what it writes."""
        site = found.writing.site if found.writing is not None else None
        write = site.inner if site is not None and site.inner is not None else found.inside
        if write is None or write.cell is None:
            return None
        copies = read_copies(self.search.scene.built.plain_of(write.cell), write)
        return copies or returned_by_hook(write, self._reasoning.trace.notebook)

    def _rebinds(self, found: Stopped) -> frozenset[str]:
        """Return the names that can be rebound at the line inside a function that wrote, and whose values it reads."""
        if found.owner is not None:
            return frozenset(found.paths)
        inner = found.writing.site.inner if found.writing and found.writing.site else None
        return rebindable(self.search.scene.built.plain_of(inner.cell), inner.line) if inner else frozenset()


def _writes_itself(one: Statement, name: str) -> bool:
    """Return whether a statement writes to a name and also reads it, as in `x.mul_(x.detach())`."""
    return writes_by_name(one, name) and len(re.findall(rf"\b{re.escape(name)}\b", one.text)) > 1


def _may_write(one: Statement, elsewhere: set[str]) -> bool:
    """Return whether a statement may have written the tensor: it has no target, or one outside `elsewhere`."""
    roots = {target.path.root for target in one.targets}
    return not roots or not roots <= elsewhere


def _is_told(writing: Writing, saved_at: Site | None) -> bool:
    """Return whether the line of a write is already known exactly; a call that saved as well has others inside."""
    site = writing.site
    if site is None or site.text.startswith(MAGIC_CALL):
        return False
    is_same = saved_at is not None and (site.line, site.text) == (saved_at.line, saved_at.text)
    return site.inner is not None or (writing.cause == "direct" and not is_same)


def _guess(candidate: CandidateLine, found: Stopped) -> Writing:
    one, known = candidate.statement, found.writing
    site = one.site("inferred", candidate.inner)
    if known is None:
        return Writing(cell=found.saved_in or 0, site=site)
    is_better = candidate.inner is not None or known.site is None or known.site.text.startswith(MAGIC_CALL)
    return replace(known, site=site) if is_better else known
