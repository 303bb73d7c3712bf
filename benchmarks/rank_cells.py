"""Added to a `%%px` cell on real local engines: `python -m benchmarks.rank_cells [ENGINES] [CELLS]`."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Any

import ipyparallel

from tests.support.notebook import Notebook

ENGINES, CELLS, TENSORS = 4, 30, 1000
QUIET, WRITING = "1", "w[3].data.add_(1)"
MAKE = f"import torch\ntorch.manual_seed(0)\nw = [torch.nn.Parameter(torch.randn(4, 4)) for _ in range({TENSORS})]"


@dataclass
class Bench:
    """A notebook that drives some engines."""

    notebook: Notebook
    view: Any
    cells: int

    def measure(self, label: str, source: str) -> None:
        """Print what a cell takes, how many messages it sends, and the processor's time here and on an engine."""
        engines = self._engines()
        history, client = len(self.view.client.history), time.process_time()
        seconds = [self._seconds(source) for _ in range(self.cells)]
        client, messages = time.process_time() - client, len(self.view.client.history) - history
        engines = self._engines() - engines
        print(
            f"{label:22}  least {min(seconds) * 1e3:5.1f} ms, median {statistics.median(seconds) * 1e3:5.1f} ms;  "
            f"{messages / self.cells:4.1f} messages;  processor: client {client / self.cells * 1e3:4.1f} ms, "
            f"all engines {engines / self.cells * 1e3:4.1f} ms",
            file=sys.__stdout__,
            flush=True,
        )

    def _engines(self) -> float:
        self.view.execute("import time\nspent = time.process_time()", silent=True)
        return sum(self.view["spent"])

    def _seconds(self, source: str) -> float:
        begin = time.perf_counter()
        self.notebook.cell(f"%%px\n{source}")
        return time.perf_counter() - begin


def main(engines: int = ENGINES, cells: int = CELLS) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    cluster = ipyparallel.Cluster(n=engines, profile_dir=tempfile.mkdtemp(), log_level=40)
    try:
        client = cluster.start_and_connect_sync()
        view = client[:]
        view.block = True
        with Notebook(check_leaks=False) as notebook:
            view.activate()
            notebook.give(view=view)
            notebook.cell(f"%%px\n{MAKE}")
            bench = Bench(notebook, view, cells)
            for source, kind in ((QUIET, "quiet"), (WRITING, "writing")):
                bench.measure(f"{kind}, without", source)
            notebook.run("import ipy_tensorwatch\njoined = ipy_tensorwatch.Ranks(view)")
            for source, kind in ((QUIET, "quiet"), (WRITING, "writing")):
                bench.measure(f"{kind}, joined", source)
            notebook.run("joined.leave()")
            for source, kind in ((QUIET, "quiet"), (WRITING, "writing")):
                bench.measure(f"{kind}, hooks alone", source)
    finally:
        cluster.stop_cluster_sync()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
