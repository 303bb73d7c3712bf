"""Where two variables became one memory, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....core.runtime.grouped import grouped
from ...page import Line, fill, join_words, words
from ..places import inner_at, named, where
from ..quantities import few
from .fold_changes import gather
from .sites import statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ....core.records.report_parts import Change, Origin

MAX_ORIGIN = 40
"""The maximum length of the statement, in columns."""


def origin_line(origin: Origin | None) -> Line:
    """Return cell and line of the statement after which two variables were one memory.

    Examples
    --------
    >>> from ipy_tensorwatch.core.records.report_parts import Origin
    >>> origin = Origin(a="x", b="y", cell=2, line=3, end_line=3, text="y = x.detach()", how="detach")
    >>> str(origin_line(origin)), str(origin_text(origin))
    ('cell 2, line 3', 'y = x.detach()')
    """
    if origin is None:
        return Line()
    return words(_likely(origin)) + where(origin.cell, origin)


def _likely(origin: Origin) -> str:
    return "likely " if origin.certainty == "inferred" else ""


def origin_text(origin: Origin | None) -> Line:
    """Return the text of that statement, shortened."""
    return statement(origin.text, MAX_ORIGIN) if origin else Line()


def origins_told(origins: Iterable[Origin], most: int) -> Line:
    """List the statements that made the members of a group one memory, each once."""
    told = {(one.cell, one.line): one for one in origins}
    shown, left = few([*told.values()], most)
    lines = [origin_line(one) + words(": ") + origin_text(one) for one in shown]
    return join_words(lines, "; ") + words(f"; {left:,} more" if left else "")


def shared_since(origin: Origin | None) -> Line:
    """Return since when two variables share memory.

    Examples
    --------
    >>> from ipy_tensorwatch.core.records.report_parts import Origin
    >>> str(shared_since(Origin(a="x", b="y", cell=2, line=3, end_line=3, text="y = x.T", how="T")))
    'shared since cell 2, line 3: y = x.T'
    """
    if origin is None:
        return Line()
    return words(f"{_likely(origin)}shared since ") + where(origin.cell, origin) + words(": ") + origin_text(origin)


def since_sentences(changes: Iterable[Change]) -> Iterator[Line]:
    """Yield where the memory of silent changes began to be shared: one sentence for each statement.

    Examples
    --------
    >>> from ipy_tensorwatch.core.records.report_parts import Change, Origin
    >>> origin = Origin(a="x", b="y", cell=2, line=3, end_line=3, text="y = x.detach()", how="detach")
    >>> change = Change(path="x", kind="mutated", via=("y",), shared_since=origin)
    >>> [str(one) for one in since_sentences([change])]
    ['x and y share memory since cell 2, line 3: y = x.detach()']
    """
    shared = ((origin, one) for one in changes if (origin := one.shared_since) is not None)
    alike = grouped(shared, lambda two: (two[0].cell, two[0].line, two[0].text, two[0].inner))
    return (_since(several[0][0], [one for _, one in several]) for several in alike.values())


def _since(origin: Origin, changes: Sequence[Change]) -> Line:
    inner = fill(" → {place}", place=inner_at(origin.inner)) if origin.inner else Line()
    since = (
        words(f" {_likely(origin)}since ") + where(origin.cell, origin) + words(": ") + statement(origin.text) + inner
    )
    paths = _labels(one.path for one in changes)
    through = _labels(one.via[0] if one.via else _other(one.path, one.shared_since or origin) for one in changes)
    both = [*dict.fromkeys((*paths, *through))]
    if len(paths) == len(through) == len(changes) == 1 or len(both) < len(paths) + len(through):
        return named(both) + words(" share memory") + since
    verb = "share" if len(paths) > 1 else "shares"
    return named(paths) + words(f" {verb} memory with ") + named(through) + since


def _other(path: str, origin: Origin) -> str:
    """Return the path with which one shares memory; it may be gone by now."""
    return origin.b if origin.a == path else origin.a


def _labels(paths: Iterable[str]) -> list[str]:
    """Return the paths, those of one variable as one label."""
    return [text for text, _ in gather(paths, least=2)]
