"""Golden files: the messages for a few notebooks, checked by pytest and drawn by the JavaScript tests.

`python -m tests.support.golden` writes them again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ipy_tensorwatch.shell import extension
from tests.support.frontend import watched
from tests.support.notebook import Notebook

FOLDER = Path(__file__).parents[1] / "stories" / "golden"

STORIES = {
    "views": [
        "import torch\nx = torch.zeros(2, 3)\ny = x.detach()\nrow = x[0]\ncol = x[:, 1]",
        "y.add_(1)",
        "row.mul_(3)\ndel col",
        "x = x + 1",
    ],
    "numpy": [
        "import numpy as np, torch\nimg = np.zeros(1024, dtype='float32')\nt = torch.from_numpy(img)[256:]",
        "t += 1",
        "img[::2] = 7",
        "flipped = img[::-1]\nflipped[:4] = 2",
    ],
    "layouts": [
        "import torch\nbig = torch.zeros(64, 64)\ncolumn = big[:, 7]\ncorner = big[1:3, 1:3]",
        "once = torch.ones(3, 1)\nmany = once.expand(3, 5)\nwindows = torch.arange(6.).unfold(0, 3, 1)",
        "big[:, 7] = 1",
        "empty = big[:0]\nscalar = big[0, 0]\nscalar.fill_(5)",
    ],
    "training": [
        "import torch\n_ = torch.manual_seed(0)\nmodel = torch.nn.Sequential(*[torch.nn.Linear(2, 2) for _ in range(3)])",
        "best = model.state_dict()\nopt = torch.optim.SGD(model.parameters(), lr=0.1)",
        "model(torch.ones(1, 2)).sum().backward()\nopt.step()",
        "opt.zero_grad()",
    ],
    "inside": [
        "import torch\n\ndef scale(t):\n    t.div_(255)\n    return t",
        "img = torch.full((4,), 255.)\nkept = [img, img.view(2, 2)]",
        "%%tensordiff\nsmall = scale(img)",
        "small[0] = 9\n1 / 0",
    ],
    "names": [
        "import torch\nd = {'<b>bold</b>': torch.zeros(1), '\"quoted\"': torch.zeros(1), 'long ' * 40: torch.zeros(1)}",
        "alias = d['<b>bold</b>']\nother = d['\"quoted\"'].view(1)",
        "alias += 1\nother += 1",
        "変数 = torch.zeros(2)\n像 = 変数[:1]\n像 += 1",
    ],
    "hazards": [
        "import torch\nw = torch.ones(3, requires_grad=True)\nh = w * 2\nloss = (h * w).sum()",
        "c = h.detach()\nc[0] = 0",
        "loss = (h * w).sum()",
        "k = w * 3\ntotal = (k * w).sum()",
        "k.data[1] = 5",
        "a, b = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)\n(a[None] + b[None]).pow(2).sum().backward()",
        "v = torch.ones(2, requires_grad=True)\nkept = v * v\nopt = torch.optim.SGD([v], lr=0.1)\nv.sum().backward()\nopt.step()",
        "1 + 1",
    ],
}


def play(cells: list[str]) -> dict[str, Any]:
    """Run a notebook; return its messages and the whole report after every cell."""
    feed, front = watched()
    reports: list[dict[str, Any]] = []
    with Notebook() as notebook:
        for number, cell in enumerate(cells):
            notebook.cell(cell)
            report = extension._loaded[0].watcher.report
            feed.publish(report, f"cell-{number}")
            reports.append(report.to_dict())
    return _settled({"cells": cells, "messages": front.messages[1:], "reports": reports})


def _settled(story: dict[str, Any]) -> dict[str, Any]:
    """Replace values that differ between runs by fixed ones: addresses, seconds, and sequence numbers of nodes."""
    nodes = sorted({one["node"] or 0 for report in story["reports"] for one in report["hazards"]} | {0})
    for report, message in zip(story["reports"], story["messages"], strict=True):
        body = message["body"]
        for cell in (report["cell"], body["cell"]):
            cell["duration"] = cell["overhead"] = 0.001
        shifts = _shifts(report["tensors"])
        for hazard in report["hazards"]:
            hazard["node"] = hazard["node"] and nodes.index(hazard["node"])
        for one in report["tensors"]:
            one["data_ptr"] = one["data_ptr"] and one["data_ptr"] + shifts[one["storage"]]
        address, storage = (body["fields"].index(name) for name in ("data_ptr", "storage"))
        for _, _, put in body["tensors"]:
            for row in put:
                row[address] = row[address] and row[address] + shifts[row[storage]]
    return story


def _shifts(tensors: list[dict[str, Any]]) -> dict[int, int]:
    """Return the shift of each storage in bytes that makes a block's address follow from its oldest serial."""
    told = [one for one in tensors if one["data_ptr"]]
    spans = {one["storage"]: _begin(one) for one in told}
    ends = {serial: max(_begin(one) + one["span"][1] for one in told if one["storage"] == serial) for serial in spans}
    shifts: dict[int, int] = {}
    block: list[int] = []
    for storage in sorted(spans, key=lambda serial: (spans[serial], serial)):
        if block and spans[storage] >= max(ends[one] for one in block):
            block = []
        block.append(storage)
        for one in block:
            shifts[one] = (min(block) << 20) - spans[block[0]]
    return shifts


def _begin(tensor: dict[str, Any]) -> int:
    """Return the address of the storage's first byte."""
    reach = [
        (size - 1) * stride * tensor["itemsize"]
        for size, stride in zip(tensor["shape"], tensor["strides"], strict=True)
    ]
    return tensor["data_ptr"] + sum(one for one in reach if one < 0) - tensor["span"][0]


def main() -> None:
    """Write all golden files."""
    FOLDER.mkdir(exist_ok=True)
    for name, cells in STORIES.items():
        (FOLDER / f"{name}.json").write_text(json.dumps(play(cells), indent=1, ensure_ascii=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
