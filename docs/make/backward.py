"""What a write to a saved tensor does to backward, under PyTorch alone, its own tools and ours; all of it is run."""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.graph import allow_mutation_on_saved_tensors

import ipy_tensorwatch

from .sessions import open_shell

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    Tool = Callable[[], AbstractContextManager[Any]]

SETTING = "import torch\nw = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)\nh = w * 2\nloss = (h * h).sum()"
WRITES = (
    "h.add_(1)",
    "h.detach().add_(1)",
    "h[1:].mul_(10)",
    "h.data.add_(1)",
    "h.detach().numpy()[:] = 0",
    "torch.from_dlpack(h.detach()).zero_()",
)
HEAD = (
    "write to `h`",
    "PyTorch alone",
    "anomaly mode",
    "`allow_mutation…`",
    "tensorwatch, before backward",
)
WORDS = {"raises": "will raise", "wrong": "gradients will be wrong"}


def backward_table() -> str:
    """Try each write under each tool."""
    rows = [HEAD, ("---",) * len(HEAD), *(_row(write) for write in WRITES)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(write: str) -> tuple[str, ...]:
    tools = nullcontext, _anomaly_mode, allow_mutation_on_saved_tensors
    return f"`{write}`", *(_try(write, tool) for tool in tools), _foretold(write)


def _anomaly_mode() -> AbstractContextManager[Any]:
    return torch.autograd.detect_anomaly(check_nan=False)


def _try(write: str, tool: Tool) -> str:
    """Write under a tool, and go backward."""
    names: dict[str, Any] = {}
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with tool():
            exec(compile(f"{SETTING}\n{write}", "<cell>", "exec"), names)  # noqa: S102  (our own lines)
            try:
                names["loss"].backward()
            except RuntimeError:
                saving = any('File "<cell>", line 4' in str(one.message) for one in warned)
                return "raises" + (", tells the line that saved" if saving else "")
    return "right" if torch.equal(names["w"].grad, names["w"].detach() * 8) else "**silently wrong**"


def _foretold(write: str) -> str:
    """Say what the report tells before backward runs: what will happen, to which variable, through which line."""
    with open_shell() as run:
        for cell in ("%load_ext ipy_tensorwatch", SETTING, write):
            run(cell)
        [hazard] = ipy_tensorwatch.report().hazards
    told = hazard.written_at is not None and (hazard.written_cell, hazard.written_at.text) == (3, write)
    return f"{WORDS[hazard.outcome]}: `{hazard.paths[0]}`" + (", tells both lines" if told and hazard.saved_at else "")
