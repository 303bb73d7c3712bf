"""Random programs on the test accelerator, judged by byte copies: no write is missed, and none is made up."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch

from tests.support.accelerator import accelerator
from tests.support.notebook import Notebook, changes, mutated

PRELUDE = "import torch\nfrom tests.support.guests import lend\ndef bump(t):\n    t += 1\n"
MAKES = [
    "torch.arange(6.0, device='sim').view(2, 3)",
    "torch.arange(8, device='sim')",
    "torch.zeros(4, dtype=torch.bfloat16, device='sim')",
    "torch.arange(6, device='sim') > 2",
    "torch.full((3,), float('nan'), device='sim')",
    "torch.ones(2, 2, dtype=torch.complex64, device='sim')",
    "torch.arange(40000.0, device='sim').view(200, 200)",
    "torch.arange(5, dtype=torch.int16, device='sim')",
]
VIEWS = [
    "{}",
    "{}.data",
    "{}.detach()",
    "{}[0]",
    "{}[1:]",
    "{}[::2]",
    "{}.T",
    "{}.clone()",
    "{}.view(-1)",
    "{}.unfold(0, 2, 1)",
    "lend({})",
]
WRITES = [
    "{0}.add_(1);",
    "{0} += 1",
    "{0}.data.add_(1);",
    "{0}.zero_();",
    "{0}.mul_(1);",
    "{0}.data[0] = 0",
    "{0}.copy_({0}.clone());",
    "bump({0})",
    "bump({0}.detach())",
    "torch.neg({0}, out={0});",
    "{0}.data.neg_();",
    "{0}.untyped_storage().fill_(1);",
    "{0}.copy_({0}.flip(0));",
    "torch.empty(0, dtype={0}.dtype, device='sim').set_({0}.untyped_storage()).zero_();",
    "total = {0}.float().sum()",
    "{0} = {0} + 1",
    "{0}.data = {0}.data.clone()",
]


def statement(rng: random.Random, names: list[str]) -> str:
    kind = rng.random()
    if not names or kind < 0.15:
        return f"{rng.choice('abcdefgh')} = {rng.choice(MAKES)}"
    if kind < 0.45:
        return f"{rng.choice('abcdefgh')} = {rng.choice(VIEWS).format(rng.choice(names))}"
    return rng.choice(WRITES).format(rng.choice(names))


def copies(namespace: dict[str, Any]) -> dict[str, tuple[Any, bytes, int]]:
    """Copy the bytes of every tensor of one letter, with the tensor itself and its version."""
    found = {}
    for name, value in namespace.items():
        if len(name) == 1 and type(value) is torch.Tensor:
            here = value.detach().cpu().resolve_conj().clone(memory_format=torch.contiguous_format).flatten()
            found[name] = value, here.clone().view(torch.uint8).numpy().tobytes(), value._version
    return found


def faults(report: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    same = {name for name in before.keys() & after.keys() if before[name][0] is after[name][0]}
    true = {name for name in same if before[name][1] != after[name][1]}
    told = {path for path in mutated(report) if path in same}
    found = [f"missed {true - told}, made up {told - true}"] if told != true else []
    for path, one in changes(report, "mutated").items():
        if path in true and one["born"] is None:
            moved = before[path][2] != after[path][2]
            found += [] if one["verified"] and bool(one["versioned"]) == moved else [f"{path}: {one}"]
            counted, size = one["elements"]["changed"], before[path][0].element_size()
            found += (
                []
                if counted in (None, _differing(*(side[path][1] for side in (before, after)), size))
                else [f"{path}: {one}"]
            )
    return found


def _differing(old: bytes, new: bytes, size: int) -> int | None:
    """Count the elements that differ; None for another shape, of which nothing is counted."""
    if len(old) != len(new):
        return None
    return sum(old[i : i + size] != new[i : i + size] for i in range(0, len(old), size))


@pytest.mark.parametrize("seed", range(6))
def test_a_report_is_what_the_bytes_say(seed: int):
    device, rng = accelerator(), random.Random(seed)
    with Notebook() as nb:
        nb.run(PRELUDE)
        ran = [PRELUDE]
        for _ in range(20):
            names = [name for name in nb.ns if len(name) == 1 and type(nb.ns[name]) is torch.Tensor]
            cell = "\n".join(statement(rng, names) for _ in range(rng.randint(1, 3)))
            before = copies(nb.ns)
            device.counts()
            nb.cell(cell)
            counts, report = device.counts(), nb.report()
            ran.append(cell)

            assert faults(report, before, copies(nb.ns)) == [], "\n# ---\n".join(ran)
            assert counts["waits"] == 0
            # besides what is there at the end, what the cell made and lost
            assert counts["to_host"] <= 32 * (len(report["tensors"]) + len(cell.splitlines())) or "sum()" in cell
            assert report["coverage"]["unverified"] == []
