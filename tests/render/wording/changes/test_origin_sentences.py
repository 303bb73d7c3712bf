"""Since when variables share memory, in words."""

from __future__ import annotations

from ipy_tensorwatch.core.records.report_parts import Origin
from ipy_tensorwatch.render.wording.changes.origin_sentences import since_sentences
from tests.support.records import change

SINCE = Origin(a="a", b="b", cell=2, line=3, end_line=3, text="b = a.T", how="T")


def told(*pairs):
    some = [change(path=path, via=(via,), shared_since=SINCE) for path, via in pairs]
    return [str(one) for one in since_sentences(some)]


def test_two_that_changed_through_each_other_are_named_once():
    assert ["a and b share memory since cell 2, line 3: b = a.T"] == told(("a", "b"), ("b", "a"))


def test_each_change_is_named_before_what_it_changed_through():
    assert ["a and c share memory with b since cell 2, line 3: b = a.T"] == told(("a", "b"), ("c", "b"))
