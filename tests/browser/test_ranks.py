"""The ranks of a real cluster in the panel: their rows, and what a click on one shows."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytest.importorskip("ipyparallel", reason="the extra `ranks` is not installed")

CELLS = [
    "%load_ext tensorwatch",
    "import ipyparallel\ncluster = ipyparallel.Cluster(n=2, log_level=40)\nclient = cluster.start_and_connect_sync(activate=True)\n"
    "view = client[:]\nview.scatter('rank', range(2), flatten=True, block=True)\n%tensorwatch ranks client",
    "%%px\nimport torch\nx = torch.zeros(4)\ny = x[:2]",
    "%%px\nif rank == 1:\n    y.add_(1)",
    "%%px\ny.add_(1)",
    "cluster.stop_cluster_sync()",
]
ALIKE, DIFFERENT, AGAIN, STOP = 2, 3, 4, 5
START_MS = 90_000


def test_a_click_on_a_rank_shows_its_memory_timeline_and_changes(lab, server):
    name = lab.open(server.write("ranks.ipynb", CELLS))
    lab.run(name, 0, 1)
    try:
        lab.show_panel()
        ranks = lab.facts.get_by_role("region", name="Ranks")
        lab.run(name, ALIKE)
        expect(ranks.get_by_role("listitem")).to_have_text(["all 2 ranksnothing silent"], timeout=START_MS)

        lab.run(name, DIFFERENT)
        expect(ranks.get_by_role("listitem")).to_have_text(["rank 0nothing silent", "rank 11 silent change"])

        ranks.get_by_role("button", name="rank 1", exact=True).click()
        expect(lab.facts).to_contain_text("x changed through y")
        expect(lab.facts.get_by_role("region", name="Timeline")).to_contain_text("x")
        expect(lab.facts.get_by_role("region", name="Shared memory")).to_contain_text("y")

        lab.facts.get_by_role("region", name="Last cell").get_by_role("button", name="line 2").first.click()
        expect(lab.page.locator(".jp-Cell.jp-mod-active")).to_contain_text("if rank == 1:")
        expect(lab.page.get_by_text("Ln 3, Col 1")).to_be_visible()

        ranks.get_by_role("button", name="rank 0", exact=True).click()
        expect(lab.facts.get_by_role("region", name="Last cell")).to_contain_text("nothing silent")

        lab.run(name, AGAIN)
        expect(lab.facts).to_contain_text("x changed through y")

        ranks.get_by_role("button", name="back to this notebook").click()
        expect(lab.facts).not_to_contain_text("x changed through y")
    finally:
        lab.run(name, STOP)
        server.end_session(name)
