"""Why memory is not known, bytes are not compared, and a tensor cannot be frozen: in words."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from ipy_tensorwatch.core.records.freezing import FreezeRefusal, FrozenRecord, RefusalCode
from ipy_tensorwatch.core.records.reason import Reason, ReasonCode
from ipy_tensorwatch.render.wording.not_compared import not_compared, why
from ipy_tensorwatch.render.wording.not_frozen import not_frozen, released

REASONS = [
    (Reason("class", "MyTensor"), "a MyTensor", "memory not known: MyTensor"),
    (Reason("functorch"), "a functorch wrapper", "memory not known: functorch wrapper"),
    (Reason("fake"), "a fake tensor", "memory not known: fake tensor"),
    (Reason("uninitialized"), "an uninitialized parameter", "memory not known: uninitialized parameter"),
    (Reason("nested"), "a nested tensor", "memory not known: nested tensor"),
    (Reason("jagged"), "a jagged tensor", "memory not known: jagged tensor"),
    (Reason("layout", "sparse_csr"), "a sparse csr tensor", "memory not known: sparse CSR tensor, its parts are watched"),
    (Reason("layout", "other_one"), "a other one tensor", "memory not known: other one tensor"),
    (Reason("meta"), "a meta tensor", "memory not known: meta tensor"),
    (Reason("copy-on-write"), "a copy-on-write tensor", "memory not known: copy-on-write tensor"),
    (Reason("no-storage"), "no storage", "no storage"),
    (Reason("freed"), "its storage was freed or cut", "its storage was freed or cut"),
    (Reason("error-while-reading", "KeyError"), "KeyError while reading", "KeyError while reading"),
    (Reason("budget"), "budget", "no time left after this cell: compared later"),
    (Reason("device", "cuda:0"), "on cuda:0", "bytes on cuda:0"),
    (Reason("graph-not-read"), "its graph was not read to the end", "its graph was not read to the end"),
    (Reason("moved"), "it was freed or moved while it was read", "it was freed or moved while it was read"),
    (Reason("gone"), "its memory is gone", "its memory is gone"),
    (Reason("device-busy"), "its device is still working", "its device is still working"),
    (Reason("device-failed"), "its device failed, or is out of memory", "its device failed, or is out of memory"),
    (Reason("capturing"), "its device's stream is being captured", "its device's stream is being captured"),
    (Reason("own-error"), "an error of tensorwatch itself", "an error of tensorwatch itself"),
    (Reason("born-unread"), "not compared within the cell that made it: no time was left", "not compared within the cell that made it: no time was left"),
    (Reason("held-no-tensor"), "it held no tensor when it was looked at", "it held no tensor when it was looked at"),
    (Reason("nameless"), "its name is not a string", "its name is not a string"),
    (Reason("too-deep"), "nested too deep", "nested too deep"),
    (Reason("too-many"), "too many containers", "too many containers"),
    (Reason("error-while-walking", "KeyError"), "KeyError while walking", "KeyError while walking"),
    (Reason("names-no-text"), "its parts have names that are not strings", "its parts have names that are not strings"),
    (Reason("groups-no-list"), "its param_groups is not a list", "its param_groups is not a list"),
    (Reason("state-no-dict"), "its state is not a dict", "its state is not a dict"),
    (Reason("changed-by-thread"), "another thread keeps changing it", "another thread keeps changing it"),
    (Reason("own-dict-reader"), "its class defines how its __dict__ is read", "its class defines how its __dict__ is read"),
    (Reason("no-list"), "it is not a list", "it is not a list"),
    (Reason("no-dict"), "it is not a dict", "it is not a dict"),
    (Reason("no-tensor"), "it is not a tensor", "it is not a tensor"),
    (Reason("no-module"), "it is not a module", "it is not a module"),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "in_report", "on_page"), REASONS, ids=[one[0].code for one in REASONS])
def test_each_reason_has_its_words_in_the_report_and_on_a_page(reason: Reason, in_report: str, on_page: str):
    assert (in_report, on_page) == (why(reason), not_compared(reason))


def test_no_reason_goes_without_words():
    assert {*get_args(ReasonCode)} == {one[0].code for one in REASONS}


W = FrozenRecord(path="w", cell=2, shape=(2,), dtype="torch.float32", device="cpu", nbytes=8, is_kept=True)
REFUSALS = [
    (FreezeRefusal(code="unknown-memory", unknown=Reason("meta")), "it is a meta tensor"),
    (FreezeRefusal(code="unknown-memory", unknown=Reason("freed")), "its storage was freed or cut"),
    (FreezeRefusal(code="inference"), "it is an inference tensor"),
    (FreezeRefusal(code="no-version"), "its version cannot be read"),
    (FreezeRefusal(code="let-go"), "its memory belonged to another object, which has released it"),
    (FreezeRefusal(code="references"), "its bytes are references to Python objects, or to text"),
    (FreezeRefusal(code="unreadable"), "its memory cannot be read"),
    (FreezeRefusal(code="frozen-already", known=W), "w is frozen already (cell 2)"),
    (FreezeRefusal(code="frozen-already", known=replace(W, cell=None)), "w is frozen already"),
]


@pytest.mark.parametrize(("refusal", "expected"), REFUSALS)
def test_what_cannot_be_frozen_says_why(refusal: FreezeRefusal, expected: str):
    assert expected == not_frozen(refusal)


def test_no_refusal_goes_without_words():
    assert {*get_args(RefusalCode)} == {one.code for one, _ in REFUSALS}


def test_what_is_frozen_no_more_says_why():
    assert "its memory belonged to another object, which has released it" == released("let-go")
    assert "it was written to, and its bytes could not be put back" == released("lost")
