"""A page as text is as wide as the terminal, and in colour where the terminal has it."""

from __future__ import annotations

import re

import pytest

from ipy_tensorwatch.render.page import DetailEntry, Page, Row, Table, code, words
from ipy_tensorwatch.render.pages.history_page import history
from ipy_tensorwatch.render.paint.text import write_text
from tests.support.records import change, site

SENTENCE = words("loss.backward() will raise: ") + code("best['model.layers.0.weight'][0, 1:3]") + words(" was changed")
PAGE = Page(
    head="tensorwatch  [12]  2 silent changes · 1 hazard that is told in a headline which does not fit",
    parts=(
        *history([(12, change(sites=(site(9, "model.layers[0].weight.data.mul_(0.5 * decay)"),)))], limit=9).parts,
        Table(
            caption="One column",
            head=("what",),
            rows=(Row(cells=(code("x" * 100),)), Row(cells=(words("a few words " * 9),))),
            more="and 12 more that were left out, because there is no room for all of them here",
        ),
        words("a line of its own that says something at a length that no narrow terminal has"),
        DetailEntry(label="TW201", lines=(SENTENCE, words("Write to a copy."))),
    ),
)


def unbroken(text: str) -> str:
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("columns", [40, 60, 80, 100])
def test_no_line_is_wider_than_the_terminal_and_no_word_is_lost(columns: int):
    narrow = write_text(PAGE, columns)
    assert [] == [line for line in narrow.split("\n") if len(line) > columns]
    for cell in ("model.layers[0].weight.data.mul_(0.5*decay)", "x" * 100, "afewwords" * 9, "leftout", "TW201"):
        assert unbroken(cell) in unbroken(narrow)


def test_a_wide_terminal_shows_a_table_with_its_headings():
    assert write_text(PAGE) == write_text(PAGE, 1000)
    assert "   what\n" in write_text(PAGE)


def test_colour_marks_headline_silent_path_and_code_and_nothing_else():
    page = Page(
        head="tensorwatch  [2]",
        parts=(
            Table(
                caption="",
                head=("", ""),
                bare=True,
                rows=(Row(cells=(code("x"), words("changed")), silent=True), Row(cells=(code("y"), words("written")))),
            ),
            DetailEntry(label="TW202", lines=(words("will raise"),)),
        ),
    )

    assert (
        "\x1b[1m tensorwatch  [2]\x1b[0m\n   \x1b[31mx\x1b[0m   changed\n   y   written\n\n   \x1b[33mTW202\x1b[0m  will raise"
        == write_text(page, color=True)
    )
    assert write_text(page) == re.sub(r"\x1b\[\d+m", "", write_text(page, color=True))
