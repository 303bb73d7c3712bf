"""Which tensors have a version counter of their own, although they share memory: those that `.data` made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..statements.statement import Statement, parse_statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..records.path import AccessPath
    from ..records.reading import Reading
    from ..records.report_parts import Origin
    from ..records.trace.saved_tensor import SavedTensor
    from .known_state import KnownState

LONGEST_CHAIN, MOST_PATHS = 4, 20
"""How many steps are followed, as from `v = c[1:]` to `c = h.data`; how many paths of one memory are compared."""
_OUTPUTS = ("result", "output")


class OwnCounters:
    """Finds out from where sharing began whether a write moves the counter of the rest of its memory."""

    def __init__(self, known: KnownState) -> None:
        self._known = known
        self._found: dict[tuple[str, int], bool] = {}

    def has_own(self, written: Reading, statement: Statement | None, saved: SavedTensor) -> bool:
        """Return whether what a statement writes has another counter than what a node saved.

        Of an input that was saved, it is not known under which name: then only what was made after it has.
        """
        since = -1 if saved.argument in _OUTPUTS else saved.cell
        beside = self._known.snapshot.by_storage.get(written.storage)[:MOST_PATHS]
        paths = [path for path, one in beside if one.object == written.object]
        if not paths and statement is not None:  # a view that the statement makes, as in `c[0] = 1`
            roots = {one.path.root for one in statement.targets}
            paths = [path for path, _ in beside if path.root in roots and not path.steps]
        return any(self._follow(path, since, LONGEST_CHAIN) for path in paths)

    def _follow(self, path: AccessPath, since: int, steps: int) -> bool:
        key = str(path), since
        if key not in self._found:
            self._found[key] = any(
                (one.how == "data" and one.cell > since) or (steps > 0 and self._follow(source, since, steps - 1))
                for source, one in self._sources(path)
            )
        return self._found[key]

    def _sources(self, path: AccessPath) -> Iterator[tuple[AccessPath, Origin]]:
        """Yield what the statement that bound a path made it from."""
        reading = self._known.readings.get(str(path))
        if reading is None:
            return
        for other, one in self._known.snapshot.by_storage.get(reading.storage)[:MOST_PATHS]:
            origin = self._known.origins.of_pair(str(path), str(other)) if one.object != reading.object else None
            made = parse_statements(origin.text)[:1] if origin is not None else ()
            if origin is not None and any(path.root in each.binds and other.root not in each.binds for each in made):
                yield other, origin
