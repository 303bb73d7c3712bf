"""Second ways to a container: which path is known, and how a typed path is spelled."""

from __future__ import annotations

from ipy_tensorwatch.core.blame.evidence.detours import Detours
from ipy_tensorwatch.core.records.snapshots.ways import Ways
from ipy_tensorwatch.core.syntax.parsing import parse_path
from tests.support.trace_json import way_of

PAIRS = {"pair[0]": "box", "a.next.next": "a", "b.next": "a", "q.p": "p", "qs[0]": "q", "qs[1]": "q", "d['x.y']": "box"}
WAYS = Ways([way_of(parse_path(path), parse_path(target)) for path, target in PAIRS.items()])


def typed(path: str, *several: str) -> list[str]:
    return Detours(WAYS).spell([parse_path(path)], map(parse_path, several))


def test_a_path_is_known_under_the_one_that_was_walked():
    told = {
        one: WAYS.resolve(one) for one in ("pair[0].t", "pair[1].t", "box.t", "qs[1].p.x", "d['x.y'].t[0]", "pairs[0]")
    }

    assert {
        "pair[0].t": "box.t",
        "pair[1].t": "pair[1].t",
        "box.t": "box.t",
        "qs[1].p.x": "p.x",
        "d['x.y'].t[0]": "box.t[0]",
        "pairs[0]": "pairs[0]",
    } == told


def test_a_path_around_a_cycle_is_known_however_long_it_is():
    assert "a.t" == WAYS.resolve("a" + ".next.next" * 20 + ".t")
    assert "a.next.t" == WAYS.resolve("b.next" + ".next" * 5 + ".t")


def test_a_cycle_of_ways_comes_to_an_end():
    assert Ways([way_of(parse_path("a.b"), parse_path("a.b.b"))]).resolve("a.b.t").startswith("a.b")


def test_a_path_is_spelled_as_the_statement_has_typed_it():
    assert ["pair[0].t"] == typed("box.t", "pair[0].t")
    assert ["pair[0].t"] == typed("box.t", "pair[0].t[3]")
    assert ["pair[0].t"] == typed("box.t", "pair[0]", "other")
    assert ["qs[1].p.x"] == typed("p.x", "qs[1].p.x")
    assert [] == typed("box.t", "box.t", "pair[1].t", "pair[0].u")


def test_an_unknown_item_is_spelled_once_for_each_way():
    assert ["qs[0].p.x", "qs[1].p.x"] == typed("p.x", "qs[*].p.x")


def test_every_variable_is_told_that_a_way_leads_to():
    assert {"q", "p"} == Detours(WAYS).roots["qs"]


def test_other_paths_to_a_tensor_are_found():
    assert ["pair[0].t", "d['x.y'].t"] == [str(one) for one in Detours(WAYS).others([parse_path("box.t")])]


def test_other_paths_over_several_ways_are_found():
    pairs = {"dl.dataset": "part", "part.dataset": "data"}
    ways = Ways([way_of(parse_path(path), parse_path(target)) for path, target in pairs.items()])

    assert ["part.dataset.x", "dl.dataset.dataset.x"] == [str(one) for one in ways.to(parse_path("data.x"))]


def test_other_paths_are_followed_over_several_ways_and_the_shortest_public_one_is_first():
    pairs = {"it._data": "data", "dl.sampler.data_source": "part", "dl.dataset": "part", "part.data": "data"}
    ways = Ways([way_of(parse_path(path), parse_path(target)) for path, target in pairs.items()])
    found = [str(one) for one in ways.to(parse_path("data.x"))]

    assert ["part.data.x", "dl.dataset.data.x", "dl.sampler.data_source.data.x", "it._data.x"] == found


def test_other_paths_around_a_cycle_are_few():
    ways = Ways([way_of(parse_path("a.b"), parse_path("a"))])

    assert "a.b.t" == str(ways.to(parse_path("a.t"))[0])
    assert len(ways.to(parse_path("a.t"))) < 20
