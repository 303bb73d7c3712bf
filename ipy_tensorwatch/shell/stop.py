"""Explain why a backward stopped: with the variables, cells and lines of this notebook."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from ..capture.local import read_locals
from ..capture.spoiled import find_spoiled
from ..core.built import statements_since
from ..core.hazard import Writing
from ..core.near import Neighbourhood
from ..core.overlap import share_bytes
from ..core.records import Site
from ..core.source import bound_around
from ..core.statement import parse_statements
from ..core.stopped import Stopped, tell_stopped
from ..core.stopped_remedy import mend_stopped
from ..core.suspects import list_suspects, only_maker, only_writer, quiet_modules, stem
from .culprit import Inquest
from .inquiry import read_notebook
from .witness import Witness

if TYPE_CHECKING:
    from ..core.path import AccessPath
    from ..core.reading import Reading
    from ..core.records import Hazard
    from ..core.saved import Spoiled
    from ..core.statement import Statement
    from .failure import Aftermath, FailureBook
    from .scene import Scene

SECONDS = 1.0
"""How long the graph of a cell that raised may be searched: whoever has to mend it waits for the answer."""
MAX_FRAMES = 8
MAX_ENTRIES = 50


def explain_stop(scene: Scene, after: Aftermath, book: FailureBook) -> Hazard | None:
    """Explain a backward that stopped; None where what it stopped at cannot be found."""
    lens = after.cell.observer.lens
    spoiled = find_spoiled(scene.error, scene.complaint, lens.storages, lens.objects, SECONDS)
    if spoiled is None:
        return None
    paths = [path for path, _ in _over(spoiled.reading, after)]
    owner, local = _local_to(scene, spoiled, after) if not paths else (None, [])
    known = Stopped(
        code=scene.complaint.code,
        raised=scene.raised,
        spoiled=spoiled,
        paths=tuple(map(str, paths or local)),
        owner=owner,
        recorded=after.cell.recording is not None,
    )
    found = known if scene.is_threaded else _with_lines(known, after, book)  # whose nodes have numbers of their own
    return tell_stopped(found, mend_stopped(found))


def _with_lines(known: Stopped, after: Aftermath, book: FailureBook) -> Stopped:
    """Add who saved and who wrote."""
    spoiled, saved_in = known.spoiled, book.cell_of(known.spoiled.sequence)
    inquest = Inquest(
        cell=after.cell,
        observed=after.observed,
        spoiled=spoiled,
        saved_in=saved_in,
        witness=Witness(cell=after.cell, family=_family(spoiled, after), explain=after.explain),
        dated=book.dated,
        history=after.history,
        book=book.book,
        cell_of=book.cell_of,
    )
    if saved_in is None:
        return replace(known, writing=inquest.close())
    found = replace(
        known, saved_in=saved_in, saved_at=inquest.site_of(saved_in, spoiled.sequence), writing=inquest.close()
    )
    return _with_maker(_with_suspects(found, inquest, book), book)


def _with_suspects(found: Stopped, inquest: Inquest, book: FailureBook) -> Stopped:
    """Add the lines inside functions that are likely, where nobody saw which it was."""
    writing, spoiled = found.writing, found.spoiled
    if writing is not None and (writing.site is None or writing.site.inner or writing.cause == "direct"):
        return replace(found, rebinds=_rebinds(writing, book))
    cell = found.saved_in if writing is None else writing.cell
    source, built = inquest.built_in(cell or 0)
    since = {*statements_since(built, spoiled.sequence)} if writing is None else set()
    ran = [one for one in parse_statements(source) if one.index in since or _is_at(one, writing)]
    ops = [spoiled.writer[0]] if spoiled.writer else spoiled.users if spoiled.is_output else []
    notebook = read_notebook(book.shell, book.sources)
    modules = quiet_modules(ran, notebook, ops)
    suspect = only_writer(list_suspects(ran, notebook), ops)
    if modules:
        told = tuple((path, notebook.classes[path]) for path in modules)
        return found if suspect and suspect.writes & {*map(stem, ops)} else replace(found, modules=told)
    if suspect is None or spoiled.is_detached:
        return found
    one = suspect.statement
    site = Site(line=one.line, end_line=one.end_line, text=one.text, certainty="inferred", inner=suspect.inner)
    guessed = replace(
        writing or Writing(cell=cell or 0), site=site if writing is None or suspect.inner else writing.site
    )
    return replace(found, writing=guessed, rebinds=_rebinds(guessed, book))


def _with_maker(found: Stopped, book: FailureBook) -> Stopped:
    """Add the line inside a function that likely saved, for a tensor that only this function knew by name."""
    site = found.saved_at
    if site is None or (found.paths and not found.owner):
        return found
    statements = parse_statements(site.text)
    maker = only_maker(list_suspects(statements, read_notebook(book.shell, book.sources)), found.spoiled.op)
    if maker is None or maker.inner is None:
        return found
    return replace(found, saved_at=replace(site, certainty="inferred", inner=maker.inner))


def _is_at(one: Statement, writing: Writing | None) -> bool:
    site = writing.site if writing else None
    return site is not None and (site.line, site.text) == (one.line, one.text)


def _rebinds(writing: Writing, book: FailureBook) -> frozenset[str]:
    """Give the names that may be bound anew at the line inside a function that wrote."""
    inner = writing.site.inner if writing.site else None
    source = book.sources.cells.get(inner.cell) if inner else None
    return frozenset() if inner is None or source is None else bound_around(source, inner.line)


def _over(reading: Reading, after: Aftermath) -> list[tuple[AccessPath, Reading]]:
    """Give the variables that share a byte with a tensor, those that lie just so first."""
    near = Neighbourhood(after.observed.shot.snapshot.entries()).of(reading)
    return sorted(near, key=lambda entry: entry[1].layout != reading.layout)[:MAX_ENTRIES]


def _family(spoiled: Spoiled, after: Aftermath) -> list[tuple[AccessPath, Reading]]:
    """Give the variables that share the version counter: views of each other, whether or not they share a byte."""
    over = _over(spoiled.reading, after)
    beside = after.observed.shot.snapshot.by_storage.get(spoiled.reading.storage, ())
    known = {id(reading) for _, reading in over}
    every = [*over, *(entry for entry in beside if id(entry[1]) not in known)]
    return [entry for entry in every if entry[1].version == spoiled.now][:MAX_ENTRIES]


def _local_to(scene: Scene, spoiled: Spoiled, after: Aftermath) -> tuple[str | None, list[AccessPath]]:
    """Find names for a tensor in the functions that the error came through."""
    storages = after.cell.observer.lens.storages
    for step in islice(scene.steps, MAX_FRAMES):
        locals_ = read_locals(scene.error, step.place, storages) if step.spot.function != "<module>" else []
        found = [path for path, reading, _ in locals_ if share_bytes(reading, spoiled.reading)]
        if found:
            return step.spot.function, found
    return None, []
