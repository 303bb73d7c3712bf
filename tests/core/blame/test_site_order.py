"""Of several statements that wrote, the one to show comes first."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.blame.site_order import order_sites
from ipy_tensorwatch.core.records.path import AccessPath
from tests.support.records import inferred, site


def likely(line, text, **more):
    return site(line, text, certainty="inferred", **more)


def order(*sites, causes=("alias", "alias"), cause="alias"):
    """Return the lines of sites of one statement each, which wrote to `x` through `y`."""
    found = [(own, [one]) for own, one in zip(causes, sites, strict=True)]
    return [one.line for one in order_sites(found, cause, AccessPath("x"), ("y",))]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("y[0] = n", "x.mul_(2)", [3, 2]),
        ("total.add_(1)", "y.mul_(2)", [3, 2]),
        ("for n in range(3):", "step()", [3, 2]),
        ("for row in y:", "row += 1", [3, 2]),
        ("for row in x:", "row += 1", [3, 2]),
        ("for row in y:", "other.sum()", [2, 3]),
        ("with inplace(x):", "other.add_(1)", [3, 2]),
        ("xy.add_(1)", "y.add_(1)", [3, 2]),
    ],
)
def test_one_that_names_the_tensor_comes_first_and_a_header_last(first, second, expected):
    assert order(likely(2, first), likely(3, second)) == expected


def test_one_that_was_seen_to_write_comes_before_one_that_is_likely():
    assert order(likely(1, "x.numpy()[0] = 1"), site(4, "b.fill_(4)")) == [4, 1]
    assert order(likely(3, "y.add_(1)"), site(2, "for n in grow(y):")) == [2, 3]


def test_one_whose_line_inside_a_function_is_known_comes_before_a_mere_candidate():
    assert order(likely(2, "f(x)"), likely(3, "g(z)", inner=inferred())) == [3, 2]


def test_an_unexpected_writer_comes_first_in_a_silent_change():
    opt, ema = site(3, "opt.step()"), likely(4, "update_ema()", inner=inferred())

    assert order(opt, ema, causes=("optimizer", "alias")) == [4, 3]
    assert order(opt, ema, causes=("optimizer", "alias"), cause="direct") == [3, 4]
