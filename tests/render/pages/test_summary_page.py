"""The few lines under a cell."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.hazards.hazard_facts import KeptReference
from ipy_tensorwatch.core.records.report_parts import Elements, Example
from ipy_tensorwatch.render.pages.summary_page import MAX_LINES, summarize, summarize_in_one_line
from ipy_tensorwatch.render.paint.text import write_text
from ipy_tensorwatch.render.wording.text_width import width
from tests.support.records import change, hazard, report, site


def told(*changes) -> list[str]:
    page = summarize(report(*changes))
    return write_text(page).split("\n") if page else []


def line(**more) -> str:
    return told(change(**more))[1]


def test_nothing_silent_nothing_said():
    assert told(change(silent=False, cause="direct", via=())) == []


def test_one_silent_change_is_told_as_in_the_design():
    expected = [
        " tensorwatch  [7]  1 silent change",
        "   x   changed through y   line 2   y.add_(1)   3 of 6 elements, max |Δ| 1   v0 → v1",
    ]

    assert told(change()) == expected


def test_columns_are_aligned():
    lines = told(change(), change("img", via=("t", "u"), sites=(site(11, "predict(img)"),)))[1:]

    assert {one.index("line") for one in lines} == {lines[0].index("line")}
    assert {one.index("3 of 6") for one in lines} == {lines[0].index("3 of 6")}


def test_columns_are_aligned_where_names_are_wide():
    lines = told(change("変数"), change("x"))[1:]

    assert {width(one[: one.index("changed")]) for one in lines} == {10}


def test_no_line_ends_in_blanks():
    lines = told(change(versions=(None, None), versioned=None), change("longer_name", elements=None))

    assert [one for one in lines if one != one.rstrip()] == []


def test_a_write_that_the_version_counter_missed_is_told():
    assert line(versioned=False, versions=(3, 3)).endswith("v3 as before: autograd cannot see it")
    assert line(versioned=False, versions=(None, None)).endswith("   autograd cannot see it")


def test_bytes_that_were_not_compared_are_told():
    assert "bytes not compared" in line(verified=False, elements=None)


def test_a_change_found_late_says_since_when():
    assert line(since=4).endswith("since cell 4")


def test_a_change_between_cells_says_so():
    assert "changed between cells" in line(cause="outside", via=(), sites=())


@pytest.mark.parametrize(
    ("cause", "expected"), [("call", "changed inside a call"), ("alias", "changed, but no line names it")]
)
def test_without_a_variable_it_went_through_the_cause_is_told(cause: str, expected: str):
    assert expected in line(cause=cause, via=())


def test_many_variables_are_counted():
    assert "changed through a, b, c and 2 more" in line(via=("a", "b", "c", "d", "e"))


def test_the_last_of_four_variables_is_named_not_counted():
    assert "changed through a, b, c, d   " in line(via=("a", "b", "c", "d"))


def test_many_variables_of_one_container_are_named_together():
    assert "changed through h[…] (5), a   " in line(via=(*(f"h[{n}]" for n in range(5)), "a"))


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        (Elements(changed=1, total=1, max_abs=0.0123), "1 of 1 element, max |Δ| 0.0123"),
        (Elements(changed=1000, total=6000, max_abs=None), "1,000 of 6,000 elements"),
        (Elements(changed=None, total=6000), "some of 6,000 elements"),
        (
            Elements(changed=1, total=6, examples=(Example(index=(0,), before=0.0, after="nan"),)),
            "1 of 6 elements, NaN or infinite now",
        ),
        (None, "bytes differ"),
    ],
)
def test_how_much_changed(elements: Elements | None, expected: str):
    assert expected in line(elements=elements)


def test_paths_of_one_container_are_one_line():
    changes = [change(f"best['{n}']", via=(f"model.l{n}",)) for n in range(64)]

    assert told(*changes) == [
        " tensorwatch  [7]  64 silent changes",
        "   best[…] (64 tensors)   changed through model.…   line 2   y.add_(1)   192 of 384 elements, max |Δ| 1   v0 → v1",
    ]


def test_more_lines_than_a_glance_takes_are_counted():
    lines = told(*(change(f"x{n}") for n in range(20)))

    assert len(lines) == 1 + MAX_LINES + 1
    assert lines[-1] == "   … and 12 more: %tensorwatch"


def test_one_line_more_than_a_glance_takes_is_shown_not_counted():
    lines = told(*(change(f"x{n}") for n in range(MAX_LINES + 1)))

    assert [one.split()[0] for one in lines[1:]] == [f"x{n}" for n in range(MAX_LINES + 1)]


def test_a_long_statement_is_cut():
    assert "…" in line(sites=(site(text="y.add_(" + "1 + " * 50 + "1)"),))


def test_source_cannot_steer_the_terminal():
    assert "\x1b" not in "".join(told(change("d['\x1b[2J']", sites=(site(text="print('\x1b[2J')"),))))


NO_COPY = hazard(
    "best['w']",
    code="TW207",
    outcome="wrong",
    op=None,
    fact=KeptReference(container="best", owner="net"),
    saved_at=None,
)
KEPT = (
    change("best['w']", via=("net.w",), sites=(site(3, "opt.step()"),)),
    change("best['b']", via=("net.b",), sites=(site(3, "opt.step()"),)),
    change("best['mean']", via=("net.mean",), sites=(site(2, "net(x)"),), versions=(1, 2)),
)


def first_words(page) -> list[str]:
    return [one.split()[0] for one in write_text(page).split("\n") if one[3:4].strip() and not one.startswith(" t")]


def test_a_hazard_that_explains_changes_stands_before_them_and_folds_them():
    page = summarize(report(change("x"), *KEPT, hazards=(hazard("v"), NO_COPY)), (hazard("v"), NO_COPY))
    text = write_text(page)

    assert first_words(page) == ["TW207", "best[…]", "x", "TW201"]
    assert "best[…] (3 tensors)   changed through net.…   line 3   opt.step() (+ line 2)" in text


def test_a_hazard_of_an_earlier_cell_still_folds_what_it_explains():
    page = summarize(report(*KEPT, hazards=(NO_COPY,)))

    assert first_words(page) == ["best[…]"]


def test_one_line_names_what_changed_and_leads_to_the_rest():
    page = report(*KEPT, hazards=(NO_COPY,))
    head = " tensorwatch  [7]  3 silent changes · 1 hazard: best['w'], best['b'], best['mean'] · TW207"

    assert write_text(summarize_in_one_line(page, (NO_COPY,))) == f"{head}  (more: %tensorwatch)"
    assert write_text(summarize_in_one_line(page, (NO_COPY,), in_panel=True)) == f"{head}  (in the panel)"
    assert summarize_in_one_line(report()) is None
