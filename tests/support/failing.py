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
    "refused_writes": [
        START
        + "act = nn.ReLU(inplace=True)\ndef clear(x):\n    x.zero_()\ndef scale(rows):\n    for row in rows:\n        row.mul_(2)\n"
        "def both(x):\n    return [row.mul_(k) for row, k in zip(x, [2, 3])]\ndef grown(n):\n    grid = torch.zeros(3).expand(n, 3)\n    grid += 1\n"
        "class Adds(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.weight = nn.Parameter(torch.zeros(2))\n"
        "    def forward(self, x):\n        return self.weight.add_(x)\nadds = Adds()\n"
        "class Double(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n        x.mul_(2)\n        ctx.mark_dirty(x)\n        return x\n"
        "class Flat(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n        return x.view(-1)",
        "w[0] = 5",
        "v = w[:2]\nv.zero_()",
        "for p in adds.parameters():\n    p -= 0.1",
        "adds(torch.ones(2))",
        "y = act(w)",
        "y = nn.functional.relu(w, inplace=True)",
        "y = Double.apply(w)",
        "h = w * 2\nv = Flat.apply(h)\nv.add_(1)",
        "for row in adds.weight:\n    row.mul_(2)",
        "h = torch.stack([w, w]) * 1\nfor row, s in zip(h, (2, 3)):\n    row.mul_(s)",
        "scale(h)",
        "both(h)",
        "a, b = h.unbind(0)\nh.add_(1)",
        "y = a * 2",
        "h = w * 2\nwith torch.no_grad():\n    v = h.view(-1)",
        "v.add_(1)",
        "h.add_(1)\ny = v + 1",
        "with torch.inference_mode():\n    v = h.view(-1)\n    y = torch.ones(3)\nv.add_(1)",
        "y.add_(1)",
        "v = h[0]\nv.detach_()",
        "torch.add(h, 1, out=h)",
        "grown(2)",
        "y = torch.arange(5.0)\ny[1:] = y[:-1]",
        "v = y[:-1]\ny[1:].add_(v)",
    ],
    "stopped_backwards": [
        START
        + "from torch.utils.checkpoint import checkpoint\nact, drop = nn.ReLU(inplace=True), nn.Sequential(nn.Softmax(-1), nn.Dropout(0.5, inplace=True))\n"
        "class Net(nn.Module):\n    def forward(self, x):\n        y = torch.sigmoid(x)\n        y += x\n        return y\nnet = Net()\n"
        "def double(x):\n    y = x.exp()\n    return y.mul_(2)",
        "h = w * 2\nh.add_(1)\nloss = (h * h).sum()\nh *= 2\nloss.backward()",
        "h = w * 2\nloss = (h[:2] * h[:2]).sum()\nlast = h[2:]\nlast.zero_()\nloss.backward()",
        "h = torch.sigmoid(w)\nh += 1\nh = h * 3\nh.sum().backward()",
        "h = torch.sigmoid(w).add_(1)\nh.sum().backward()",
        "net(w).sum().backward()",
        "h = torch.sigmoid(w - 2)\nloss = (act(h) + h).sum()\nloss.backward()",
        "loss = drop(w).sum()\nloss.backward()",
        "loss = double(w).sum()\nloss.backward()",
        "h = w * 2\nloss = checkpoint(lambda x: x * x, h, use_reentrant=False).sum()",
        "h.add_(1)",
        "loss.backward()",
        "h = w * w\nloss, = torch.autograd.grad((h ** 3).sum(), w, create_graph=True)\nh.mul_(2)\ntorch.autograd.grad(loss.sum(), w)",
        "%%time\nh = w * 2\nloss = (h * h).sum()\nh.add_(1)\nloss.backward()",
        "h = w * 2\nloss = (h * h).sum()\nh.add_(1)\ntry:\n    loss.backward()\nexcept RuntimeError as error:\n    raise ValueError('no luck') from error",
        "xs = [w * 2, w * 3]\nloss = (xs[0] * xs[1]).sum()\nxs[1][0] = 5\nloss.backward()",
        "h = w.exp()\nloss = h.sum()\nc = h.detach().numpy()",
        "c *= 2\nh.data.add_(1)\nh += 0\nloss.backward()",
    ],
    "freed_graphs": [
        START
        + "rnn = nn.RNNCell(3, 3)\nx, h, state = torch.ones(1, 3), None, (torch.zeros(1, 3),)\ndef run(loss):\n    loss.backward()\n"
        "class Keeps(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.cell, self.hidden = nn.RNNCell(3, 3), torch.zeros(1, 3)\n"
        "    def forward(self, x):\n        self.hidden = self.cell(x, self.hidden)\n        return self.hidden\nnet = Keeps()",
        "for step in range(3):\n    h = rnn(x, h)\n    run(h.sum())",
        "for step in range(3):\n    state = (rnn(x, state[0]),)\n    loss = state[0].sum()\n    loss.backward()",
        "for step in range(3):\n    loss = net(x).sum()\n    loss.backward()",
        "total = w.exp()\nfor step in range(3):\n    loss = (total * step).sin().sum()\n    loss.backward()",
        "loss = w.exp().sum()\nloss.backward()\nloss.backward()",
        "h = w.exp()\nloss, other = (h * 2).sin().sum(), (h * 3).sin().sum()\nloss.backward()",
        "other.backward()",
    ],
    "stopped_later": [
        START + "def grow(t):\n    t = t.view(-1)\n    t.add_(1)\ndef twice(t):\n    grow(t)\n    t.mul_(2)\n"
        "def train(n):\n    for i in range(n):\n        k = w * 2\n        loss = (k * k).sum()\n        v = k.view(-1)\n        v.add_(1)\n    loss.backward()\n"
        "def saves():\n    return (h * h).sum()\ndef both(x):\n    y = torch.tanh(x)\n    z = torch.exp(y)\n    z.add_(1)\n    y += 1\n    return y * z\n"
        "act = nn.Sequential(nn.Tanh(), nn.ReLU(inplace=True))",
        "h = w * 2\nloss = (h * h).sum()",
        "h.add_(1)\nh.mul_(2)",
        "loss.backward()",
        "h = w * 2\nloss = (h * h).sum()\nc = h.detach()",
        "k = 1\nc[0] = 0\nc[1] = 1",
        "h.zero_()\nloss.backward()",
        "h = w * 2\nloss = (h * h).sum()",
        "h.detach_()",
        "loss.backward()",
        "h = w.exp()\nloss = h.sum()",
        "with torch.no_grad():\n    h.mul_(2)\n    h.add_(1)",
        "loss.backward()",
        "h = w * 2\nloss = saves()\ngrow(h)\nloss.backward()",
        "h = w * 2\nloss = saves()",
        "twice(h)",
        "loss.backward()",
        "h = w * 2\nloss = (h * h).sum()\nh.add_(1)\nh = 0\nloss.backward()",
        "h = w * 2\nk = h\nloss = (h * h).sum()\nh = None\nk.mul_(2)\nk = None\nloss.backward()",
        "h = w * 2\nh.mul_(h.detach())\nh.sum().backward()",
        "h = torch.ones(3)\nfor i in range(3):\n    h = h * w\n    loss = (h * h).sum()\n    h.add_(1)\n    if i:\n        loss.backward()",
        "train(2)",
        "both(w).sum().backward()",
        "k = act(w)\nk = k * 2\nk.sum().backward()",
        "%%tensordiff\nh = w * 2\nloss = (h * h).sum()\ngrow(h)\nh.add_(1)",
        "loss.backward()",
    ],
    "more_stopped_backwards": [
        START + "def grow(t):\n    t.add_(1)\n    return t",
        "h = w * 2\nloss = (h * h).sum()\ndef later():\n    h.add_(1)\n    return loss",
        "import threading\nt = threading.Thread(target=later); t.start(); t.join()\nloss.backward()",
        "%time h = w * 2\n%time loss = (h * h).sum()\nh.add_(1)\nloss.backward()",
        "y = torch.sigmoid(w)\nz = y * 2",
        "y += 1\ny = 0",
        "z.sum().backward()",
        "y = torch.tanh(w)\nz = (y * 2).sum()",
        "y += 1\ny = 0",
        "z.backward()",
        "import threading\nh = w * 2\nloss = (h * h).sum()\nh.add_(1)",
        "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(1) as pool:\n    pool.submit(loss.backward).result()",
        "h = w * 2\nd = h.detach()\nloss = (h * h).sum()",
        "k = 1\nd.add_(1)\nh.add_(1)",
        "d.mul_(2)\nloss.backward()",
        "def train():\n    h = w * 2\n    loss = (h * h).sum()\n    grow(h)\n    loss.backward()",
        "train()",
        "def train(h):\n    loss = (h * h).sum()\n    h.add_(1)\n    return loss\nh = w * 2",
        "loss = train(h)",
        "loss.backward()",
        "k = torch.zeros(3)\ny = torch.sigmoid(w)\nv = y\nk.add_(1)\nv += 1\ny = v * 3\nv = None\ny.sum().backward()",
        "act = nn.ReLU(inplace=True)\ndef fwd(x):\n    y = torch.tanh(x)\n    y.add_(1)\n    return act(y)\nloss = fwd(w).sum()",
        "loss.backward()",
        "y = torch.exp(w)\ny = y.sub_(1)\nk = y\ny = 0\nk.sum().backward()",
        "def train():\n    h = w * 2\n    loss = (h * h).sum()\n    h.add_(1)\n    h.mul_(2)\n    loss.backward()",
        "train()",
        "y = torch.sigmoid(w)\nz = y\ny = y * 1\nz.add_(1)\nz = None\ny.sum().backward()",
        "h = w * 2\nloss = (h * h).sum()",
        "%%tensordiff\ngrow(h)",
        "loss.backward()",
        "h = w.exp()\nfor i in range(2):\n    g = h * i\n    loss = g.sin().sum()\n    loss.backward()",
        "h = w.exp()\nloss = h.sum()\nother = (h * h).sum()",
        "loss.backward()\nother.backward()",
        "h = w * 2\nloss = (h * h).sum()",
        "with torch.no_grad():\n    h.add_(1)",
        "del h",
        "loss.backward()",
        "y = w * 2\nk = (y * y).sum()",
        "old = torch.ones(3)\nold.mul_(2)\nwith torch.no_grad():\n    y.mul_(2)\ny = None",
        "k.backward()",
        "h = w * 2\nloss = (h * h).sum()\nfor i in range(2):\n    h.data.mul_(2)\n    with torch.no_grad():\n        h.add_(1)\nloss.backward()",
        "h = w * 2\nloss = (h * h).sum()",
        "%time h.mul_(2)",
        "loss.backward()",
    ],
    "more_refused_writes": [
        START + "def grow(t):\n    t.add_(1)\n    return t",
        "net = nn.Sequential(nn.Dropout(0.5, inplace=True), nn.ReLU(inplace=True))\nk = net(w)",
        "h = torch.stack([w, w]) * 1\na, b = h.unbind(0)\nh.add_(1)\nh.mul_(2)\ny = b * 2",
        "h = torch.stack([w, w]) * 1\nfor row in h:\n    row *= 2",
        "f = lambda t: t.add_(1)\nf(w)",
        "a, b = (torch.stack([w, w]) * 1).unbind(0)\na.mul_(2)",
        "h = torch.stack([w, w]) * 1\ng = torch.stack([w, w]) * 1\n[a.add_(b) for a, b in zip(h, g)]",
        "k = torch.ones(3)\nwith torch.inference_mode():\n    y = torch.ones(3)\ny.add_(k)",
        "k.add_(y); y.mul_(k)",
    ],
}
