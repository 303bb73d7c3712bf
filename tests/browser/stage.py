"""The panel on a bare page, without Jupyter: a stand-in model delivers what a test wants the kernel to send."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import TimeoutError as TooLateError

import ipy_tensorwatch

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Route

    from .scenes import Body

BUILT = Path(ipy_tensorwatch.__file__).parent / "panel" / "static"
ORIGIN = "http://panel.test"

JUPYTERLAB = {
    "light": {
        "--jp-layout-color1": "#fff",
        "--jp-layout-color2": "#eee",
        "--jp-border-color2": "#e0e0e0",
        "--jp-brand-color1": "#1976d2",
        "--jp-ui-font-color1": "rgba(0, 0, 0, 0.87)",
        "--jp-ui-font-color2": "rgba(0, 0, 0, 0.54)",
    },
    "dark": {
        "--jp-layout-color1": "#212121",
        "--jp-layout-color2": "#424242",
        "--jp-border-color2": "#424242",
        "--jp-brand-color1": "#2196f3",
        "--jp-ui-font-color1": "rgba(255, 255, 255, 0.87)",
        "--jp-ui-font-color2": "rgba(255, 255, 255, 0.54)",
    },
}
"""The colours of JupyterLab's own two themes that the panel takes up."""

PAGE = """<!doctype html>
<html lang="en" style="color-scheme: light dark">
<meta charset="utf-8">
<title>A bare page</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="widget.css">
<style>
  body { margin: 0; }
  #place { height: 100vh; width: 100vw; }
</style>
<button id="before">before</button>
<div id="place"></div>
<script type="module">
  import widget from "./widget.js";

  const place = document.getElementById("place");

  globalThis.begin = (inline) => {
    const listeners = new Set();
    const traits = { name: String(performance.now()), born: 0 };
    const model = {
      get: (name) => traits[name],
      on: (_, listener) => listeners.add(listener),
      off: (_, listener) => listeners.delete(listener),
      send: (content) => sent.push(content),
    };
    const sent = [];
    const revealed = [];
    const close = widget.initialize({ model });
    const entry = [...globalThis.__ipy_tensorwatch_widgets_v1__].at(-1);
    const ran = [];
    const run = async (code) => {
      ran.push(code);
      return `said to ${code}`;
    };
    const host = { reveal: (target) => revealed.push(target), run };
    const unmount = inline ? widget.render({ model, el: place }) : entry.mount(place, host);
    const deliver = (head, body) => {
      const buffer = new DataView(new TextEncoder().encode(body).buffer);
      for (const listener of listeners) listener(head, [buffer]);
    };
    const end = () => {
      unmount();
      close();
    };
    globalThis.stage = { entry, sent, revealed, ran, deliver, end };
  };
</script>
</html>
"""
"""The button stands for what comes before the panel: it is seen by the keyboard only."""


class Stage:
    """One page with one panel in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._number = 0

    def open(self, *, inline: bool = False, theme: str | None = None) -> Stage:
        """Show a panel as JupyterLab does, or as a cell's output does."""
        colours = JUPYTERLAB[theme] if theme else {}
        style = ";".join(f"{name}: {value}" for name, value in colours.items())
        self.page.evaluate("style => { document.body.style = style; }", style)
        self.page.evaluate(
            "flag => { document.body.dataset.jpThemeLight = flag; }", theme and json.dumps(theme == "light")
        )
        self.page.evaluate("inline => begin(inline)", inline)
        self.page.wait_for_function("stage.sent.some(({ what }) => what === 'report')")
        return self

    def tell(self, *bodies: Body, anew: bool = False) -> Stage:
        """Deliver reports, the first of a page standing for itself."""
        for body in bodies:
            base, self._number = 0 if anew else self._number, self._number + 1
            self.deliver({"kind": "report", "base": base, "number": self._number}, body)
        return self

    def deliver(self, head: dict[str, Any], body: Any) -> None:
        """Deliver one message."""
        self.page.evaluate("([head, body]) => stage.deliver(head, body)", [head, json.dumps(body)])

    def sent(self, kind: str, count: int) -> list[dict[str, Any]]:
        """Return what the panel sent to the kernel, once there are so many: it sends some only after it has painted."""
        several = "([kind, count]) => stage.sent.filter((one) => one.kind === kind).length >= count"
        with suppress(TooLateError):  # what is missing, the test tells best
            self.page.wait_for_function(several, arg=[kind, count])
        return [message for message in self.page.evaluate("stage.sent") if message["kind"] == kind]

    @property
    def panel(self) -> Locator:
        return self.page.get_by_role("region", name="tensorwatch", exact=True)

    @property
    def filter(self) -> Locator:
        return self.panel.get_by_role("searchbox", name="Filter variables")

    @property
    def scroller(self) -> Locator:
        return self.panel.locator(".tw-scroll")

    def section(self, name: str) -> Locator:
        return self.panel.get_by_role("region", name=name, exact=True)

    @property
    def lines(self) -> Locator:
        """What the cell did, line by line."""
        return (
            self.page.get_by_role("region", name="Last cell").or_(self.section("Earlier cell")).get_by_role("listitem")
        )

    @property
    def tree(self) -> Locator:
        return self.panel.get_by_role("tree", name="Shared memory")

    def row(self, text: str) -> Locator:
        """Return the row of one variable, or of a head that tells it first."""
        return self.tree.get_by_role("treeitem").filter(has=self.page.get_by_text(text, exact=True))

    @property
    def timeline(self) -> Locator:
        return self.panel.get_by_role("grid", name="Timeline")

    @property
    def details(self) -> Locator:
        return self.panel.get_by_role("region", name="Details of")

    def focused(self) -> str:
        """Return the name of what has the focus: of a tree, of the row that it says is active."""
        return self.page.evaluate(
            """() => {
                const focused = document.activeElement;
                const active = document.getElementById(focused.getAttribute("aria-activedescendant"));
                return active?.querySelector(".tw-path")?.title.replace(/ · (tensor|parameter|buffer|ndarray) · [^]*$/, "")
                    ?? active?.querySelector(".tw-block").textContent
                    ?? focused.getAttribute("aria-label") ?? focused.textContent;
            }"""
        )

    def press(self, *keys: str) -> Stage:
        for key in keys:
            self.page.keyboard.press(key)
        return self

    def bars(self, name: str) -> list[tuple[float, float]]:
        """Return what is drawn of a variable's bytes, as thousandths of its block: where it begins, and how wide."""
        rects = self.row(name).locator("svg.tw-bar > rect:not([class])")
        drawn = rects.evaluate_all("rects => rects.map(({ x, width }) => [x.baseVal.value, width.baseVal.value])")
        return [(round(x, 1), round(width, 1)) for x, width in drawn]

    def overflow(self) -> list[str]:
        """List what is wider than its place: the page, the panel, and all in it that scrolls."""
        return self.page.evaluate(
            """() => [document.documentElement, ...document.querySelectorAll(".tw-panel, .tw-root, .tw-body, .tw-scroll, .tw-detail")]
                .filter((one) => one.scrollWidth > one.clientWidth)
                .map((one) => `${one.className || one.tagName}: ${one.scrollWidth} > ${one.clientWidth}`)"""
        )

    def resize(self, width: int, height: int = 900) -> None:
        self.page.set_viewport_size({"width": width, "height": height})

    @staticmethod
    def load(page: Page) -> None:
        """Load the page and the panel's files, where no server is."""

        def answer(route: Route) -> None:
            name = route.request.url.removeprefix(f"{ORIGIN}/")
            if name:
                route.fulfill(path=BUILT / name)
            else:
                route.fulfill(body=PAGE, content_type="text/html")

        page.route(f"{ORIGIN}/**", answer)
        page.goto(ORIGIN)
        page.wait_for_function("'begin' in globalThis")
