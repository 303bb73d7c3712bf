"""What is told of a variable beside its picture."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.memory.changed_bytes import Dirty
from ipy_tensorwatch.core.memory.strided_layout import ByteRun, Lane
from ipy_tensorwatch.render.page import Strip
from ipy_tensorwatch.render.wording.tensor_facts import dirt, facts, key, place, spell_shape
from tests.support.records import reading


def lane(*runs, nbytes=None, **more) -> Lane:
    found = tuple(ByteRun(*one) for one in runs)
    return Lane(runs=found, nbytes=sum(one[1] - one[0] for one in runs) if nbytes is None else nbytes, **more)


def test_a_shape_is_spelled_and_a_scalar_is_called_so():
    assert ["2×3", "scalar"] == [spell_shape((2, 3)), spell_shape(())]


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (reading(1), ("6", "v1", "")),
        (reading(1, kind="parameter", requires_grad=True), ("6", "v1", "parameter, leaf, requires grad")),
        (reading(1, requires_grad=True, is_leaf=False, version=None), ("6", "", "requires grad, not a leaf")),
    ],
)
def test_form_version_and_graph_are_told(one, expected):
    assert expected == facts(one)


def test_changed_bytes_are_told_by_their_range_where_they_are_not_all():
    whole = lane((0, 24, 24))

    assert "all changed" == dirt(Dirty(runs=whole.runs, is_exact=True), whole)
    assert "some changed" == dirt(Dirty(runs=whole.runs, is_exact=False), whole)
    assert "all changed of bytes 0–4, 8–12" == dirt(
        Dirty(runs=(ByteRun(0, 4, 4), ByteRun(8, 12, 4)), is_exact=True), whole
    )
    many = tuple(ByteRun(low, low + 4, 4) for low in (0, 8, 1600))
    assert "all changed of bytes 0–4, …, 1,600–1,604" == dirt(Dirty(runs=many, is_exact=True), whole)


def test_where_bytes_lie_is_told():
    assert "all 24 bytes" == place(lane((0, 24, 24)), 24)
    assert "bytes 4–12 of 24" == place(lane((4, 12, 8)), 24)


def strip(one: Lane, dirty: Dirty | None = None) -> Strip:
    return Strip(name="x", lane=one, dirty=dirty, shade=0, place="", facts=())


def test_the_key_tells_of_what_occurs():
    solid = lane((0, 24, 24))
    exact, some = Dirty(runs=solid.runs, is_exact=True), Dirty(runs=solid.runs, is_exact=False)

    assert "" == key([strip(solid)])
    assert "underlined: changed" == key([strip(solid, exact)])
    assert "thin line: some of it changed" == key([strip(solid, some)])
    assert "underlined: changed · thin line: some of it changed" == key([strip(solid, exact), strip(solid, some)])
    assert "hatched: stripes too fine to draw" == key([strip(lane((0, 24, 4)))])
    assert "layered: elements over each other" == key([strip(lane((0, 24, 24), folds=2.0))])
