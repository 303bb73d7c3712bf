"""Places and lists of names in words."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.render.wording.places import named, typed
from tests.support.records import site


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], ""),
        (["a"], "`a`"),
        (["a", "b"], "`a` or `b`"),
        (["a", "b", "c"], "`a`, `b` or `c`"),
        (["a", "b", "c", "d", "e"], "`a`, `b`, `c` or 2 more"),
        (["d['`']"], "`d[''']`"),
    ],
)
def test_names_are_listed_the_first_few_of_them(names, expected):
    assert expected == named(names, "or").marked


def test_a_magic_that_runs_code_is_shown_as_it_was_typed():
    wrote = site(2, "get_ipython().run_line_magic('time', 'h.mul_(2)')")

    assert str(typed(wrote)) == ": %time h.mul_(2)"
