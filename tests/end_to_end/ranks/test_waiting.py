"""Who waits where while a cell hangs on the ranks, and which rank died."""

from __future__ import annotations

import textwrap
import threading

HANG_SECONDS = 5.0


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
