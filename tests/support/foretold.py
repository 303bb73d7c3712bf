"""Compare what is foretold of each cell of a notebook with what its report then tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from unittest.mock import patch

import ipy_tensorwatch
from ipy_tensorwatch.shell import previewer
from tests.support.notebook import Notebook

if TYPE_CHECKING:
    from collections.abc import Iterable

SECONDS = 8 * previewer.SECONDS
"""The time limit of a preview here: where much else runs, the same work takes a multiple of its CPU time."""


@dataclass
class Tally:
    """How the previews of some cells came out; `missed` and `in_vain` name the notebook, the cell and the path."""

    cells: int = 0
    told: int = 0
    foretold: int = 0
    right: int = 0
    right_line: int = 0
    missed: list[str] = field(default_factory=list)
    in_vain: list[str] = field(default_factory=list)

    @property
    def found(self) -> float:
        """The share of the silent changes that was foretold."""
        return self.right / max(self.told, 1)

    @property
    def vain(self) -> float:
        """The share of what was foretold that did not happen."""
        return len(self.in_vain) / max(self.foretold, 1)


def compare_previews(name: str, sources: Iterable[str], tally: Tally) -> None:
    """Run a notebook; preview each cell before it runs."""
    with patch.object(previewer, "SECONDS", SECONDS), Notebook(check_leaks=False) as nb:
        for number, source in enumerate(sources):
            foretold = {one["path"]: one for one in ipy_tensorwatch.preview(source).to_dict()["changes"]}
            nb.cell(source)
            changes = ipy_tensorwatch.report().to_dict()["changes"]
            told = {one["path"]: one["sites"] for one in changes if one["silent"]}
            tally.cells += 1
            tally.told += len(told)
            tally.foretold += len(foretold)
            for path in told.keys() & foretold.keys():
                one = foretold[path]
                inner = (one["inner"] or {}).get("line")
                tally.right += 1
                sites = [(site["line"], (site["inner"] or {}).get("line")) for site in told[path]]
                tally.right_line += (one["line"], inner) in sites
            tally.missed += [f"{name} {number} {path}" for path in told if path not in foretold]
            tally.in_vain += [f"{name} {number} {path}" for path in foretold if path not in told]
