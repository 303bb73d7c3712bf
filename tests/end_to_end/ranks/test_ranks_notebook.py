"""`ranks.ipynb`: its cells, run again on a cluster, say what is stored in it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.end_to_end.ranks.conftest import leave_group

NOTEBOOK = Path(__file__).parents[3] / "ranks.ipynb"
FIRST, LAST = 2, -1
"""Its first cells begin the cluster and join it, and its last one ends it."""
COUNTS = re.compile(r"\[\d+\]|cell \d+|\d+ s\b")


def stored(cell) -> str:
    texts = ["".join(one["data"]["text/plain"]) for one in cell["outputs"]]
    return COUNTS.sub("#", "\n".join(texts)).strip()


def test_the_notebook_says_what_is_stored_in_it(lab):
    lab.view.apply(leave_group)
    cells = [one for one in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] if one["cell_type"] == "code"]
    told = {}
    for cell in cells[FIRST:LAST]:
        ran = lab.cell("".join(cell["source"]))
        assert ran.error is None, ran.error
        told[cell["id"]] = COUNTS.sub("#", re.sub(r"(?s)%px:.*", "", ran.told)).strip()

    assert told == {cell["id"]: stored(cell) for cell in cells[FIRST:LAST]}
    assert sum(map(bool, told.values())) == 3
