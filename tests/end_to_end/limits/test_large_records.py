"""A large variable that holds no tensor costs nothing while no cell leads to it, and is looked at whole when one does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ipy_tensorwatch.capture.objects import containers, look_limits, small_records, walk
from ipy_tensorwatch.capture.snapshot.snapshotter import EVERY
from tests.support.notebook import Notebook, mutated

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDS = "import torch\nx = torch.zeros(3)\nrows = [{'id': i, 'tags': [i]} for i in range(3000)]"


WEAK = """import weakref
class Rows(list): pass
rows = Rows(rows)
weak, proxy, named = weakref.ref(rows), weakref.proxy(rows), weakref.WeakValueDictionary(rows=rows)"""


HELD_NONE = "it held no tensor when it was looked at"


def why(report: dict) -> dict[str, str]:
    return {one["path"]: one["why"] for one in report["coverage"]["unverified"]}


def paths(report: dict) -> set[str]:
    return {one["path"] for one in report["tensors"]}


@pytest.fixture
def nb() -> Iterator[Notebook]:
    with Notebook() as notebook:
        notebook.run(RECORDS)
        yield notebook


def put(nb: Notebook, place: int = 5) -> None:
    """Put a tensor into the records, as another thread might."""
    nb.ns["rows"][place]["t"] = nb.ns["x"].view(3, 1)


def test_it_is_passed_by_and_the_report_says_so(nb: Notebook):
    assert {"rows": HELD_NONE} == why(nb.run("a = 1"))
    assert {} == why(nb.run("len(rows)"))

    put(nb)
    assert {"x"} == paths(nb.run("a = 1"))
    assert {"x", "rows[5]['t']"} == paths(nb.run("rows;"))
    assert {"x", "rows[5]['t']"} == mutated(nb.run("x.add_(1)"))


def test_what_shares_its_records_is_passed_by_as_well():
    with Notebook() as nb:
        nb.run(RECORDS + "\ntrain = rows[10:]\nclass Data:\n    def __init__(self, r): self.r = r\nds = Data(train)")

        assert {"rows", "train", "ds"} == why(nb.run("a = 1")).keys()
        assert {"train", "ds"} == why(nb.run("rows;")).keys()


def test_what_shares_something_small_is_looked_at():
    with Notebook() as nb:
        nb.run(RECORDS + "\nsettings = {'tags': [1]}\none, other = [settings], [settings]")

        assert {"rows"} == why(nb.run("a = 1")).keys()


def test_what_a_small_variable_holds_is_always_looked_at():
    with Notebook() as nb:
        nb.run(RECORDS.replace("3000", "900"))
        put(nb)

        assert {"x", "rows[5]['t']"} == paths(nb.run("a = 1"))


def test_it_comes_to_its_turn_and_what_it_held_before_is_no_news(nb: Notebook):
    put(nb)
    reports = [nb.run("a = 1") for _ in range(EVERY)]

    assert ["rows[5]['t']" in paths(one) for one in reports] == [False] * (EVERY - 1) + [True]
    assert [] == [one for one in reports[-1]["changes"] if one["path"] != "a"]


@pytest.mark.parametrize(
    ("before", "cell"),
    [
        ("def keep(t):\n    rows[7]['t'] = t", "keep(x)"),
        ("def keep(t):\n    rows[7]['t'] = t\ndef outer(t):\n    keep(t)", "outer(x)"),
        ("class Keeper:\n    def keep(self, t):\n        rows[7]['t'] = t\nk = Keeper()", "k.keep(x)"),
        ("class Keeper:\n    def __call__(self, t):\n        rows[7]['t'] = t\nk = Keeper()", "k(x)"),
        (WEAK, "weak()[7]['t'] = x"),
        (WEAK, "next(named.values())[7]['t'] = x"),
        (WEAK + "\ndef keep(t): proxy[7]['t'] = t", "keep(x)"),
        ("a = 1", "exec('ro' + 'ws[7][\"t\"] = x')"),
        ("a = 1", "globals()['row' + 's'][7]['t'] = x"),
        ("a = 1", "rows[7]['t'] = x"),
    ],
)
def test_what_a_cell_leads_to_is_looked_at(nb: Notebook, before: str, cell: str):
    nb.run(before)

    assert "rows[7]['t']" in paths(nb.run(cell))


def test_another_object_under_its_name_is_looked_at(nb: Notebook):
    nb.run("a = 1")
    nb.give(rows=[{"t": nb.ns["x"]}, *nb.ns["rows"]])

    assert "rows[0]['t']" in paths(nb.run("a = 1"))


def test_parts_of_a_huge_list_wait_while_no_cell_names_it(monkeypatch: pytest.MonkeyPatch):
    for module in (look_limits, walk, containers, small_records):
        monkeypatch.setattr(module, "SEGMENT", 20)
    monkeypatch.setattr(look_limits, "HUGE", 50)
    monkeypatch.setattr("ipy_tensorwatch.capture.objects.barren.HUGE", 50)
    monkeypatch.setattr(look_limits.Limits, "is_late", True)
    with Notebook() as nb:
        nb.run(RECORDS.replace("3000", "100"))
        assert {"rows": HELD_NONE} == why(nb.run("a = 1"))

        put(nb, 90)
        assert {"x"} == paths(nb.run("a = 1"))
        assert {"x", "rows[90]['t']"} == paths(nb.run("rows;"))


def test_the_parts_that_hold_tensors_are_all_looked_at_before_those_that_wait(monkeypatch: pytest.MonkeyPatch):
    for module in (look_limits, walk, containers, small_records):
        monkeypatch.setattr(module, "SEGMENT", 20)
    monkeypatch.setattr(look_limits, "HUGE", 50)
    monkeypatch.setattr("ipy_tensorwatch.capture.objects.barren.HUGE", 50)
    with Notebook() as nb:
        nb.run(RECORDS.replace("3000", "100") + "\nboxes = [[torch.zeros(1)] for _ in range(100)]\nw = boxes[95][0]")
        nb.run("a = 1")
        monkeypatch.setattr(look_limits.Limits, "is_late", True)

        report = nb.run("w.add_(1)")
        assert {"w", "boxes[95][0]"} == mutated(report)
        assert {"rows"} == why(report).keys()
