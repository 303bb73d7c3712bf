"""One block for all ranks under a cell, whichever way it was run."""

from __future__ import annotations

import re


def test_what_all_ranks_did_is_said_once(lab):
    assert lab.px("x = torch.zeros(4)\ny = x[:2]") == ""
    told = lab.px("y.add_(1)")

    assert told.count("changed through y") == 1
    assert "on all 4" in told


def test_what_some_ranks_did_is_said_with_them(lab):
    lab.px("x = torch.zeros(4)\ny = x[:2]")
    told = lab.px("if rank in (1, 3):\n    y.add_(1)")

    assert "on 2 of 4: 1, 3" in told
    assert [(one["path"], one["ranks"]) for one in lab.report()["changes"] if one["silent"]] == [("x", [1, 3])]


def test_view_execute_and_apply_are_joined_too(lab):
    lab.px("x = torch.zeros(4)\ny = x[:2]")
    executed = lab.cell("view.execute('y.add_(1)', silent=False).get();").told
    applied = lab.cell("def grow():\n    y.add_(1)\nview.apply_sync(grow);").told

    assert "x   changed through y" in executed
    assert "on all 4" in executed
    assert re.search(r"x +changed inside a call +line 3 +view.apply_sync\(grow\)", applied)


def test_the_report_has_the_keys_of_the_schema(lab):
    lab.px("x = torch.zeros(4)")
    report = lab.report()

    assert [*report] == ["schema", "ranks", "cell", "changes", "hazards", "replicas", "waiting", "missing"]
    assert report["ranks"] == [0, 1, 2, 3]
    assert report["cell"]["source"].strip() == "x = torch.zeros(4)"
    assert [(one["path"], one["kind"], one["ranks"]) for one in report["changes"]] == [("x", "bound", [0, 1, 2, 3])]
