"""Which of the user's code resizes arrays."""

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


def test_a_module_counts_though_no_cell_imports_it_by_name(grows):
    code, variables = ResizingCode(), {}
    assert not code.may_run("object = load()", variables)

    variables["grow"] = importlib.import_module(grows).grow
    assert code.may_run("object.put(1)", variables)


@pytest.mark.parametrize(("source", "is_asked"), [("def f(t): return t", False), ("def f(t): t.resize(9)", True)])
def test_variables_are_looked_through_only_where_a_module_of_the_users_resizes(tmp_path, monkeypatch, source, is_asked):
    (tmp_path / "mine.py").write_text(source)
    looked = []
    monkeypatch.setattr(resizing_code, "_users_files", lambda: [str(tmp_path / "mine.py")])
    monkeypatch.setattr(resizing_code, "_homes_of", lambda values: looked.append(values) or frozenset())

    ResizingCode().may_run("a = 1", {"a": 1})
    assert looked == [[1]] * is_asked
