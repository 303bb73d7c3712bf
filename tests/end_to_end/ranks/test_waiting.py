"""Who waits where while a cell hangs on the ranks, and which rank died."""

from __future__ import annotations

import textwrap
import threading

from tests.end_to_end.ranks.cluster import ipyparallel
from tests.support.notebook import Notebook

HANG_SECONDS = 5.0
BEGIN = """
%%px
import os, signal, threading, time
import torch, torch.distributed as dist
dist.init_process_group("gloo", init_method, rank=rank, world_size=2)
x = torch.ones(2)
y = x[:1]
z = torch.ones(2)
"""
FALL = """
if rank == 1:
    threading.Timer(4, os.kill, (os.getpid(), signal.SIGKILL)).start()
else:
    y.add_(1)
    time.sleep(6)
dist.all_reduce(z)
"""


def hang(lab, source: str) -> str:
    """Run a cell that hangs on the ranks; return what is said of it within a few seconds."""
    lab.notebook.give(source=textwrap.dedent(source).strip())
    wait = f"import time\nview.execute(source, silent=False, block=False)\ntime.sleep({HANG_SECONDS})"
    return lab.cell(wait).told


def test_a_collective_that_one_rank_alone_enters_is_told_while_it_hangs(lab):
    told = hang(
        lab,
        """
        x = torch.ones(2)
        if rank == 0:
            dist.all_reduce(x)
        """,
    )
    waiting = lab.report()["waiting"]
    lab.client[1:4].execute("dist.all_reduce(x)", block=True)

    assert "rank 0 waits in line 3: dist.all_reduce(x), " in told
    assert "ranks 1–3 have ended" in told
    assert [(one["rank"], one["line"], one["text"], one["collective"]) for one in waiting] == [
        (0, 3, "dist.all_reduce(x)", "all_reduce")
    ]
    lab.px("1")
    assert lab.report()["waiting"] == []


def test_collectives_that_ranks_entered_in_different_order_are_told_with_their_lines(lab):
    lab.px(
        """
        import datetime
        soon = datetime.timedelta(seconds=8)
        first, second = dist.new_group(timeout=soon), dist.new_group(timeout=soon)
        x = torch.ones(2)
        """
    )
    told = hang(
        lab,
        """
        if rank == 2:
            dist.broadcast(x, 0, group=second)
            dist.all_reduce(x, group=first)
        else:
            dist.all_reduce(x, group=first)
            dist.broadcast(x, 0, group=second)
        """,
    )
    waiting = {one["rank"]: (one["line"], one["collective"]) for one in lab.report()["waiting"]}
    lab.client.wait(timeout=60)

    assert "rank 2 waits in line 2: dist.broadcast(x, 0, group=second)" in told
    assert "ranks 0, 1, 3 wait in line 5: dist.all_reduce(x, group=first)" in told
    assert waiting == {2: (2, "broadcast"), **dict.fromkeys((0, 1, 3), (5, "all_reduce"))}


def test_a_cell_that_only_takes_long_is_quiet(lab):
    assert hang(lab, "import time\ntime.sleep(4)") == ""


def test_leaving_ends_the_thread_that_looks_for_hangs(lab):
    lab.notebook.run("other = ipy_tensorwatch.Ranks(view)")
    lab.notebook.run("other.leave()")
    lab.notebook.run("import time\ntime.sleep(1.0)")

    running = [one for one in threading.enumerate() if one.name == "tensorwatch-hang"]
    assert len(running) <= 1  # that of the last cell may not have looked again


def test_a_rank_that_dies_in_a_collective_is_told_with_its_line_and_the_other_goes_on(tmp_path):
    cluster = ipyparallel.Cluster(n=2, profile_dir=str(tmp_path), log_level=40)
    try:
        client = cluster.start_and_connect_sync()
        view = client[:]
        view.block = True
        view.scatter("rank", range(2), flatten=True)
        view.push({"init_method": f"file://{tmp_path}/meeting"})
        with Notebook(check_leaks=False) as notebook:
            view.activate()
            notebook.give(view=view, fall=FALL.strip())
            notebook.run("import ipy_tensorwatch\njoined = ipy_tensorwatch.Ranks(view)")
            notebook.cell(BEGIN.strip())
            ran = notebook.cell("view.execute(fall, silent=False);")
            missing = notebook.shell.ev("joined.report().to_dict()")["missing"]
            then = notebook.cell("client = view.client\nclient[0].execute('y.add_(1)', silent=False, block=True);").told
            notebook.run("joined.leave()")
        client.close()
    finally:
        cluster.stop_cluster_sync()

    why = "its engine is gone; it was in line 6: dist.all_reduce(z)"
    assert isinstance(ran.error, ipyparallel.CompositeError)
    assert sorted(name for name, *_ in ran.error.elist) == ["EngineError", "RuntimeError"]
    assert ran.told.count(f"rank 1 is missing: {why}") == 1
    assert "x   changed through y" in ran.told
    assert missing == [{"rank": 1, "why": why}]
    assert "x   changed through y" in then
    assert "missing" not in then
