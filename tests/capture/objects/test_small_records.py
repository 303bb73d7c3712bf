"""Small records are read at once, as the walk would open them."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ipy_tensorwatch.capture.objects import walk as walk_module
from ipy_tensorwatch.capture.objects.small_records import take_record
from ipy_tensorwatch.capture.objects.walk import walk
from ipy_tensorwatch.capture.objects.walk_state import Branch
from tests.support.nested import PARTS, Data, OwnDict, Plain, Slotted, grow

Pair = namedtuple("Pair", "first second")  # noqa: PYI024  (a class without annotations)
T = torch.zeros(2)
MIXED = st.lists(
    st.sampled_from([
        {"t": T, "n": 1},
        {("a", 1): T, 2.5: T},
        {T: 1},
        (T, 1, T),
        Pair(T, 2),
        [T, T],
        [1, T, None],
        Plain(T),
        Data(T),
        Slotted(T),
        OwnDict(t=T),
        {"deep": {"t": T}, "t": T},
        (np.zeros(1), [T]),
    ])
)  # fmt: skip


def told(namespace: dict[str, object]) -> dict[str, Any]:
    """Give all that a walk tells of each name."""
    return {
        name: (one.outline.nodes, [(run.node, run.style, [*run.keys], run.role) for run in one.outline.runs],
               [*map(id, one.objects)], one.kinds)
        for name, one in walk(namespace).branches.items()
    }  # fmt: skip


def without_records(namespace: dict[str, object]) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(walk_module, "take_record", lambda *_: False)
        return told(namespace)


@given(MIXED, PARTS)
def test_the_walk_tells_the_same_with_records_and_without(records: list[object], parts: Any):
    things = [grow(inner, wrappers, holds=holds) for inner, wrappers, holds in parts]
    namespace: dict[str, object] = {"records": records, "things": [*things, records]}

    assert without_records(namespace) == told(namespace)


@pytest.mark.parametrize("record", [{"t": T}, (T, 1), [T], Pair(T, 1), Plain(T), {"n": 1}])
def test_what_holds_tensors_numbers_and_texts_is_a_record(record: object):
    assert take_record(Branch(), 0, record)


def with_attributes(inside: dict[Any, object]) -> Plain:
    thing = Plain(1)
    thing.__dict__.update(inside)
    return thing


class Short(Pair):
    """A named tuple whose fields do not fit."""

    __slots__ = ()
    _fields = ("first",)


@pytest.mark.parametrize(
    "other",
    [
        {"t": [T]},
        (T, [1]),
        Slotted(T),
        OwnDict(t=T),
        dict.fromkeys(range(300), T),
        [T] * 300,
        Short(T, 1),
        torch.nn.Linear(1, 1),
        with_attributes({f"a{number}": T for number in range(300)}),
        with_attributes({5: T}),
    ],
)
def test_all_else_is_opened(other: object):
    branch = Branch()

    assert not take_record(branch, 0, other)
    assert [] == branch.objects
