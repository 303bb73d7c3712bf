"""The block under a cell fits its cell at any width, and cuts no word."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.hazards.hazard_facts import KeptReference
from ipy_tensorwatch.render.pages.history_page import history
from ipy_tensorwatch.render.pages.summary_page import summarize, summarize_in_one_line
from ipy_tensorwatch.render.paint.html import write_html
from tests.support.records import change, hazard, report, site

LONG = (
    change(
        "model.encoder.layers[11].self_attn.out_proj.weight",
        via=("checkpoint['encoder.layers.11.self_attn.out_proj.weight']", "ema.shadow[11]"),
        sites=(site(7, "optimizer.step(closure=lambda: compute_loss(model, batch, reduction='mean'))"),),
        versions=(1000, 1001),
    ),
    change("x"),
)
NO_COPY = hazard(
    "checkpoint['encoder.layers.11.self_attn.out_proj.weight']",
    code="TW207",
    fact=KeptReference(container="checkpoint", owner="model.encoder.layers[11].self_attn.out_proj.weight"),
    written_at=site(7, "optimizer.step(closure=lambda: compute_loss(model, batch, reduction='mean'))"),
    saved_at=None,
)
PAGES = {
    "summary": summarize(report(*LONG)),
    "hazard": summarize(report(*LONG, hazards=(NO_COPY,)), (NO_COPY,)),
    "glance": summarize_in_one_line(report(*LONG, hazards=(NO_COPY,)), (NO_COPY,), in_panel=True),
    "history": history([(3, one) for one in LONG], limit=9),
}
CUT = """() => [...document.querySelectorAll('.ipytw, .ipytw *')]
    .filter((one) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0)
    .map((one) => one.outerHTML)"""


@pytest.fixture
def page(browser):
    opened = browser.new_page()
    yield opened
    opened.close()


@pytest.mark.parametrize("width", [500, 640, 900, 1400])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_scrolls_sideways_and_nothing_is_cut(page, name: str, width: int):
    page.set_viewport_size({"width": width, "height": 800})
    page.set_content(f"<body style='margin:0'>{write_html(PAGES[name])}</body>")

    assert [] == page.evaluate(CUT)
    words = () if name == "glance" else ("optimizer.step(", "v1000")
    for word in ("model.encoder.layers[11].self_attn.out_proj.weight", *words):
        assert page.get_by_text(word).first.is_visible()
