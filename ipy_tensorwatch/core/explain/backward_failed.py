"""Tell why a backward stopped: which saved tensor, who overwrote it, and what to write instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..hazards.wording import named, quoted, typed, where
from ..model.records import Hazard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..hazards.wording import Raised
    from ..model.records import Inner, Site
    from ..model.saved_tensor import Spoiled, Writing
    from .error_messages import Complaint


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A saved tensor that was overwritten, and at which a backward stopped.

    Attributes
    ----------
    paths
        The variables whose bytes overlap it, one that is the very tensor first.
    owner
        The function to which the names are local; None for variables of the notebook.
    saved_in
        The cell that built the node; None where it was not watched.
    inside
        The line that likely wrote, in a function that the error came through.
    reader
        The line inside a function that reads it by name, where only one does.
    writing
        The write that overwrote it; None where nobody saw it.
    recorded
        Whether the cell ran under `%%tensordiff`, so that it need not be asked for.
    modules
        The modules that may have written, being made to write in place: their paths and classes.
    carried
        The variables that lead from one round of a loop into the next, where an earlier round saved the tensor.
    rebinds
        Of a write inside a function: the names that this function binds itself.
    """

    code: str
    raised: Raised
    spoiled: Spoiled
    paths: tuple[str, ...] = ()
    owner: str | None = None
    saved_in: int | None = None
    saved_at: Site | None = None
    inside: Raised | None = None
    reader: Inner | None = None
    writing: Writing | None = None
    recorded: bool = False
    modules: tuple[tuple[str, str], ...] = ()
    carried: tuple[str, ...] = ()
    rebinds: frozenset[str] = frozenset()


def tell_stopped(one: Stopped, remedy: str) -> Hazard:
    """Tell it as a hazard that has come true."""
    return Hazard(
        code=one.code,
        outcome="raises",
        paths=() if one.owner else one.paths,
        op=one.spoiled.op,
        message=f"{one.raised}: {_who(one)}, {_saved(one)}, {_what(one)}",
        remedy=remedy,
        saved_at=one.saved_at,
        written_at=one.writing.site if one.writing else None,
        saved_cell=one.saved_in,
        written_cell=one.writing.cell if one.writing else None,
        node=None if one.spoiled.sequence < 0 else one.spoiled.sequence,
        happened=True,
    )


def tell_unseen(complaint: Complaint, raised: Raised, names: Sequence[str]) -> Hazard:
    """Tell a backward that stopped at a node which cannot be read: that of a write to a view, or of a subclass.

    Parameters
    ----------
    names
        The variables of which the message may speak.
    """
    which = f"{named(names, 'or')}" if names else "a tensor"
    if complaint.trouble == "detached":
        what, mend = f"{which} that it needs was detached by `detach_`", "Write `x = x.detach()` for `x.detach_()`."
    else:
        of = f" of shape [{complaint.shape}]" if complaint.shape is not None and not names else ""
        versions = "" if complaint.now is None else f" (version {complaint.now}, saved at {complaint.expected})"
        what = f"{which}{of}{versions} was overwritten after it was saved by a node that cannot be read"
        mend = "Write to it out of place, or run its cells under `%%tensordiff`: that tells every line that writes."
    return Hazard(
        code=complaint.code,
        outcome="raises",
        paths=tuple(names),
        op=None,
        message=f"{raised}: {what}",
        remedy=mend,
        happened=True,
    )


def _who(one: Stopped) -> str:
    if one.paths:
        return f"`{one.paths[0]}`" + (f", local to `{one.owner}`" if one.owner else "")
    return f"a temporary of shape {[*one.spoiled.reading.shape]}"


def _saved(one: Stopped) -> str:
    inner = one.saved_at.inner if one.saved_at else None
    inside = f" (likely cell {inner.cell}, line {inner.line}: `{quoted(inner.text)}`)" if inner else ""
    result = " as its result" if one.spoiled.is_output and not one.paths else ""
    there = "" if one.saved_in is None else f" in {where(one.saved_in, one.saved_at)}{inside}"
    return f"saved by {one.spoiled.op}{result}{there}"


def _what(one: Stopped) -> str:
    writing, spoiled = one.writing, one.spoiled
    verb = "was detached by `detach_`" if spoiled.is_detached else "was overwritten"
    inside = f"{one.inside.place}: `{quoted(one.inside.text)}`" if one.inside else ""
    if writing is None:
        return f"{verb}, likely in {inside}" if inside else f"{verb} after that{_by(one)}"
    through = f" through `{writing.path}`" if writing.path and writing.path not in one.paths[:1] else ""
    is_seen = writing.path or writing.site is None or writing.site.certainty == "observed" or writing.site.inner
    inner = f" → likely {inside}" if inside and not (writing.site and writing.site.inner) else ""
    there = f"in {where(writing.cell, writing.site)}{typed(writing.site)}{inner}"
    return f"{verb}{through}{'' if is_seen else ', likely'} {there}{_by(one)}"


def _by(one: Stopped) -> str:
    """Say who is likely, of modules; else how often somebody wrote, where nobody is known."""
    if one.modules:
        return f", likely by {_modules(one)}"
    if one.writing is not None or one.spoiled.is_detached:
        return ""
    times = one.spoiled.now - one.spoiled.expected
    return f", {times} time{'s' if times != 1 else ''}"


def _modules(one: Stopped) -> str:
    (path, kind), *others = one.modules
    if others:
        return f"{named([path for path, _ in one.modules], 'or')}, which are made with `inplace=True`"
    return f"`{path}`, a {kind} with `inplace=True`"
