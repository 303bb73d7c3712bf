"""Clusters that are not as they should be: the others go on, and the cell's own result and error stay as they are."""

from __future__ import annotations

import ipy_tensorwatch
from tests.end_to_end.ranks.cluster import ipyparallel

SETUP = "x = torch.zeros(4)\ny = x[:2]"


def test_an_error_on_one_rank_stays_as_it_is(lab):
    lab.px(SETUP)
    ran = lab.cell("view.execute('y.add_(1)\\nif rank == 1: raise ValueError(5)', silent=False, block=True)")

    assert isinstance(ran.error, ipyparallel.CompositeError)
    assert "ValueError: 5" in str(ran.error)
    assert "on all 4" in ran.told
    assert lab.report()["cell"]["status"] == "error"


def test_an_engine_without_tensorwatch_is_named_once_and_the_others_go_on(client):
    from tests.support.notebook import Notebook

    client[1].execute("%unload_ext ipy_tensorwatch", silent=True, block=True)
    hide = "import sys\nhidden = sys.modules.pop('ipy_tensorwatch')\nsys.modules['ipy_tensorwatch'] = None"
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


def test_two_views_hear_the_same_cells(lab, client):
    lab.px(SETUP)
    lab.notebook.run("other = ipy_tensorwatch.Ranks(client[:2])")
    ran = lab.cell("%%px\ny.add_(1)")
    lab.notebook.run("other.leave()")

    assert "on all 4" in ran.stdout
    assert "on all 2" in ran.stdout
    assert "on all 4" in lab.px("y.add_(1)")


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
