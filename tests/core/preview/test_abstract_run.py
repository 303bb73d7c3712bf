"""What a cell is run with when it is previewed."""

from __future__ import annotations

from dataclasses import replace

from ipy_tensorwatch.core.preview.run.abstract_run import CellRunner
from tests.support.known_states import load_known


def test_a_cell_that_defines_functions_is_run_with_all_that_is_known_of_the_notebook():
    known, _ = load_known("many")
    before = replace(known.notebook, collectives={1: "work = dist.all_reduce(x, async_op=True)"})
    after = CellRunner(replace(known, notebook=before)).run("def double(t): return t * 2").notebook

    assert {"double"} == after.definitions.keys() - before.definitions.keys()
    assert replace(after, definitions=before.definitions) == before
