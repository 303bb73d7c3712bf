"""Each command in a narrow terminal: no line is wider than it."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

import pytest

from ipy_tensorwatch.render.wording.text_width import width

if TYPE_CHECKING:
    from tests.support.notebook import Notebook

SETUP = """
import torch
class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.self_attention_output_projection = torch.nn.Linear(2, 2)
        self.batch_normalization_of_the_features = torch.nn.BatchNorm1d(2)
    def forward(self, x):
        return self.batch_normalization_of_the_features(self.self_attention_output_projection(x))
model = torch.nn.ModuleDict({'the_encoder_of_images': Block(), 'decoder': Block()})
opt = torch.optim.SGD(model.parameters(), lr=0.1)
checkpoint_with_the_best_validation_accuracy = model.state_dict()
変数の長い名前 = torch.zeros(4, 4)
変数の長い名前の別名 = 変数の長い名前[1:, ::2]
w = torch.ones(3, requires_grad=True)
activations_of_the_hidden_layer = w.exp()
loss = activations_of_the_hidden_layer.sum()
"""
CELLS = [
    "model['the_encoder_of_images'](torch.ones(4, 2)).sum().backward()\nopt.step()",
    "変数の長い名前の別名 += 1; 変数の長い名前の別名.mul_(2.0); activations_of_the_hidden_layer.detach().add_(0.125)",
    "loss.backward()",
    "%%tensordiff --all\n変数の長い名前.add_(1)\nmodel['decoder'].self_attention_output_projection.weight.data.mul_(0.999)",
]
PATH = "model['the_encoder_of_images'].self_attention_output_projection.weight"
COMMANDS = [
    "", "status", "config", "config budget_floor", "history", f"why {PATH}", "why 変数の長い名前", f"blame {PATH}",
    "blame checkpoint_with_the_best_validation_accuracy", "restore 変数の長い名前", "freeze model 変数の長い名前", "frozen",
    "thaw", "help",
]  # fmt: skip
HELPS = [
    f"{one} --help" for one in ("why", "history", "freeze", "thaw", "frozen", "blame", "restore", "config", "status")
]
DIFFS = ["%tensordiff", "%tensordiff --help", "%tensordiff 変数の長い名前 変数の長い名前の別名", "%tensordiff w loss"]
ALL = [*CELLS, *(f"%tensorwatch {one}" for one in [*COMMANDS, *HELPS]), *DIFFS]

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
TRACEBACK = re.compile(r"^Traceback .*?^RuntimeError: [^\n]*$", re.MULTILINE | re.DOTALL)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", [60, 80])
def test_no_line_is_wider_than_the_terminal(notebook: Notebook, monkeypatch: pytest.MonkeyPatch, columns: int):
    monkeypatch.setenv("COLUMNS", str(columns))
    notebook.cell(SETUP)
    wide, silent = {}, []
    for cell in ALL:
        with redirect_stdout(Terminal()) as told:
            notebook.shell.run_cell(cell, store_history=True)
        text = TRACEBACK.sub("", COLOUR.sub("", told.getvalue()))
        wide[cell] = [line for line in text.splitlines() if width(line) > columns and "Out[" not in line]
        silent += [cell] if not text.strip() else []

    assert {cell: lines for cell, lines in wide.items() if lines} == {}
    assert silent == []
