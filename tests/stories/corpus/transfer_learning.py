"""Transfer learning: freezing a body, a new head, parameter groups, target networks, averaging."""
# %%
import copy
import torch
from torch import nn
torch.manual_seed(0)
# %%
body = nn.Sequential(nn.Linear(6, 10), nn.BatchNorm1d(10), nn.ReLU(), nn.Linear(10, 4))
inputs, targets = torch.randn(20, 6), torch.randint(0, 2, (20,))
# %%
for parameter in body.parameters():
    parameter.requires_grad = False
# %%
body[3] = nn.Linear(10, 2)
optimizer = torch.optim.SGD(body[3].parameters(), lr=0.1)
# %%
for epoch in range(3):
    loss = nn.functional.cross_entropy(body(inputs), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
# %%
best_loss, best_weights = float("inf"), None
for epoch in range(3):
    loss = nn.functional.cross_entropy(body(inputs), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if loss.item() < best_loss:
        best_loss, best_weights = loss.item(), copy.deepcopy(body.state_dict())
# %%
body.load_state_dict(best_weights)
# %%
body.requires_grad_(True)
groups = [{"params": body[0].parameters(), "lr": 1e-3}, {"params": body[3].parameters()}]
fine = torch.optim.Adam(groups, lr=1e-2)
# %%
for epoch in range(2):
    fine.zero_grad()
    nn.functional.cross_entropy(body(inputs), targets).backward()
    fine.step()
# %%
target_net = copy.deepcopy(body)
target_net.eval()
# %%
target_net.load_state_dict(body.state_dict())
# %%
tau = 0.1
for mine, online in zip(target_net.parameters(), body.parameters()):
    mine.data.copy_(tau * online.data + (1 - tau) * mine.data)
# %%
with torch.no_grad():
    for mine, online in zip(target_net.parameters(), body.parameters()):
        mine.lerp_(online, tau)
# %%
state = target_net.state_dict()
online_state = body.state_dict()
for key in online_state:
    state[key] = online_state[key] * tau + state[key] * (1 - tau)
target_net.load_state_dict(state)
del state, online_state
# %%
features = {}
def keep(name):
    def hook(module, args, output):
        features[name] = output.detach().clone()
    return hook
handles = [body[0].register_forward_hook(keep("first")), body[3].register_forward_hook(keep("last"))]
# %%
out = body(inputs)
# %%
for handle in handles:
    handle.remove()
out = body(inputs[:4])
# %%
with torch.no_grad():
    body[3].weight[0] = 0
    body[3].bias.fill_(0.5)
# %%
total = {name: p.numel() for name, p in body.named_parameters()}
frozen = [name for name, p in body.named_parameters() if not p.requires_grad]
total, frozen
