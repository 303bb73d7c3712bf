"""Notebooks whose saved traces notice rules that no other saved trace notices: found by switching each rule off."""

from __future__ import annotations

NOTICED: dict[str, list[str]] = {
    "optimizer_of_a_function": [
        "import copy, torch\nfrom torch import nn\ntorch.manual_seed(0)\ndef make(out=2): return nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, out))\ndef trainable(net): return [p for p in net.parameters() if p.requires_grad]\nx = torch.ones(3, 4)\nnet = make()",
        "\ndef fit(net, head=None):\n    opt = torch.optim.SGD(net.parameters(), lr=0.1)\n    if head is not None: net[2] = head\n    for _ in range(2):\n        opt.zero_grad(); net(x).square().sum().backward(); opt.step()\ndef stepper(net):\n    inner = torch.optim.SGD(net.parameters(), lr=0.1)\n    def step(net):\n        inner.zero_grad(); net(x).square().sum().backward(); inner.step()\n    return step\ndef attack(net):\n    delta = torch.zeros_like(x, requires_grad=True)\n    opt = torch.optim.SGD([delta], lr=0.1)\n    net(x + delta).sum().backward(); opt.step()\nstep = stepper(net)\nstep(net)\n",
        "fit(net, nn.Linear(4, 3))",
        "1 + 1",
    ],
    "optimizer_of_a_function_again": [
        "import copy, torch\nfrom torch import nn\ntorch.manual_seed(0)\ndef make(out=2): return nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, out))\ndef trainable(net): return [p for p in net.parameters() if p.requires_grad]\nx = torch.ones(3, 4)\nnet = make()",
        "\ndef fit(net, head=None):\n    opt = torch.optim.SGD(net.parameters(), lr=0.1)\n    if head is not None: net[2] = head\n    for _ in range(2):\n        opt.zero_grad(); net(x).square().sum().backward(); opt.step()\ndef stepper(net):\n    inner = torch.optim.SGD(net.parameters(), lr=0.1)\n    def step(net):\n        inner.zero_grad(); net(x).square().sum().backward(); inner.step()\n    return step\ndef attack(net):\n    delta = torch.zeros_like(x, requires_grad=True)\n    opt = torch.optim.SGD([delta], lr=0.1)\n    net(x + delta).sum().backward(); opt.step()\nstep = stepper(net)\nstep(net)\n",
        "net[2] = nn.Linear(4, 3)",
        "step(net)",
        "1 + 1",
    ],
    "model_of_a_learner": [
        "import copy, torch\nfrom torch import nn\ntorch.manual_seed(0)\ndef make(out=2): return nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, out))\ndef trainable(net): return [p for p in net.parameters() if p.requires_grad]\nx = torch.ones(3, 4)\nnet = make()",
        "class Learner:\n    def __init__(self, model):\n        self.model = model\n        hidden = torch.optim.SGD(model.parameters(), lr=.1)\n        def fit(x):\n            hidden.zero_grad()\n            self.model(x).square().sum().backward()\n            hidden.step()\n        self.fit = fit\nlearner = Learner(nn.Linear(3, 2))",
        "learner.fit(torch.ones(1, 3))",
        "learner.model = nn.Linear(3, 1)",
        "learner.fit(torch.ones(1, 3))",
    ],
    "rows_of_a_tensor": [
        "import torch\nimage = torch.ones(2, 2, requires_grad=True)\nx = image * 2\n",
        "rows = [*x]\nfor i in (0, 1): x.data[i] = 0",
    ],
    "rows_of_a_loop": [
        "import torch\nimage = torch.ones(2, 2, requires_grad=True)\nx = image * 2\n",
        "for row in x: row.data.zero_()",
    ],
    "written_through_a_row": [
        "import torch\nimage = torch.ones(2, 2, requires_grad=True)\nx = image * 2\n",
        "with torch.no_grad():\n    for row in x:\n        row.mul_(0.5)",
        "x.sum().backward()",
    ],
    "call_saves_and_writes": [
        "def both(h, w):\n    y = (h * w).exp()\n    h.data.add_(1)\n    return y\n",
        "import torch\nw = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)\nh = w * 2",
        "%%tensordiff\nloss = both(h, w).sum()",
    ],
    "last_turn_of_a_loop": [
        "import torch\nw = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)\nfor turn in range(2):\n    h = w * 2\n    y = (h * w).exp()\n    k = turn + 1\n    h.mul_(2)\nloss = y.sum()",
    ],
    "backward_by_a_method": [
        "class Learner:\n    def learn(self):\n        self.loss.backward()\nimport torch\nw = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)\nh = w * 2\ny = (h * w).exp()\nloss = y.sum()\none = Learner()\none.loss = loss\nh.data.mul_(2)\none.learn()",
        "k = 1",
    ],
    "loss_in_a_list": [
        "import torch\nw = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)\nh = w * 2\ny = (h * w).exp()\nloss = y.sum()\nlosses = [loss]\nh.data.mul_(2)\nsum(losses).backward()",
        "k = 1",
    ],
    "function_writes_what_was_saved": [
        "def poison(t):\n    t.data.add_(1)\n",
        "import torch\nw = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)\nh = w * 2\ny = (h * w).exp()\nloss = y.sum()\npoison(h)",
    ],
    "head_trained_alone": [
        "import copy, torch\nfrom torch import nn\ntorch.manual_seed(0)\ndef make(out=2): return nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, out))\ndef trainable(net): return [p for p in net.parameters() if p.requires_grad]\nx = torch.ones(3, 4)\nnet = make()",
        "opt = torch.optim.Adam(net[2].parameters(), lr=0.1)",
        "opt.zero_grad()\nnet(x).square().sum().backward()\nopt.step()",
    ],
    "new_leaf_by_hand": [
        "import copy, torch\nfrom torch import nn\ntorch.manual_seed(0)\ndef make(out=2): return nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, out))\ndef trainable(net): return [p for p in net.parameters() if p.requires_grad]\nx = torch.ones(3, 4)\nnet = make()",
        "w = torch.ones(2, requires_grad=True)\nopt = torch.optim.Adam([w], lr=0.1)",
        "w = torch.ones(2, requires_grad=True)",
        "opt.zero_grad()\nw.square().sum().backward()\nopt.step()",
        "opt.zero_grad()\nw.square().sum().backward()\nopt.step()",
        "opt.add_param_group({'params': [w]})",
        "opt.zero_grad()\nw.square().sum().backward()\nopt.step()",
    ],
    "unnamed_base": [
        "import torch\nw = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)\nh = w * 2\nd = h.detach()\nd.zero_()",
        "k = w * 2\nv = k[1:]\nv.mul_(2)\nk[0] = 1",
    ],
}
