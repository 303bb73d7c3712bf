"""One survey of all graphs says of each root what a survey of this root alone says, and nothing is read twice."""

from __future__ import annotations

import itertools
from math import inf
from typing import TYPE_CHECKING

import torch
from hypothesis import given
from hypothesis import strategies as st

from ipy_tensorwatch.capture.autograd import graph_survey, note_saved, saved_by_nodes
from ipy_tensorwatch.capture.autograd.graph_survey import survey_graph
from ipy_tensorwatch.capture.autograd.saved_by_nodes import nodes_of
from tests.support.notebook import Notebook

if TYPE_CHECKING:
    import pytest

OPERATORS = [
    lambda a, _: a.exp(),
    lambda a, _: a * 2,
    lambda a, b: a * b,
    lambda a, b: a + b,
    lambda a, b: torch.cat([a, b])[:2],
    lambda a, _: a.neg(),
]
STEPS = st.lists(st.tuples(st.sampled_from(OPERATORS), st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=20)


def grow(steps: list) -> list[torch.Tensor]:
    """Return the results of operators on two leaves and on earlier results."""
    made = [torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)]
    for operator, left, right in steps:
        made.append(operator(made[left % len(made)], made[right % len(made)]))
    return made[2:]


def facts(survey):
    leaves = {one for several in survey.leaves.values() for one in several}
    return survey.below, survey.holding, survey.freed.keys(), leaves


@given(STEPS, st.lists(st.integers(0, 30), max_size=3))
def test_a_part_of_a_survey_is_the_survey_of_this_root(steps: list, backwards: list[int]):
    made = grow(steps)
    for place in backwards:
        try:
            made[place % len(made)].sum().backward()
        except RuntimeError:  # a part was freed by an earlier one
            continue
    roots = nodes_of(((str(place), one) for place, one in enumerate(made)), {}, set())
    whole = survey_graph(roots, inf)

    for number, root in roots.items():
        assert facts(survey_graph({number: root}, inf)) == facts(whole.part_below(number, inf))


def test_a_new_graph_is_read_once(monkeypatch: pytest.MonkeyPatch):
    read: list[tuple[str, object]] = []  # the nodes too, so that no address is reused
    for module, name in itertools.product((graph_survey, note_saved, saved_by_nodes), ("raw_saves", "inputs_of")):
        if real := getattr(module, name, None):
            monkeypatch.setattr(module, name, lambda *of, name=name, real=real: read.append((name, of[0])) or real(*of))
    with Notebook() as nb:
        nb.run("import torch\nw = torch.ones(2, requires_grad=True)\nfirst = w.exp().sin().cos() * w")
        asked = [(name, id(node)) for name, node in read]
        read.clear()

    assert len(asked) == len({*asked}) > 0
