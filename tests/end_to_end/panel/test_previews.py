"""What the editor is told of cells that have not run: the newest request of each page, and nothing at all otherwise."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.preview.foresee import ForetoldChange
from ipy_tensorwatch.core.records.report_parts import Change, Site
from ipy_tensorwatch.core.runtime.guard import GUARD
from ipy_tensorwatch.panel import foretold
from ipy_tensorwatch.panel.feed import Feed
from ipy_tensorwatch.panel.foretold import MAX_CELLS, MAX_SOURCE, Foretold
from ipy_tensorwatch.render.preview import Preview
from ipy_tensorwatch.shell import extension
from tests.support.frontend import FrontEnd
from tests.support.notebook import Notebook


def foresee(source):
    """Foretell that each line with `y.add_` changes `x`."""
    lines = [number for number, text in enumerate(source.split("\n"), 1) if "y.add_" in text]
    return Preview(source=source, changes=tuple(_change(line) for line in lines))


def _change(line):
    site = Site(line=line, end_line=line, text="y.add_(1)")
    change = Change(path="x", kind="mutated", cause="alias", silent=True, sites=(site,))
    return ForetoldChange(change=change, certainty="certain")


@pytest.fixture
def desk():
    """Run a cell, and give a feed that foretells with its front end, and the sources that it was asked for."""
    asked = []
    front = FrontEnd()
    feed = Feed(front.take, lambda _: None, foretold=Foretold(lambda source: asked.append(source) or foresee(source)))
    with Notebook() as nb:
        nb.cell("a = 1")
        feed.publish(extension.report(), "cell-a")
        yield nb, feed, front, asked


def ask(feed, request, *cells, name="me"):
    told = [{"cell": cell, "source": source} for cell, source in cells]
    feed.receive({"kind": "preview", "from": name, "request": request, "cells": told})


def told(front):
    return [one["body"] for one in front.messages if one["kind"] == "preview"]


def test_the_lines_of_the_cell_with_the_cursor_and_of_those_below_are_told_in_words(desk):
    _, feed, front, _ = desk

    ask(feed, 1, ("cell-b", "b = 1\ny.add_(1)"), ("cell-c", "y.add_(2)"))

    mark = {"count": 0, "kind": "silent", "text": "would also change x", "foretold": True}
    assert told(front) == [
        {
            "marks": [
                mark | {"cell": "cell-b", "line": 2, "source": "y.add_(1)"},
                mark | {"cell": "cell-c", "line": 1, "source": "y.add_(2)"},
            ],
            "all": True,
        }
    ]


def test_a_request_that_is_not_the_newest_of_its_page_is_not_answered(desk):
    _, feed, front, _ = desk

    ask(feed, 2, ("cell-b", "y.add_(1)"))
    ask(feed, 1, ("cell-b", "y"))
    ask(feed, 1, ("cell-b", "y"), name="you")

    assert [("me", 2), ("you", 1)] == [
        (one["to"], one["request"]) for one in front.messages if one["kind"] == "preview"
    ]


def test_a_cell_below_that_has_run_since_is_left_out_until_it_is_edited_or_the_cell_above_runs_again(desk):
    nb, feed, _, asked = desk
    for name, source in (("cell-b", "b = 1"), ("cell-c", "c = 1")):
        nb.cell(source)
        feed.publish(extension.report(), name)

    ask(feed, 1, ("cell-b", "b = 1"), ("cell-c", "c = 1"))
    assert asked == ["b = 1"]
    ask(feed, 2, ("cell-b", "b = 1"), ("cell-c", "c = 2"))
    assert asked == ["b = 1", "c = 2"]
    nb.cell("b = 1")
    feed.publish(extension.report(), "cell-b")
    asked.clear()
    ask(feed, 3, ("cell-b", "b = 1"), ("cell-c", "c = 1"))

    assert asked == ["b = 1", "c = 1"]


def test_a_source_is_looked_at_once_until_the_next_report(desk):
    nb, feed, _, asked = desk
    for request in (1, 2):
        ask(feed, request, ("cell-b", "y.add_(1)"))
    assert asked == ["y.add_(1)"]

    nb.cell("b = 1")
    feed.publish(extension.report(), None)
    ask(feed, 3, ("cell-b", "y.add_(1)"))

    assert asked == ["y.add_(1)", "y.add_(1)"]


def test_what_there_was_no_time_for_is_told_when_the_page_asks_again(desk, monkeypatch):
    _, feed, front, _ = desk
    cells = [("cell-b", "y.add_(1)"), ("cell-c", "y.add_(2)")]
    monkeypatch.setattr(foretold, "SECONDS", -1.0)
    ask(feed, 1, *cells)
    assert [([], False)] == [(one["marks"], one["all"]) for one in told(front)]

    monkeypatch.setattr(foretold, "SECONDS", 60.0)
    ask(feed, 2, *cells)

    assert [0, 2] == [len(one["marks"]) for one in told(front)]


@pytest.mark.parametrize("told_so", [
    {}, {"from": "me"}, {"from": "me", "request": "1", "cells": [{"cell": "b", "source": "y"}]},
    {"from": 1, "request": 1, "cells": [{"cell": "b", "source": "y"}]}, {"from": "me", "request": 1, "cells": []},
    {"from": "me", "request": 1, "cells": "y"}, {"from": "me", "request": 1, "cells": [None]},
    {"from": "me", "request": 1, "cells": [{"cell": "b"}]}, {"from": "me", "request": 1, "cells": [{"source": "y"}]},
    {"from": "me", "request": 1, "cells": [{"cell": 1, "source": "y"}]},
    {"from": "me", "request": 1, "cells": [{"cell": "b", "source": "y"}] * (MAX_CELLS + 1)},
    {"from": "me", "request": 1, "cells": [{"cell": "b", "source": "y" * (MAX_SOURCE + 1)}]},
    {"from": "m" * 201, "request": 1, "cells": [{"cell": "b", "source": "y"}]},
])  # fmt: skip
def test_a_request_that_is_not_well_formed_is_not_answered(desk, told_so):
    _, feed, front, asked = desk

    feed.receive({"kind": "preview"} | told_so)

    assert [] == told(front)
    assert [] == asked


def test_nothing_is_foretold_where_the_kernel_has_switched_it_off_or_no_cell_was_watched(desk):
    front = FrontEnd()
    feed = Feed(front.take, lambda _: None)
    ask(feed, 1, ("cell-b", "y.add_(1)"))
    assert [] == front.messages

    feed.publish(extension.report(), None)
    ask(feed, 2, ("cell-b", "y.add_(1)"))

    assert [{"marks": [], "all": True}] == told(front)


@pytest.fixture
def real():
    """Run two tensors that share memory, and give a feed that foretells as the panel's does."""
    front = FrontEnd()
    with Notebook() as nb:
        nb.cell("import torch\nw = torch.ones(3, requires_grad=True)\nx = torch.zeros(6)\ny = x.view(2, 3)")
        feed = Feed(front.take, lambda _: None, foretold=Foretold(extension._loaded[0].panel_host._preview))
        feed.publish(extension.report(), "cell-a")
        yield nb, feed, front


def test_what_would_change_is_told_as_the_kernel_foretells_it(real):
    _, feed, front = real

    ask(feed, 1, ("cell-b", "a = 1\ny.add_(1)"))

    assert [[(2, "would also change x")]] == [
        [(mark["line"], mark["text"]) for mark in body["marks"]] for body in told(front)
    ]


def test_a_hazard_is_told_at_the_line_that_would_make_it(desk):
    nb, _, front, _ = desk
    nb.cell("import torch\nw = torch.ones(3, requires_grad=True)")
    nb.cell("h = (w * 2).exp()\nloss = h.sum()\nh.add_(1)")
    hazards = extension.report().hazards
    feed = Feed(front.take, lambda _: None, foretold=Foretold(lambda source: Preview(source=source, hazards=hazards)))
    feed.publish(extension.report(), None)

    ask(feed, 1, ("cell-b", extension.report().cell.source))

    assert [[("hazard", 3, "then loss.backward() will raise", "h.add_(1)")]] == [
        [(mark["kind"], mark["line"], mark["text"], mark["source"]) for mark in body["marks"]] for body in told(front)
    ]


def test_with_the_setting_the_kernel_foretells_nothing_until_it_is_switched_on_again(real):
    nb, feed, front = real
    nb.cell("%tensorwatch config preview=False")
    ask(feed, 1, ("cell-b", "y.add_(1)"))
    nb.cell("%tensorwatch config preview=True")
    ask(feed, 2, ("cell-b", "y.add_(1)"))

    assert [0, 1] == [len(body["marks"]) for body in told(front)]


@pytest.mark.parametrize(
    "source", ["", "y.add_(", "%%bash\ny", "%%nonsense\ny.add_(1)", "nope.add_(1)", "a = 1\n" * 10_000]
)
def test_of_what_cannot_be_read_nothing_is_told(real, source):
    _, feed, front = real

    ask(feed, 1, ("cell-b", source))

    assert [{"marks": [], "all": True}] == told(front)
    assert [*GUARD.faults] == []
