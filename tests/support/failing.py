"""Notebooks whose last cell raises one of PyTorch's errors about an in-place write or a freed graph."""

from __future__ import annotations

START = (
    "import torch\nfrom torch import nn\ntorch.manual_seed(0)\nw = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)\n"
)
FAILING = {
    "through_an_alias": [START + "h = w * 2\nloss = (h * h).sum()", "c = h.detach()\nc[0] = 0", "loss.backward()"],
    "buffer_filled_in_a_loop": [
        START
        + "x = torch.zeros(3)\nloss = 0\nfor i in range(3):\n    x.detach_()\n    x.copy_(w * i)\n    loss = loss + (x * x).sum()\nloss.backward()"
    ],
    "local_to_a_function": [
        START + "def train():\n    h = w * 2\n    loss = (h * h).sum()\n    h.add_(1)\n    loss.backward()",
        "train()",
    ],
    "detached_later": [START + "h = w * 2\nloss = (h * h).sum()", "h.detach_()\nloss.backward()"],
    "recorded_write": [
        START + "xs = [w * 2]\nloss = (xs[0] ** 2).sum()",
        "%%tensordiff\nwith torch.no_grad():\n    for i in range(2):\n        if i:\n            xs[0].mul_(2)\n        else:\n            xs[0].add_(1)",
        "loss.backward()",
    ],
    "step_before_backward": [
        START
        + "net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1))\nopt = torch.optim.SGD(net.parameters(), 0.1)\nloss = net(w).sum()",
        "other = net(w * 2).sum()\nother.backward()\nopt.step()",
        "loss.backward()",
    ],
    "state_as_a_tuple": [
        START
        + "cell = nn.LSTMCell(3, 3)\nopt = torch.optim.SGD(cell.parameters(), 0.1)\nh, c = torch.zeros(1, 3), torch.zeros(1, 3)\nstate = (h, c)",
        "for i in range(3):\n    state = cell(w.detach().view(1, 3), state)\n    loss = state[0].sum()\n    loss.backward(retain_graph=True)\n    opt.step()",
    ],
    "leaf_in_a_function": [START + "def clamp(t):\n    t.clamp_(0, 1)\n    return t", "clamp(w)"],
    "row_of_a_loop": [START + "h = torch.ones(2, 3) * w", "for row in h:\n    row.mul_(2)"],
    "row_of_a_comprehension": [START + "h = torch.ones(2, 3) * w", "[row.mul_(2) for row in h]"],
    "item_of_a_tuple": [START + "h = torch.ones(2, 3) * w\nparts = h.unbind()", "parts[0].mul_(2)"],
    "inplace_module": [START + "net = nn.Sequential(nn.ReLU(inplace=True))", "net(w)"],
    "expanded_rows": ["import torch\nbase = torch.arange(3.0)\nrows = base.expand(2, 3)", "rows.add_(1)"],
    "under_time": [START, "%%time\nw.add_(1)"],
    "second_backward": [START + "loss = (w * w).sum()", "loss.backward()", "loss.backward()"],
    "state_carried_on": [
        START + "rnn = nn.RNNCell(3, 3)\nh = torch.zeros(1, 3)",
        "for i in range(2):\n    h = rnn(w.detach().view(1, 3), h)\n    loss = h.sum()\n    loss.backward()",
    ],
    "state_carried_in_a_function": [
        START
        + "rnn = nn.RNNCell(3, 3)\ndef train(n):\n    h = torch.zeros(1, 3)\n    for i in range(n):\n        h = rnn(w.detach().view(1, 3), h)\n        h.sum().backward()",
        "train(2)",
    ],
}
