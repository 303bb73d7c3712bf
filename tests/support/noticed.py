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
    "the_fix_ends_the_change": [
        "import torch\nx = torch.ones(2)\ncopy = 3\nd = {'a': [x]}",
        "e = dict(d)",
        "e['a'][0].add_(1)\nn = copy + 1",
    ],
    "tensors_that_are_one_memory": [
        "\nimport numpy as np, torch\ndef stream():\n    buf = torch.zeros(2)\n    for i in range(5):\n        buf.fill_(i)\n        yield buf[:]\ndef collect(n):\n    kept, buf = [], torch.zeros(2)\n    for i in range(n):\n        buf += i\n        kept.append(buf)\n    return kept\nclass Env:\n    def __init__(self):\n        self.obs = np.zeros(3)\n    def step(self):\n        self.obs[:] = self.obs + 1\n        return self.obs\nenv, model = Env(), torch.nn.Linear(2, 1)\nopt = torch.optim.SGD(model.parameters(), lr=0.1)\n",
        "cache, s = [], torch.zeros(2)\ndef keep(t):\n    cache.append(t)\n    return len(cache)\nfor i in range(3):\n    s += 1\n    n = keep(s)",
        "print(1)",
    ],
    "most_silent_changes_of_the": [
        "import torch\nfrom torch import nn\ntorch.manual_seed(1)\nclass Residual(nn.Module):\n    def __init__(self, width):\n        super().__init__()\n        self.branch = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(width, width))\n    def forward(self, features):\n        answer = self.branch(features)\n        answer += features\n        return answer\nresidual, lift = Residual(4), nn.Linear(2, 4)",
        "hidden = lift(torch.randn(3, 2))",
        "out = residual(hidden)",
        "assert (hidden >= 0).all()\nout.sum().backward()",
    ],
    "most_silent_changes_of_the_2": [
        "import numpy as np\nclass Environment:\n    def __init__(self):\n        self.observation = np.zeros(3, dtype=np.float32)\n    def step(self):\n        self.observation += 1\n        return self.observation\nworld, replay = Environment(), []",
        "replay.append(world.step())",
        "replay.append(world.step())",
    ],
    "the_fix_ends_the_change_2": [
        "import copy, numpy as np, torch\nfrom torch import nn\nx = torch.arange(6.)\nact = lambda t: t.clamp_(min=3)",
        "y = act(x)",
    ],
    "most_silent_changes_of_the_3": [
        "import torch\n\ndef middle(values):\n    column = values.numpy()\n    column.sort()\n    return float(column[len(column) // 2])\nscores = torch.tensor([3.0, 1.0, 2.0])",
        "half = middle(scores)",
    ],
    "most_silent_changes_of_the_4": [
        "import torch\nlevel = torch.zeros(3)\nwindow = memoryview(level.numpy())",
        "window[1] = 8.0",
    ],
    "what_a_later_statement_changes": [
        "import numpy as np, torch",
        "w = torch.ones(2, requires_grad=True)\nw.sum().backward()\nkept = [w.grad]\ng = w.grad.view(2)\ng += 1",
    ],
    "the_fix_ends_the_change_3": [
        "import copy, numpy as np, torch\nfrom torch import nn\nx = torch.arange(6.)\ndef f(t):\n    v = t.view(-1)\n    v -= 1\n    return v",
        "y = f(x)",
    ],
    "most_silent_changes_of_the_5": [
        "import torch\nfrom torch import nn\ntorch.manual_seed(0)\njudge = nn.Linear(3, 2)\nclean, label = torch.rand(2, 3), torch.tensor([1, 0])",
        "def attack(batch, label, size=0.1):\n    moved = batch.detach()\n    for _ in range(2):\n        moved.requires_grad_()\n        (slope,) = torch.autograd.grad(nn.functional.cross_entropy(judge(moved), label), moved)\n        with torch.no_grad():\n            moved += size * slope.sign()\n    return moved.detach()",
        "attacked = attack(clean, label)",
        "assert (attacked - clean).abs().max().item() == 0",
    ],
    "the_lines_inside_functions_are": [
        "import functools, contextlib, types\nimport numpy as np\nimport torch\nx = torch.ones(4)\ny = x.detach()\nn = [0]",
        "def f(t):\n    t.add_(1)",
        "class Box:\n    k = 1\n    f(y)",
    ],
    "the_lines_inside_functions_are_2": [
        "import functools, contextlib, types\nimport numpy as np\nimport torch\nx = torch.ones(4)\ny = x.detach()\nn = [0]",
        "def f(t):\n    s = 1\n    exec('t.add_(s)')",
        "f(y)\nexec('y.mul_(2)')",
    ],
    "what_a_later_statement_changes_2": [
        "import numpy as np, torch",
        "h = [torch.zeros(2)] * 2\nh[0] += 1\nh[1] = h[1] + 5",
    ],
    "the_fix_ends_the_change_4": [
        "import copy, numpy as np, torch\nfrom torch import nn\nx = torch.arange(6.)\nd = dict.fromkeys('ab', torch.zeros(2))",
        "d['a'] += 1",
    ],
    "the_fix_ends_the_change_5": [
        "import copy, numpy as np, torch\nfrom torch import nn\nx = torch.arange(6.)\nnet = nn.Linear(2, 2)\nopt = torch.optim.SGD(net.parameters(), lr=0.1)\n",
        "before = [p.detach() for p in net.parameters()]",
        "net(torch.ones(1, 2)).sum().backward()\nopt.step()",
    ],
    "the_fix_ends_the_change_6": [
        "import copy, numpy as np, torch\nfrom torch import nn\nx = torch.arange(6.)\ndef f(t):\n    return t.clamp_(0, 1)",
        "y = f(x)",
    ],
    "the_fix_ends_the_change_7": [
        "import copy, numpy as np, torch\nfrom torch import nn\nx = torch.arange(6.)\ndef median(t):\n    a = t.numpy()\n    a[::-1].sort()\n    return a[0]",
        "y = median(x)",
    ],
    "most_silent_changes_of_the_6": [
        "from functools import lru_cache\nimport torch\n\n@lru_cache\ndef ramp(n):\n    return torch.arange(float(n))\nmine, yours = ramp(3), ramp(3)",
        "mine += 1",
    ],
    "most_silent_changes_of_the_7": [
        'import warnings\nimport numpy as np\nimport torch\nwarnings.simplefilter("ignore")\nfrozen = np.zeros(3)\nfrozen.flags.writeable = False',
        "warm = torch.from_numpy(frozen)",
        "warm += 1",
        "try:\n    frozen += 1\nexcept ValueError as refusal:\n    print(refusal)",
    ],
    "most_silent_changes_of_the_8": [
        "import torch\nmatrix = torch.zeros(2, 3)\nturned = matrix.T\nwave = torch.zeros(2, dtype=torch.complex64)\nreal, imag = wave.real.clone(), wave.imag",
        "turned += 1",
        "real.fill_(2)",
    ],
    "the_edits_of_the_stories": [
        "import torch\nrate = torch.full((1,), 0.5, requires_grad=True)\nslot = torch.randn(1)\ntotal = 0",
        "def accumulate(so_far):\n    slot.detach_()\n    slot.copy_(torch.exp(rate))\n    return so_far + (slot.clone() * slot.clone()).sum()",
        "total = accumulate(total)",
        "total = accumulate(total * 1)",
        "total.backward()",
    ],
    "what_is_stale_is_computed": [
        "import torch\nfrom torch import nn\nw = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)\ncritic = nn.Linear(3, 1)\nopt = torch.optim.SGD(critic.parameters(), lr=0.1)\nfake = w * torch.ones(2, 3)",
        "score = critic(fake).square()\nfirst, second = score.mean(), -score.mean()",
        "first.backward(retain_graph=True)\nopt.step()",
    ],
}
