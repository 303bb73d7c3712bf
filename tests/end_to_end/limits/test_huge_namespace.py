"""Beyond an ordinary number of things the clock rules: what was not reached is listed, and comes first the next time."""

from __future__ import annotations

from collections import deque

import pytest

import ipy_tensorwatch.capture.snapshot.snapshotter as lens_module
from ipy_tensorwatch.capture.objects import containers, look_limits, record_levels, small_records, walk
from ipy_tensorwatch.core.runtime.guard import GUARD
from tests.support.notebook import Notebook, changes, mutated


@pytest.fixture
def small(monkeypatch):
    """Make a few things too many, and the clock always late."""
    for module in (look_limits, walk, record_levels, lens_module):
        for name in ("EXACT_TENSORS", "EXACT_OBJECTS", "HUGE"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, 50)
    for module in (look_limits, walk, containers, small_records):
        monkeypatch.setattr(module, "SEGMENT", 20)
    monkeypatch.setattr(look_limits.Limits, "is_late", True)


def why(report: dict) -> dict[str, str]:
    return {one["path"]: one["why"] for one in report["coverage"]["unverified"]}


def test_an_ordinary_number_is_looked_at_whole_however_late_it_is(monkeypatch):
    monkeypatch.setattr(look_limits.Limits, "is_late", True)
    with Notebook() as nb:
        nb.run(
            "import torch\nmany = [torch.zeros(1) for _ in range(2000)]\nboxes = [[i] for i in range(900)]\nx = many[1999]"
        )
        report = nb.run("x.add_(1)")

    assert mutated(report) == {"x", "many[1999]"}
    assert why(report) == {}


def test_what_was_not_reached_is_one_entry_and_read_later(small):
    with Notebook() as nb:
        report = nb.run("import torch\nbig = [torch.zeros(2) for _ in range(100)]")
        assert why(report) == {"big": "budget"}
        for _ in range(5):
            report = nb.run("pass")
            assert changes(report) == {}

        assert len([one for one in report["tensors"] if one["path"].startswith("big[")]) == 100


def test_a_write_that_was_missed_is_found_late(small):
    with Notebook() as nb:
        nb.run("import torch\nbig = [torch.zeros(2) for _ in range(100)]\nx = torch.zeros(3)\ny = x.view(-1)")
        for _ in range(6):
            nb.run("pass")
        found = {}
        for cell in ["for one in big: one.add_(1)", *["y.add_(1)"] * 5]:
            report = nb.run(cell)
            found |= dict.fromkeys(mutated(report) - {"x", "y"})
            assert cell[0] == "f" or {"x", "y"} <= mutated(report)

    assert len(found) == 100


def test_tensors_inside_a_million_objects_come_to_their_turn(small):
    with Notebook() as nb:
        nb.run("import torch\nclass Box: pass\nboxes = [Box() for _ in range(200)]\nboxes[150].t = torch.zeros(2)")
        seen = [any(one["path"] == "boxes[150].t" for one in nb.run("pass")["tensors"]) for _ in range(12)]

    assert seen[-1]


def test_a_huge_container_that_is_gone_leaves_nothing(small):
    with Notebook() as nb:
        nb.run("import torch\nbig = [torch.zeros(2) for _ in range(100)]")
        nb.run("pass")
        report = nb.run("del big")

        assert report["tensors"] == []
        assert why(report) == {}


def test_lists_that_are_many_together_are_cut_like_one_huge_list(small):
    with Notebook() as nb:
        report = nb.run("import torch\nmany = [[torch.zeros(1) for _ in range(30)] for _ in range(5)]")
        assert {"many[1]", "many[4]"} <= why(report).keys()
        assert all(path == "many" or path.startswith("many[") for path in why(report))
        for _ in range(12):
            report = nb.run("pass")
            assert changes(report) == {}

        assert len({one["path"] for one in report["tensors"] if one["path"].startswith("many[")}) == 150


def test_a_list_that_was_looked_at_whole_stays_whole(small):
    with Notebook() as nb:
        nb.run("import torch\na = [torch.zeros(1) for _ in range(30)]\nb = [torch.zeros(1) for _ in range(15)]")
        nb.run("c = [torch.zeros(1) for _ in range(40)]")
        changed = [
            changes(nb.run(cell)) for cell in ("pass", "0", "a0 = [torch.zeros(1) for _ in range(45)]", "1", "2")
        ]

    told = [change for one in changed for change in one.values()]
    assert all(one["path"].startswith("a0") and one["kind"] == "bound" for one in told), told


def test_parts_of_a_huge_deque_and_of_a_huge_dict_are_read_by_turns(small):
    with Notebook() as nb:
        nb.run("import torch\nfrom collections import deque\nd = deque(torch.zeros(1) for _ in range(100))")
        nb.run("e = {i: torch.zeros(1) for i in range(100)}")
        for _ in range(15):
            report = nb.run("pass")
            assert changes(report) == {}

    assert len([one for one in report["tensors"] if one["path"][:2] in {"d[", "e["}]) == 200


def test_what_the_time_did_not_reach_inside_a_variable_is_not_gone(small, monkeypatch):
    monkeypatch.setattr(walk, "CLOCK_EVERY", 5)
    with Notebook() as nb:
        nb.run("import torch\na, b, c = ([[torch.zeros(1)] for _ in range(20)] for _ in range(3))")
        reports = [nb.run("pass") for _ in range(6)]

    assert [changes(one) for one in reports] == [{}] * 6
    assert {len(one["tensors"]) for one in reports[2:]} == {60}


def test_a_part_that_the_time_did_not_reach_to_its_end_is_not_gone(small, monkeypatch):
    monkeypatch.setattr(walk, "CLOCK_EVERY", 5)
    for module in (look_limits, lens_module):
        monkeypatch.setattr(module, "EXACT_OBJECTS", 120)
    with Notebook() as nb:
        nb.run("import torch\na = [[[torch.zeros(1)]] for _ in range(60)]")
        reports = [nb.run("pass") for _ in range(8)]

    assert [changes(one) for one in reports] == [{}] * 8
    assert len(reports[-1]["tensors"]) == 60


def test_results_that_were_dropped_from_lists_that_wait_are_no_error(small):
    with Notebook() as nb:
        nb.run("import torch\nw = torch.ones(1, requires_grad=True)")
        nb.run("\n".join(f"{name} = [w * i for i in range(15)]" for name in "abcdefgh"))
        for _ in range(6):
            nb.run("pass")

        assert nb.run("\n".join(f"del {name}[12:]" for name in "abcdefgh"))["cell"]["status"] == "ok"
        assert GUARD.faults == deque()


def test_a_huge_list_in_a_huge_list_is_looked_at(small):
    with Notebook() as nb:
        nb.run("import torch\nbig = [[torch.zeros(1)] for _ in range(60)]")
        nb.run("big[1] = [[torch.zeros(1)] for _ in range(60)]")
        for _ in range(8):
            report = nb.run("pass")

    assert len(report["tensors"]) == 119


def test_a_list_that_is_no_longer_read_in_parts_is_no_other_list(small):
    with Notebook() as nb:
        nb.run("import torch\nbig = [torch.zeros(2) for _ in range(55)]\nx = big[3]")
        for _ in range(6):
            nb.run("pass")
        report = nb.run("del big[15:]; x.add_(1)")

    assert changes(report, "mutated").keys() == {"x", "big[3]"}
    assert changes(report, "bound") == {}
    assert changes(report, "unbound").keys() == {f"big[{place}]" for place in range(15, 55)}


def test_a_list_that_is_read_in_parts_from_now_on_is_no_other_list(monkeypatch):
    monkeypatch.setattr(look_limits, "HUGE", 300)
    with Notebook() as nb:
        nb.run("import torch\nbig = [torch.zeros(2) for _ in range(300)]\nx = big[3]")
        report = nb.run("big.append(torch.zeros(2)); x.add_(1)")

    assert mutated(report) == {"x", "big[3]"}
    assert changes(report, "bound").keys() == {"big[300]"}
    assert changes(report, "unbound") == {}
