"""Clusters that are not as they should be: the others go on, and the cell's own result and error stay as they are."""

from __future__ import annotations

import signal
import threading
from time import monotonic, sleep

import ipy_tensorwatch
from tests.end_to_end.ranks.cluster import ipyparallel
from tests.support.notebook import Notebook

SETUP = "x = torch.zeros(4)\ny = x[:2]"
ADD = "client[:].execute('y.add_(1)', silent=False, block=True);"
PREPARE = "client[:].execute('import torch\\nx = torch.zeros(4)\\ny = x[:2]', silent=False, block=True);"
DIE = """number = client.ids[0]
client[:].scatter('mine', client.ids, flatten=True, block=True)
client[:].push({'number': number}, block=True)
client[:].execute('import os, signal\\nif mine == number:\\n    os.kill(os.getpid(), signal.SIGKILL)', silent=False, block=True);"""
BREAK = """
import ipy_tensorwatch.shell.ranks.engine_side as E
class Bad:
    def __reduce__(self):
        raise TypeError("no")
old = E.EngineSide.describe
E.EngineSide.describe = lambda self, report, digest=b"": Bad()
"""


def wait_for_engines(client, count: int, others_than: set[int]) -> None:
    """Wait until a client knows so many engines and none of those that were stopped."""
    end = monotonic() + 120
    while monotonic() < end and (len(client.ids) != count or others_than.intersection(client.ids)):
        sleep(0.1)


def clients_of_an_engine() -> int:
    from ipy_tensorwatch.shell.ranks.registry import HERE

    return sum(len(one.side.told) for one in HERE if one.side)


def test_an_error_on_one_rank_stays_as_it_is(lab):
    lab.px(SETUP)
    ran = lab.cell("view.execute('y.add_(1)\\nif rank == 1: raise ValueError(5)', silent=False, block=True)")

    assert isinstance(ran.error, ipyparallel.CompositeError)
    assert "ValueError: 5" in str(ran.error)
    assert "on all 4" in ran.told
    assert lab.report()["cell"]["status"] == "error"


def test_an_engine_without_tensorwatch_is_named_once_and_the_others_go_on(client):
    client[1].execute("%unload_ext ipy_tensorwatch", silent=True, block=True)
    hide = "import sys\nimport ipy_tensorwatch as hidden\nsys.modules['ipy_tensorwatch'] = None"
    client[1].execute(hide, silent=True, block=True)
    try:
        with Notebook(check_leaks=False) as notebook:
            notebook.give(view=client[:2])
            first = notebook.cell("import ipy_tensorwatch\njoined = ipy_tensorwatch.Ranks(view)").told
            then = notebook.cell("view.execute('x = 1', silent=False, block=True);").told
            second = notebook.cell("view.execute('x = 2', silent=False, block=True);").told
            report = notebook.shell.ev("joined.report().to_dict()")
            notebook.run("joined.leave()")
    finally:
        client[1].execute("sys.modules['ipy_tensorwatch'] = hidden", silent=True, block=True)

    assert "rank 1 is missing: tensorwatch cannot be loaded there" in first
    assert (then, second) == ("", "")
    assert report["ranks"] == [0]
    assert [one["rank"] for one in report["missing"]] == [1]


def test_an_engine_with_another_version_is_named_once_and_the_others_go_on(client):
    older = "import ipy_tensorwatch.shell.ranks.engine_side as E\nnow, E.HERE[0].version = E.HERE[0].version, '0.0.1'"
    client[1].execute("%load_ext ipy_tensorwatch", silent=True, block=True)
    client[1].execute(older, silent=True, block=True)
    try:
        with Notebook(check_leaks=False) as notebook:
            notebook.give(client=client, view=client[:2])
            page = notebook.cell("%load_ext ipy_tensorwatch\n%tensorwatch ranks view").told
            told = [notebook.cell(one.replace("[:]", "[:2]")).told for one in (PREPARE, ADD)]
            report = notebook.shell.ev("__import__('ipy_tensorwatch').shell.ranks.ranks.WATCHED[-1].report().to_dict()")
            told_there = client[1].apply_sync(clients_of_an_engine)
            notebook.run("%tensorwatch ranks off")
    finally:
        client[1].execute("E.HERE[0].version = now", silent=True, block=True)

    missing = "it has another version of tensorwatch: 0.0.1"
    assert page.count(f"rank 1 is missing: {missing}") == 1
    assert told[0] == ""
    assert "on all 1" in told[1]
    assert "missing" not in told[1]
    assert report["missing"] == [{"rank": 1, "why": missing}]
    assert told_there == 0


def test_two_views_hear_the_same_cells(lab, client):
    lab.px(SETUP)
    lab.notebook.run("other = ipy_tensorwatch.Ranks(client[:2])")
    ran = lab.cell("%%px\ny.add_(1)")
    lab.notebook.run("other.leave()")

    assert "on all 4" in ran.stdout
    assert "on all 2" in ran.stdout
    assert "on all 4" in lab.px("y.add_(1)")


def test_two_clients_of_one_cluster_are_told_of_all_cells_each_under_its_own(lab, client):
    lab.px(SETUP)
    other = client.cluster.connect_client_sync()
    try:
        lab.notebook.give(other=other)
        lab.notebook.run("second = ipy_tensorwatch.Ranks(other)")
        first = [lab.px("y.add_(1)"), lab.px("x = torch.zeros(4)\ny = x[1:]")]
        second = lab.cell("other[:].execute('y.add_(1)', silent=False, block=True);").told
        third = lab.px("y.add_(1)")
        lab.notebook.run("second.leave()")
    finally:
        other.close()

    assert [one.count("changed through y") for one in (*first, second, third)] == [1, 0, 2, 2]
    assert lab.px("y.add_(1)").count("changed through y") == 1


def test_a_view_of_some_engines_leaves_the_others_alone(lab):
    lab.px(SETUP)

    assert "on 2 of 4: 0, 1" in lab.cell("client[:2].execute('y.add_(1)', silent=False, block=True);").told


def test_nothing_else_is_taken_for_a_cluster(lab):
    ran = lab.cell("%tensorwatch ranks 3")

    assert "int is no cluster, client or view of ipyparallel" in str(ran.error) + ran.stdout + ran.stderr
    assert ipy_tensorwatch.Ranks.__name__ == "Ranks"


def test_what_cannot_be_read_is_left_out(lab):
    lab.px(
        "x = torch.zeros(4)\nclass Odd:\n    def __reduce__(self):\n        raise TypeError('no')\nodd = Odd()\nodd.x = x"
    )

    assert "on all 4" in lab.px("y = x[:2]\ny.add_(1)")


def test_a_report_that_cannot_be_packed_is_named_once_and_the_others_go_on(lab, client):
    lab.px(SETUP)
    client[1].execute(BREAK, silent=True, block=True)
    told = [lab.px("y.add_(1)") for _ in range(2)]
    client[1].execute("E.EngineSide.describe = old", silent=True, block=True)

    assert "rank 1 is missing: what it told cannot be read" in told[0]
    assert "missing" not in told[1]
    assert all("on all 3" in one for one in told)
    assert "on all 4" in lab.px("y.add_(1)")


def test_an_engine_that_is_loaded_anew_is_joined_anew_and_one_that_is_unloaded_is_named(lab, client):
    lab.px(SETUP)
    client[1].execute("%reload_ext ipy_tensorwatch", silent=True, block=True)
    reloaded = [lab.px("y.add_(1)") for _ in range(2)]
    client[1].execute("%unload_ext ipy_tensorwatch", silent=True, block=True)
    unloaded = [lab.px("y.add_(1)") for _ in range(2)]

    assert "on all 4" in reloaded[1]
    assert "rank 1 is missing: tensorwatch cannot be loaded there" in unloaded[0]
    assert "missing" not in unloaded[1]
    assert all("on all 3" in one for one in unloaded)


def test_a_cell_that_is_interrupted_on_the_ranks_is_told_and_raises_as_ever(lab, client):
    lab.px(SETUP)
    timer = threading.Timer(2.0, lambda: client.send_signal(signal.SIGINT, block=False))
    timer.start()
    ran = lab.cell("view.execute('y.add_(1)\\nimport time\\ntime.sleep(30)', silent=False, block=True)")

    assert isinstance(ran.error, ipyparallel.CompositeError)
    assert "KeyboardInterrupt" in str(ran.error)
    assert "x   changed through y" in ran.told
    assert lab.report()["cell"]["status"] == "interrupted"
    assert "on all 4" in lab.px("y.add_(1)")


def test_engines_that_come_late_die_and_start_again_and_a_client_that_connects_again(tmp_path):
    cluster = ipyparallel.Cluster(n=2, profile_dir=str(tmp_path), log_level=40)
    try:
        client = cluster.start_and_connect_sync()
        with Notebook(check_leaks=False) as notebook:
            notebook.give(client=client, cluster=cluster)
            notebook.run("import ipy_tensorwatch\njoined = ipy_tensorwatch.Ranks(client)")
            notebook.run(PREPARE)
            cluster.start_engines_sync(n=1)
            client.wait_for_engines(3, timeout=120)
            late = [notebook.cell(PREPARE).told, notebook.cell(ADD).told]
            died = [notebook.cell(DIE), notebook.cell(ADD)]
            missing = notebook.shell.ev("joined.report().to_dict()")["missing"]
            notebook.run(
                "joined.leave()\nclient.close()\nclient = cluster.connect_client_sync()\njoined = ipy_tensorwatch.Ranks(client)"
            )
            again = notebook.cell(ADD).told
            client = notebook.shell.user_ns["client"]
            stopped = set(client.ids)
            cluster.restart_engines_sync()
            wait_for_engines(client, 3, others_than=stopped)
            fresh = [notebook.cell(PREPARE).told, notebook.cell(ADD).told]
            notebook.run("joined.leave()\nclient.close()")
    finally:
        cluster.stop_cluster_sync()

    assert late[0] == ""
    assert "on all 3" in late[1]
    assert isinstance(died[0].error, ipyparallel.CompositeError)
    assert "rank 0 is missing: its engine is gone" in died[0].told
    assert "missing" not in died[1].told
    assert "on all 2" in died[1].told
    assert missing == [{"rank": 0, "why": "its engine is gone"}]
    assert "on all 2" in again
    assert "on all 3" in fresh[1]
