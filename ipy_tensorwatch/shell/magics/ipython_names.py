"""Objects that IPython keeps alive: the results in `Out`, and its names for the latest ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...capture.snapshot.holders import find_holders
from ..ipython.cell_sources import user_variables

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ...core.model.answers import Holder


def holders_of(shell: InteractiveShell, path: str) -> tuple[tuple[Holder, ...], int | None]:
    """Return the holders of a path's memory, IPython's names included, and the number of unnamed ones."""
    return find_holders(path, user_variables(shell), kept_by_ipython(shell))


def kept_by_ipython(shell: InteractiveShell) -> dict[str, object]:
    """Return the objects that IPython keeps, by name: `_`, `__`, `___`, `_3` and `Out[3]`."""
    names = shell.user_ns
    results = names.get("_oh", names.get("Out"))
    kept = {f"Out[{count}]": value for count, value in results.items()} if isinstance(results, dict) else {}
    numbered = [f"_{count}" for count in results] if isinstance(results, dict) else []
    return kept | {name: names[name] for name in ("_", "__", "___", *numbered) if name in names}
