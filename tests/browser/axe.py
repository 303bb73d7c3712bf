"""Looks for barriers with axe, the checker that browsers and their extensions use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCRIPT = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"

# The rules of WCAG 2.2 AA and good practice; `region` asks for the landmarks of a whole page.
RUN = """async (selector) => {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const options = { runOnly: tags, rules: { region: { enabled: false } }, resultTypes: ["violations"] };
    const { violations } = await axe.run(selector, options);
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => [id, html, failureSummary]));
}"""


def find_barriers(page: Page, selector: str) -> list[list[str]]:
    """Return what axe finds below a selector, each as its rule, its element and what is to be done."""
    if not page.evaluate("'axe' in globalThis"):
        page.evaluate(SCRIPT.read_text(encoding="utf-8"))
    return page.evaluate(RUN, selector)
