"""Unloading and loading anew, in the midst of a cell too, leaves nothing behind and nothing missing."""

from __future__ import annotations

import builtins
import gc
import weakref

import pytest
import torch

from ipy_tensorwatch.shell import extension
from tests.support.notebook import Notebook, silent

ALIASED = "import torch\nx = torch.zeros(4)\ny = x.view(2, 2)"


def probes() -> list[str]:
    return [name for name in vars(builtins) if "tensorwatch" in name]


def ours() -> list[str]:
    """Name the types of the objects of ours that live."""
    gc.collect()
    return [type(one).__name__ for one in gc.get_objects() if str(type(one).__module__).startswith("ipy_tensorwatch")]


@pytest.mark.parametrize("command", ["%reload_ext ipy_tensorwatch", "%unload_ext ipy_tensorwatch"])
def test_the_cell_that_does_so_runs_on_and_so_does_the_next(command: str):
    with Notebook() as nb:
        nb.run(ALIASED)
        assert nb.cell(f"{command}\nx.add_(1)\nfor i in range(2):\n    x.add_(1)").error is None
        assert probes() == []
        assert nb.cell("%reload_ext ipy_tensorwatch\nx.add_(1);").error is None
        assert nb.cell("%unload_ext ipy_tensorwatch\nx.add_(1);").error is None
        assert probes() == []


def test_a_cell_that_unloads_and_loads_many_times_is_followed_by_one_that_is_watched():
    with Notebook() as nb:
        nb.run(ALIASED)
        assert nb.cell("for i in range(3):\n    %reload_ext ipy_tensorwatch\n    x.add_(1)").error is None
        assert silent(nb.run("y.add_(1);")) == {"x"}


def test_nothing_of_an_extension_that_was_unloaded_lives_on():
    """Not even until the garbage collector comes by: the copies of the user's bytes go at once."""
    before = ours()  # another test may have kept a traceback
    with Notebook() as nb:
        nb.run(ALIASED)
        nb.run("y.add_(1);")
        observed = weakref.ref(extension._loaded[0].watcher.reporter.observed)
        assert observed() is not None
        gc.disable()
        try:
            nb.unload()
            assert observed() is None
        finally:
            gc.enable()
        gc.collect()
        for kind in ("Watcher", "Extension", "TensorMagics", "PanelHost"):
            assert ours().count(kind) == before.count(kind), kind
        nb.load()


def test_twenty_rounds_keep_no_object_of_ours():
    with Notebook() as nb:
        nb.run("import torch\nx = torch.zeros(1 << 20)\ny = x.view(-1)")

        counts = []
        for _ in range(6):
            nb.cell("%reload_ext ipy_tensorwatch\nimport ipy_tensorwatch")
            nb.cell("ipy_tensorwatch.widget();")
            nb.cell("y.add_(1);")
            nb.cell("y.add_(1);")
            counts.append(len(ours()))
        assert counts[1:] == counts[1:2] * 5


def test_a_blank_cell_that_a_cell_runs_does_not_end_it():
    """IPython announces the end of a blank cell, but not its beginning."""
    with Notebook() as nb:
        nb.run(ALIASED)
        report = nb.run("get_ipython().run_cell('')\ny.add_(1)\ntorch.zeros(1);")

        assert silent(report) == {"x"}
        assert [site["line"] for one in report["changes"] if one["path"] == "x" for site in one["sites"]] == [2]
    assert torch._C._len_torch_dispatch_stack() == 0
