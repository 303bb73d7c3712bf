"""What a hostile trial has broken once: cells, tracers, transformers and variables that took us for a part of theirs."""

from __future__ import annotations

import time

import pytest

from ipy_tensorwatch.core.runtime.guard import GUARD
from tests.support.notebook import Notebook, silent

SETUP = "import torch\nx = torch.zeros(6)\ny = x.view(2, 3)"
OURS = "'ipy_tensorwatch' in frame.f_code.co_filename"


@pytest.mark.parametrize(
    "make",
    [
        "d = {10**5000: torch.ones(2)}",
        "d = {1: torch.ones(1), -(10**5000): torch.ones(2)}",
        "d = {(1, 10**5000): torch.ones(2)}",
        "globals()[10**5000] = 1",
        "d = [{10**5000: {10**6000: [torch.ones(2)]}}]",
    ],
)
def test_a_key_too_long_to_print_silences_nothing(make: str):
    with Notebook(check_leaks=False) as nb:
        nb.run(SETUP)
        nb.run(make)

        assert silent(nb.run("x.add_(1)")) == {"y"}


@pytest.mark.parametrize(
    "make",
    [
        "v = np.rec.array([(1, 2.0), (3, 4.0)])",
        "v = np.zeros(3, [('a', 'f4'), ('b,(', 'i2')])",
        "v = np.zeros(3, np.dtype((np.record, [('a', 'f4', (2,))])))",
    ],
)
def test_a_record_that_is_written_silences_nothing(make: str):
    with Notebook() as nb:
        nb.run(f"import numpy as np\n{SETUP}\n{make}\nw = v[:]")

        report = nb.run("x.add_(1)\nv.view('u1')[0] = 9")
        assert {"w", "y"} <= silent(report)
        assert report["coverage"]["unverified"] == []


@pytest.mark.parametrize(
    "cell",
    [
        "for name in list(vars(builtins)):\n    if 'tensorwatch' in name:\n        del vars(builtins)[name]\nx.add_(1)",
        "held = vars(builtins)\nheld.clear() or held.update(kept)\nx.add_(1)",
    ],
)
def test_builtins_put_back_as_they_were_fail_no_cell(cell: str):
    with Notebook() as nb:
        nb.run(SETUP)
        nb.run("import builtins\nkept = {k: v for k, v in vars(builtins).items() if 'tensorwatch' not in k}")

        assert "y" in silent(nb.run(cell))


LOOKING = """
import ast
lengths = []
class Looking(ast.NodeTransformer):
    def visit_Module(self, node):
        lengths.append(len(node.body))
        return self.generic_visit(node)
    def visit_If(self, node):
        raise RuntimeError("there is no such statement")
get_ipython().ast_transformers.append(Looking())
"""


def test_a_transformer_sees_the_tree_as_typed():
    with Notebook() as nb:
        nb.run(SETUP)
        nb.run(LOOKING)
        report = nb.run("z = 1\nx.add_(1)")
        nb.run("get_ipython().ast_transformers.pop()")

        assert nb.ns["lengths"] == [2, 1]
        assert silent(report) == {"y"}


def test_no_line_is_told_where_a_transformer_moved_the_statements():
    with Notebook() as nb:
        nb.run(SETUP)
        nb.run(
            "import ast\n"
            "class Doubling(ast.NodeTransformer):\n"
            "    def visit_Module(self, node):\n"
            "        node.body[:0] = ast.parse('pass\\npass').body\n"
            "        return node\n"
            "get_ipython().ast_transformers.append(Doubling())"
        )
        report = nb.run("t = x\nt.add_(1)\nz = 3")
        nb.run("get_ipython().ast_transformers.clear()")

        assert {"x", "y"} <= {one["path"] for one in report["changes"]}
        assert {site["line"] for one in report["changes"] for site in one["sites"]} <= {2}


TRACER = """
import sys
seen = []
def tracer(frame, event, arg):
    if 'ipy_tensorwatch' in frame.f_code.co_filename:
        seen.append(frame.f_code.co_name)
    return tracer
"""


def test_a_tracer_does_not_follow_us_through_our_work():
    with Notebook() as nb:
        nb.run(SETUP)
        nb.run(TRACER)
        nb.run("sys.settrace(tracer)\nx.add_(1)\nz = 2")
        nb.run("x.add_(1)\nassert sys.gettrace() is tracer")
        nb.run("sys.settrace(None)")

        work = {"_finish", "look", "walk", "_enter_statement", "_begin", "instrument"}
        assert not work & set(nb.ns["seen"])


def test_a_tracer_that_stops_a_cell_stops_it_in_its_own_line():
    cell = """
import sys
class Stop(Exception): pass
def tracer(frame, event, arg):
    if 'write_log' in frame.f_code.co_filename and event == 'line' and len(seen) > 5: raise Stop
    seen.append(1)
    return tracer
seen = []
sys.settrace(tracer)
for i in range(30): x.add_(1)
sys.settrace(None)
"""
    with Notebook() as nb:
        nb.run(SETUP)
        ran = nb.cell(cell)

        assert type(ran.error).__name__ == "Stop"


def test_a_hook_that_a_tracer_cut_short_costs_one_report():
    tracer = "def tracer(frame, *_):\n    if frame.f_code.co_name == '_after_cell': raise RuntimeError\nimport sys"
    with Notebook() as nb:
        nb.run(SETUP)
        nb.run(tracer)
        nb.shell.run_cell("sys.settrace(tracer)")

        nb.cell("z = 1")
        assert silent(nb.run("x.add_(1)")) == {"y"}


COLLECTING = """
import gc, sys
during = []
def note(phase, info):
    frame = sys._getframe(1)
    while frame is not None:
        if 'ipy_tensorwatch' in frame.f_code.co_filename and frame.f_code.co_name != 'run':
            during.append(frame.f_code.co_name)
        frame = frame.f_back
gc.callbacks.append(note)
gc.set_threshold(50)
"""


def test_no_garbage_is_collected_while_we_work():
    with Notebook() as nb:
        nb.run(SETUP)
        nb.run(COLLECTING)
        nb.run("x.add_(1)")
        nb.run("y.add_(1)\nz = [[] for _ in range(500)]")
        nb.run("gc.callbacks.remove(note)\ngc.set_threshold(700)\nassert gc.isenabled()")

        assert not {"instrument", "_finish", "tell", "summarize", "_begin"} & set(nb.ns["during"])


LOUD_ERROR = """
import sys
asked = []
class Loud(Exception):
    def _note(self, *_):
        frame = sys._getframe(1)
        if 'ipy_tensorwatch' in frame.f_code.co_filename:
            asked.append(frame.f_code.co_name)
        return False
    __bool__ = __eq__ = _note
    __hash__ = None
    def __getattribute__(self, name):
        frame = sys._getframe(1)
        if 'ipy_tensorwatch' in frame.f_code.co_filename:
            asked.append((frame.f_code.co_name, name))
        return Exception.__getattribute__(self, name)
"""


def test_an_error_of_a_cell_is_not_asked_anything():
    with Notebook() as nb:
        nb.run(SETUP)
        nb.run(LOUD_ERROR)
        report = nb.run("x.add_(1)\nraise Loud()", raises=Exception)

        assert nb.ns["asked"] == []
        assert report["cell"]["status"] == "error"
        assert silent(report) == {"y"}


def test_a_clock_that_the_user_has_patched_is_not_asked(notebook: Notebook, monkeypatch: pytest.MonkeyPatch):

    notebook.run("import torch\nx = torch.zeros(4)\ny = x.view(2, 2)")
    GUARD.clear()
    for name in ("perf_counter", "thread_time", "monotonic"):
        monkeypatch.setattr(time, name, lambda: 1 / 0)
    report = notebook.run("y.add_(1);")

    assert silent(report) == {"x"}
    assert GUARD.count == 0
