"""The same pages for notebooks."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ipy_tensorwatch.render.page import Line, Page, Picture, Row, Table, code, words
from ipy_tensorwatch.render.pages.diff_page import DiffView, show_diff
from ipy_tensorwatch.render.pages.overview_page import overview
from ipy_tensorwatch.render.pages.summary_page import summarize
from ipy_tensorwatch.render.paint.html import write_html
from ipy_tensorwatch.render.paint.style import ENTRY_STYLE, PICTURE_STYLE, STYLE
from ipy_tensorwatch.render.paint.text import write_text
from tests.support.records import change, full_report, report, site

PAGES = {
    "summary": lambda: summarize(full_report()),
    "overview": lambda: overview(full_report()),
    "diff": lambda: show_diff(full_report(), DiffView(recorded=True, unchanged=True)),
}
VOID = {"br", "hr", "img", "input", "meta"}


class Tags(HTMLParser):
    """Collects tags, proves that they are balanced, and keeps the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text += data


def parse(html: str) -> Tags:
    tags = Tags()
    tags.feed(html)
    tags.close()
    assert tags.open == []
    return tags


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_balanced_html_without_scripts(name: str):
    tags = parse(write_html(PAGES[name]()))

    assert {tag for tag, _ in tags.tags} <= {
        "div",
        "style",
        "p",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "code",
        "span",
        "svg",
        "title",
        "path",
    }
    assert [key for _, attrs in tags.tags for key in attrs if key.startswith("on")] == []


@pytest.mark.parametrize("name", PAGES)
def test_every_table_has_a_name_and_every_head_a_scope(name: str):
    tags = parse(write_html(PAGES[name]())).tags
    named = [tag for tag, attrs in tags if tag == "caption" or (tag == "table" and "aria-label" in attrs)]

    assert len(named) == [tag for tag, _ in tags].count("table")
    assert {attrs.get("scope") for tag, attrs in tags if tag == "th"} <= {"row", "col"}


def test_silence_is_told_by_a_sign_with_a_name_not_by_colour_alone():
    html = write_html(overview(report(change())))

    assert '<span class="ipytw-sign" role="img" aria-label="silent">▲</span>' in html


def test_the_lines_under_a_cell_say_once_that_they_are_silent():
    tags = parse(write_html(summarize(report(change(), change("z")))))

    assert tags.text.split("silent") == ["tensorwatch  [7]  2 ", tags.text.partition("silent")[2]]
    assert {"caption", "thead", "span"}.isdisjoint(tag for tag, _ in tags.tags)


def test_short_cells_break_no_lines():
    tags = parse(write_html(overview(report(change())))).tags
    cells = [attrs.get("class") for tag, attrs in tags if tag == "td"]

    assert ["ipytw-short", "ipytw-short", "ipytw-wrapped", None, "ipytw-short"] == cells


def test_a_column_that_breaks_lines_is_at_least_as_wide_as_a_short_text():
    def least(text: str) -> str:
        html = write_html(summarize(report(change(sites=(site(text=text),)))))
        return re.findall(r"min-width:([\d.]+em)", html)[0]

    assert [least("y.add_(1)"), least("y" * 40), least("y" * 50)] == ["5.13em", "18.2em", "18.2em"]


def test_a_change_that_is_not_silent_has_no_sign():
    html = write_html(show_diff(report(change(silent=False, cause="direct", via=())), DiffView(recorded=False)))

    assert "▲" not in html


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a & b", "'</style>'", "\x1b[2J"]
)
def test_names_and_statements_are_escaped(hostile: str):
    page = summarize(report(change(f"d[{hostile!r}]", via=(hostile,), sites=(site(text=hostile),))))
    tags = parse(write_html(page))

    assert {tag for tag, _ in tags.tags} & {"script", "img"} == set()
    assert hostile.replace("\x1b", "�") in tags.text


def test_what_a_table_leaves_out_and_what_it_is_called_are_escaped_too():
    table = Table(caption="<b>", head=("<i>",), rows=(Row(cells=(code("<u>"),)),), more="<s>")
    tags = parse(write_html(Page(head="<h1>", parts=(table, words("<em>")))))

    assert {tag for tag, _ in tags.tags} & {"b", "i", "u", "s", "h1", "em"} == set()


RULES = [one for one in re.findall(r"([^{}]+)\{", STYLE + PICTURE_STYLE) if not one.startswith("@container")]
"""The selectors of every rule."""


def test_the_style_touches_nothing_but_our_own():
    selectors = [one.strip() for rule in RULES for one in rule.split(",")]

    assert [one for one in selectors if ".ipytw" not in one] == []


def test_the_style_outweighs_jupyterlabs_rules_for_tables():
    """They have three classes: `.jp-ThemedContainer .jp-RenderedHTMLCommon tbody tr:nth-child(even)`."""
    selectors = [one.strip() for rule in RULES for one in rule.split(",")]

    assert [one for one in selectors if ".ipytw.ipytw.ipytw" not in one] == []


def test_the_colours_are_jupyterlabs_with_fallbacks():
    assert re.findall(r"var\(--jp-[\w-]+\)", STYLE) == []
    assert len(re.findall(r"var\(--jp-[\w-]+,", STYLE)) >= 5


def without_pictures(part: Table | Line) -> Table | Line:
    if not isinstance(part, Table):
        return part
    return replace(part, key="", rows=tuple(replace(row, picture=None) for row in part.rows))


@pytest.mark.parametrize("name", PAGES)
def test_pictures_leave_the_text_as_it_is(name: str):
    page = PAGES[name]()
    plain = replace(page, parts=tuple(without_pictures(part) for part in page.parts if not isinstance(part, Picture)))

    assert write_text(plain) == write_text(page)


@pytest.mark.parametrize("name", PAGES)
def test_html_says_nothing_that_text_does_not_say(name: str):
    """Both paint one page, so the words are the same, but for those that stand in a picture or tell how to read it."""
    page = PAGES[name]()
    page = replace(page, parts=tuple(without_pictures(part) for part in page.parts if not isinstance(part, Picture)))
    text = write_text(page)
    spoken = re.split(r"\s{2,}", re.sub(r"<style>.*?</style>|<[^>]+>", "  ", write_html(page)))
    plain = [one.replace("&#x27;", "'").replace("&gt;", ">").strip() for one in spoken]

    bare = {"tensor", "what happened", "where", "statement", "how much", "version", "Silent changes", "▲", "line 2", ""}
    assert [one for one in plain if one not in bare and one not in text] == []


def test_it_is_small():
    assert len(write_html(summarize(report(change())))) < 4000


def test_the_block_has_the_colours_of_the_panel():
    panel = (Path(__file__).parents[3] / "js/src/widget/widget.css").read_text("utf-8")
    pairs = re.compile(r"light-dark\((#\w+), ?(#\w+)\)")
    ours, dim = {*pairs.findall(STYLE + ENTRY_STYLE + PICTURE_STYLE)}, {("#59636e", "#9198a1")}

    assert ours - {*pairs.findall(panel)} == dim
    assert ("#b42318", "#ff8f85") in ours


def test_one_line_leads_to_the_panel():
    html = write_html(Page(head="tensorwatch  [7]  1 silent change: x", in_panel=True))

    assert '<button data-commandlinker-command="ipy-tensorwatch:open">in the panel</button>' in html
    assert '"ipy-tensorwatch:open"' in (Path(__file__).parents[3] / "js/schemas/plugin.json").read_text("utf-8")
