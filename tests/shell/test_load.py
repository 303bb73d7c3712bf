"""Loading, unloading and reloading, under both names, and what stays behind: nothing."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest
import torch

from ipy_tensorwatch.core.interpreter import statement_effects
from ipy_tensorwatch.shell.ipython import other_tensorwatch
from tests.support.notebook import Notebook, silent
from tests.support.own_process import ROOT, run_apart

NAMES = ("tensorwatch", "ipy_tensorwatch")
UNTIL_COLLECTED = """
import gc, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell()
for name in [name for name in sys.modules if "tensorwatch" in name]:
    del sys.modules[name]
gc.collect()
{load}
full, kept = gc.get_stats()[2]["collections"], []
while full == gc.get_stats()[2]["collections"]:
    kept.append([])
print(len(kept))
"""
IMPORTED = """
import sys
import torch
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell()
before = {*sys.modules}
shell.run_line_magic("load_ext", "tensorwatch")
for cell in ("a = 1", "x = torch.ones(2, 2)\\ny = x[0]", "for i in range(3):\\n    z = y * 2"):
    shell.run_cell(cell)
print(*({*sys.modules} - before))
"""
WHEN_ASKED = [
    "anywidget",
    "wcwidth",
    "ipy_tensorwatch.capture.ranks",
    "ipy_tensorwatch.capture.trial",
    "ipy_tensorwatch.core.explain.explain_backward",
    "ipy_tensorwatch.core.preview",
    "ipy_tensorwatch.core.ranks",
    "ipy_tensorwatch.panel",
    "ipy_tensorwatch.render.pages.status_page",
    "ipy_tensorwatch.shell.fix_trials",
    "ipy_tensorwatch.shell.magics.commands",
    "ipy_tensorwatch.shell.ranks.engine_side",
    "ipy_tensorwatch.shell.ranks.ranks",
]
"""What a magic, a reader of reports, a front end, an error or a client of ranks asks for."""
ALIASED = "import torch\nx = torch.zeros(6)\ny = x.view(2, 3)"


def magics(nb: Notebook) -> set[str]:
    """Name our magics that the shell knows."""
    return {
        name
        for known in nb.shell.magics_manager.magics.values()
        for name in known
        if name in ("tensorwatch", "tensordiff")
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_extension_loads_quietly_watches_and_leaves_nothing(name: str):
    """Leaving the notebook proves that nothing was left behind."""
    with Notebook(extension=name) as nb:
        assert nb.load() == f"The {name} extension is already loaded. To reload it, use:\n  %reload_ext {name}\n"
        nb.run(ALIASED)
        assert silent(nb.run("y.add_(1);")) == {"x"}


@pytest.mark.parametrize(("first", "second"), [NAMES, NAMES[::-1]])
def test_loading_under_the_second_name_goes_on_with_the_first(first: str, second: str):
    with Notebook(extension=first) as nb:
        nb.run(ALIASED)
        nb.run("y.add_(1);")
        nb.cell(f"%load_ext {second}")
        assert "1 change" in nb.cell("%tensorwatch history x").stdout
        assert silent(nb.run("y.add_(1);")) == {"x"}
        nb.cell(f"%unload_ext {second}")


@pytest.mark.parametrize("name", NAMES)
def test_reloading_starts_anew(name: str):
    with Notebook(extension=name) as nb:
        nb.run(ALIASED)
        nb.run("y.add_(1);")
        assert nb.cell(f"%reload_ext {name}").error is None
        assert "nothing has changed yet" in nb.cell("%tensorwatch history").stdout
        assert silent(nb.run("y.add_(1);")) == {"x"}


def test_a_cell_that_reloads_runs_on():
    """Its own statements carry probes of the watcher that has just gone."""
    with Notebook() as nb:
        nb.run(ALIASED)
        ran = nb.cell("a = 1\n%reload_ext ipy_tensorwatch\nfor i in range(3):\n    a += 1\na")
        assert (ran.error, ran.result) == (None, 4)
        assert silent(nb.run("y.add_(1);")) == {"x"}


def test_what_functions_do_is_forgotten_with_the_notebook():
    with Notebook() as nb:
        nb.run("import torch\nx = torch.zeros(2)\ndef bump(t): t.data.add_(1)\ny = x.view(2)")
        nb.run("bump(y)")
        assert statement_effects._last
    assert not statement_effects._last


def test_a_cell_that_unloads_runs_on():
    with Notebook() as nb:
        ran = nb.cell("a = 1\n%unload_ext ipy_tensorwatch\nfor i in range(3):\n    a += 1\na")
        assert (ran.error, ran.result) == (None, 4)


def test_a_recorded_cell_that_unloads_runs_on_without_the_recorder():
    with Notebook() as nb:
        nb.run(ALIASED)
        ran = nb.cell(
            "%%tensordiff\nx.add_(1)\n%unload_ext ipy_tensorwatch\nx.add_(1)\ntorch._C._len_torch_dispatch_stack()"
        )
        assert (ran.error, ran.result) == (None, 0)


def test_the_magics_come_and_go_with_the_extension():
    with Notebook() as nb:
        loaded = magics(nb)
        nb.unload()
        assert (loaded, magics(nb)) == ({"tensorwatch", "tensordiff"}, set())


def test_a_magic_of_the_same_name_comes_back():
    with Notebook(watched=False) as nb:
        nb.shell.register_magic_function(lambda line: f"mine {line}", "line", "tensorwatch")
        nb.watched = True
        nb.load()
        nb.unload()
        assert nb.cell("%tensorwatch x").result == "mine x"


def test_the_settings_are_ipythons_config_too():
    with Notebook(settings={"probes": False}) as nb:
        assert nb.cell("%config TensorWatch.probes").result is False
        nb.cell("%config TensorWatch.probes = True")
        assert "probes   True (was" not in nb.cell("%tensorwatch config probes").stdout
        assert "TensorWatch" in nb.cell("%config").stdout
    assert [type(one).__name__ for one in nb.shell.configurables if type(one).__name__ == "TensorWatch"] == []


def test_a_report_without_the_extension_says_what_to_do():
    import ipy_tensorwatch

    with Notebook(watched=False), pytest.raises(RuntimeError, match="no cell has been watched yet: run %load_ext"):
        ipy_tensorwatch.report()


def test_a_report_before_the_first_cell_tells_of_no_change():
    import ipy_tensorwatch

    with Notebook():
        assert ipy_tensorwatch.report().changes == ()


def test_another_package_of_that_name_is_told_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "tensorwatch").mkdir()
    (tmp_path / "tensorwatch" / "__init__.py").write_text("raise ImportError('must not be imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tensorwatch", raising=False)

    with Notebook() as nb:
        nb.unload()
        told = nb.load()

    place = tmp_path.resolve() / "tensorwatch" / "__init__.py"
    assert told == (
        f"tensorwatch: another package named tensorwatch is installed ({place}) and is not this one: "
        "load this one with %load_ext ipy_tensorwatch\n"
    )


def test_another_module_of_that_name_that_is_imported_already_is_told_too(monkeypatch):
    other = type(sys)("tensorwatch")
    other.__file__ = "/somewhere/tensorwatch/__init__.py"
    monkeypatch.setitem(sys.modules, "tensorwatch", other)

    assert "/somewhere/tensorwatch/__init__.py" in other_tensorwatch.describe_other_tensorwatch()


def test_our_own_module_of_that_name_is_not_another():
    assert other_tensorwatch.describe_other_tensorwatch() is None


def test_loading_leaves_the_users_modes_alone():
    from torch.utils._python_dispatch import TorchDispatchMode

    class Mine(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            return func(*args, **(kwargs or {}))

    with Mine() as mine, Notebook() as nb:
        nb.run(ALIASED)
        nb.run("%%tensordiff\ny.add_(1);")
        assert torch._C._get_dispatch_stack_at(0) is mine
        assert torch._C._len_torch_dispatch_stack() == 1


def test_what_quiet_cells_do_not_need_is_not_imported():
    """Each module takes a quarter of a millisecond at loading."""
    ran = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True, cwd=ROOT)
    imported = {*ran.stdout.splitlines()[-1].split()}

    assert {"ipy_tensorwatch.shell.watcher", "ipy_tensorwatch.shell.magics.tensorwatch_magics"} <= imported
    assert imported.isdisjoint(WHEN_ASKED)
    assert all(map(find_spec, WHEN_ASKED))  # none has another name now


def test_as_many_objects_can_be_made_before_a_full_collection_as_without_us():
    plain, loaded = (
        int(run_apart(UNTIL_COLLECTED.format(load=load)).stdout)
        for load in ("", 'shell.run_line_magic("load_ext", "ipy_tensorwatch")')
    )
    assert loaded >= plain
