"""Looks at a device between statements tell which of them wrote, and read nothing but what changed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.changes.test_random_devices import MAKES, PRELUDE, VIEWS, WRITES
from tests.support.accelerator import accelerator
from tests.support.device_notebook import notebook_on
from tests.support.notebook import Notebook, Report, changes, lines, silent

if TYPE_CHECKING:
    from collections.abc import Iterator

SETUP = """
import torch
x = torch.arange(1.0, 7.0, device="sim").view(2, 3)
y = x[0]
z = x[1]
q = torch.from_dlpack(torch.utils.dlpack.to_dlpack(x.detach()))
u = torch.zeros(5, device="sim")
v = u.data
large = torch.zeros(100000, device="sim")
tail = large[5:]
w = torch.ones(3, device="sim", requires_grad=True)
"""
"""Of what cannot be read off the cell's text, each write is one that the version counter does not see."""


@pytest.fixture
def nb(device: Any) -> Iterator[Notebook]:
    with notebook_on(device, SETUP) as watched:
        yield watched


CELLS = {
    "a = 1\nx.data.add_(1)\nb = 2": {"x": {2}, "y": {2}, "z": {2}, "q": {2}},
    "a = 1\ndevice.add_at(x.data_ptr(), 3, 1.0)\nb = 2": {"x": {2}, "y": {2}, "q": {2}},
    "device.add_at(u.data_ptr(), 3, 1.0)\ndevice.add_at(u.data_ptr(), 3, 0.0)\na = 1": {"u": {1}, "v": {1}},
    "a = x.data\ny.data.add_(1)\na[1].mul_(2)\nb = 2": {"x": {2, 3}, "y": {2}, "z": {3}, "q": {2, 3}, "a": {2, 3}},
    "for i in range(3):\n    a = i\n    v.add_(i)\nx.data.zero_();": {
        **dict.fromkeys(("u", "v"), {3}),
        **dict.fromkeys(("x", "y", "z", "q"), {4}),
    },
    "a = 1\ntail.add_(1);\nb = 3": {"large": {2}, "tail": {2}},
    "def bump(t):\n    t.data.add_(1)\nbump(u)\na = 1\nbump(q)": {
        **dict.fromkeys(("u", "v"), {3}),
        **dict.fromkeys(("x", "y", "z", "q"), {5}),
    },
    "p = torch.ones(4, device='sim')\nr = p.data\na = 1\nr.add_(1)\nb = 3": {"p": {4}, "r": {4}},
    "replay = [lambda: torch.mul(u.data, 2, out=u.data), lambda: x.data.add_(u[:3])]\nu.data.add_(1)\nfor one in replay:\n    one()\na = 1": {
        **dict.fromkeys(("u", "v"), {2, 4}),
        **dict.fromkeys(("x", "y", "z", "q"), {4}),
    },
}


@pytest.mark.parametrize("cell", CELLS)
def test_the_statement_that_wrote_is_told_though_no_counter_saw_it(device: Any, nb: Notebook, cell: str):
    report = nb.run(cell)
    counts = device.counts()

    assert {path: lines(one) for path, one in changes(report, "mutated").items()} == CELLS[cell]
    assert all(one["verified"] for one in report["changes"] if one["kind"] == "mutated")
    assert report["coverage"]["unverified"] == []
    assert counts["waits"] == 0


QUIET = "a = 1\nx.data.mul_(1)\nu.data.add_(0)\nb = x.sum()\nc = 2"


def test_a_quiet_cell_sends_digests_and_a_bit_a_look(device: Any, nb: Notebook):
    report = nb.run(QUIET)

    assert changes(report, "mutated") == {}
    assert device.counts()["to_host"] <= 32 * len(report["tensors"])


HAZARDS = {
    "h = w.exp()\nloss = h.sum()\nh.data.mul_(2)\na = 1": 3,
    "h = w.exp()\nsame = h.data\nloss = h.sum()\nsame.mul_(2)\na = 1": 4,
    "h = w * 2\nloss = (h * h).sum()\na = 1\ndevice.add_at(h.data_ptr(), 3, 1.0)\nb = 1": 4,
}
NONE = ["h = w * 2\nh.data.mul_(2)\nloss = (h * h).sum()\na = 1", "h = w.exp()\nloss = h.sum()\nh.data.mul_(1)\na = 1"]


@pytest.mark.parametrize("cell", HAZARDS)
def test_a_saved_tensor_that_the_same_cell_overwrites_is_a_hazard_of_that_line(nb: Notebook, cell: str):
    (hazard,) = nb.run(cell)["hazards"]

    assert (hazard["code"], hazard["outcome"], hazard["written_at"]["line"]) == ("TW202", "wrong", HAZARDS[cell])


def test_many_saved_tensors_that_the_same_cell_overwrites_are_each_a_hazard(nb: Notebook):
    nb.run("rest = [torch.zeros(3, device='sim') for _ in range(20)]")
    make = "hs = [(w + i / 60).exp() for i in range(60)]\nloss = sum(h.sum() for h in hs)"
    (hazard,) = nb.run(f"{make}\nfor one in [*rest, *hs]:\n    one.data.add_(1)\na = 1")["hazards"]

    assert {*hazard["paths"]} - {"one"} == {f"hs[{i}]" for i in range(60)}


@pytest.mark.parametrize("cell", NONE)
def test_bytes_that_were_saved_after_they_were_written_are_no_hazard(nb: Notebook, cell: str):
    assert "TW202" not in {one["code"] for one in nb.run(cell)["hazards"]}


def test_what_a_busy_device_is_told_of_later_has_its_statement(device: Any, nb: Notebook):
    device.work(1.0)
    nb.run("a = 1\nx.data.add_(1)\nb = 2\nu.data.add_(1)\nc = 3")
    was_busy = device.is_busy()
    while device.is_busy():
        pass
    report = nb.report()

    assert was_busy
    told = {path: lines(one) for path, one in changes(report, "mutated").items()}
    assert told == {**dict.fromkeys("xyzq", {2}), **dict.fromkeys("uv", {4})}
    assert device.counts()["waits"] == 0


def test_after_the_last_look_that_has_room_the_rest_of_the_cell_is_one(nb: Notebook):
    plain = "\n".join(f"a{i} = {i}" for i in range(80))
    report = nb.run(f"a = 1\nv.add_(1)\n{plain}\nfor one in [u.data]: one.add_(1)\nb = 2")

    (first, *rest) = sorted(lines(changes(report, "mutated")["u"]))
    assert (first, {83} <= {*rest}) == (2, True)


def test_a_device_that_fails_in_the_middle_of_a_cell_does_not_disturb_it(device: Any, nb: Notebook):
    try:
        ran = nb.cell("a = 1\nx.data.add_(1)\ndevice.limit(1)\nb = 2\nc = 3")
    finally:
        device.limit(1 << 34)
    report = nb.report()
    nb.run("d = 1")

    assert ran.error is None
    assert {one["why"] for one in report["coverage"]["unverified"]} == {"its device failed, or is out of memory"}
    assert changes(nb.report(), "mutated").keys() == {"x", "y", "z", "q"}


def test_no_look_is_launched_while_the_stream_is_captured(device: Any, nb: Notebook):
    nb.run(
        "a = 1\ndevice.capture(True)\nb = 1\nc = 1\ndevice.counts()\nd = 1\ne = 2\nlaunched = device.counts()['launches']\ndevice.capture(False)\nx.data.add_(1)\nf = 1"
    )

    assert nb.ns["launched"] == 0
    assert {path: lines(one) for path, one in changes(nb.report(), "mutated").items()} == dict.fromkeys("xyzq", {10})


# ---------------------------------------------------------------- the same program on the CPU has the same report

SMALL = [one for one in MAKES if "40000" not in one]
MADE = "b = torch.arange(5, device='sim')"
PLAIN = [one for one in VIEWS if "unfold" not in one]
"""What operators do to elements that overlap themselves differs between devices."""


def statements(rng: random.Random, names: list[str]) -> Iterator[str]:
    for _ in range(rng.randint(2, 5)):
        kind = rng.random()
        if not names or kind < 0.2:
            name, text = rng.choice("abcd"), rng.choice(SMALL)
        elif kind < 0.5:
            name, text = rng.choice("efgh"), rng.choice(PLAIN).format(rng.choice(names))
        else:
            yield rng.choice(WRITES).format(rng.choice(names))
            continue
        names.append(name)
        yield f"{name} = {text}"


def told(report: Report) -> dict[str, Any]:
    return {
        path: (sorted(lines(one)), one["versioned"], one["cause"], path in silent(report), one["born"] is not None)
        for path, one in changes(report, "mutated").items()
        if one["verified"]
    }


ALL_THE_TIME = {"budget_floor": 60.0, "probe_floor": 60.0, "explain_floor": 60.0}
"""Looks on the CPU and on the device that left out different moments would tell different statements."""


def play(cells: list[str]) -> list[dict[str, Any]]:
    found = []
    with Notebook(settings=ALL_THE_TIME) as nb:
        for cell in cells:
            nb.cell(cell)
            found.append(told(nb.report()))
    return found


def same_on_the_cpu(cells: list[str]) -> dict[str, Any]:
    """Return what was told after the last cell, the same on both."""
    here, there = play([PRELUDE, *(one.replace("'sim'", "'cpu'") for one in cells)]), play([PRELUDE, *cells])
    assert here[-1] == there[-1]
    return there[-1]


GIVEN_OTHER_MEMORY = {
    "what the cell made": ("b", ["b = torch.ones(4, device='sim')\nb.data = b.data.clone()\nb.detach().add_(1)\ne = b[1:]"]),
    "what it made in memory of before": ("g", ["a = torch.arange(6.0, device='sim')", "g = a.detach()\ng.data = g.data.clone()\ng.copy_(g.flip(0));"]),
    "a part of what did not change": ("c", ["f = torch.ones(4, device='sim')\nc = f[::2]", "c.data = c.data.clone()\nc.data.neg_();"]),
    "a part, after several statements": ("h", ["a = torch.ones(3, device='sim')\nh = a.detach()[1:]", "a.add_(1);\nbump(a.detach())\na.untyped_storage().fill_(1);\nh.data = h.data.clone()\na += 1"]),
    "the same numbers in another order": (None, ["w = torch.arange(16.0, device='sim').view(4, 4)\nt = w.T", "t.data = t.data.contiguous()"]),
    "many of them": (None, ["w = torch.arange(4e4, device='sim').view(200, 200)\nt = w.T", "t.data = t.data.contiguous()"]),
    "other numbers in the same order of memory": (None, ["w = torch.arange(4e4, device='sim').view(200, 200)", "w.data = w.data.T"]),
    "a part, with equal bytes": (None, ["f = torch.ones(4, device='sim')[1:]", "f.copy_(f.flip(0));\nf.data = f.data.clone()"]),
}  # fmt: skip


@pytest.mark.parametrize("name", GIVEN_OTHER_MEMORY)
def test_what_was_given_other_memory_is_compared_with_what_it_held(name: str):
    accelerator()
    path, cells = GIVEN_OTHER_MEMORY[name]

    assert same_on_the_cpu(cells).keys() - {"a"} == ({path} if path else set())


LEFT = {
    "made, written, let go of": ({"b"}, ["b = torch.arange(5, device='sim')\nbump(b)\nb = b + 1"]),
    "there before, written, let go of": ({"b"}, [MADE, "bump(b)\nb = b + 1"]),
    "and something ran before the end": ({"b"}, [MADE, "bump(b)\nb = b + 1\na = 1"]),
    "a part": ({"b", "c"}, [f"{MADE}\nc = b[1:]", "b[1:].neg_();\nc = c + 1"]),
    "beside the part": ({"b"}, [f"{MADE}\nc = b[1:]", "b[:1].add_(1);\nc = c + 1"]),
    "read by nobody since": (set(), [MADE, "bump(b)\nb = torch.ones(3, device='sim')\ntotal = b + 1"]),
    "written as it was": (set(), [MADE, "b.mul_(1);\nb = b + 1"]),
    "written after it was let go of": ({"kept[0]"}, [f"{MADE}\nkept = [b]", "b = b + 1\nbump(kept[0])"]),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_a_name_led_to_is_told_if_it_was_written_while_it_did_and_read_since(name: str):
    accelerator()
    paths, cells = LEFT[name]

    assert same_on_the_cpu(cells).keys() == paths


@pytest.mark.parametrize("seed", range(8))
def test_a_random_program_has_the_same_report_on_the_cpu(seed: int):
    accelerator()
    rng, names = random.Random(seed), list[str]()
    cells = [PRELUDE, *("\n".join(statements(rng, names)) for _ in range(12))]
    here, there = play([one.replace("'sim'", "'cpu'") for one in cells]), play(cells)

    for count, (expected, actual) in enumerate(zip(here, there, strict=True), start=1):
        assert expected == actual, "\n# ---\n".join(cells[:count])
