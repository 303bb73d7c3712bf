"""Names that a cell binds to something made of what they led to before."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.statements.carried_names import carried_names

CARRIED = {
    "ema = {k: 0.9 * v for k, v in ema.items()}": {"ema"},
    "for p in net.parameters():\n    ema = 0.9 * ema + p": {"ema"},
    "with torch.no_grad():\n    ema, n = update(ema, net), 1": {"ema"},
    "new = ema * 0.9\nema = new": {"ema"},
    "x = draw()\nx = x.float()": set(),
    "x, it = next(it)": {"it"},
    "x = torch.rand(2)": set(),
}


@pytest.mark.parametrize("source", CARRIED)
def test_a_name_is_carried_if_its_new_value_is_made_of_the_old_one(source):
    assert carried_names(source) == CARRIED[source]


def test_so_are_the_globals_that_a_function_binds_anew():
    functions = [
        "def average():\n    global ema, x\n    ema = ema * 0.9\n    x = draw()",
        "def other():\n    ema = ema + 1",
    ]

    assert carried_names("average()", functions) == {"ema"}
    assert carried_names("other()", functions[1:]) == set()
