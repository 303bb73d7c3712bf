"""The pages of `%tensorwatch freeze`, `thaw`, `frozen` and `restore`."""

from __future__ import annotations

from dataclasses import replace

from ipy_tensorwatch.core.records.freezing import FreezeRefusal, FrozenRecord
from ipy_tensorwatch.core.records.reason import Reason
from ipy_tensorwatch.core.records.restoring import Restored
from ipy_tensorwatch.render.pages.frozen_page import show_freeze, show_frozen, show_thaw
from ipy_tensorwatch.render.pages.restored_page import show_restored
from ipy_tensorwatch.render.paint.html import write_html
from ipy_tensorwatch.render.paint.text import write_text

META = FreezeRefusal(code="unknown-memory", unknown=Reason("meta"))
W = FrozenRecord(path="w", cell=3, shape=(2, 3), dtype="torch.float32", device="cpu", nbytes=24, is_kept=True)
ON_CUDA = replace(W, path="c", device="cuda:0", is_kept=False)


def lines(page) -> list[str]:
    return [" ".join(line.split()) for line in write_text(page).split("\n") if line.strip()]


def test_what_is_frozen_is_listed_with_how_far_it_is_guarded():
    assert lines(show_frozen([W, ON_CUDA]))[2:] == [
        "tensor what since a write is",
        "w float32 · 2×3 · 24 B cell 3 stopped or undone",
        "c float32 · 2×3 · 24 B cell 3 stopped if a PyTorch operator makes it",
    ]


def test_freezing_says_what_is_guarded_by_half_and_what_is_not():
    assert lines(show_freeze([W, ON_CUDA], {"m": META, "k": META})) == [
        "tensorwatch freeze 2 tensors",
        "frozen: w, c",
        "bytes on cuda:0 are not compared, so only operators of PyTorch are stopped: c",
        "not frozen: m, k: it is a meta tensor",
    ]


def test_thawing_names_what_can_be_written_again():
    assert lines(show_thaw([W])) == ["tensorwatch thaw 1 tensor", "thawed: w"]
    assert lines(show_thaw([])) == ["tensorwatch thaw 0 tensors", "nothing was frozen"]


def test_restoring_names_what_changed_with_it():
    restored = Restored(paths=("w",), cell=4, nbytes=24, aliases=("x", "n"))

    assert lines(show_restored(restored)) == [
        "tensorwatch restore as before cell 4",
        "restored: w, 24 B",
        "changed with it: x, n",
    ]


def test_a_path_is_escaped_in_html():
    assert "<b>" not in write_html(show_frozen([replace(W, path="d['<b>']")]))
