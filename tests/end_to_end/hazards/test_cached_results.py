"""What `functools` keeps for all callers of a function, and one of them writes to."""

from __future__ import annotations

import pytest

from tests.support.mending import mend
from tests.support.notebook import Notebook, silent

START = """import functools, numpy as np, torch
@functools.cache
def mask(n):
    return torch.zeros(n)
@functools.lru_cache(maxsize=8)
def waves(n):
    return np.sin(np.arange(n)), [np.cos(np.arange(n))]
class Encoder:
    @functools.lru_cache
    def places(self, n):
        return torch.arange(float(n))
@functools.cache
def scratch(n):
    return torch.empty(n)
@functools.cache
def weight(n):
    return torch.ones(n, requires_grad=True)
def zeros(n):
    return torch.zeros(n)
encoder = Encoder()"""
TOLD = {
    "in the cell that calls it": (["m = mask(4)\nm.add_(1)"], "m", "mask", "m = m.clone()"),
    "in a later cell": (["m = mask(4)", "m.add_(1)"], "m", "mask", "m = m.clone()"),
    "before another call of the cell": (["m = mask(4)\nm.add_(1)\ny = mask(4) * 2"], "m", "mask", "m = m.clone()"),
    "one of several arrays": (
        ["sin, rest = waves(4)\nfor i in range(2): sin += 1"],
        "sin",
        "waves",
        "sin = sin.copy()",
    ),
    "of a method": (["p = encoder.places(3)\np[0] = 1"], "p", "Encoder.places", "p = p.clone()"),
}
QUIET = {
    "a copy": ["m = mask(4).clone()\nm.add_(1)"],
    "what is only read": ["m = mask(4)\nm + 1"],
    "memory that is kept without values": ["m = scratch(4)\nm.zero_()"],
    "a parameter that is trained": ["w = weight(4)\nopt = torch.optim.SGD([w], lr=1)\nw.sum().backward()\nopt.step()"],
    "a parameter that is updated by hand": ["w = weight(4)\nwith torch.no_grad():\n    w -= 1"],
    "what no cache keeps": ["m = zeros(4)\nm.add_(1)"],
    "a result that the cache has let go": ["m = mask(4)\nmask.cache_clear()", "m.add_(1)"],
}


@pytest.mark.parametrize(("cells", "name", "function", "code"), TOLD.values(), ids=TOLD)
def test_a_kept_result_that_is_written_is_told_and_copied_before(cells, name, function, code):
    with Notebook() as nb:
        for cell in (START, *cells):
            nb.run(cell)
        [hazard] = nb.report()["hazards"]
    mended = mend([START, *cells], hazard)
    with Notebook() as nb:
        for cell in mended:
            after = nb.run(cell)

    assert ("TW211", [name], "risk") == (hazard["code"], hazard["paths"], hazard["outcome"])
    assert f"`{name}` is what `{function}` keeps" in hazard["message"]
    assert [code] == [
        one["text"].strip().removeprefix("for i in range(2): ").split(";")[0] for one in hazard["fix"]["edits"]
    ]
    assert [] == after["hazards"]


@pytest.mark.parametrize("cells", QUIET.values(), ids=QUIET)
def test_nothing_is_told_of_what_no_other_caller_gets_or_what_is_meant(cells: list[str]):
    with Notebook() as nb:
        for cell in (START, *cells):
            assert [] == nb.run(cell)["hazards"]


def test_a_write_that_another_variable_tells_is_told_once():
    with Notebook() as nb:
        for cell in (START, "m = mask(4)", "k = mask(4)"):
            nb.run(cell)
        report = nb.run("k.add_(1)")

    assert ({"m"}, []) == (silent(report), report["hazards"])
