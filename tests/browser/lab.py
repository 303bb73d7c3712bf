"""A page with JupyterLab in it, driven as a user drives it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.browser.server import Server

RESTORED = "async () => { await window.jupyterapp?.restored; return Boolean(window.jupyterapp); }"
PANEL_OF = "const panel = [...jupyterapp.shell.widgets('main')].find((one) => one.context?.path === path);"
OPEN = "(path) => void jupyterapp.commands.execute('docmanager:open', { path, factory: 'Notebook' })"
RUN = f"""async ([path, index, wait]) => {{
    {PANEL_OF}
    jupyterapp.shell.activateById(panel.id);
    panel.content.deselectAll();
    panel.content.activeCellIndex = index;
    const run = jupyterapp.commands.execute('notebook:run-cell');
    if (wait) await run;
}}"""
STATUS = f"""([path, status]) => {{
    {PANEL_OF}
    return panel?.sessionContext.session?.kernel?.status === status;
}}"""
CLOSE = f"""([path]) => {{
    {PANEL_OF}
    panel.dispose();
}}"""

WIDTH = """(width) => {
    const sizes = jupyterapp.shell._hsplitPanel;
    const all = sizes.node.clientWidth;
    const [left, main, right] = sizes.relativeSizes();
    const share = width / all;
    sizes.setRelativeSizes([left, main + right - share, share]);
}"""

OPENED = """() => ({
    main: [...jupyterapp.shell.widgets('main')].flatMap((one) => one.context ? [`notebook:${one.context.path}`] : []),
    right: jupyterapp.shell._rightHandler.sideBar.currentTitle?.owner.id ?? null,
})"""

SAVE_SECONDS = 10
WAIT = 30_000  # milliseconds, for a machine that has much else to do


class Lab:
    """One browser tab."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page = page
        self.server = server

    # What a user does

    def go(self, path: str) -> None:
        """Load a page of the server and wait until the application is there."""
        self.page.goto(f"{self.server.url}/{path}")
        self._wait_for_application()

    def reload(self) -> None:
        """Reload the page, when JupyterLab has saved what is open, which it does after a little while."""
        until = time.monotonic() + SAVE_SECONDS
        opened = self.page.evaluate(OPENED)
        while self.server.layout() != opened:
            assert time.monotonic() < until, f"not saved: {opened}"
            self.page.wait_for_timeout(50)
        self.page.reload()
        self._wait_for_application()
        self.page.wait_for_function(f"(main) => String(({OPENED})().main) === String(main)", arg=opened["main"])

    def open(self, name: str) -> str:
        """Open a notebook and wait for its kernel."""
        self.page.evaluate(OPEN, name)
        self.wait_for_kernel(name)
        return name

    def activate(self, name: str) -> None:
        """Bring a notebook that is open to the front."""
        self.page.get_by_role("tab", name=name).first.click()

    def close(self, name: str) -> None:
        """Close a notebook; its kernel goes on."""
        self.page.evaluate(CLOSE, [name])

    def run(self, name: str, *cells: int) -> None:
        """Run cells of a notebook, one after the other."""
        for index in cells:
            self.page.evaluate(RUN, [name, index, True])

    def begin(self, name: str, cell: int) -> None:
        """Run a cell without waiting for its end."""
        self.page.evaluate(RUN, [name, cell, False])

    def command(self, name: str, arguments: dict[str, Any] | None = None) -> None:
        """Run one of JupyterLab's commands and wait for its end."""
        self.page.evaluate(
            "async ([name, args]) => { await jupyterapp.commands.execute(name, args) }", [name, arguments or {}]
        )

    def restart(self) -> None:
        """Restart the kernel of the notebook in front."""
        self.page.evaluate("void jupyterapp.commands.execute('kernelmenu:restart')")
        self.page.get_by_role("dialog").get_by_role("button", name="Confirm").click()

    def show_panel(self) -> None:
        """Open the panel in the side bar."""
        self.page.evaluate("jupyterapp.shell.activateById('ipy-tensorwatch-panel')")

    def set_width(self, width: int) -> None:
        """Give the right side bar a width, as by dragging its edge."""
        self.page.evaluate(WIDTH, width)

    def wait_for_kernel(self, name: str, status: str = "idle") -> None:
        """Wait until the kernel of a notebook has a status."""
        self.page.wait_for_function(STATUS, arg=[name, status])

    # What a user sees

    @property
    def side(self) -> Locator:
        """All that the extension shows in the side bar."""
        return self.page.get_by_role("group", name="tensorwatch panel")

    @property
    def notice(self) -> Locator:
        """What the extension says there."""
        return self.side.get_by_role("status").first

    @property
    def facts(self) -> Locator:
        """What the widget of the kernel in front shows there."""
        return self.side.get_by_role("region", name="tensorwatch", exact=True, include_hidden=True).filter(visible=True)

    @property
    def load_button(self) -> Locator:
        """The button that loads the extension."""
        return self.side.get_by_role("button", name="Load tensorwatch")

    @property
    def marks(self) -> Locator:
        """What stands behind lines of code."""
        return self.page.get_by_role("note").filter(visible=True)

    def tab(self, caption: str) -> Locator:
        """Return the panel's tab in the side bar, which says how many changes were silent and how many hazards are new."""
        return self.page.get_by_role("tab").and_(self.page.get_by_title(caption, exact=True))

    def line(self, text: str) -> Locator:
        """Return the line of code that begins with a text."""
        return self.page.locator(".cm-line").filter(has_text=text)

    def _wait_for_application(self) -> None:
        self.page.wait_for_function(RESTORED)
        self.page.wait_for_selector("#main:not(.jp-mod-loading)")
