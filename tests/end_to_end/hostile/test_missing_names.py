"""A private name of PyTorch, IPython or Python that goes away costs one capability, and no cell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from IPython import version_info

from ipy_tensorwatch.core.runtime.capability import CAPABILITIES
from ipy_tensorwatch.panel import widget
from tests.support.missing_names import CASES, CELLS, NONE, RENAMED

if TYPE_CHECKING:
    from tests.support.notebook import Notebook

ROOT = Path(__file__).parents[3]

FROZEN = CELLS.index("z.mul_(3);")
FREEZING = CELLS.index("%tensorwatch freeze z")
ALLOWED = {
    "torch.Tensor._version": {FREEZING, FROZEN},
    "torch.ops.aten.relu_.default._schema": {FROZEN},
    "torch.utils._python_dispatch.TorchDispatchMode": {FROZEN},
    "torch._C._len_torch_dispatch_stack": {FROZEN},
    "torch._C._get_dispatch_stack_at": {FROZEN},
    "torch._C._pop_torch_dispatch_stack": {FROZEN},
    "torch._C._push_on_torch_dispatch_stack": {FROZEN},
}
"""The cells that may end otherwise without a name: those that are about what is frozen, where status says so."""

NEVER_THERE = {"shell.history_manager.outputs"} if version_info < (9,) else set()
"""What the IPython that runs the tests has not got, whatever we take away."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run all cases; the package is compiled once for all of their processes."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "PYTHONPYCACHEPREFIX": str(tmp_path_factory.mktemp("compiled")),
        "PYTHONDONTWRITEBYTECODE": "",
    }
    program = [sys.executable, "-m", "tests.support.missing_names"]
    finished = subprocess.run(
        program, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=900, check=True
    )
    return {row["case"]: row for row in map(json.loads, finished.stdout.splitlines())}


def test_nothing_is_lost_where_no_name_is_missing(told: dict[str, Any]):
    """Else one of our trials is wrong, or this PyTorch or IPython has changed."""
    assert (told[NONE].get("failed"), {*told[NONE]["lost"]}, told[NONE]["faults"]) == (None, NEVER_THERE, [])
    assert told[NONE]["changed"][1] == ["x alias", "y direct"]


def test_every_name_is_taken_away(notebook: Notebook):
    """The module's names are those that the package has tried here."""
    del notebook
    assert widget is not None  # the panel's name is tried when it is loaded
    needed = {need for one in CAPABILITIES.values() for need in one.needs}
    known = {case.removesuffix(" is another") for case in CASES}
    assert {need for need in needed if not need.startswith("sys.monitoring.")} == known - {NONE}


@pytest.mark.parametrize("case", CASES[1:])
def test_without_a_name_cells_run_and_tensors_are_read(told: dict[str, Any], case: str):
    one, usual = told[case], told[NONE]

    assert one.get("failed") is None
    assert (one["faults"], one["unread"]) == ([], [])
    differ = {place for place, text in enumerate(one["outcomes"]) if text != usual["outcomes"][place]}
    assert differ <= ALLOWED.get(case, set())
    assert one["changed"][:FREEZING] == usual["changed"][:FREEZING]


@pytest.mark.parametrize("case", CASES[1:])
def test_the_status_says_what_is_off_without_a_name(told: dict[str, Any], case: str):
    lost = told[case]["lost"]

    assert case.removesuffix(" is another") in lost
    assert all(text.replace("`", "") in told[case]["status"] for text in lost.values())


def test_a_late_error_still_ends_its_cell(told: dict[str, Any]):
    """What writes to frozen memory where no operator can be stopped is undone, and told."""
    for case, places in ALLOWED.items():
        if FREEZING not in places:
            assert told[case]["outcomes"][FROZEN].startswith("FrozenError: z is frozen")
            assert "put back" in told[case]["outcomes"][FROZEN]


@pytest.mark.parametrize("case", [case for case in RENAMED if case.startswith("shell.")])
def test_a_shells_attribute_is_missed_under_its_old_name(told: dict[str, Any], case: str):
    assert set(told[case]["lost"]) - NEVER_THERE == {case} - NEVER_THERE
