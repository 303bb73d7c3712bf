"""Measure the panel in a real JupyterLab in a real browser, and print a table: `python -m benchmarks.panel`."""

from __future__ import annotations

import re
import statistics
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tests.browser.chromium import FLAGS, find_chromium
from tests.browser.lab import Lab
from tests.browser.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = (100, 1_000, 10_000)
REPEATS = 15
WAIT = 10_000
"""Milliseconds in which the panel has to have followed."""

LOAD, MAKE, WRITE, SHARE, NEXT = range(5)
CLOCK = "import time\nprint(repr(time.time()))"
PAUSE = "import time\ntime.sleep(0.2)"
"""What a cell begins with: what the page hears of its begin must not be in the way of what it hears of its end."""
CELLS = [
    "%load_ext tensorwatch",
    "import torch, time\nxs = [torch.zeros(4) for _ in range({size})]",
    f"{PAUSE}\nfor i in range(100):\n    xs[i].add_(1)\n{CLOCK}",
    f"{PAUSE}\ny = xs[7].view(2, 2)\ny.add_(1)\n{CLOCK}",
    CLOCK,
]

WATCH = """() => {
    window.drawn = [];
    const draw = () => { void document.body.offsetHeight; window.drawn.push(Date.now()); };
    const panel = [...document.querySelectorAll('.tw-root')].find((one) => one.offsetParent);
    new MutationObserver(draw).observe(panel,
        { attributes: true, characterData: true, childList: true, subtree: true });
}"""

FRAMES = """async (act) => {
    const frames = [];
    let last = performance.now(), done = false;
    const tick = (now) => { frames.push(now - last); last = now; if (!done) requestAnimationFrame(tick); };
    requestAnimationFrame(tick);
    await new Function('return ' + act)()();
    done = true;
    return Math.max(...frames);
}"""

SCROLL = """async () => {
    const box = document.querySelector('.tw-scroll');
    for (let step = 0; step < 120; step += 1) {
        box.scrollTop += 400;
        await new Promise(requestAnimationFrame);
    }
    for (const place of [1, 0.5, 0]) {
        box.scrollTop = box.scrollHeight * place;
        await new Promise(requestAnimationFrame);
    }
}"""

SEARCH = """async () => {
    const field = document.querySelector('.tw-header input');
    for (const text of ['x', 'xs', 'xs[', 'xs[9', 'xs[99', 'xs[999', 'xs[9999', 'xs[999', 'xs[9', '']) {
        Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, text);
        field.dispatchEvent(new Event('input', { bubbles: true }));
        for (let frame = 0; frame < 5; frame += 1) await new Promise(requestAnimationFrame);
    }
}"""


@dataclass
class Bench:
    """One notebook in one page, and the bytes that the kernel sends it in messages of widgets."""

    lab: Lab
    name: str = ""
    received: list[int] = field(default_factory=list)

    def open(self, name: str, size: int) -> None:
        """Open a notebook with so many tensors."""
        if self.name:
            self.lab.close(self.name)
        self.name = self.lab.server.write(name, [cell.replace("{size}", str(size)) for cell in CELLS])
        self.lab.open(self.name)
        self.lab.run(self.name, LOAD, MAKE)

    def ended(self, cell: int) -> float:
        """Run a cell and return when its last statement ran, in milliseconds."""
        self.lab.run(self.name, cell)
        code = self.lab.page.locator(".jp-Notebook:visible .jp-Cell").nth(cell)
        text = code.locator(".jp-OutputArea-output").first.inner_text()
        return float(re.findall(r"\d+\.\d+", text)[0]) * 1e3

    def latency(self, cell: int) -> float:
        """Return the milliseconds from the end of a cell's code to the panel that shows it, laid out."""
        page = self.lab.page
        page.evaluate("() => { window.drawn = []; }")
        end = self.ended(cell)
        page.wait_for_function("(end) => window.drawn.some((time) => time > end)", arg=end, timeout=WAIT)
        return page.evaluate("(end) => window.drawn.find((time) => time > end)", end) - end

    def pause(self) -> float:
        """Return the milliseconds from the end of a cell's code to the first statement of the next."""
        self.lab.begin(self.name, WRITE)
        following = self.ended(NEXT)
        return following - self._printed(WRITE)

    def _printed(self, cell: int) -> float:
        code = self.lab.page.locator(".jp-Notebook:visible .jp-Cell").nth(cell)
        return float(re.findall(r"\d+\.\d+", code.locator(".jp-OutputArea-output").first.inner_text())[0]) * 1e3


@contextmanager
def benches() -> Iterator[Bench]:
    """Start JupyterLab and a browser."""
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder)) as server, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        page = chromium.new_page(viewport={"width": 1400, "height": 900})
        bench = Bench(Lab(page, server))
        page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: _count(bench, frame)))
        bench.lab.go("lab")
        yield bench
        chromium.close()


def _count(bench: Bench, frame: str | bytes) -> None:
    content = frame if isinstance(frame, bytes) else frame.encode()
    if b'"comm_msg"' in content:
        bench.received.append(len(content))


def rows(bench: Bench) -> Iterator[tuple[str, str]]:
    """Measure everything."""
    for size in SIZES:
        bench.open(f"n{size}.ipynb", size)
        bench.lab.facts.wait_for()
        bench.lab.page.evaluate(WATCH)
        for cell, what in ((WRITE, "100 changes"), (SHARE, "2 changes")):
            times = [bench.latency(cell) for _ in range(REPEATS)]
            yield f"cell to panel, {size:,} tensors, {what}", _spread(times)
        bench.received.clear()
        bench.latency(WRITE)
        yield f"sent for 100 changes, {size:,} tensors", f"{max(bench.received) / 1024:.1f} KB"
        opened = [bench.pause() for _ in range(REPEATS)]
        bench.lab.command("application:toggle-right-area")
        bench.ended(NEXT)
        bench.ended(NEXT)
        bench.received.clear()
        shut = [bench.pause() for _ in range(REPEATS)]
        yield f"until the next cell runs, {size:,} tensors, panel open", _spread(opened)
        yield f"until the next cell runs, {size:,} tensors, panel shut", _spread(shut)
        yield "sent while the panel is shut", f"{sum(bench.received)} B"
        bench.lab.command("application:toggle-right-area")
    bench.lab.page.get_by_text("each alone").first.click()
    for name, act in (("scrolling", SCROLL), ("searching", SEARCH)):
        yield (
            f"longest frame of each of {REPEATS} times",
            f"{name}: {_spread([frame(bench, act) for _ in range(REPEATS)])}",
        )
    yield "DOM nodes of the panel", str(bench.lab.page.locator(".tw-panel *").count())


def frame(bench: Bench, act: str) -> float:
    """Do something and return the milliseconds of the longest frame meanwhile."""
    return bench.lab.page.evaluate(FRAMES, act)


def _spread(times: list[float]) -> str:
    low, *_, high = statistics.quantiles(times, n=10)
    return f"{statistics.median(times):.0f} ms ({low:.0f} to {high:.0f})"


def main() -> None:
    """Print the table."""
    with benches() as bench:
        for name, value in rows(bench):
            print(f"{name:60} {value}", flush=True)


if __name__ == "__main__":
    main()
