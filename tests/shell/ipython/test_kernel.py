"""In a real kernel: where cells are run by an event loop, and outputs are messages."""

from __future__ import annotations

import re

import nbclient
import nbformat
import pytest

CELLS = [
    "%load_ext tensorwatch",
    "import torch, asyncio\nx = torch.zeros(6)\ny = x.view(2, 3)",
    "y.add_(1);",
    "%%tensordiff\nawait asyncio.sleep(0.01)\ny.add_(1)\nx",
    "%%tensordiff\nx.add_(1)\n1 / 0",
    "%tensorwatch why x",
    "x + 1;",
    "import numpy as np\nn = x.numpy()\n%tensorwatch freeze x",
    "n += 1",
    "%unload_ext tensorwatch",
    "import builtins\nprint(torch._C._len_torch_dispatch_stack(), hasattr(builtins, '__tensorwatch_probes__'))",
]


@pytest.fixture(scope="module")
def outputs() -> list[list[dict]]:
    """Run the cells in a kernel of their own and return what each of them showed."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    nbclient.NotebookClient(notebook, kernel_name="python3", allow_errors=True, timeout=120).execute()
    return [cell.outputs for cell in notebook.cells]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::ResourceWarning")
class TestKernel:
    def test_a_quiet_cell_shows_nothing(self, outputs):
        assert [outputs[place] for place in (0, 1, 6, 9)] == [[], [], [], []]

    def test_a_silent_change_is_shown_as_text_and_html(self, outputs):
        (shown,) = outputs[2]

        assert shown["data"]["text/plain"].startswith(" tensorwatch  [3]  1 silent change\n   x   changed through y")
        assert shown["data"]["text/html"].startswith('<div class="ipytw">')

    def test_a_recorded_cell_may_await_and_shows_its_value_first(self, outputs):
        value, diff = outputs[3]

        assert value["data"]["text/plain"] == "tensor([2., 2., 2., 2., 2., 2.])"
        assert re.search(r"aten\.add_ +x, y +line 3 +y\.add_\(1\)", diff["data"]["text/plain"])

    def test_a_recorded_cell_that_raises_shows_one_traceback_then_what_it_had_done(self, outputs):
        error, diff = outputs[4]

        assert (error["output_type"], error["ename"]) == ("error", "ZeroDivisionError")
        assert "line 3" in re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error["traceback"]))
        assert "the cell raised an error" in diff["data"]["text/plain"]

    def test_what_the_kernel_keeps_is_told_as_a_holder(self, outputs):
        assert "Out[4] (kept by IPython)   the same tensor" in outputs[5][0]["data"]["text/plain"]

    def test_a_write_that_was_undone_at_the_end_of_a_cell_is_its_error(self, outputs):
        (error,) = outputs[8]

        assert (error["output_type"], error["ename"]) == ("error", "FrozenError")
        assert "n += 1 (line 1) wrote to it; its bytes have been put back" in error["evalue"]

    def test_nothing_stays_behind(self, outputs):
        assert outputs[10][0]["text"] == "0 False\n"
