"""What is frozen stays what it is, through whichever alias somebody writes, and costs nothing where nothing is."""

from __future__ import annotations

import pytest
import torch

from ipy_tensorwatch import FrozenError
from tests import oracle
from tests.notebook import Notebook
from tests.test_channels import CHANNELS, FAMILY, INFERENCE, NORM, Channel

UNSEEN = {
    "data is replaced",
    "NumPy array",
    "NumPy out=",
    "NumPy augmented",
    "NumPy copyto",
    "NumPy method",
    "numpy()",
    "asarray",
    "__array__",
    "NumPy DLPack",
    "memoryview",
    "ctypes",
    "map_",
    "apply_",
}
"""The channels that PyTorch's dispatcher does not see."""

FREEZABLE = [one for one in CHANNELS if one.setup != INFERENCE]


def frozen_in(channel: Channel) -> str:
    return {FAMILY: "x", NORM: "norm"}.get(channel.setup, "p")


def differing(nb: Notebook, before: dict) -> set[str]:
    return set(oracle.compare(before, oracle.walk(nb.ns)).mutated)


@pytest.mark.parametrize("channel", FREEZABLE, ids=lambda c: c.name)
def test_no_channel_writes_to_what_is_frozen(notebook: Notebook, channel: Channel):
    notebook.run(channel.setup)
    before = oracle.copies(notebook.ns)
    notebook.cell(f"%tensorwatch freeze {frozen_in(channel)}")
    ran = notebook.cell(channel.write)

    assert isinstance(ran.error, FrozenError), ran.error
    assert differing(notebook, before) & channel.changed.keys() == set()
    ends = "its bytes have been put back" if channel.name in UNSEEN else "would write to it"
    assert str(ran.error).endswith(ends)
