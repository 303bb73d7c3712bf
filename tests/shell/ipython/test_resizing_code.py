"""Which of the user's code resizes arrays: the modules that variables lead to are gathered where they may change."""

from __future__ import annotations

import importlib

import pytest

from ipy_tensorwatch.shell.ipython import resizing_code
from ipy_tensorwatch.shell.ipython.resizing_code import ResizingCode


@pytest.fixture
def grows(tmp_path, monkeypatch):
    """A module of the user's that resizes, and the name that it is imported by."""
    name = f"grows_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text("def grow(t):\n    t.resize(9)\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module(name)
    return name


def test_a_module_counts_after_the_cell_that_bound_a_name_of_it_until_that_is_deleted(grows):
    code, variables = ResizingCode(), {}
    assert not code.may_run("a = 1", variables)
    assert not code.may_run(f"from {grows} import grow", variables)

    variables["grow"] = importlib.import_module(grows).grow
    assert code.may_run("grow(a)", variables)
    assert code.may_run("del grow", variables)

    del variables["grow"]
    assert not code.may_run("a = 1", variables)


def test_a_module_counts_that_no_cell_has_imported_by_name(grows, monkeypatch):
    code, variables = ResizingCode(), {}
    assert not code.may_run("object = load()", variables)

    variables["grow"] = importlib.import_module(grows).grow
    monkeypatch.setitem(resizing_code.sys.modules, f"{grows}_more", resizing_code)
    assert code.may_run("object.put(1)", variables)


def test_variables_are_not_looked_through_where_no_cell_imports(monkeypatch):
    code, variables, looked = ResizingCode(), {"a": 1}, []
    code.may_run("a = 1", variables)
    monkeypatch.setattr(resizing_code, "_homes_of", looked.append)

    for cell in ("b = a + 1", "print(b)", "for c in range(3): b += c"):
        code.may_run(cell, variables)
    assert looked == []
