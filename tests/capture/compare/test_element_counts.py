"""What changed between two looks is counted when it is read, in the bytes that were there then."""

from __future__ import annotations

import pytest
import torch

from ipy_tensorwatch.capture.observer import UNCOUNTED, Observation, Observer
from ipy_tensorwatch.core.records.report_parts import Elements


@pytest.fixture
def observer() -> Observer:
    made = Observer()
    made.budget.grant(1.0)
    return made


def look(observer: Observer, names: dict[str, object], cell: int) -> Observation:
    return observer.look(names, cell)


def test_elements_are_those_of_the_look_however_often_the_tensor_is_written_later(observer: Observer):
    x = torch.zeros(3)
    look(observer, {"x": x}, 1)
    x[0] = 1
    found = look(observer, {"x": x}, 2).found
    x[:] = 7
    look(observer, {"x": x}, 3)

    assert [(content.elements.changed, content.elements.max_abs) for _, content in found] == [(1, 1.0)]


def test_bytes_of_earlier_looks_are_kept_up_to_a_limit(observer: Observer):
    x = [torch.zeros(1 << 14) for _ in range(200)]
    looks = []
    for cell in range(8):
        for one in x:
            one[0] = cell
        looks.append(look(observer, {"x": x}, cell).found)

    assert sum(found.counts.nbytes for found in looks[:-1]) <= UNCOUNTED + looks[-1].counts.nbytes
    assert {content.elements.changed for _, content in looks[1]} == {None}
    assert {content.elements.total for _, content in looks[1]} == {1 << 14}
    assert {content.elements.changed for _, content in looks[-1]} == {1}


def test_bytes_that_one_limit_has_dropped_may_be_dropped_by_another(observer: Observer):
    x = torch.zeros(3)
    look(observer, {"x": x}, 1)
    x[0] = 1
    found = look(observer, {"x": x}, 2).found
    found.let_go()
    found.let_go()

    assert [content.elements for _, content in found] == [Elements(changed=None, total=3)]


def test_a_quiet_look_reads_no_single_storage(observer: Observer, monkeypatch: pytest.MonkeyPatch):
    x = [torch.zeros(4) for _ in range(100)]
    look(observer, {"x": x}, 1)
    look(observer, {"x": x}, 2)
    monkeypatch.setattr("ipy_tensorwatch.capture.compare.compare_bytes.digest_each", None)

    assert not look(observer, {"x": x}, 3).found


def test_one_write_reads_only_its_own_tensor_again(observer: Observer):
    x = [torch.zeros(4) for _ in range(100)]
    before = look(observer, {"x": x}, 1).shot
    x[7][0] = 1
    after = look(observer, {"x": x}, 2).shot
    both = zip(before.snapshot.scenes["x"].readings, after.snapshot.scenes["x"].readings, strict=True)

    assert [place for place, (old, new) in enumerate(both) if old is not new] == [7]
    assert after.blocks is before.blocks
