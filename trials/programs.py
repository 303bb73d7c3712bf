"""Random programs, as the tests draw them, one after the other from a seed."""

from __future__ import annotations

import itertools
import warnings
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.end_to_end.hazards.test_hazards_random import programs as graphs
from tests.support.programs import Program, programs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hypothesis.strategies import SearchStrategy

BATCH = 25


def random_programs(start: int) -> Iterator[list[str]]:
    """Go through programs without end: of each, the cells."""
    for number in itertools.count():
        yield from ([cell.source for cell in one.cells] for one in _batch(programs(), start + number))


def random_graphs(start: int) -> Iterator[list[str]]:
    """Go through programs that save for backward, write, and go backward in their last cell."""
    for number in itertools.count():
        for program in _batch(graphs(mixed=bool(number % 2)), start + number):
            yield [*program.cells, "h.sum().backward()\nprint(w.grad)"]


def _batch(strategy: SearchStrategy[Program], number: int) -> list[Program]:
    found: list[Program] = []

    @seed(number)
    @settings(
        max_examples=BATCH,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def draw(program: Program) -> None:
        if "UFuncTypeError" not in repr(program):  # which no name of the program leads to
            found.append(program)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        draw()
    return found
