"""A page with JupyterLab in it, driven as a user drives it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from .server import Server

RESTORED = "async () => { await window.jupyterapp?.restored; return Boolean(window.jupyterapp); }"

RUN = """async ([path, index, wait]) => {
    const panel = [...jupyterapp.shell.widgets('main')].find((one) => one.context?.path === path);
    jupyterapp.shell.activateById(panel.id);
    panel.content.deselectAll();
    panel.content.activeCellIndex = index;
    const run = jupyterapp.commands.execute('notebook:run-cell');
    if (wait) await run;
}"""

OPEN = """async ([path, factory]) => {
    const panel = await jupyterapp.commands.execute('docmanager:open', { path, factory });
    await panel.context.ready;
}"""

KERNEL_STATUS = """([path, status]) => [...jupyterapp.shell.widgets('main')].some(
    (one) => one.context?.path === path && one.sessionContext.session?.kernel?.status === status)"""


class Lab:
    """One browser tab."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page = page
        self.server = server

    def go(self, path: str) -> None:
        """Load a page of the server and wait until the application is there."""
        self.page.goto(f"{self.server.url}/{path}")
        self.restored()

    def restored(self) -> None:
        """Wait until the application is there."""
        self.page.wait_for_function(RESTORED)
        self.page.wait_for_selector("#main:not(.jp-mod-loading)")

    def reload(self) -> None:
        """Reload, when the layout has been saved."""
        self.page.reload()
        self.restored()

    def open(self, name: str) -> None:
        """Open a notebook and wait for its kernel."""
        self.page.evaluate(OPEN, [name, "Notebook"])
        self.wait_for_kernel(name)

    def wait_for_kernel(self, name: str, status: str = "idle") -> None:
        """Wait until the kernel of a notebook has a status."""
        self.page.wait_for_function(KERNEL_STATUS, arg=[name, status])

    def run(self, name: str, *cells: int) -> None:
        """Run cells, one after the other."""
        for index in cells:
            self.page.evaluate(RUN, [name, index, True])

    def start(self, name: str, cell: int) -> None:
        """Run a cell without waiting for its end."""
        self.page.evaluate(RUN, [name, cell, False])
        self.wait_for_kernel(name, "busy")

    def command(self, name: str, arguments: dict[str, Any] | None = None) -> None:
        """Run one of JupyterLab's commands and wait for its end."""
        self.page.evaluate(
            "async ([name, args]) => { await jupyterapp.commands.execute(name, args) }", [name, arguments or {}]
        )

    def show_panel(self) -> None:
        """Open the panel, without going there."""
        self.page.evaluate("jupyterapp.shell.activateById('ipy-tensorwatch-panel')")

    @property
    def side(self) -> Locator:
        """All that the extension shows in the side bar."""
        return self.page.get_by_role("group", name="tensorwatch panel")

    @property
    def notice(self) -> Locator:
        """What the extension says in the panel."""
        return self.side.get_by_role("status").first

    @property
    def facts(self) -> Locator:
        """What the widget shows in the panel."""
        return self.side.get_by_role("region", name="tensorwatch", exact=True).filter(visible=True)

    @property
    def load_button(self) -> Locator:
        return self.side.get_by_role("button", name="Load tensorwatch")

    def tab(self, caption: str) -> Locator:
        """The panel's tab in the side bar, which says how many changes were silent."""
        return self.page.get_by_role("tab").and_(self.page.get_by_title(caption, exact=True))

    def cell(self, index: int) -> Locator:
        """Return a cell of the notebook that is seen."""
        return self.page.get_by_role("region", name=re.compile(rf"^notebook content|")).locator(".jp-Cell").nth(index)

    def marks(self) -> list[str]:
        """What stands behind lines of code, in the cells that are seen."""
        return self.page.get_by_role("note").filter(visible=True).all_inner_texts()


def workspace(name: str) -> str:
    """Return the address of an empty workspace."""
    return f"lab/workspaces/{quote(name)}?reset"
