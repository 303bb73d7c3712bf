"""Widths and numbers."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.render.wording.quantities import count_of, spell_bytes, spell_number, spell_seconds
from ipy_tensorwatch.render.wording.text_width import clean, pad, shorten, width


@pytest.mark.parametrize(
    ("text", "columns"),
    [("", 0), ("abc", 3), ("|Δ| 1", 5), ("変数", 4), ("é", 1), ("v0 → v1", 7), ("▲", 1), ("👍🏽", 2)],
)
def test_width_counts_columns_not_characters(text: str, columns: int):
    assert width(text) == columns


def test_a_padded_text_takes_the_columns_it_is_padded_to():
    assert [width(pad(text, 8)) for text in ("x", "変数", "Δ")] == [8, 8, 8]


@pytest.mark.parametrize(
    ("text", "columns", "expected"),
    [("abcdef", 6, "abcdef"), ("abcdef", 4, "abc…"), ("変数変数", 5, "変数…"), ("変数変数", 4, "変…")],
)
def test_shortening_says_so_and_never_exceeds_the_columns(text: str, columns: int, expected: str):
    assert shorten(text, columns) == expected
    assert width(shorten(text, columns)) <= columns


@pytest.mark.parametrize("text", ["\x1b[31mred", "a\nb", "a\rb", "\u202eabc", "\x07"])
def test_what_steers_a_terminal_is_replaced(text: str):
    assert clean(text).isprintable()


def test_ordinary_text_stays_as_it_is():
    text = "best['größe'] → 変数"

    assert clean(text) == text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.0, "1"),
        (-3.0, "-3"),
        (0.0123456, "0.0123"),
        (0.1, "0.1"),
        (1e9, "1e+09"),
        (1e-9, "1e-09"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
        ("nan", "nan"),
        (999999.0, "999999"),
    ],
)
def test_numbers_are_short(value: float | str, expected: str):
    assert spell_number(value) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0 B"), (24, "24 B"), (1024, "1 KB"), (1536, "1.5 KB"), (2**31, "2 GB"), (2**60, "1048576 TB")],
)
def test_bytes_are_short(count: int, expected: str):
    assert spell_bytes(count) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.0, "0 µs"), (4.2e-6, "4.2 µs"), (0.0123, "12.3 ms"), (61.0, "61 s")]
)
def test_durations_are_short(seconds: float, expected: str):
    assert spell_seconds(seconds) == expected


def test_one_is_singular():
    assert [count_of(n, "tensor") for n in (0, 1, 2, 1234)] == ["0 tensors", "1 tensor", "2 tensors", "1,234 tensors"]
