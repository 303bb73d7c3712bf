"""A fault in any function of the package costs the user nothing, and the status tells of it; a sample of `trials.faults`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from trials import faults

ROOT = Path(__file__).parents[3]
COUNT, SEED = 20, 20


def test_every_call_of_a_function_meets_its_other_code():
    def make(base):
        def own(a, /, b=2, *rest, c=3, **more):
            return a, b, rest, c, more, base

        return own

    own = make(7)
    met = []
    before = own(1, 4, 5, c=6, d=8)
    with faults.other_code(own, lambda: met.append(1)):
        assert before == own(1, 4, 5, c=6, d=8)
        assert own(1) == (1, 2, (), 3, {}, 7)
    assert before == own(1, 4, 5, c=6, d=8)
    assert [1, 1] == met


def test_functions_are_found_wherever_they_stand():
    names = " ".join(faults.functions())
    for one in ("Watcher._after_cell", "Feed.wants", "quiet_collector", "Extension.__post_init__"):
        assert one in names, one


@pytest.fixture(scope="module")
def found():
    """Raise a sample of faults in a process of its own, which a fault may end."""
    program = (
        f"import json; from trials import faults; print(json.dumps(faults.inject(faults.sample({COUNT}, {SEED}))))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, (done.returncode, done.stdout[-500:], done.stderr[-500:])
    return json.loads(done.stdout.splitlines()[-1])


class TestSample:
    def test_faults_are_raised(self, found):
        assert COUNT // 2 <= len(found["fired"])  # what the clock did not reach was not called

    def test_no_cell_comes_out_otherwise(self, found):
        assert [] == found["changed"]

    def test_the_status_tells_of_each(self, found):
        assert [] == found["untold"]
