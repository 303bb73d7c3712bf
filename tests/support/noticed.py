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
    "what_a_checkpoint_computed_with": [
        "import torch\nw = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)\nfrom torch.utils.checkpoint import checkpoint",
        "h = w * 2\ny = checkpoint(torch.exp, h, use_reentrant=False).sum()\nh.data.mul_(2)\ny.backward()",
    ],
    "bugs_that_people_met_are": [
        "import torch\nrate = torch.full((1,), 0.5, requires_grad=True)\nslot = torch.randn(1)\ntotal = 0",
        "def accumulate(so_far):\n    slot.detach_()\n    slot.copy_(torch.exp(rate))\n    return so_far + (slot * slot).sum()",
        "total = accumulate(total)",
        "total = accumulate(total * 1)",
        "total.backward()",
    ],
    "every_story_that_dies_of": [
        "import torch\nweight = torch.nn.Parameter(torch.ones(2))\nsgd = torch.optim.SGD([weight], lr=0.1, momentum=0.9)\n\ndef train():\n    sgd.zero_grad()\n    (weight**2).sum().backward()\n    sgd.step()",
        'train()\nkept = {"optimizer": sgd.state_dict()}',
        "train()",
    ],
    "the_edit_ends_the_hazard": [
        "import torch\nfrom torch import nn\nw = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)\nh = w.exp(); loss = h.sum()",
        "%%time\nh.add_(1)",
        "loss.backward()",
    ],
    "the_edit_ends_the_hazard_2": [
        "import torch\nfrom torch import nn\nw = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)\na, b = w * 2, w * 3; loss = (a.clone() * b.clone()).sum()",
        "for t in (a, b):\n    t.detach().zero_()",
        "loss.backward()",
    ],
    "the_edit_gives_the_gradients": [
        "import torch\nfrom torch import nn\nw = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)\nimport numpy as np\nout = np.lib.stride_tricks.as_strided(np.zeros(3), (2, 3), (0, 8))",
        "out[0] = 1",
    ],
    "the_edit_gives_the_gradients_2": [
        "import torch\nfrom torch import nn\nw = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)\nout = w * 2; n = out.detach().numpy()",
        "n *= 3",
    ],
    "gradients_given_on_purpose_are": [
        "\nimport torch\nfrom torch import nn\nshared, local = nn.Linear(2, 1), nn.Linear(2, 1)\nx = torch.ones(3, 2)\nclass Worker:\n    def push(self):\n        for mine, theirs in zip(local.parameters(), shared.parameters()):\n            theirs._grad = mine.grad\nworker = Worker()\ndef train(n):\n    for _ in range(n):\n        local.zero_grad()\n        shared.zero_grad()\n        local(x).sum().backward()\n        worker.push()\n",
        "local(x).sum().backward()\nfor p, q in zip(local.parameters(), shared.parameters()):\n    q.grad = p.grad.detach()",
    ],
    "the_fix_keeps_a_copy": [
        "\nimport numpy as np, torch\ndef stream():\n    buf = torch.zeros(2)\n    for i in range(5):\n        buf.fill_(i)\n        yield buf[:]\ndef collect(n):\n    kept, buf = [], torch.zeros(2)\n    for i in range(n):\n        buf += i\n        kept.append(buf)\n    return kept\nclass Env:\n    def __init__(self):\n        self.obs = np.zeros(3)\n    def step(self):\n        self.obs[:] = self.obs + 1\n        return self.obs\nenv, model = Env(), torch.nn.Linear(2, 1)\nopt = torch.optim.SGD(model.parameters(), lr=0.1)\n",
        "h = [torch.zeros(2)] * 3\nh[0].fill_(1)\nh[2].fill_(3)",
    ],
    "the_fix_keeps_a_copy_2": [
        "\nimport numpy as np, torch\ndef stream():\n    buf = torch.zeros(2)\n    for i in range(5):\n        buf.fill_(i)\n        yield buf[:]\ndef collect(n):\n    kept, buf = [], torch.zeros(2)\n    for i in range(n):\n        buf += i\n        kept.append(buf)\n    return kept\nclass Env:\n    def __init__(self):\n        self.obs = np.zeros(3)\n    def step(self):\n        self.obs[:] = self.obs + 1\n        return self.obs\nenv, model = Env(), torch.nn.Linear(2, 1)\nopt = torch.optim.SGD(model.parameters(), lr=0.1)\n",
        "h = [torch.zeros(2)] * 3\nfor i, t in enumerate(h):\n    t += i + 1",
    ],
}
