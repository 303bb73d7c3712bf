"""What can be done from the panel, on a bare page: to a variable, about a hazard, and with the keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.axe import find_barriers
from tests.browser.scenes import group, hazard, line, past, report, story, tensor, told
from tests.browser.test_drawing import furnish

if TYPE_CHECKING:
    from tests.browser.stage import Stage


def open_details(stage: Stage, frozen: list[str]) -> None:
    stage.open().tell(report(1, [tensor("x"), tensor("y")], [group("x", "y")]) | {"frozen": frozen})
    stage.row("x").click()


@pytest.mark.parametrize(("label", "frozen", "command"), [
    ("Freeze", [], "%tensorwatch freeze x"),
    ("Thaw", ["x"], "%tensorwatch thaw x"),
    ("Restore", [], "%tensorwatch restore x"),
])  # fmt: skip
def test_the_details_freeze_thaw_and_restore_a_variable_and_tell_what_the_kernel_said(stage, label, frozen, command):
    open_details(stage, frozen)

    stage.details.get_by_role("button", name=label).click()

    expect(stage.details.get_by_role("status")).to_have_text(f"said to {command}")
    assert [command] == stage.page.evaluate("stage.ran")


def test_blame_shows_only_what_wrote_to_a_variable(stage):
    open_details(stage, [])
    bound = line("x", kind="bound", how=["new"])
    stage.deliver(
        {"kind": "path", "path": "x", "number": 9},
        {"happened": [[told(1)["cell"], bound], [told(2)["cell"], line("x")]], "values": None},
    )
    happened = stage.details.get_by_role("list").last.get_by_role("listitem")
    expect(happened).to_have_count(2)

    stage.details.get_by_role("button", name="Blame").click()

    expect(happened).to_have_count(1)
    expect(happened).to_contain_text("Cell [2] changed through y")
    expect(stage.details.get_by_role("button", name="Blame", pressed=True)).to_be_focused()


def test_the_name_of_a_variable_is_copied(stage):
    stage.page.evaluate(
        "Object.defineProperty(navigator, 'clipboard', { configurable: true, value: { writeText: async (text) => { globalThis.copied = text; } } })"
    )
    open_details(stage, [])

    stage.details.get_by_role("button", name="Copy name").click()

    expect(stage.details.get_by_role("status")).to_have_text("Copied.")
    assert stage.page.evaluate("copied") == "x"


def test_a_hazard_leads_to_its_line_and_is_not_told_again_on_request(stage):
    stage.open().tell(report(1, [tensor("h")]) | {"hazards": [hazard(key="TW201 h")]})

    stage.lines.first.get_by_role("button", name="Go to line").click()
    stage.lines.first.get_by_role("button", name="Not again for this").click()

    assert [{"count": 1, "cell": "cell-1", "line": 2}] == stage.page.evaluate("stage.revealed")
    assert [{"kind": "hush", "key": "TW201 h", "on": True}] == stage.sent("hush", 1)
    stage.tell(report(1, [tensor("h")]) | {"hazards": [hazard(key="TW201 h", hushed=True)]}, anew=True)
    stage.panel.get_by_role("button", name="1 hazard not told again").click()
    stage.lines.first.get_by_role("button", name="Tell it again").click()
    assert [True, False] == [message["on"] for message in stage.sent("hush", 2)]


def test_frozen_tensors_and_those_that_were_not_compared_are_listed_on_demand(stage):
    body = report(1, [tensor("x"), tensor("big")]) | {"frozen": ["x"]}
    stage.open().tell(body | {"unverified": [[0, 0, [{"path": "big", "why": "the time was up"}]]]})
    header = stage.panel.locator("header")

    header.get_by_role("button", name="1 not compared").click()
    expect(header).to_contain_text("big")
    expect(header).to_contain_text("the time was up")
    header.get_by_role("button", name="1 frozen").click()
    header.get_by_role("button", name="Thaw x").click()
    assert ["%tensorwatch thaw x"] == stage.page.evaluate("stage.ran")
    stage.deliver({"kind": "frozen", "number": 9}, [])

    expect(header.get_by_role("button", name="frozen")).to_have_count(0)


def test_what_is_switched_off_is_switched_on_by_a_button(stage):
    stage.open().tell(report(1, [tensor("x")]))
    stage.deliver({"kind": "watching", "watching": False, "number": 9}, None)

    stage.panel.get_by_role("button", name="Switch on").click()

    assert ["%tensorwatch on"] == stage.page.evaluate("stage.ran")


def test_the_filter_filters_lines_hazards_states_memory_and_timeline(stage):
    tensors = [tensor("x"), tensor("y"), tensor("other", data_ptr=4096)]
    body = report(1, tensors, [group("x", "y")], [line("x"), line("other")], [past(1, x="silent", other="silent")])
    body |= {"hazards": [hazard()], "frozen": ["other"], "unverified": [[0, 0, [{"path": "y", "why": "busy"}]]]}
    stage.open().tell(body)

    stage.filter.fill("oth")

    expect(stage.lines).to_have_count(1)
    expect(stage.lines).to_contain_text("other")
    expect(stage.panel.get_by_role("button", name="1 frozen")).to_be_visible()
    expect(stage.panel.get_by_role("button", name="not compared")).to_have_count(0)
    expect(stage.tree.locator(".tw-path")).to_have_text(["other"])
    expect(stage.timeline.get_by_role("rowheader")).to_have_text(["other"])


def test_the_focus_stays_in_its_section_when_what_had_it_goes(stage):
    stage.open().tell(*story("views")[:2])
    stage.lines.nth(2).get_by_role("button", name="col", exact=True).focus()

    stage.tell(*story("views")[2:])
    expect(stage.section("Last cell")).to_contain_text("[4]")

    assert stage.focused() == "Last cell"


def test_the_focus_stays_in_the_list_when_its_button_for_more_goes(stage):
    stage.open().tell(report(1, [], lines=[line(f"x{place}") for place in range(40)]))

    stage.panel.get_by_role("button", name="Show 10 more").press("Enter")
    expect(stage.lines).to_have_count(40)

    assert stage.panel.evaluate("panel => panel.contains(document.activeElement)")


def test_a_line_of_the_notebook_leads_to_what_it_did_also_in_an_earlier_cell(stage):
    stage.open().tell(*story("views"))

    stage.page.evaluate("stage.entry.show({ count: 2, cell: 'cell-1', line: 1 })")
    assert [{"kind": "cell", "count": 2}] == stage.sent("cell", 1)
    stage.deliver({"kind": "cell", "count": 2, "number": 9}, told(2, [line("x")]))

    expect(stage.section("Earlier cell").locator(".tw-flash")).to_contain_text("x changed through y")


@pytest.mark.parametrize("width", [360, 180])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_barrier_also_at_twice_the_size(stage, theme, width):
    """At 200 % a panel of 360 pixels has room for 180."""
    stage.open(theme=theme)
    stage.resize(width)
    furnish(stage)

    assert [] == find_barriers(stage.page, ".tw-panel")
    assert [] == stage.overflow()
