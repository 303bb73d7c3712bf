"""A change in words: how it came about, how much it was, and what the version counter saw."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.records.report_parts import Elements, Example
from ipy_tensorwatch.render.pages.diff_page import operators
from ipy_tensorwatch.render.wording.changes.fold_changes import most_telling
from ipy_tensorwatch.render.wording.changes.phrases import amount, counted, counter, how, names, values
from tests.support.records import THREE_OF_SIX, change, site


@pytest.mark.parametrize(
    ("one", "via", "expected"),
    [
        (change(), None, "changed through y"),
        (change(), ("a", "b"), "changed through a, b"),
        (change(silent=False), None, "changed, but no line names it"),
        (change(via=(), cause="call"), None, "changed inside a call"),
        (change(via=(), cause="direct"), None, "written by name"),
        (change(via=(), cause="optimizer"), None, "updated by an optimizer or by hand"),
        (change(via=(), cause="backward"), None, "changed by backward"),
        (change(via=(), cause="module"), None, "changed by its module"),
        (change(via=(), cause="object"), None, "changed by its own method"),
        (change(via=(), cause="leftover", silent=False), None, "the same memory under another name"),
        (change(via=(), cause="component", silent=False), None, "part of a sparse tensor"),
        (change(via=(), cause="outside"), None, "changed between cells"),
        (change(via=(), cause=None), None, "changed"),
        (change(kind="metadata", fields=("shape", "strides")), None, "shape, strides changed"),
        (change(kind="touched"), None, "same bytes, but the version counter rose"),
        (change(kind="bound"), None, "new"),
        (change(kind="unbound"), None, "gone"),
        (change(kind="rebound"), None, "another tensor now"),
    ],
)
def test_how_a_change_came_about(one, via, expected):
    assert expected == str(how(one, via))


ONE = (Example(index=(), before=0.0, after="nan"),)


@pytest.mark.parametrize(
    ("one", "elements", "expected"),
    [
        (change(), None, "3 of 6 elements, max |Δ| 1"),
        (change(), Elements(changed=1, total=1), "1 of 1 element"),
        (change(elements=None), Elements(changed=2, total=4), "2 of 4 elements"),
        (change(elements=None), None, "bytes differ"),
        (change(verified=False), None, "bytes not compared"),
        (change(elements=Elements(changed=None, total=1200)), None, "some of 1,200 elements"),
        (change(elements=Elements(changed=1, total=2, examples=ONE)), None, "1 of 2 elements, NaN or infinite now"),
        (change(elements=Elements(changed=1, total=2, max_abs=1.0, examples=ONE)), None, "1 of 2 elements, max |Δ| 1"),
        (change(elements=Elements(changed=1, total=2, examples=THREE_OF_SIX.examples)), None, "1 of 2 elements"),
        (change(kind="touched"), None, ""),
    ],
)
def test_how_much_changed(one, elements, expected):
    assert expected == str(amount(one, elements))


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (change(), "v0 → v1"),
        (change(versions=(2, 2)), ""),
        (change(versions=(None, None)), ""),
        (change(versions=(2, 2), versioned=False), "v2 as before: autograd cannot see it"),
        (change(versions=(2, 3), versioned=False), "v2 → v3: autograd cannot see it"),
        (change(versions=(None, None), versioned=False), "autograd cannot see it"),
        (change(since=4), "v0 → v1, since cell 4"),
        (change(versions=(2, 2), since=4), "since cell 4"),
    ],
)
def test_what_the_version_counter_saw(one, expected):
    assert expected == str(counter(one))


TWO = (Example(index=(0, 1), before=0.0, after=1.0), Example(index=(2,), before=1.0, after=2.0))


@pytest.mark.parametrize(
    ("elements", "limit", "expected"),
    [
        (Elements(changed=2, total=6, examples=TWO), 3, "[0, 1] 0 → 1, [2] 1 → 2"),
        (Elements(changed=3, total=6, examples=TWO), 3, "[0, 1] 0 → 1, [2] 1 → 2, …"),
        (Elements(changed=2, total=6, examples=TWO), 1, "[0, 1] 0 → 1, …"),
        (Elements(changed=None, total=6, examples=TWO), 3, "[0, 1] 0 → 1, [2] 1 → 2, …"),
        (Elements(changed=1, total=1, examples=ONE), 3, "0 → nan"),
        (Elements(changed=2, total=6), 3, ""),
        (Elements(changed=2, total=6, examples=TWO), 0, ""),
        (None, 3, ""),
    ],
)
def test_a_few_elements_are_shown_before_and_after(elements, limit, expected):
    assert expected == str(values(elements, limit))


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a", "b"], "a, b"),
        (["h[0]", "h[1]", "h[2]", "a"], "h[0], h[1], h[2], a"),
        (["h[0]", "h[1]", "h[2]", "a", "b"], "h[…] (3), a, b"),
        (["a", "b", "c", "d", "e"], "a, b, c and 2 more"),
        (["a", "b", "c", *(f"h[{place}]" for place in range(1200)), "d"], "a, b, c and 1,201 more"),
    ],
)
def test_many_paths_are_listed_those_of_one_variable_as_one(paths, expected):
    assert expected == str(names(paths))


def test_several_tensors_of_a_container_are_counted():
    assert ["x", "h[…] (1,200 tensors)"] == [str(counted("x", 1)), str(counted("h[…]", 1200))]


def test_only_bytes_that_no_operator_wrote_are_told_to_have_come_from_elsewhere():
    [past] = operators([], [change("x"), change("y", kind="touched")], 5)

    assert "no operator was seen to write x; writes by NumPy, raw pointers and compiled code are not recorded" == str(
        past
    )


def test_silent_changes_come_first_and_what_is_new_last():
    ordered = most_telling([change("new", kind="bound", silent=False), change("w", silent=False), change("s")])

    assert ["s", "w", "new"] == [one.path for one in ordered]
    assert site().line == 2
