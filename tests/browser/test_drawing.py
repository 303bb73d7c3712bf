"""The panel as a reader sees it and works it, in a real browser on a bare page."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.scenes import group, hazard, line, past, report, story, tensor, told

if TYPE_CHECKING:
    from tests.browser.stage import Stage

WIDTHS = (280, 360, 600)


# --- what the last cell did -----------------------------------------------------------------------


def test_before_the_first_report_the_panel_says_that_it_waits(stage):
    expect(stage.open().panel).to_have_text("Waiting for the kernel…")


def test_silent_changes_come_first_each_with_its_cause_its_line_its_statement_and_its_amount(stage):
    stage.open().tell(*story("views")[:2])

    expect(stage.lines).to_have_count(3)
    for place, name in enumerate(("x", "row", "col")):
        silent = stage.lines.nth(place)
        expect(silent.get_by_role("img", name="silent")).to_be_visible()
        expect(silent.get_by_role("button", name=name, exact=True)).to_be_visible()
        expect(silent).to_contain_text("changed through y")
        expect(silent).to_contain_text("line 1 y.add_(1)")
    expect(stage.lines.nth(0)).to_contain_text("6 of 6 elements, max |Δ| 1, v0 → v1")
    expect(stage.lines.nth(2)).to_contain_text("2 of 2 elements")


def test_the_line_is_a_link_that_shows_it_in_the_notebook(stage):
    stage.open().tell(*story("views")[:2])

    stage.lines.first.get_by_role("button", name="line 1").click()

    assert [{"count": 2, "cell": "cell-1", "line": 1}] == stage.page.evaluate("stage.revealed")


def test_a_line_inside_a_called_function_is_told_beside_the_statement(stage):
    stage.open().tell(*story("inside")[:3])

    expect(stage.lines.first).to_contain_text("line 2 small = scale(img) → cell 1, line 4: t.div_(255)")


def test_the_rest_is_folded_and_summed_up(stage):
    stage.open().tell(*story("views")[:3])
    rest = stage.panel.get_by_role("button", name="2 more: 1 written by name, 1 gone")

    expect(rest).to_have_attribute("aria-expanded", "false")
    expect(stage.lines).to_have_count(2)
    rest.click()

    expect(rest).to_have_attribute("aria-expanded", "true")
    expect(stage.lines).to_have_count(4)
    expect(stage.lines.nth(2)).to_contain_text("row written by name")
    expect(stage.lines.nth(3)).to_contain_text("col gone")


def test_new_hazards_come_before_the_silent_changes_and_the_rest_after(stage):
    lines = [line("x"), line("y", silent=False, cause="direct")]
    stage.open().tell(report(2, [tensor("x")], lines=lines) | {"hazards": [hazard()]})

    text = stage.section("Last cell").inner_text()

    told = ("loss.backward() will raise", "h was overwritten", "h = h.add(1)", "changed through y", "1 more")
    places = [text.index(one) for one in told]
    assert sorted(places) == places
    expect(stage.lines.nth(0)).to_contain_text("new · TW201 · raises")


def test_a_hazard_is_told_without_the_signs_that_stand_for_code(stage):
    stage.open().tell(*story("hazards")[:2])

    told = stage.lines.nth(0)

    expect(told.get_by_role("img", name="hazard")).to_be_visible()
    expect(told).to_contain_text("loss.backward() will raise")
    expect(told).to_contain_text(
        "h, saved by MulBackward0 in cell 1, line 4, was overwritten through c in cell 2, line 2"
    )
    expect(told).to_contain_text("Write to a copy: c = c.clone() before it.")
    expect(told).not_to_contain_text("`")
    assert ["loss.backward()", "c[0] = 0", "c = c.clone()"] == told.get_by_role("code").all_inner_texts()


def test_the_lines_of_a_hazard_are_links_also_into_earlier_cells_and_its_variables_lead_to_their_details(stage):
    stage.open().tell(*story("hazards")[:2])
    told = stage.lines.nth(0)

    told.get_by_role("button", name="cell 1, line 4").click()
    told.get_by_role("button", name="cell 2, line 2").click()
    told.get_by_role("button", name="c", exact=True).click()

    saved, written = {"count": 1, "cell": "cell-0", "line": 4}, {"count": 2, "cell": "cell-1", "line": 2}
    assert [saved, written] == stage.page.evaluate("stage.revealed")
    expect(stage.details).to_have_accessible_name("Details of c")


def test_a_hazard_that_is_over_is_told_so_once(stage):
    stage.open().tell(*story("hazards")[:3])
    over = stage.lines.filter(has_text="over: its graph is gone")
    expect(over.locator("s")).to_have_text("loss.backward() will raise")

    stage.tell(story("hazards")[3])

    expect(over).to_have_count(0)


def test_a_new_hazard_comes_before_those_that_stand_which_are_short_until_somebody_asks_why(stage):
    stage.open().tell(*story("hazards")[:6])
    new, standing = stage.lines.nth(0), stage.lines.nth(1)
    expect(new).to_contain_text("new · TW203 · wrong")
    expect(new).to_contain_text("b.grad = b.grad.clone()")
    expect(standing).to_contain_text("TW202 · wrong")
    expect(standing).not_to_contain_text("new")
    expect(standing).not_to_contain_text("was overwritten")

    why = standing.get_by_role("button", name="why")
    why.press("Enter")

    expect(why).to_have_attribute("aria-expanded", "true")
    expect(standing).to_contain_text("k, saved by MulBackward0 in cell 4, line 2, was overwritten in cell 5, line 1")


def test_in_a_quiet_cell_the_hazards_that_stand_are_told_all_the_same(stage):
    stage.open().tell(*story("hazards"))

    expect(stage.section("Last cell")).to_contain_text("It changed nothing.")
    expect(stage.lines).to_have_count(2)


def test_mere_risks_are_folded(stage):
    stage.open().tell(*story("hazards")[:7])
    risks = stage.panel.get_by_role("button", name="1 risk, harmful only if backward is run")
    expect(stage.lines).to_have_count(2)

    risks.click()

    expect(stage.lines).to_have_count(3)
    expect(stage.lines.nth(2)).to_contain_text("a backward through kept would raise")
    expect(stage.lines.nth(2)).to_contain_text("new · TW201 · risk")


def test_what_a_hazard_leads_to_is_told_by_its_shape(stage):
    outcomes = [hazard(outcome=outcome) for outcome in ("raises", "wrong", "risk")] + [hazard(turn="over")]
    stage.open().tell(report(2, [tensor("x")]) | {"hazards": outcomes})

    shapes = stage.panel.get_by_role("img", name="hazard").locator("path")

    assert 4 == len(set(shapes.evaluate_all("all => all.map((one) => one.getAttribute('d'))")))


def test_hazards_that_are_not_listed_are_counted(stage):
    stage.open().tell(report(2, [tensor("x")]) | {"hazards": [hazard()], "hazards_left_out": 12})

    expect(stage.section("Last cell")).to_contain_text("12 more hazards, not listed")


def test_a_cell_that_raised_is_told_to_have_done_so(stage):
    stage.open().tell(*story("inside"))

    expect(stage.section("Last cell")).to_contain_text("It raised an error; its tensors were compared.")


def test_a_cell_that_did_nothing_is_told_so(stage):
    stage.open().tell(report(1, []))

    expect(stage.section("Last cell")).to_contain_text("It changed nothing.")
    expect(stage.section("Shared memory")).to_contain_text("There are no tensors yet. Make one, and run its cell.")


def test_the_head_counts_what_is_watched(stage):
    stage.open().tell(*story("views"))

    expect(stage.panel.locator("header")).to_contain_text("3 tensors · 1 group · 1 ms")


# --- shared memory --------------------------------------------------------------------------------


def test_lanes_show_where_the_bytes_lie(stage):
    stage.open().tell(*story("views")[:1])

    assert [(0, 1000)] == stage.bars("x")
    assert [(0, 1000)] == stage.bars("y")
    assert [(0, 500)] == stage.bars("row")
    assert [(166.7, 166.7), (666.7, 166.7)] == stage.bars("col")


def test_a_flipped_array_lies_where_its_base_does(stage):
    stage.open().tell(*story("numpy"))

    assert [(0, 1000)] == stage.bars("flipped")
    assert [(250, 750)] == stage.bars("t")


def test_an_expanded_tensor_is_a_stack(stage):
    stage.open().tell(*story("layouts")[:2])

    assert [(0, 1000)] == stage.bars("many")
    expect(stage.row("many").locator(".tw-stack")).to_have_count(2)
    expect(stage.row("many")).to_contain_text("3×5 · 5 in one")
    expect(stage.row("once").locator(".tw-stack")).to_have_count(0)


def test_a_pattern_too_fine_to_draw_is_hatched(stage):
    every_other = tensor("thin", shape=[1000], strides=[2], span=[0, 7996])
    stage.open().tell(report(1, [tensor("x", shape=[2000], span=[0, 8000]), every_other], [group("x", "thin")]))

    assert [] == stage.bars("thin")
    expect(stage.row("thin").locator("line.tw-hatch")).to_have_count(1)


def test_the_bytes_just_changed_are_underlined(stage):
    stage.open().tell(*story("layouts"))

    marks = stage.row("big").locator(".tw-bar .tw-ink-silent")
    expect(marks).to_have_count(1)
    assert 0 == marks.evaluate("mark => mark.x.baseVal.value")
    expect(stage.row("column").locator(".tw-bar .tw-ink-silent")).to_have_count(0)


def test_bars_of_one_group_begin_and_end_at_the_same_places(stage):
    stage.open().tell(*story("layouts"))
    boxes = [stage.row(name).locator("svg.tw-bar").bounding_box() for name in ("big", "column", "corner", "scalar")]

    assert 1 == len({(box["x"], box["width"]) for box in boxes})


def test_the_group_that_changed_silently_is_first_and_says_so(stage):
    stage.open().tell(*story("layouts")[:3])
    first = stage.tree.get_by_role("treeitem").first

    expect(first.get_by_role("img", name="silently changed")).to_be_visible()
    expect(first).to_contain_text("cpu · 16 KB")


def test_groups_of_one_model_are_folded_until_somebody_opens_them(stage):
    stage.open().tell(*story("training")[:2])
    fold = stage.tree.get_by_role("treeitem").first

    expect(fold).to_contain_text("model  best")
    expect(fold.get_by_text("6 blocks")).to_have_attribute("title", "cpu · 6 blocks · 72 B")
    expect(stage.tree.get_by_role("treeitem")).to_have_count(1)
    fold.click()

    expect(stage.row("best['1.bias']")).to_be_visible()


def test_the_filter_leaves_only_what_it_names(stage):
    stage.open().tell(*story("layouts"))

    stage.filter.fill("COLUMN")

    assert ["big", "column", "corner", "scalar"] == stage.tree.locator(".tw-path").all_inner_texts()
    expect(stage.timeline.get_by_role("rowheader")).to_have_text(["column"])
    stage.filter.fill("nobody")
    expect(stage.section("Shared memory")).to_contain_text("No variable matches the filter.")
    stage.filter.fill("")
    expect(stage.timeline.get_by_role("rowheader")).to_have_count(8)


# --- the timeline ---------------------------------------------------------------------------------


def test_the_timeline_tells_what_became_of_which_variable_when(stage):
    stage.open().tell(*story("views"))
    expected = {
        "x": ["new", "silently changed", "silently changed", "rebound"],
        "y": ["new", "written", "silently changed", None],
        "row": ["new", "silently changed", "written", None],
        "col": ["new", "silently changed", "gone", None],
    }

    expect(stage.timeline.get_by_role("rowheader")).to_have_text(list(expected))
    for name, marks in expected.items():
        row = stage.timeline.get_by_role("row").filter(has=stage.page.get_by_role("rowheader", name=name, exact=True))
        for place, mark in enumerate(marks):
            spot = row.get_by_role("gridcell").nth(place).get_by_role("button")
            if mark:
                expect(spot).to_have_accessible_name(f"{name} {mark} in cell [{place + 1}]")
            else:
                expect(spot).to_have_count(0)


def test_a_click_on_a_cell_of_the_timeline_asks_the_kernel_and_shows_its_answer(stage):
    stage.open().tell(*story("views"))

    stage.timeline.get_by_role("button", name="x silently changed in cell [2]").click()

    assert [{"kind": "cell", "count": 2}] == stage.sent("cell", 1)
    expect(stage.section("Earlier cell")).to_contain_text("The kernel tells when it is idle…")
    stage.deliver({"kind": "cell", "count": 2, "number": 9}, told(2, [line("x")]))
    expect(stage.lines).to_contain_text("changed through y")
    stage.panel.get_by_role("button", name="Back to the last cell, [4]").click()
    expect(stage.section("Last cell")).to_contain_text("1 rebound")


def test_a_cell_that_is_not_kept_any_more_is_told_so(stage):
    stage.open().tell(*story("views"))

    stage.timeline.get_by_role("button", name="1", exact=True).click()
    stage.deliver({"kind": "cell", "count": 1, "number": 9}, None)

    expect(stage.section("Earlier cell")).to_contain_text("What this cell did is not kept any more.")


def test_many_cells_are_paged_and_a_page_stays_while_cells_run(stage):
    cells = [past(count, x="written") for count in range(1, 31)]
    stage.open().tell(report(30, [tensor("x")], cells=cells))
    heads = stage.timeline.locator("thead").get_by_role("button", name=re.compile(r"^\d+$"))
    expect(heads.last).to_have_text("30")

    earlier = stage.timeline.get_by_role("button", name="Earlier cells")
    earlier.click()
    shown = heads.all_inner_texts()
    assert "30" not in shown
    stage.tell(report(31, [], cells=[]) | {"tensors": [], "past": [[30, 0, [past(31, x="written")]]]})
    expect(stage.section("Last cell")).to_contain_text("[31]")

    assert shown == heads.all_inner_texts()
    for _ in range(5):
        earlier.press("Enter")
    expect(heads.first).to_have_text("1")
    expect(earlier).to_be_focused()
    expect(earlier).to_be_disabled()


def test_cells_with_the_same_count_are_columns_of_their_own(stage):
    cells = [past(1, x="created"), past(1, x="written"), past(1, x="silent")]
    stage.open().tell(report(1, [tensor("x")], cells=cells))

    names = [f"x {mark} in cell [1]" for mark in ("new", "written", "silently changed")]

    for place, name in enumerate(names):
        spot = stage.timeline.get_by_role("gridcell").nth(place).get_by_role("button")
        expect(spot).to_have_accessible_name(name)


# --- one variable ---------------------------------------------------------------------------------


def answer(stage: Stage, path: str, values=None) -> None:
    happened = [[told(2)["cell"], line(path)], [told(3)["cell"], line(path, silent=False, how=["written by name"])]]
    stage.deliver({"kind": "path", "path": path, "number": 9}, {"happened": happened, "values": values})


def test_a_click_on_a_variable_opens_its_details(stage):
    stage.open().tell(*story("views")[:3])

    stage.row("row").click()

    assert [{"kind": "path", "path": "row"}] == stage.sent("path", 1)
    expect(stage.details).to_have_accessible_name("Details of row")
    facts = dict(
        zip(*(stage.details.get_by_role(role).all_inner_texts() for role in ("term", "definition")), strict=True)
    )
    assert facts["shape"] == "3"
    assert facts["dtype"] == "float32"
    assert facts["strides"] == "1"
    assert facts["memory"] == "12 B from byte 0 of storage 1"
    assert facts["version"] == "2"
    assert facts["autograd"] == "no grad, leaf"
    holders = stage.details.get_by_role("listitem").all_inner_texts()
    assert [["x", "overlaps"], ["y", "overlaps"]] == [text.split() for text in holders]


def test_the_details_tell_what_happened_latest_first(stage):
    stage.open().tell(*story("views")[:3])
    stage.lines.first.get_by_role("button", name="x", exact=True).click()

    answer(stage, "x")

    happened = stage.details.get_by_role("list").last.get_by_role("listitem")
    expect(happened.nth(0)).to_contain_text("Cell [3] written by name")
    expect(happened.nth(1)).to_contain_text("Cell [2] changed through y")


def test_the_details_tell_when_a_hazard_began_and_was_over(stage):
    stage.open().tell(*story("hazards")[:3])
    stage.row("h").click()
    over = hazard(turn="over", why=["over: its graph is gone"], remedy=[])
    happened = [[told(2)["cell"], line("h")], [told(2)["cell"], hazard()], [told(3)["cell"], over]]

    stage.deliver({"kind": "path", "path": "h", "number": 9}, {"happened": happened, "values": None})

    items = stage.details.get_by_role("list").last.get_by_role("listitem")
    expect(items.nth(0)).to_have_text(re.compile(r"Cell \[3\] loss.backward.. will raise.*over: its graph is gone"))
    expect(items.nth(1)).to_contain_text("Cell [2] loss.backward() will raise")
    expect(items.nth(2)).to_contain_text("Cell [2] changed through y")


def test_a_small_tensor_is_drawn_before_and_after(stage):
    stage.open().tell(*story("views")[:3])
    stage.row("x").click()
    answer(stage, "x", {"shape": [2, 3], "before": [1, 1, 1, 1, 1, 1], "after": [1, 3, 1, 1, 1, None]})

    heat = stage.details.get_by_role("img", name="2 elements of 6 changed")
    expect(heat).to_be_visible()
    squares = heat.locator("rect:not(.tw-ground)")
    assert [[14, 0], [28, 14]] == squares.evaluate_all(
        "all => all.map(({ x, y }) => [x.baseVal.value, y.baseVal.value])"
    )
    expect(stage.details).to_contain_text("[0, 1] 1 → 3, [1, 2] 1 → no number")


def test_a_holder_leads_to_its_own_details(stage):
    stage.open().tell(*story("views")[:3])
    stage.row("row").click()

    stage.details.get_by_role("button", name="y", exact=True).click()

    expect(stage.details).to_have_accessible_name("Details of y")
    assert ["row", "y"] == [message["path"] for message in stage.sent("path", 2)]


def test_a_container_leads_to_what_hangs_on_it_and_a_name_that_is_gone_is_told_so(stage):
    stage.open().tell(*story("training")[:2])
    stage.timeline.get_by_role("button", name="best", exact=True).click()
    expect(stage.details.locator(".tw-name")).to_have_count(6)

    stage.tell(report(5, []), anew=True)

    expect(stage.details).to_contain_text("It is gone")


# --- the keyboard ---------------------------------------------------------------------------------


def test_the_tab_key_goes_through_the_panel_in_the_order_of_what_is_seen(stage):
    stage.open().tell(*story("views")[:2])
    stage.page.locator("#before").focus()
    names = [stage.press("Tab").focused() for _ in range(15)]

    expected = ["Filter variables", "Last cell", "x", "line 1", "cell 1, line 3", "row", "line 1", "cell 1, line 4"]
    expected += ["col", "line 1", "cell 1, line 5"]
    expected += ["1 more: 1 written by name", "Shared memory", "cpu · 24 B", "Timeline"]
    assert expected == names
    assert "1" == stage.press("Tab").focused()
    stage.press("Tab")
    assert not stage.panel.evaluate("panel => panel.contains(document.activeElement)")


def test_the_arrow_keys_go_through_the_tree(stage):
    stage.open().tell(*story("views")[:2])
    stage.tree.focus()

    assert ["x", "y", "row", "col", "col", "row"] == [
        stage.press(key).focused() for key in (*["ArrowDown"] * 5, "ArrowUp")
    ]
    stage.press("Home", "ArrowLeft")
    expect(stage.tree.get_by_role("treeitem")).to_have_count(1)
    stage.press("ArrowRight")
    expect(stage.tree.get_by_role("treeitem")).to_have_count(5)
    assert "col" == stage.press("End").focused()


def test_the_arrow_keys_go_through_the_timeline(stage):
    stage.open().tell(*story("views"))
    stage.timeline.get_by_role("button", name="1", exact=True).focus()

    for keys, expected in (
        (["ArrowDown"], "x new in cell [1]"),
        (["ArrowRight"], "x silently changed in cell [2]"),
        (["ArrowDown", "ArrowRight"], "y silently changed in cell [3]"),
        (["ArrowRight"], "y silently changed in cell [3]"),
        (["ArrowLeft", "ArrowLeft", "ArrowLeft"], "y"),
        (["ArrowUp", "ArrowUp"], "x"),
    ):
        assert expected == stage.press(*keys).focused()
    stage.press("Shift+Tab", "Tab")
    assert "x" == stage.focused(), "the grid is one stop, and remembers where it was left"


@pytest.mark.parametrize("key", ["Enter", " "])
def test_a_key_opens_the_details_from_the_tree_and_escape_closes_them(stage, key):
    stage.open().tell(*story("views")[:2])
    stage.tree.focus()
    stage.press("ArrowDown", "ArrowDown", key)
    expect(stage.details).to_have_accessible_name("Details of y")

    stage.press("Escape")

    expect(stage.details).to_have_count(0)
    expect(stage.tree).to_be_focused()
    assert "y" == stage.focused()


def test_escape_within_the_details_gives_the_focus_back_to_where_it_came_from(stage):
    stage.open().tell(*story("views"))
    origin = stage.timeline.get_by_role("button", name="row", exact=True)
    origin.focus()
    stage.press("Enter")
    stage.details.get_by_role("button", name="y", exact=True).press("Enter")
    expect(stage.details).to_have_accessible_name("Details of y")

    stage.press("Escape")

    expect(origin).to_be_focused()


def test_closing_the_details_gives_the_focus_back_too(stage):
    stage.open().tell(*story("views")[:2])
    origin = stage.lines.nth(1).get_by_role("button", name="row", exact=True)
    origin.click()

    stage.details.get_by_role("button", name="Close the details").click()

    expect(origin).to_be_focused()


def test_where_the_origin_is_gone_the_focus_stays_in_the_panel(stage):
    stage.open().tell(*story("views")[:2])
    stage.lines.nth(1).get_by_role("button", name="row", exact=True).click()
    stage.tell(*story("views")[2:])

    stage.details.get_by_role("button", name="Close the details").click()

    assert stage.panel.evaluate("panel => panel.contains(document.activeElement)")


def test_a_click_into_the_tree_leaves_the_arrow_keys_there(stage):
    stage.open().tell(*story("views")[:2])
    stage.row("y").click()

    expect(stage.tree).to_be_focused()
    assert "row" == stage.press("ArrowDown").focused()


@pytest.mark.parametrize("name", ["views", "training", "inside", "names", "hazards"])
def test_everything_that_takes_the_focus_in_a_cell_has_a_name_and_keeps_the_notebook_from_hearing_its_keys(stage, name):
    stage.open(inline=True).tell(*story(name))
    stage.panel.get_by_role("button", expanded=False).last.click()
    stage.timeline.get_by_role("rowheader").first.get_by_role("button").click()
    expect(stage.details).to_be_visible()

    snapshot = stage.page.locator("#place").aria_snapshot()
    roles = "button|searchbox|tree|treeitem|grid|img|region"
    assert [] == re.findall(rf"^\s*- (?:{roles})(?: \[.*)?:?$", snapshot, re.MULTILINE)
    focusable = stage.page.locator("#place").locator("a, button, input, select, textarea, [tabindex]")
    unshielded = focusable.evaluate_all(
        "all => all.filter((one) => !one.dataset.lmSuppressShortcuts).map((one) => one.outerHTML)"
    )
    assert [] == unshielded


# --- how it looks ---------------------------------------------------------------------------------

ODD_NAMES = [
    "<img src=x onerror=stage.sent.push(0)>",
    "</code></title></svg><script>stage.sent.push(0)</script>",
    "\"quoted\" 'twice' `thrice` &amp; {braces}",
    "🤯👩🏽‍🚀",
    "\u202eright to left, without an end",
    "a\nb\tc",
    "n" * 10_000,
    "words " * 1600,
]


@pytest.mark.parametrize("width", WIDTHS)
def test_odd_names_are_text_and_nothing_else(stage, width):
    names = [f"d['{name}']" for name in ODD_NAMES]
    others = pairwise(names)
    lines = [line(name, how=["changed through ", [other]], statement=[[name[:300]]]) for name, other in others]
    marks = past(1, **dict.fromkeys(ODD_NAMES, "silent"))
    stage.resize(width)
    stage.open().tell(report(1, [tensor(name) for name in names], [group(*names)], lines, [marks]))

    titles = stage.timeline.locator(".tw-name").evaluate_all("all => all.map((one) => one.title)")
    assert [f"Show what happened to {name}" for name in ODD_NAMES] == titles
    assert [] == stage.overflow()
    assert all(stage.lines.nth(place).bounding_box()["height"] < 400 for place in range(len(lines)))
    stage.tree.focus()
    stage.press("Home")
    for name in names:
        assert name == stage.press("ArrowDown", "Enter").focused()
        expect(stage.details.locator("header code")).to_have_text(name, use_inner_text=False)
        assert [] == stage.overflow()
    assert 0 == stage.panel.locator("img, script, a").count()
    assert 0 not in stage.page.evaluate("stage.sent")


def test_a_name_that_turns_the_reading_direction_turns_no_other_text(stage):
    scene = [line("x", how=["changed through ", ["d['\u202eturned']"], " and 3 more"])]
    stage.open().tell(report(1, [tensor("x")], lines=scene))
    code = stage.lines.locator("code").first.bounding_box()

    behind = stage.lines.locator(".tw-how").first.evaluate(
        """line => {
            const range = document.createRange();
            range.selectNodeContents(line.lastChild);
            return range.getBoundingClientRect().x;
        }"""
    )

    assert behind >= code["x"] + code["width"] - 1


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_its_place(stage, width):
    stage.resize(width)
    stage.open()
    for name in ("views", "numpy", "layouts", "training", "inside", "names", "hazards"):
        stage.tell(*story(name)[:1], anew=True)
        for body in story(name)[1:]:
            stage.tell(body)
            assert [] == stage.overflow()
        stage.timeline.get_by_role("rowheader").first.get_by_role("button").click()
        expect(stage.details).to_be_visible()
        assert [] == stage.overflow()
        stage.press("Escape")


CONTRASTS = """() => {
    const channels = (color) => {
        const [red, green, blue, alpha = 1] = color.match(/[\\d.]+/g).map(Number);
        return { rgb: [red, green, blue].map((one) => (color.startsWith("color(") ? one * 255 : one)), alpha };
    };
    const over = ({ rgb, alpha }, below) => rgb.map((one, place) => one * alpha + below[place] * (1 - alpha));
    const ground = (element) => element
        ? over(channels(getComputedStyle(element).backgroundColor), ground(element.parentElement))
        : matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
    const luminance = (rgb) => rgb
        .map((one) => one / 255)
        .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
        .reduce((total, one, place) => total + one * [0.2126, 0.7152, 0.0722][place], 0);
    const found = new Map();
    const texts = document.createTreeWalker(document.querySelector(".tw-panel"), NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
        const element = text.parentElement;
        if (text.data.trim() && element.checkVisibility() && !element.closest("title, [aria-disabled=true]")) {
            const below = ground(element);
            const pair = [over(channels(getComputedStyle(element).color), below), below].map(luminance);
            const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
            const place = `${element.localName}.${element.className} in ${element.closest("[class]").className}`;
            found.set(place, Math.min(ratio, found.get(place) ?? 99));
        }
    }
    return [...found];
}"""


def furnish(stage):
    """Show all that the panel can show."""
    stage.tell(*story("views")[:2])
    body = story("views")[2]
    hazards = [hazard(), hazard(outcome="wrong", turn=None), hazard(turn="over", remedy=[])]
    hazards += [hazard(code="TW207", outcome="risk"), hazard(outcome="risk", minor=True)]
    stage.tell(body | {"hazards": hazards, "cell": body["cell"] | {"status": "error"}})
    for name in ("2 more", "1 risk", "why"):
        stage.panel.get_by_role("button", name=name).click()
    stage.timeline.scroll_into_view_if_needed()
    stage.row("x").click()
    answer(stage, "x", {"shape": [2, 3], "before": [1, 1, 1, 1, 1, 1], "after": [1, 3, 1, 1, 1, 1]})
    expect(stage.details.get_by_role("img", name="1 element")).to_be_visible()


@pytest.mark.parametrize("theme", [None, "light", "dark"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(stage, scheme, theme):
    """In JupyterLab its own colours are taken up, whatever the machine's scheme."""
    stage.page.emulate_media(color_scheme=scheme)
    furnish(stage.open(theme=theme))

    found = stage.page.evaluate(CONTRASTS)

    assert len(found) > 15
    assert [] == [(place, round(ratio, 2)) for place, ratio in found if ratio < 4.5]


def test_light_and_dark_are_two_different_looks(stage):
    stage.open().tell(*story("views")[:2])
    looks = []
    for scheme in ("light", "dark"):
        stage.page.emulate_media(color_scheme=scheme)
        looks.append(stage.panel.locator("..").evaluate("one => getComputedStyle(one).backgroundColor"))

    assert ["rgb(255, 255, 255)", "rgb(17, 17, 17)"] == looks


def test_forced_colors_leave_every_mark_and_bar_to_be_seen(stage):
    stage.page.emulate_media(forced_colors="active")
    furnish(stage.open())

    invisible = stage.panel.evaluate(
        """panel => {
            const paper = getComputedStyle(document.documentElement).getPropertyValue("background-color");
            return [...panel.querySelectorAll("svg :is(rect, path, circle, line):not(.tw-ground)")]
                .map((one) => [one, getComputedStyle(one)])
                .filter(([one, { fill, stroke }]) => [fill, stroke].every((ink) => ink === "none" || ink === "rgb(255, 255, 255)"))
                .map(([one]) => one.outerHTML);
        }"""
    )

    assert [] == invisible


# --- while cells run ------------------------------------------------------------------------------


def many(count: int) -> list:
    return [tensor(f"x{place}", data_ptr=4096 * place) for place in range(count)]


def open_alone(stage):
    """Open the fold of the tensors that are alone, where there is nothing else."""
    stage.tree.focus()
    stage.press("ArrowRight")
    expect(stage.tree.get_by_role("treeitem", expanded=True)).to_have_count(1)


def test_a_new_report_leaves_the_reader_where_they_are(stage):
    """The lines above become more: what the reader looks at does not move."""
    tensors = many(400)
    stage.open().tell(report(1, tensors, lines=[line("x0")]))
    open_alone(stage)
    stage.scroller.evaluate("one => one.scrollTo(0, 3000)")
    row = stage.row("x120")
    expect(row).to_be_visible()
    before = row.bounding_box()["y"]

    stage.tell(report(2, tensors, lines=[line(f"x{place}") for place in range(6)]), anew=True)
    expect(stage.lines).to_have_count(6)

    expect(row).to_be_visible()
    assert before == pytest.approx(row.bounding_box()["y"], abs=1)


def test_rows_are_drawn_when_the_lines_above_become_fewer(stage):
    tensors = many(400)
    stage.open().tell(report(1, tensors, lines=[line(f"x{place}") for place in range(30)]))
    open_alone(stage)
    stage.scroller.evaluate("one => one.scrollTo(0, 0)")
    stage.tell(report(2, tensors), anew=True)

    expect(stage.row("x20")).to_be_in_viewport()


def test_a_new_report_leaves_focus_filter_folds_details_and_an_earlier_cell_as_they_are(stage):
    first, second, third, last = story("views")
    stage.open().tell(first, second)
    stage.timeline.get_by_role("button", name="1", exact=True).click()
    stage.deliver(
        {"kind": "cell", "count": 1, "number": 9}, told(1, [line("x", kind="bound", silent=False, how=["new"])])
    )
    rest = stage.panel.get_by_role("button", name="1 new")
    rest.click()
    stage.row("row").click()
    stage.panel.get_by_role("button", name="Timeline").click()
    stage.filter.press_sequentially("x")

    stage.tell(third, last)
    expect(stage.panel.get_by_role("button", name="Back to the last cell, [4]")).to_be_visible()

    expect(stage.filter).to_be_focused()
    expect(stage.filter).to_have_value("x")
    assert 1 == stage.filter.evaluate("input => input.selectionStart")
    expect(rest).to_have_attribute("aria-expanded", "true")
    expect(stage.section("Earlier cell")).to_contain_text("x new")
    expect(stage.details).to_have_accessible_name("Details of row")
    expect(stage.timeline).to_have_count(0)
    assert ["row", "row", "row"] == [message["path"] for message in stage.sent("path", 3)]


def test_a_new_report_leaves_the_active_row_of_the_tree_active(stage):
    stage.open().tell(report(1, [tensor("a"), tensor("b"), tensor("c")], [group("a", "b", "c")]))
    stage.tree.focus()
    assert "b" == stage.press("ArrowDown", "ArrowDown").focused()

    stage.tell(report(2, [tensor(name) for name in "pqabc"], [group("p", "q"), group("a", "b", "c")]), anew=True)
    expect(stage.row("p")).to_be_visible()

    assert "b" == stage.focused()


def test_a_new_report_leaves_the_focus_in_the_timeline(stage):
    stage.open().tell(*story("views")[:2])
    stage.timeline.get_by_role("button", name="x silently changed in cell [2]").focus()

    stage.tell(*story("views")[2:])
    expect(stage.section("Last cell")).to_contain_text("[4]")

    assert "x silently changed in cell [2]" == stage.focused()


def test_ten_thousand_tensors_are_few_elements_and_the_last_is_reached(stage):
    tensors = many(10_000)
    lines = [line(one["path"]) for one in tensors[:1000]]
    cells = [past(count, **{one["path"]: "written" for one in tensors[:100]}) for count in range(1, 301)]
    stage.open().tell(report(300, tensors, lines=lines, cells=cells))
    open_alone(stage)

    stage.scroller.evaluate("one => one.scrollTo(0, one.scrollHeight)")
    stage.timeline.scroll_into_view_if_needed()
    stage.tree.focus()
    stage.press("End")

    expect(stage.row("x9999")).to_be_in_viewport()
    assert "x9999" == stage.focused()
    assert stage.page.locator(".tw-panel *").count() < 2500
    top = stage.scroller.evaluate("one => one.scrollTop")
    stage.press("Enter", "Escape")
    expect(stage.details).to_have_count(0)
    assert top == stage.scroller.evaluate("one => one.scrollTop")


# --- elsewhere, and when something is wrong -------------------------------------------------------


def test_in_the_output_of_a_cell_lines_are_text_and_no_links(stage):
    stage.open(inline=True).tell(*story("views")[:2])

    expect(stage.lines.first).to_contain_text("line 1 y.add_(1)")
    expect(stage.lines.first.get_by_role("button")).to_have_count(1)
    stage.tell(*story("hazards")[:2], anew=True)
    expect(stage.lines.nth(0).get_by_role("button")).to_have_text(["h", "c", "Not again for this"])


def test_a_problem_is_told_above_the_last_good_report(stage):
    stage.open().tell(story("views")[0])

    stage.tell(story("views")[1] | {"schema": 2})

    expect(stage.panel.get_by_role("alert")).to_contain_text("reload the page")
    expect(stage.row("col")).to_be_visible()


def test_a_report_that_cannot_be_drawn_is_told_so_and_the_next_one_is_drawn(stage):
    first, second, *_ = story("views")
    stage.open().tell(first | {"lines": None})
    expect(stage.panel.get_by_role("alert")).to_contain_text("This report could not be drawn")

    stage.tell(second)

    expect(stage.panel.get_by_role("alert")).to_have_count(0)
    expect(stage.lines).to_have_count(3)


def test_a_panel_that_is_taken_away_wants_nothing_more_and_leaves_nothing(stage):
    stage.open().tell(story("views")[0])

    stage.page.evaluate("stage.end()")

    expect(stage.page.locator("#place")).to_be_empty()
    assert ["report", "nothing"] == [message["what"] for message in stage.sent("want", 2)]
