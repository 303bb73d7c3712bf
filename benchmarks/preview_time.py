"""Measure previews of a cell of 60 lines with 1,000 tensors: `python -m benchmarks.preview_time`.

Each figure is the shortest CPU time of the thread over several keystrokes. `stress`: a training loop whose 107
parameters and buffers a kept state dict shares. `plain`: a model, lists and a few lines that write.
"""

from __future__ import annotations

import gc
from time import thread_time
from typing import TYPE_CHECKING

import ipy_tensorwatch
from benchmarks.shell import open_shell
from ipy_tensorwatch.shell import extension

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

REPEATS = 15
_STATE = """
import copy, torch
from torch import nn
torch.manual_seed(0)
def block(): return nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU())
model = nn.Sequential(*[block() for _ in range(15)], nn.Linear(8, 2))
opt = torch.optim.Adam(model.parameters())
loss_fn, history, epoch = nn.CrossEntropyLoss(), [], 0
data = [(torch.randn(4, 8), torch.randint(0, 2, (4,))) for _ in range(200)]
kept = [torch.randn(3, 3) for _ in range(420)]
x = torch.arange(12.0).reshape(3, 4); y, flat, rows = x.T, x.view(-1), [row for row in x]
views = [x[:1], x[1:], x[:, 1:], x[..., :2]]
def fit(inputs, labels):
    opt.zero_grad()
    loss = loss_fn(model(inputs), labels)
    loss.backward()
    opt.step()
    return loss.item()
def accuracy(inputs, labels):
    with torch.no_grad():
        return (model(inputs).argmax(1) == labels).float().mean().item()
fit(*data[0])
"""
_LOOP = """
best = model.state_dict()
losses, scores = [], []
for epoch in range(10):
    total = 0.0
    for inputs, labels in data:
        opt.zero_grad()
        output = model(inputs)
        loss = loss_fn(output, labels)
        loss.backward()
        opt.step()
        total += loss.item()
    losses.append(total / len(data))
    score = accuracy(*data[0])
    scores.append(score)
    if score >= max(scores):
        best_epoch = epoch
    print(epoch, losses[-1], score)
"""
_WRITES = """
x.add_(1)
y.mul_(2)
x[0] = 3
"""
_PLAIN = """
inputs = torch.stack([one for one, _ in data[:8]])
labels = torch.stack([one for _, one in data[:8]])
mean, std = inputs.mean(), inputs.std()
normal = (inputs - mean) / std
with torch.no_grad():
    output = model(normal[0])
    chances = output.softmax(-1)
    guess = chances.argmax(-1)
    right = (guess == labels[0]).float().mean().item()
names = [name for name, _ in model.named_parameters()]
sizes = {name: one.numel() for name, one in model.named_parameters()}
"""
_FILL = """
scale_{0} = 0.1 * {0}
part_{0} = kept[{0}] * scale_{0}
print(part_{0}.mean().item())
"""


def cell_of(body: str) -> str:
    """Return a cell of 60 lines."""
    lines = body.strip().split("\n")
    number = 0
    while len(lines) < 60:
        lines += _FILL.format(number).strip().split("\n")
        number += 1
    return "\n".join(lines[:59]) + "\nfinal = kept[0].sum()"


CELLS = {"stress": cell_of(_LOOP + _WRITES), "plain": cell_of(_PLAIN + _WRITES), "quiet": cell_of(_PLAIN)}


def keystrokes(source: str, line: int) -> Iterator[str]:
    """Yield a cell while the number at the end of one of its lines is typed."""
    lines = source.split("\n")
    for number in range(REPEATS):
        indent = lines[line][: len(lines[line]) - len(lines[line].lstrip())]
        yield "\n".join([*lines[:line], f"{indent}typed = {number + 100}", *lines[line:]])


def shortest(sources: Iterable[str], *, forget: bool = False) -> float:
    """Return the shortest time of a preview, in milliseconds; `forget` drops all that the last one left."""
    previewer = extension._loaded[0].previewer
    times = []
    for source in sources:
        if forget:
            previewer._kept = None
        start = thread_time()
        ipy_tensorwatch.preview(source)
        times.append(thread_time() - start)
    return 1000 * min(times)


def main() -> None:
    """Print the times."""
    shell = open_shell(watch=True)
    shell.run_cell(_STATE)
    gc.collect()
    tensors = len(ipy_tensorwatch.report().tensors)
    for name, source in CELLS.items():
        ipy_tensorwatch.preview("epoch")
        firsts = []
        for _ in range(5):
            shell.run_cell("epoch = 0")
            firsts.append(shortest([source]))
        first = min(firsts)
        told = ipy_tensorwatch.preview(source)
        print(f"{name}: {tensors} tensors, {len(told.changes)} changes, first after a report {first:.1f} ms")
        places = {"last line": 59, "middle": 30, "first line": 0, "in the loop": 8}
        for place, line in places.items():
            print(f"  {place:12} {shortest(keystrokes(source, line)):6.1f} ms")


if __name__ == "__main__":
    main()
