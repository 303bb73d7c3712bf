"""What else may mend an overwritten saved tensor, and which fix must be proven."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.fixes.alternative_fixes import alternative_fixes, needs_trial
from ipy_tensorwatch.core.hazards.fix import Fix
from ipy_tensorwatch.core.hazards.hazard import Hazard
from tests.support.records import site

CELLS = {1: "h = w * 2", 2: "loss = loss + (h * h).sum()", 3: "v = h.view(-1)\nv.add_(1)"}


def hazard(saved: str, *paths: str, written: str = "v.add_(1)") -> Hazard:
    return Hazard(
        code="TW201",
        outcome="raises",
        paths=paths,
        op="MulBackward0",
        fix=Fix(kind="out-of-place"),
        saved_at=site(line=1, text=saved),
        written_at=site(line=2, text=written),
        saved_cell=2,
        written_cell=3,
    )


@pytest.mark.parametrize(
    ("saved", "paths", "expected"),
    [
        ("loss = loss + (h * h).sum()", ["h", "v"], ["loss = loss + (h.clone() * h.clone()).sum()"]),
        ("out[t + 1] = cell(out[t])", ["out"], ["out[t + 1] = cell(out[t].clone())"]),
        ("h.mul_(h.detach())", [], ["h.mul_(h.detach().clone())"]),
        ("y = torch.tanh(x)", ["y"], ["y = torch.tanh(x).clone()", "y = torch.tanh(x.clone())"]),
    ],
)
def test_the_line_that_saved_keeps_a_copy(saved: str, paths: list[str], expected: list[str]):
    found = [*alternative_fixes(hazard(saved, *paths), Fix(kind="out-of-place"), CELLS | {2: saved})]
    texts = [edit.text for one in found for edit in one.edits]

    assert expected == [one for one in texts if one in expected]
    assert "v = v.clone()" == texts[-1]


def test_a_fix_is_not_repeated_that_was_tried():
    one = hazard(CELLS[2], "h")
    first, *others = alternative_fixes(one, Fix(kind="out-of-place"), CELLS)

    assert others == [*alternative_fixes(one, first, CELLS)]


@pytest.mark.parametrize(
    ("kind", "paths", "expected"),
    [
        ("out-of-place", ["h", "v"], True),
        ("write-copy", ["h", "v"], True),
        ("write-copy", ["h"], False),
        ("save-copy", ["h", "v"], False),
    ],
)
def test_a_write_to_new_memory_must_be_proven_where_other_names_keep_the_old_one(kind, paths, expected):
    assert expected == needs_trial(hazard("h * h", *paths), Fix(kind=kind))
