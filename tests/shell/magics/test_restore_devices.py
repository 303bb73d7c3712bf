"""`%tensorwatch restore` puts bytes back in the memory of a device, from copies there, and waits for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from IPython.core.error import UsageError

from ipy_tensorwatch.capture.observer import UNCOUNTED
from tests.end_to_end.changes.test_devices import ALL, FAMILY, WRITES
from tests.support.notebook import Notebook, changes, silent

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def nb(device: Any) -> Iterator[Notebook]:
    with Notebook() as watched:
        watched.give(device=device)
        watched.run(FAMILY)
        device.counts()
        yield watched
    device.limit(1 << 34)
    while device.is_busy():
        pass


def bytes_of(nb: Notebook, names: str = "x y xt d q z other") -> dict[str, list[float]]:
    return {name: nb.ns[name].flatten().tolist() for name in names.split()}


def refusal(nb: Notebook, line: str) -> str:
    ran = nb.cell(line)
    assert isinstance(ran.error, UsageError), ran.stdout
    return str(ran.error)


def test_what_any_channel_wrote_is_put_back_for_every_alias(device: Any, nb: Notebook):
    before = bytes_of(nb)
    for write in WRITES:
        nb.run(write.text)
        assert bytes_of(nb) != before, write.text
        device.counts()
        report, counts = nb.run("%tensorwatch restore x"), device.counts()

        assert bytes_of(nb) == before, write.text
        assert (counts["waits"], silent(report)) == (0, set()), write.text
        assert counts["to_host"] <= 32 * len(report["tensors"]), write.text


def test_the_cell_that_restores_names_every_alias_as_written(nb: Notebook):
    nb.run("q.add_(1);")
    report = nb.run("%tensorwatch restore y")

    assert {path: one["cause"] for path, one in changes(report, "mutated").items()} == dict.fromkeys(ALL, "direct")
    assert "restored: y, 12 B" in nb.last.stdout
    assert "changed with it: x, xt, d and 2 more" in nb.last.stdout
    assert nb.ns["x"].tolist() == [[1, 2, 3], [5, 6, 7]]


def test_bytes_between_the_elements_are_left_as_they_are(nb: Notebook):
    nb.run("torn = torch.zeros(24, device='sim')\nodd, cross = torn[::2], torn.as_strided((3, 3), (3, 5))")
    for name, left in (("odd", 12), ("cross", 15)):
        nb.run("torn.fill_(1);")
        nb.run(f"%tensorwatch restore {name}")
        assert nb.ns["torn"].sum().item() == left
        nb.run("torn.zero_();")


def test_each_restore_goes_back_one_change_further_or_to_before_a_given_cell(nb: Notebook):
    nb.run("v = torch.zeros(2, device='sim')")
    for value in (1, 2, 3):
        nb.run(f"v.data.fill_({value});")
    seen = []
    for asked in ("v", "v", "v", "v 7", "v 4"):
        nb.run(f"%tensorwatch restore {asked}")
        seen.append(nb.ns["v"].tolist())

    assert seen == [[2, 2], [1, 1], [0, 0], [2, 2], [1, 1]]


def test_a_graph_that_saved_the_bytes_is_right_again_where_no_version_had_moved(nb: Notebook):
    nb.run("w = torch.ones(3, device='sim', requires_grad=True)\nh = w.exp()\nloss = h.sum()")
    wrong = nb.run("h.data.mul_(2);")
    right = nb.run("%tensorwatch restore h")

    assert (["TW202"], []) == ([one["code"] for one in wrong["hazards"]], right["hazards"])


def test_all_that_a_step_wrote_is_put_back(device: Any, nb: Notebook):
    nb.run("many = [torch.full((5,), float(i), device='sim') for i in range(40)]")
    for cell in ("for one in many: one.data.add_(1)", "many[3].add_(1); many[7].data.add_(1);"):
        nb.run(cell)
    nb.run("%tensorwatch restore many 3")

    assert [one[0].item() for one in nb.ns["many"]] == [*range(40)]


def test_copies_are_few_and_released_with_their_tensors(device: Any, nb: Notebook):
    at_first = device.counts()["held"]
    nb.run("many = [torch.zeros(1 << 14, device='sim') for _ in range(64)]")
    nb.run("a = 1")
    base = device.counts()["held"]
    for i in range(30):
        nb.run(f"many[{i}].add_(1);")
    grown = device.counts()["held"] - base
    nb.run("del many")
    nb.run("a = 2")

    assert grown <= 2 * (64 << 16) + 2 * (30 << 16)
    assert device.counts()["held"] - at_first <= UNCOUNTED + (64 << 16)


def test_no_copies_are_kept_where_memory_is_short(device: Any, nb: Notebook):
    nb.run("x.data.add_(1);")
    device.limit(device.counts()["held"] + (1 << 27))
    nb.run("a = 1")
    device.limit(1 << 34)

    assert refusal(nb, "%tensorwatch restore x") == (
        "x cannot be restored: no copy of its bytes from before cell 2 was kept"
    )


def test_what_cannot_be_put_back_or_is_captured_is_refused_in_one_line(device: Any, nb: Notebook):
    nb.run("large = torch.zeros(100000, device='sim')\nlater = 1")
    nb.run("large.add_(1);")
    nb.run("x.add_(1);")
    told = refusal(nb, "%tensorwatch restore large")
    device.capture(True)
    captured = refusal(nb, "%tensorwatch restore x")
    device.capture(False)
    device.work(0.5)
    nb.run("q.add_(1);")
    busy = refusal(nb, "%tensorwatch restore x")
    counts = device.counts()

    assert told == "large cannot be restored: no copy is kept on its device of storages as large as that of large"
    assert captured == "x cannot be restored: the stream of the device of x is being captured"
    assert busy == "x cannot be restored: the device of x is still working: ask again when it is done"
    assert counts["waits"] == 0


def test_what_a_busy_device_wrote_is_put_back_once_it_is_told(device: Any, nb: Notebook):
    before = bytes_of(nb)
    device.work(0.3)
    nb.run("q.add_(1);")
    while device.is_busy():
        pass
    nb.run("%tensorwatch restore x")

    assert bytes_of(nb) == before


def test_a_device_without_memory_left_writes_nothing(device: Any, nb: Notebook):
    nb.run("q.add_(1);")
    after = bytes_of(nb)
    device.limit(1)
    told = refusal(nb, "%tensorwatch restore x")
    device.limit(1 << 34)

    assert told == "x cannot be restored: the device of x failed, or is out of memory"
    assert bytes_of(nb) == after


def test_nothing_is_restored_while_a_stream_of_the_user_works(device: Any, nb: Notebook):
    nb.run("side = torch.Stream(x.device)")
    nb.run("z.add_(1);")
    nb.run("with side: device.work(0.5)")
    why = refusal(nb, "%tensorwatch restore z")
    was_busy, waits = device.is_busy(), device.counts()["waits"]
    while device.is_busy():
        pass
    nb.run("%tensorwatch restore z")

    assert "still working" in why
    assert (was_busy, waits) == (True, 0)
    assert nb.ns["x"].tolist() == [[1, 2, 3], [4, 5, 6]]
