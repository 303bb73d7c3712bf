"""What is said of frozen memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipy_tensorwatch.core.records.freezing import Culprit, FreezeRefusal, FrozenRecord
from ipy_tensorwatch.core.records.reason import FREED, Reason
from ipy_tensorwatch.render.wording.not_frozen import let_go, not_frozen, released, stopped, written, written_between

W = FrozenRecord(path="w", cell=3, shape=(2, 3), dtype="torch.float32", device="cpu", nbytes=24, is_kept=True)
OUTSIDE = replace(W, cell=None)


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (FreezeRefusal(code="unknown-memory", unknown=Reason("meta")), "it is a meta tensor"),
        (FreezeRefusal(code="frozen-already", known=W), "w is frozen already (cell 3)"),
        (FreezeRefusal(code="frozen-already", known=OUTSIDE), "w is frozen already"),
        (FreezeRefusal(code="inference"), "it is an inference tensor"),
    ],
)
def test_why_it_cannot_be_frozen(refusal, expected):
    assert expected == not_frozen(refusal)


def test_a_state_of_memory_is_no_kind_of_tensor():
    assert not not_frozen(FreezeRefusal(code="unknown-memory", unknown=FREED)).startswith("it is a")


@pytest.mark.parametrize(
    ("culprit", "more", "expected"),
    [
        (Culprit(), 0, "w is frozen (cell 3): this cell wrote to it; its bytes have been put back"),
        (Culprit(place="block"), 1, "w is frozen (cell 3) (and 1 more): this block wrote to it; its bytes have been put back"),
        (Culprit(lines=(2,), text="w += 1"), 0, "w is frozen (cell 3): w += 1 (line 2) wrote to it; its bytes have been put back"),
        (Culprit(lines=(4, 2, 3)), 0, "w is frozen (cell 3): one of the lines 2 to 4 wrote to it; its bytes have been put back"),
    ],
)  # fmt: skip
def test_who_wrote_and_what_became_of_it(culprit, more, expected):
    assert expected == written(W, culprit, more)


def test_what_was_stopped_written_between_cells_or_let_go():
    assert "w is frozen: w += 1 would write to it" == stopped(OUTSIDE, "w += 1")
    assert "tensorwatch: w is frozen: it was written to between cells; its bytes have been put back" == written_between(
        OUTSIDE
    )
    assert f"tensorwatch: w is frozen: {released('lost')}, so it is not frozen any more" == let_go(OUTSIDE, "lost")
    assert released("lost") != released("let-go")
