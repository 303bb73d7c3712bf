"""The panel at the width it opens with, with the names that real models have; and nothing moves while a person reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.scenes import group, hazard, line, past, report, tensor
from tests.browser.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTHS = (300, 360)
PARTS = [
    f"layer{layer}.{block}.{part}"
    for layer in (1, 2)
    for block in (0, 1)
    for part in ("conv1.weight", "bn1.weight", "bn1.running_mean", "bn1.running_var", "bn1.num_batches_tracked")
]
OTHERS = [
    f"{split}_{kind}"
    for split in ("training", "validation", "normalised_validation")
    for kind in ("images", "labels", "images_cropped")
]

# What is drawn of each name that is to be seen, beside the whole name.
NAMES = """() => [...document.querySelectorAll(".tw-name, .tw-path")]
    .filter((one) => one.checkVisibility())
    .map((one) => [one.querySelector(".tw-ear")?.textContent ?? one.textContent,
                   (one.querySelector("[aria-hidden]") ?? one).innerText,
                   one.closest("ul, table, [role=tree]").className])"""

# What is cut off at an edge, with nothing to tell that there is more.
CUT = """() => [...document.querySelectorAll(".tw-panel *")]
    .filter((one) => one.checkVisibility() && one.clientWidth > 1 && !one.closest(".tw-ear, .tw-probe, svg"))
    .filter((one) => one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 3)
    .map((one) => [one, getComputedStyle(one)])
    .filter(([one, style]) => style.overflowX !== "visible" && !["auto", "scroll"].includes(style.overflowY))
    .filter(([one, style]) => style.textOverflow !== "ellipsis" && style.webkitLineClamp === "none")
    .map(([one]) => one.outerHTML)"""

PLACES = """() => [...document.querySelectorAll(".tw-panel *")]
    .filter((one) => one.checkVisibility() && !one.closest(".tw-ear, td > *"))
    .map((one) => [one, one.getBoundingClientRect()])
    .map(([one, { x, y, width, height }]) => `${one.localName}.${one.getAttribute("class")} ${[x, y, width, height]}`)"""


@pytest.fixture
def stage(browser) -> Iterator[Stage]:
    page = browser.new_page()
    Stage.load(page)
    yield Stage(page)
    page.close()


def show_model(stage: Stage) -> None:
    """Show a model that shares its memory with a state dict, and much else."""
    members = [(f"student_model.{part}", f"best_state_dict['{part}']") for part in PARTS]
    names = [name for pair in members for name in pair] + OTHERS
    tensors = [tensor(name, shape=[16, 192, 3, 3], data_ptr=4096 * place) for place, name in enumerate(names)]
    groups = [group(*pair, id=place) for place, pair in enumerate(members)]
    lines = [
        line(f"best_state_dict['{part}']", how=["changed through ", [f"student_model.{part}"]], **LONG)
        for part in PARTS[:4]
    ]
    past_cells = [past(count, **dict.fromkeys(OTHERS, "written")) for count in range(1, 31)]
    stage.open().tell(report(30, tensors, groups, lines, past_cells) | {"hazards": [hazard()]})
    folds = stage.tree.get_by_role("treeitem", expanded=False)
    for left in (2, 1, 0):
        folds.first.click()
        expect(folds).to_have_count(left)
    expect(stage.tree.get_by_role("treeitem")).to_have_count(2 + 3 * len(PARTS) + 1 + len(OTHERS))


LONG = {
    "statement": [["loss = nn.functional.cross_entropy(student_model(training_images), training_labels)"]],
    "amount": ["11,570 of 11,570 elements, max |Δ| 0.0303"],
}


@pytest.mark.parametrize("width", WIDTHS)
def test_names_that_differ_are_told_apart_and_no_fact_is_cut_without_an_ellipsis(stage, width):
    stage.resize(width, 3000)
    show_model(stage)

    names = stage.page.evaluate(NAMES)
    shown = {(text, place) for _, text, place in names}
    assert len(names) > 50
    assert len({(name, place) for name, _, place in names}) == len(shown)
    assert [] == stage.page.evaluate(CUT)
    assert [] == stage.overflow()
    stage.timeline.get_by_role("rowheader").last.get_by_role("button").click()
    assert [] == stage.page.evaluate(CUT)


def test_nothing_moves_when_a_cell_ends_that_changed_nothing(stage):
    """Only numbers change, and the timeline has one more column."""
    stage.resize(360)
    tensors = [tensor("x"), tensor("y")]
    cells = [past(count, x="written") for count in range(1, 31)]
    stage.open().tell(report(30, tensors, [group("x", "y")], cells=cells))
    before = stage.page.evaluate(PLACES)

    for count, overhead in ((31, 0.0000071), (32, 0.8715), (33, 12.34)):
        quiet = report(count, [], cells=[]) | {"tensors": [], "groups": [], "past": [[count - 1, 0, [past(count)]]]}
        quiet["cell"]["overhead"] = overhead
        stage.tell(quiet)
        stage.page.wait_for_function("count => document.body.innerText.includes(`[${count}]`)", arg=count)
        assert before == stage.page.evaluate(PLACES)


def test_a_scroll_bar_takes_no_room_from_what_is_read(stage):
    stage.resize(360)
    stage.open().tell(report(1, [tensor("x")]))
    width = stage.scroller.evaluate("one => one.clientWidth")

    stage.tell(report(2, [tensor("x")], lines=[line(f"x{place}") for place in range(30)]), anew=True)
    assert stage.scroller.evaluate("one => one.scrollHeight > one.clientHeight")

    assert width == stage.scroller.evaluate("one => one.clientWidth")
