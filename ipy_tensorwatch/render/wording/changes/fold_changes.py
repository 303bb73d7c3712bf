"""Fold similar changes of one container into one line: `best[…]`, 64 tensors."""

from __future__ import annotations

from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING

from ....core.records.path import count_alike
from ....core.records.report_parts import Change, Elements
from ....core.runtime.grouped import grouped
from ....core.runtime.record import record
from ....core.syntax.parsing import parse_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ....core.records.report_parts import Change, Site

    Past = Sequence[tuple[int, Change]]

FOLD_FROM = 3


@record
class Fold:
    """Changes shown in one line; `change` is the first of them."""

    label: str
    change: Change
    paths: tuple[str, ...]
    via: tuple[str, ...]
    elements: Elements | None

    @property
    def count(self) -> int:
        """The number of tensors in it."""
        return len(self.paths)


def fold(changes: Iterable[Change]) -> tuple[Fold, ...]:
    """Fold similar changes of one container if there are at least `FOLD_FROM`; keep all others."""
    return tuple(one for alike in grouped(changes, _key).values() for one in _fold(alike))


def fold_by_cell(past: Past) -> Iterator[tuple[int, Fold]]:
    """Fold the changes of each cell; yield each fold with the cell's execution count."""
    for count, its in grouped(past, itemgetter(0)).items():
        yield from ((count, one) for one in fold(change for _, change in its))


def _key(change: Change) -> object:
    return (
        parse_path(change.path).root, change.kind, change.cause, change.silent, _told_of(change.sites), change.verified,
        change.versioned, change.fields, change.since,
    )  # fmt: skip


def _told_of(sites: Sequence[Site]) -> object:
    """Return what is told of sites: the first, and the lines of the others."""
    return sites[:1], frozenset((one.line, one.inner, one.certainty) for one in sites)


def _fold(group: Sequence[Change]) -> Iterator[Fold]:
    if len(group) >= FOLD_FROM:
        yield fold_together(group)
        return
    for one in group:
        yield Fold(label=one.path, change=one, paths=(one.path,), via=one.via, elements=one.elements)


def fold_together(group: Sequence[Change]) -> Fold:
    """Fold changes of one variable into one line, with all sites; what they do not have in common is left out."""
    sites = tuple(dict.fromkeys(site for one in group for site in one.sites))
    versioned = {one.versioned for one in group}
    merged = replace(
        group[0],
        sites=sites,
        versions=_common_versions(group),
        versioned=versioned.pop() if len(versioned) == 1 else None,
        verified=all(one.verified for one in group),
        since=min((one.since for one in group if one.since is not None), default=None),
    )
    return Fold(
        label=label([one.path for one in group]) if len(group) > 1 else group[0].path,
        change=merged,
        paths=tuple(one.path for one in group),
        via=_common_via(group),
        elements=_total([one.elements for one in group]),
    )


def label(paths: Sequence[str]) -> str:
    """Return one label for several paths of one variable: their common first and last steps.

    Examples
    --------
    >>> label(["best['w']", "best['b']"])
    'best[…]'
    >>> label(["m.layers[0].weight", "m.layers[1].bias"])
    'm.layers[…]'
    >>> label(["m.in.grad", "m.out.bias.grad"])
    'm.….grad'
    """
    parsed = [parse_path(path) for path in paths]
    steps = [one.steps for one in parsed]
    begin = count_alike(steps)
    end = count_alike([one[:begin:-1] for one in steps])
    heads = {one[begin][0] if len(one) > begin else "" for one in steps}
    rest = {"[": "[…]", ".": ".…"}.get(heads.pop(), "…") if len(heads) == 1 else "…"
    return "".join((parsed[0].root, *steps[0][:begin], rest, *steps[0][len(steps[0]) - end :]))


def gather(paths: Iterable[str], least: int = FOLD_FROM) -> list[tuple[str, list[str]]]:
    """Group the paths of each variable that has at least `least` of them; return (label, paths) pairs.

    Examples
    --------
    >>> gather(["x", "h[0]", "h[1]", "h[2]"])
    [('x', ['x']), ('h[…]', ['h[0]', 'h[1]', 'h[2]'])]
    """
    roots = grouped(dict.fromkeys(paths), lambda path: parse_path(path).root)
    parts = [[alike] if len(alike) >= least else [[path] for path in alike] for alike in roots.values()]
    return [(label(part) if len(part) > 1 else part[0], part) for several in parts for part in several]


def _common_via(group: Sequence[Change]) -> tuple[str, ...]:
    """Return the paths through which all of them changed; empty if that is unknown for any of them."""
    if len({one.via for one in group}) == 1:
        return group[0].via
    if not all(one.via for one in group):
        return ()
    return tuple(text for text, _ in gather((path for one in group for path in one.via), least=2))


def _common_versions(group: Sequence[Change]) -> tuple[int | None, int | None]:
    return group[0].versions if len({one.versions for one in group}) == 1 else (None, None)


def _total(parts: Sequence[Elements | None]) -> Elements | None:
    known = [one for one in parts if one is not None]
    if len(known) < len(parts):
        return None
    counts = [one.changed for one in known]
    largest = [one.max_abs for one in known if one.max_abs is not None]
    return Elements(
        changed=None if None in counts else sum(one or 0 for one in counts),
        total=sum(one.total for one in known),
        max_abs=max(largest, default=None),
    )


def most_telling(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Sort silent changes first and new variables last."""
    return tuple(sorted(changes, key=lambda one: (not one.silent, one.kind == "bound")))
