"""Why bytes cannot be restored."""

from __future__ import annotations

from typing import get_args

import pytest

from ipy_tensorwatch.core.records.freezing import FrozenRecord
from ipy_tensorwatch.core.records.restoring import RestoreCode, RestoreRefusal
from ipy_tensorwatch.render.wording.not_restored import not_restored

KNOWN = FrozenRecord(path="y", cell=3, shape=(2,), dtype="float32", device="cpu", nbytes=8, is_kept=True)


@pytest.mark.parametrize("code", get_args(RestoreCode))
def test_each_refusal_has_a_sentence_without_gaps(code):
    told = not_restored(RestoreRefusal(code=code, path="x", cell=4, latest=3, fields=("shape",), known=KNOWN))

    assert told
    assert not {"{", "None"} & set(told.split())


def test_one_or_several_fields():
    told = [
        not_restored(RestoreRefusal(code="another-form", path="x", fields=one))
        for one in (("shape",), ("shape", "dtype"))
    ]

    assert told == ["the shape of x was different then", "the shape and the dtype of x were different then"]


def test_frozen_memory_is_named():
    assert not_restored(RestoreRefusal(code="frozen", known=KNOWN)) == "y is frozen (cell 3)"
