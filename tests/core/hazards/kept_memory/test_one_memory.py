"""Items of a container that are one memory, filled one after the other, by hand-made traces."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.blame.reasoning import Reasoning
from ipy_tensorwatch.core.hazards.fix import Fix
from ipy_tensorwatch.core.hazards.kept_memory.one_memory import FollowedStatements, kept_in_one_memory
from ipy_tensorwatch.core.records.snapshots.difference import Content, Difference
from ipy_tensorwatch.core.records.trace.born import Born
from ipy_tensorwatch.core.records.trace.evidence import Position, SeenWrite
from ipy_tensorwatch.core.syntax.parsing import parse_path
from tests.support.records import reading, typed
from tests.support.traces import make_trace, snapshot_of

BUF = reading(1, version=3)
NUMPY = reading(1, version=None, kind="ndarray")


def born(look, statements, **items):
    """Make the items that one look saw first, each as it was then."""
    return Born(
        look=look,
        positions=frozenset(Position(one, None, blind=False) for one in statements),
        ran=frozenset(),
        found=tuple(
            (Difference(path=parse_path(path), before=first, after=after), Content.of(changed=False, verified=True))
            for path, (first, after) in items.items()
        ),
    )


def items(count=3, one=BUF, first=BUF, form="kept[{}]"):
    return {form.format(place): (first, one._replace(object=place)) for place in range(count)}


def seen(look, statements):
    return SeenWrite(storage=1, positions=frozenset(map(Position, statements)), look=look)


def told(plain, *lives, before=(), known=(), holds=True, **more):
    looks = more.pop("writes", {}).items()
    writes = {storage: tuple(map(seen, each, each.values())) for storage, each in looks}
    kept = {path: both[1] for life in lives for path, both in _paths(life)}
    trace = make_trace(
        plain, {"buf": reading(90, 90)} | kept if holds else kept, changed=(), born=lives,
        before=snapshot_of(dict(before)), evidence={"writes": writes}, **more,
    )  # fmt: skip
    return [one.hazard for one in kept_in_one_memory(Reasoning(trace), (), known)]


def _paths(life):
    return [(str(one.path), (one.before, one.after)) for one, _ in life.found]


LOOP = "for i in x:\n    buf.fill_(i)\n    kept.append(buf)"
STEP = {
    "cells": ["def step(i):\n    for k in range(i):\n        buf.fill_(k)\n        kept.append(buf)\n    return kept"]
}
BACK = {"cells": ["def step(i):\n    buf.fill_(i)\n    return buf"]}


def test_writes_between_two_looks_are_counted_by_the_versions():
    lives = (
        born(1, [2], **{"kept[0]": (reading(1, version=1), BUF)}),
        born(3, [2], **{"kept[1]": (reading(1, version=3), BUF)}),
    )
    [one] = told(LOOP, *lives, writes={1: {1: [0], 2: [1], 3: [1]}})
    assert ("TW211", "risk", ("kept[0]", "kept[1]"), None) == (one.code, one.outcome, one.paths, one.op)
    assert ("kept", 2, 3) == (one.fact.container, one.fact.count, one.fact.times)
    assert ("kept.append(buf)", "buf.fill_(i)", 3, 3) == (
        one.saved_at.text,
        one.written_at.text,
        one.saved_cell,
        one.written_cell,
    )
    assert one.fix == Fix(
        kind="keep-copies", code="kept.append(buf.clone())", other=".clone()", target=typed(one.saved_at.text, 3)
    )


@pytest.mark.parametrize(("look", "is_told"), [(0, False), (1, False), (2, True), (3, True), (4, False)])
def test_only_writes_between_the_first_and_the_last_of_the_looks_count(look, is_told):
    lives = born(1, [2], **{"kept[0]": (BUF, BUF)}), born(3, [2], **{"kept[1]": (BUF, BUF)})
    assert is_told == bool(told("a\nb\nkept.append(buf)", *lives, writes={1: {look: [1]}}))


@pytest.mark.parametrize(
    ("last", "line"),
    [
        ("d = [one - kept[0] for one in kept]", None),
        ("d = kept[1] - kept[0]", None),
        ("kept, n = [], 0", None),
        ("kept = [x, x]", 3),
        ("record(kept, x)", 3),
        ("kept += [x]", 3),
        ("kept.push(x)", 3),
        ("step(x)", 3),
    ],
)
def test_what_only_reads_a_container_is_not_told_as_what_filled_it(last, line):
    lives = born(3, [2], **{"kept[0]": (BUF, BUF)}), born(4, [2], **{"kept[1]": (BUF, BUF)})
    [one] = told(f"buf.fill_(1)\nnet(buf)\n{last}", *lives, writes={1: {4: [0]}})
    assert line == (one.saved_at and one.saved_at.line)


@pytest.mark.parametrize(("last", "line"), [("run['reward'].append(r)", None), ("run['state'].append(buf)", 3)])
def test_what_fills_another_item_of_a_variable_is_not_told_as_what_filled_it(last, line):
    lives = [born(look, [2], **items(1, form=f"run['state'][{place}]")) for place, look in enumerate((3, 4))]
    [one] = told(f"buf.fill_(1)\nnet(buf)\n{last}", *lives, writes={1: {4: [0]}})
    assert line == (one.saved_at and one.saved_at.line)
    assert bool(line) == bool(one.fix.code)


def test_several_storages_over_one_array_have_no_count():
    lives = (
        born(1, [2], **{"kept[0]": (None, reading(1, 1, data_ptr=9))}),
        born(3, [2], **{"kept[1]": (None, reading(2, 2, data_ptr=9))}),
    )
    [one] = told(LOOP, *lives, writes={2: {2: [1, 2]}})
    assert (None, None) == (one.fact.times, one.written_at)


def test_arrays_are_kept_by_copy():
    lives = born(1, [2], **{"kept[0]": (NUMPY, NUMPY)}), born(3, [2], **{"kept[1]": (NUMPY, NUMPY)})
    [one] = told(LOOP, *lives, writes={1: {2: [1]}})
    assert ("kept.append(buf.copy())", ".copy()", None) == (one.fix.code, one.fix.other, one.fact.times)


def test_what_is_known_to_be_no_copy_is_not_told_twice():
    lives = born(1, [2], **{"kept[0]": (BUF, BUF)}), born(3, [2], **{"kept[1]": (BUF, BUF)})
    assert [] == told(LOOP, *lives, writes={1: {2: [1]}}, known=("kept[1]",))


SOURCES = [
    ("kept = [torch.add(b, i, out=b) for i in x]", {}, 1, None),
    ("kept = step(3)", STEP, 1, "buf.fill_(k)"),
    ("kept = [step(i) for i in x]", BACK, 1, "buf.fill_(i)"),
    ("kept = step(3)", BACK, None, None),
    ("kept = [f(i) for i in x]", {}, 1, None),
    ("kept = [f(i) for i in x]", {"cells": ["def f(i): return i"]}, None, None),
    ("kept = [o.step(i) for i in x]", BACK, 1, "buf.fill_(i)"),
    ("kept = [torch.add(b, i, out=b) for i in x]", {"cells": ["def x(): pass"]}, 1, None),
    ("kept = list(f(x))", {}, 1, None),
    ("kept = tuple(f(x))", {}, 1, None),
    ("kept = list(x)", {}, None, None),
    ("kept = set(f(x))", {}, None, None),
    ("kept = [b for b in f(x)]", {}, 1, None),
    ("kept = [b for b in zip(x, y)]", {}, None, None),
    ("kept = [b.view(-1) for b in x]", {}, None, None),
    ("kept = [b for b in x]", {}, None, None),
    ("kept = f(x)", {}, None, None),
]


@pytest.mark.parametrize(("plain", "more", "line", "inner"), SOURCES)
def test_within_one_statement_its_source_must_show_that_each_was_kept(plain, more, line, inner):
    found = told(plain, born(1, [0], **items()), **more)
    site = found[0].written_at if found else None
    assert (line is not None) == bool(found)
    assert inner == (site and site.inner and site.inner.text)


def test_in_a_function_the_line_is_inferred():
    [one] = told("kept = step(3)", born(1, [0], **items()), **STEP)
    assert ("inferred", 1, 3) == (one.written_at.certainty, one.written_at.inner.cell, one.written_at.inner.line)
    assert (3, 3) == (one.fact.count, one.fact.times)


@pytest.mark.parametrize(("statements", "is_told"), [([0, 1, 2], True), ([2], False)])
def test_where_a_cells_statements_ran_between_two_looks_its_loops_are_read(statements, is_told):
    assert is_told == bool(told(LOOP, born(1, statements, **items())))
    assert not told(LOOP.replace("kept", "other"), born(1, statements, **items()))
    assert not told(LOOP, born(1, statements, **items()), holds=False), "a number is no memory"


@pytest.mark.parametrize(
    ("version", "before", "is_told"), [(3, 1, True), (3, 2, False), (2, None, True), (1, None, False)]
)
def test_a_memory_written_less_often_than_it_was_kept_was_not_filled_for_each(version, before, is_told):
    known = {} if before is None else {"buf": reading(9, version=before)}
    one = reading(1, version=version)
    assert is_told == bool(told("kept = [f(i) for i in x]", born(1, [0], **items(3, one)), before=known.items()))


def test_fewer_than_three_tensors_of_an_unread_function_are_not_told():
    objects = {f"kept[{n}]": (None, reading(n, version=3)) for n in range(4)}
    two = {path: (None, reading(n % 2, version=3)) for n, path in enumerate(objects)}
    plain = "kept = [f(i) for i in x]"
    assert 1 == len(told(plain, born(1, [0], **objects)))
    assert [] == told(plain, born(1, [0], **two))


@pytest.mark.parametrize(
    ("looks", "before", "is_told"),
    [({1: [0]}, True, True), ({0: [0]}, True, True), ({0: [5]}, True, False), ({}, False, True), ({}, True, False)],
)
def test_memory_without_a_version_may_have_been_written_if_it_was_seen_or_is_new(looks, before, is_told):
    known = {"buf": NUMPY}.items() if before else ()
    found = told("kept = step(3)", born(1, [0], **items(3, NUMPY)), writes={1: looks}, before=known, **STEP)
    assert is_told == bool(found)
    assert [] == told("kept = [f(i) for i in x]", born(1, [0], **items(3, NUMPY)))


@pytest.mark.parametrize(
    ("form", "container"), [("kept[{}]", "kept"), ("kept[{}][0]", "kept"), ("kept['a'][{}]", "kept['a']"), ("box.kept[{}]", "box.kept")]
)  # fmt: skip
def test_the_innermost_container_of_all_is_named(form, container):
    lives = born(1, [2], **items(1, form=form)), born(3, [2], **{form.format(1): (BUF, BUF)})
    [one] = told(LOOP, *lives, writes={1: {2: [1]}})
    assert container == one.fact.container


@pytest.mark.parametrize(
    ("one", "is_told"),
    [({}, True), ({"storage": 0}, False), ({"high": 0, "shape": (0,)}, False), ({"shape": (2, 3)}, False), ({"data_ptr": 0}, False),
     ({"device": "mps:0"}, False), ({"itemsize": 8}, False), ({"strides": (2,)}, False)],
)  # fmt: skip
def test_only_the_same_elements_are_one_memory(one, is_told):
    other = reading(1, **{"version": 3, **one})
    lives = born(1, [2], **{"kept[0]": (BUF, BUF)}), born(3, [2], **{"kept[1]": (other, other)})
    assert is_told == bool(told(LOOP, *lives, writes={1: {2: [1]}}))


@pytest.mark.parametrize("paths", [("a", "b"), ("kept[0]", "other[0]"), ("kept.a", "kept.b"), ("kept[0]",)])
def test_only_items_of_one_container_are_told(paths):
    lives = [born(2 * n + 1, [2], **{path: (BUF, BUF)}) for n, path in enumerate(paths)]
    assert [] == told(LOOP, *lives, writes={1: {2: [1]}})


def named(plain, paths, **more):
    readings = dict.fromkeys(paths, reading(1, **more))
    reasoning = Reasoning(make_trace(plain, readings))
    return [one.hazard for one in kept_in_one_memory(reasoning, reasoning.changes, ())]


@pytest.mark.parametrize(
    ("plain", "paths", "more", "count"),
    [
        ("h[0].fill_(1)\nh[1].fill_(2)", ["h[0]", "h[1]", "h[2]"], {}, 2), ("h[0].fill_(1)", ["h[0]", "h[1]"], {}, 0),
        ("h[0].fill_(1)\nk[0].fill_(2)", ["h[0]", "k[0]"], {}, 0), ("h.a.fill_(1)\nh.b.fill_(2)", ["h.a", "h.b"], {}, 0),
        ("h[0].fill_(1)\nh[1].fill_(2)", ["h[0]", "h[1]"], {"requires_grad": True}, 0),
        ("h['a'][0].fill_(1)\nh['b'][0].fill_(2)", ["h['a'][0]", "h['b'][0]"], {}, 0),
    ],
)  # fmt: skip
def test_items_that_are_written_by_name_each_by_itself_are_one_memory(plain, paths, more, count):
    found = named(plain, paths, **more)
    assert [count] * bool(count) == [len(one.paths) for one in found]
    assert [1] * bool(count) == [one.fact.times for one in found]
    assert [None] * bool(count) == [one.saved_at for one in found]


def test_items_told_by_their_look_are_not_told_by_their_names_too():
    lives = born(1, [0], **{"h[0]": (BUF, BUF)}), born(3, [1], **{"h[1]": (BUF, BUF)})
    trace = make_trace(
        "h[0].fill_(1)\nh[1].fill_(2)", {"h[0]": BUF, "h[1]": BUF}, born=lives, writes={1: [[0], [1], [1]]}
    )
    reasoning = Reasoning(trace)
    assert 1 == len([*kept_in_one_memory(reasoning, reasoning.changes, ())])


def test_each_statement_is_followed_once_for_all_groups_of_items():
    known = FollowedStatements(
        Reasoning(make_trace("for x in xs:\n    buf.fill_(x)\n    kept.append(buf)", {"buf": BUF}))
    )
    [_, one], [_, again] = known.of([1, 2]), known.of([1, 2])
    assert (one is again, "buf.fill_(x)") == (True, one.refill("kept").site.text)
    assert one.refill("kept") is one.refill("kept")
