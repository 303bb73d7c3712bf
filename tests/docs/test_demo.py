"""The demo runs in a real kernel, and tensorwatch says there what is stored in the notebook."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import nbformat
import pytest

from docs.make.compare import columns
from docs.make.demo import FILE, METADATA
from docs.make.kernel import execute, said

if TYPE_CHECKING:
    from nbformat import NotebookNode

NODE = re.compile(r"(?<=output 0 of )\w+")
"""How PyTorch calls the operation in its own error message differs between its versions."""

ITEM = re.compile(r"(?<=aten\.)copy_")
"""The operator of `x[i] = 1` was `copy_` in older PyTorch and is `fill_` in the newest."""

UNNAMED = re.compile(r"^.* more tensors? holds? its storage .*\n", re.MULTILINE)
"""Older PyTorch lends DLPack a view that no name leads to, and it is counted."""


@pytest.fixture(scope="module")
def stored() -> NotebookNode:
    """Read the notebook as it is stored."""
    return nbformat.read(FILE, as_version=4)


@pytest.fixture(scope="module")
def fresh() -> NotebookNode:
    """Run the notebook; a cell that raises would end this."""
    return execute(nbformat.read(FILE, as_version=4))


def test_tensorwatch_says_what_is_stored(stored: NotebookNode, fresh: NotebookNode):
    def told(cell: NotebookNode) -> list[list[str]]:
        """Return the columns, without what depends on the time that was left for looks."""
        return columns(ITEM.sub("fill_", UNNAMED.sub("", said(cell))).replace("likely ", ""))

    assert {cell.id: told(cell) for cell in stored.cells} == {cell.id: told(cell) for cell in fresh.cells}


def test_the_cells_print_what_is_stored(stored: NotebookNode, fresh: NotebookNode):
    def printed(cell: NotebookNode) -> list[tuple[str, str]]:
        kinds = [one.output_type for one in cell.get("outputs", ())]
        assert set(kinds) <= {"stream", "execute_result", "display_data"}
        return [(one.name, NODE.sub("…", one.text)) for one in cell.get("outputs", ()) if one.output_type == "stream"]

    assert [printed(cell) for cell in stored.cells] == [printed(cell) for cell in fresh.cells]


def test_nothing_in_the_file_tells_of_the_machine_that_ran_it(stored: NotebookNode):
    assert stored.metadata == METADATA
    assert [dict(cell.metadata) for cell in stored.cells] == [{}] * len(stored.cells)
    assert re.findall(r"/(?:home|root|tmp|Users|work)/|[A-Z]:\\\\", FILE.read_text(encoding="utf-8")) == []


def test_the_cells_are_counted_from_one(stored: NotebookNode):
    counts = [cell.execution_count for cell in stored.cells if cell.cell_type == "code"]

    assert counts == list(range(1, len(counts) + 1))


def test_what_jupyterlab_saves_of_the_copy_of_the_demo_is_no_part_of_the_checkout():
    saved = ["demo/demo.ipynb", "demo/.ipynb_checkpoints/demo-checkpoint.ipynb"]
    told = subprocess.run(["git", "check-ignore", *saved], cwd=FILE.parent, capture_output=True, text=True, check=False)

    assert saved == told.stdout.split()
