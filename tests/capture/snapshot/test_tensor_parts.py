"""Tensors that hold tensors in attributes: what they cost grows with their number alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ipy_tensorwatch.capture.snapshot.snapshotter import Snapshotter
from ipy_tensorwatch.core.records.snapshots.outline import Outline

if TYPE_CHECKING:
    import pytest


def marked() -> torch.Tensor:
    tensor = torch.zeros(1)
    tensor.mark = torch.ones(1)  # type: ignore[attr-defined]
    return tensor


def test_the_ends_of_runs_are_summed_up_once_for_all_of_them(monkeypatch: pytest.MonkeyPatch):
    summed: list[Outline] = []
    plain = Outline.stops
    monkeypatch.setattr(Outline, "stops", lambda outline: (summed.append(outline), plain(outline))[1])
    shot = Snapshotter().take({"memory": [{"x": marked()} for _ in range(40)]})

    assert len(shot.snapshot) == 80
    assert len(summed) == 1
