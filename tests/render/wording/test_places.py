"""Places and lists of names in words."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.render.wording.places import named


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
