"""Broadcasting, einsum, reductions, and numerical recipes that fill tensors in place by name."""
# %%
import torch
torch.manual_seed(0)
A = torch.arange(6, dtype=torch.float32).reshape(2, 3)
B = A.clone()
A, A + B
# %%
A.sum(axis=0), A.mean(axis=1, keepdim=True), A.cumsum(axis=0)
# %%
torch.einsum("ij,kj->ik", A, B), torch.einsum("ij->ji", A), torch.einsum("ij,ij->", A, B)
# %%
batch = torch.randn(4, 2, 3)
torch.einsum("bij,bkj->bik", batch, batch).shape
# %%
mean = batch.mean((0, 1), keepdim=True)
centred = batch - mean
# %%
cov = torch.einsum("bij,bik->jk", centred, centred) / 8
values, vectors = torch.linalg.eigh(cov)
# %%
v = torch.ones(3)
for _ in range(20):
    v = cov @ v
    v = v / v.norm()
# %%
v = torch.ones(3)
for _ in range(20):
    v.copy_(cov @ v)
    v /= v.norm()
# %%
table = torch.zeros(5, 5, dtype=torch.long)
for i in range(5):
    for j in range(5):
        table[i, j] = i * j
# %%
upper = table.triu(1)
upper[0] = 1
# %%
Q = torch.zeros(4, 2)
for episode in range(3):
    for s in range(3):
        Q[s, 1] += 0.5 * (1 + 0.9 * Q[s + 1].max() - Q[s, 1])
Q
# %%
points = torch.randn(20, 2)
centres = points[:3].clone()
for _ in range(3):
    nearest = torch.cdist(points, centres).argmin(1)
    for k in range(3):
        if (nearest == k).any():
            centres[k] = points[nearest == k].mean(0)
# %%
signal = torch.sin(torch.linspace(0, 6.28, 16))
spectrum = torch.fft.rfft(signal)
spectrum[5:] = 0
smooth = torch.fft.irfft(spectrum, n=16)
# %%
hidden = torch.zeros(3)
trace = []
for t in range(4):
    hidden = torch.tanh(hidden + t)
    trace.append(hidden)
trace = torch.stack(trace)
# %%
x = torch.tensor([1.0, 2.0], requires_grad=True)
optimizer = torch.optim.LBFGS([x], lr=0.5)
def closure():
    optimizer.zero_grad()
    value = ((x - 3) ** 2).sum()
    value.backward()
    return value
for _ in range(2):
    optimizer.step(closure)
# %%
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
A, B = A.to(device), B.to(device)
(A @ B.T).cpu()
# %%
world = {"grid": torch.zeros(3, 3), "agents": [torch.tensor([0, 0]), torch.tensor([2, 2])]}
for agent in world["agents"]:
    world["grid"][agent[0], agent[1]] = 1
world["agents"][0] += 1
world["grid"]
