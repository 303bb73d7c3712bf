"""Join the reports of thousands of simulated ranks: `python -m benchmarks.ranks`."""

from __future__ import annotations

import pickle
import time
import tracemalloc
from dataclasses import replace
from typing import Any, cast

from ipy_tensorwatch.capture.ranks.state_tree import StatePlace, StateTree
from ipy_tensorwatch.core.ranks.join_reports import join_reports
from ipy_tensorwatch.core.ranks.rank_report import RankReport
from ipy_tensorwatch.core.ranks.state_leaf import BranchKey, StateLeaf
from ipy_tensorwatch.core.records.reading import Reading
from ipy_tensorwatch.core.records.report_parts import Cell
from ipy_tensorwatch.shell.ranks.compare_state import StateComparison

RANKS, TENSORS = 4096, 1000
APART, DIFFERENT = 3, 10
"""How many ranks differ, and in how many tensors."""
REPEATS = 5
NET = BranchKey("net", "parameter")


class SimulatedEngines:
    """Engines that answer as real ones do, in this process; it counts what they send."""

    def __init__(self, trees: dict[int, StateTree]) -> None:
        self.trees, self.joined = trees, set(range(RANKS))
        self.sent: dict[int, int] = {}

    def ask(self, question: str, asked: dict[int, tuple[Any, ...]]) -> dict[int, Any]:
        """Answer a question, by way of pickles."""
        packed = {one: pickle.dumps(getattr(self, question)(self.tree_of(one), *words)) for one, words in asked.items()}
        for one, answer in packed.items():
            self.sent[one] = self.sent.get(one, 0) + len(answer)
        return {one: pickle.loads(answer) for one, answer in packed.items()}

    def tree_of(self, engine: int) -> StateTree:
        """Return the state of an engine."""
        return self.trees.get(engine, self.trees[0])

    def state_digests(self, tree: StateTree) -> Any:
        """Answer as an engine does."""
        return tree.digests()

    def state_runs(self, tree: StateTree, key: BranchKey, first: int, end: int) -> Any:
        """Answer as an engine does."""
        return tree.runs(key, first, end)

    def state_leaves(self, tree: StateTree, key: BranchKey, places: list[tuple[int, int]]) -> Any:
        """Answer as an engine does, with the longest answer."""
        found = [one for first, end in places for one in tree.branches[key][first:end]]
        return [
            StateLeaf(path=one.path, digest=one.digest, cause="optimizer", line=9, text="opt.step()") for one in found
        ]

    def state_values(self, tree: StateTree, path: str) -> Any:
        """Answer as an engine does, for a large tensor."""
        del tree, path
        return [0.5] * 1024


def tree_with(different: int, seed: int) -> StateTree:
    """Return the state of one rank, of which some tensors differ from those of the others."""
    digests = [bytes([place < different and seed]) * 16 for place in range(TENSORS)]
    reading = Reading("parameter", 1)
    places = [StatePlace(f"net.layers[{place}].weight", reading, one) for place, one in enumerate(digests)]
    return StateTree(branches={NET: places})


def reports_of(trees: dict[int, StateTree], number: int) -> list[bytes]:
    """Return what each rank sends after a cell."""
    cell = Cell(count=number, source="", status="ok", duration=0.1, overhead=0.01)
    whole = {rank: tree.digests()[NET].digest for rank, tree in trees.items()}
    told = RankReport(rank=0, engine=0, world=RANKS, number=number, cell=cell)
    return [
        pickle.dumps(replace(told, rank=rank, engine=rank, digest=whole.get(rank, whole[0]))) for rank in range(RANKS)
    ]


def measure(apart: int) -> tuple[float, int, int, int]:
    """Return the seconds to join, the bytes of a report, the most bytes that a rank sends beside it, and the memory."""
    fastest, beside = float("inf"), 0
    trees = {0: tree_with(0, 0)} | {rank: tree_with(DIFFERENT, rank) for rank in range(1, apart + 1)}
    equal, now = reports_of({0: trees[0]}, 1), reports_of(trees, 2)
    tracemalloc.start()
    for attempt in range(REPEATS + 1):
        engines = SimulatedEngines(trees)
        comparison = StateComparison(cast("Any", engines))
        comparison.compare([pickle.loads(one) for one in equal])
        begin = time.perf_counter()
        reports = [pickle.loads(one) for one in now]
        partings, _ = comparison.compare(reports)
        join_reports(reports)
        if attempt:
            fastest = min(fastest, time.perf_counter() - begin)
        else:
            memory = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        beside = max(engines.sent.values(), default=0)
        assert len(partings) == (DIFFERENT if apart else 0)
    return fastest, max(map(len, now)), beside, memory


def main() -> None:
    for apart in (0, APART):
        seconds, nbytes, beside, memory = measure(apart)
        print(
            f"{RANKS:,} ranks, {apart} differ in {DIFFERENT} of {TENSORS:,} tensors: joined in {seconds * 1e3:.0f} ms, "
            f"{nbytes} bytes a rank, {beside / 1024:.1f} KB more a rank that is asked, {memory / 1e6:.1f} MB"
        )


if __name__ == "__main__":
    main()
