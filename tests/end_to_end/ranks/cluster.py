"""A real cluster of ipyparallel on this machine, and a notebook that drives it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.notebook import Notebook, Ran

ipyparallel = pytest.importorskip("ipyparallel", reason="the extra `ranks` is not installed")

ENGINES = 4


@dataclass
class Lab:
    """A notebook whose client has joined some engines of the cluster."""

    notebook: Notebook
    client: Any
    view: Any

    def px(self, source: str) -> str:
        """Run a cell on the ranks; return what was said under it, without its headline."""
        ran = self.cell("%%px\n" + textwrap.dedent(source).strip())
        assert ran.error is None, ran.error
        return ran.told

    def cell(self, source: str) -> Ran:
        return self.notebook.cell(source)

    def report(self) -> dict[str, Any]:
        """Return the joined report."""
        return self.notebook.shell.ev("joined.report().to_dict()")

    def parted(self) -> list[dict[str, Any]]:
        return [one["parted"] for one in self.report()["replicas"] if one["parted"]]
