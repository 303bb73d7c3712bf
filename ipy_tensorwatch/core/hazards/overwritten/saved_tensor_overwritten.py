"""Overwritten saved tensors as hazards: the outcome of backward, the write, and the fix."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from ...runtime.record import record
from ...syntax.parsing import parse_path
from ...syntax.statement_text import words_in
from ..hazard import Hazard
from ..hazard_facts import OverwrittenSave
from .overwritten_fix import fix_overwritten
from .stale_results import NOTHING_STALE, Stale
from .updates_since import is_update

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...records.report_parts import Outcome
    from ...records.trace.saved_tensor import Overwritten, Writing
    from ..codes import HazardCode
    from .saved_copy import Saving


@record
class BrokenSave:
    """An overwritten saved tensor, with all that is known of it by name.

    Attributes
    ----------
    paths
        The variables whose bytes overlap it, the tensor itself first.
    scalars
        The roots whose `backward()` needs no argument.
    due
        Those of `scalars` whose backward is still due: not all leaves below have been updated since.
    roots
        The variables whose backward needs the saved tensor and is due, none computed from another; or any one.
    stale
        What has to be computed again before its backward.
    saving
        How the tensor was saved.
    is_freed
        Whether all graphs that need it lead into a part that a backward has freed.
    is_read_only
        Whether only the values of the first root, which is no loss, were read after the write, as for a plot.
    is_set
        Whether a parameter was set or updated by hand, as by `net.weight.data.fill_(1)` or `w.data -= lr * v`, and
        each scalar is a metric of outputs from before, or its backward has run.
    """

    found: Overwritten
    paths: tuple[str, ...]
    scalars: tuple[str, ...]
    writing: Writing
    saving: Saving
    due: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    stale: Stale = NOTHING_STALE
    is_freed: bool = False
    is_read_only: bool = False
    is_set: bool = False

    @property
    def has_run(self) -> bool:
        """Whether a backward of this cell has computed with it."""
        return self.found.ran is not None

    @property
    def code(self) -> HazardCode:
        """The hazard code."""
        if self.found.will_raise:
            return "TW201"
        return "TW205" if self.found.saved.is_read_again else "TW202"

    @property
    def _is_updated_by_result(self) -> bool:
        """Whether a leaf was updated by what was computed from it, as by `w -= lr * g` of `torch.func.grad`."""
        site = self.writing.site
        text = (site.inner.text if site.inner else site.text) if site and self.writing.is_leaf else ""
        return not _words(text).isdisjoint(parse_path(root).root for root in self.found.roots)

    @property
    def outcome(self) -> Outcome:
        """The outcome; an update that only makes kept results stale is a risk, harmful only if they are used again.

        So is a write to a module's own buffers, as of a batch norm that runs again, and one of which no scalar is due,
        if no backward can run through the graph any more, if only values of the result were read since, or if a
        parameter was set by hand: outputs from before are old.
        """
        if self.has_run:
            return "wrong"
        if self.is_set or self.is_read_only or (self.is_freed and not self.scalars):
            return "risk"
        is_update_by = is_update(self.writing.cause, self.writing.site, is_leaf=self.writing.is_leaf)
        is_expected = is_update_by or self.writing.cause == "module"
        if (is_expected or self._is_updated_by_result) and not self.due:
            return "risk"
        return "raises" if self.found.will_raise else "wrong"


def _words(text: str) -> set[str]:
    return set(words_in(text))


def overwritten_saves(broken: Iterable[BrokenSave]) -> tuple[Hazard, ...]:
    """Build hazards from overwritten saved tensors, one for all that the same statement overwrote.

    A hazard for several names the node that backward runs first, which is the one in PyTorch's message.
    """
    ordered = sorted(broken, key=_group)
    return tuple(_hazard(sorted(group, key=_turn)) for _, group in groupby(ordered, _group))


def _group(one: BrokenSave) -> tuple[str, str, bool, int, int, str, tuple[int, int]]:
    site, inner = one.writing.site, one.writing.site.inner if one.writing.site else None
    line, text = (inner.cell, inner.line) if inner else (0, 0), site.text if site else ""
    return one.code, one.outcome, one.has_run, one.writing.cell, site.line if site else 0, text, line


def _turn(one: BrokenSave) -> int:
    return -one.found.saved.sequence


def _saving(group: Sequence[BrokenSave]) -> Saving | None:
    """Return how all the tensors of a group were saved, if the same statement saved them."""
    first = group[0].saving
    paths = tuple(dict.fromkeys(path for one in group for path in one.saving.paths))
    several = {(one.saving.cell, one.saving.site, one.saving.is_output, one.saving.is_alone) for one in group}
    return first._replace(paths=paths) if len(several) == 1 else None


def _stale(group: Sequence[BrokenSave]) -> Stale:
    """Return all that has to be computed again, in the order of its computation."""
    first = group[0].stale
    due = [one for one in group if one.due]
    names = dict.fromkeys((*first.names, *(name for one in due for name in one.stale.names)))
    if len(names) == len(first.names):
        return first
    made = {name: origin.sequence for one in group for name, origin in one.found.origins.items()}
    return first._replace(names=tuple(sorted(names, key=lambda name: made.get(name, 0))))


def _others(group: Sequence[BrokenSave]) -> tuple[str, ...]:
    """Return the results, besides the first, whose backward is due."""
    return tuple(
        dict.fromkeys(root for one in group if one.due for root in one.roots if root not in group[0].roots[:1])
    )


def _hazard(group: Sequence[BrokenSave]) -> Hazard:
    first = group[0]
    saved, writing = first.found.saved, first.writing
    paths = tuple(dict.fromkeys(path for one in group for path in one.paths))
    names = tuple(dict.fromkeys(one.paths[0] for one in group if one.paths))
    return Hazard(
        code=first.code,
        outcome=first.outcome,
        paths=paths,
        op=saved.op,
        fact=OverwrittenSave(
            names=names,
            shape=saved.reading.shape,
            via=None if writing.path in names else writing.path,
            root=next(iter(first.roots), None),
            is_scalar=bool(first.scalars),
            will_raise=first.found.will_raise,
            is_read_again=saved.is_read_again,
            is_moved=first.found.is_moved,
            others=_others(group),
        ),
        fix=fix_overwritten(writing, paths, _stale(group), _saving(group), is_read_again=saved.is_read_again),
        saved_at=first.saving.site,
        written_at=writing.site,
        saved_cell=saved.cell,
        written_cell=writing.cell,
        node=None if first.has_run else saved.sequence,
        happened=first.has_run,
    )
