"""Checkpoints: saving to a folder, loading, resuming, comparing."""
# %%
import os
import tempfile
import torch
from torch import nn
torch.manual_seed(0)
folder = tempfile.mkdtemp()
# %%
x, y = torch.arange(4), torch.zeros(4)
torch.save(x, os.path.join(folder, "x"))
x2 = torch.load(os.path.join(folder, "x"))
# %%
torch.save([x, y], os.path.join(folder, "both"))
x2, y2 = torch.load(os.path.join(folder, "both"))
# %%
net = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
X, t = torch.randn(12, 4), torch.randn(12, 1)
# %%
def train(steps):
    net.train()
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(X), t)
        loss.backward()
        optimizer.step()
    return loss.item()
train(3)
# %%
path = os.path.join(folder, "checkpoint.pt")
torch.save({"model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}, path)
# %%
train(3)
# %%
checkpoint = torch.load(path)
net.load_state_dict(checkpoint["model"])
optimizer.load_state_dict(checkpoint["optimizer"])
del checkpoint
# %%
train(2)
# %%
clone = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 1))
clone.load_state_dict(torch.load(path)["model"])
# %%
clone.eval()
net.eval()
with torch.no_grad():
    apart = (net(X) - clone(X)).abs().max()
apart
# %%
first_layer = {k.removeprefix("0."): v for k, v in torch.load(path)["model"].items() if k.startswith("0.")}
net[0].load_state_dict(first_layer)
# %%
best = float("inf")
for epoch in range(3):
    loss = train(1)
    if loss < best:
        best = loss
        torch.save(net.state_dict(), os.path.join(folder, "best.pt"))
# %%
net.load_state_dict(torch.load(os.path.join(folder, "best.pt"), weights_only=True))
# %%
seed_state = torch.get_rng_state()
one = torch.randn(3)
torch.set_rng_state(seed_state)
two = torch.randn(3)
torch.equal(one, two)
# %%
import shutil
shutil.rmtree(folder)
