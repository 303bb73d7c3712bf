"""A small convolutional network with batch norm on random pictures."""
# %%
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)
# %%
images, labels = torch.rand(24, 1, 8, 8), torch.randint(0, 3, (24,))
images = (images - images.mean()) / images.std()
# %%
kernel = torch.tensor([[0.0, 1.0], [2.0, 3.0]])
def corr2d(X, K):
    h, w = K.shape
    Y = torch.zeros((X.shape[0] - h + 1, X.shape[1] - w + 1))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i : i + h, j : j + w] * K).sum()
    return Y
corr2d(images[0, 0], kernel)
# %%
edge = torch.ones((6, 8))
edge[:, 2:6] = 0
found = corr2d(edge, torch.tensor([[1.0, -1.0]]))
# %%
conv = nn.Conv2d(1, 1, kernel_size=(1, 2), bias=False)
X, Y = edge.reshape((1, 1, 6, 8)), found.reshape((1, 1, 6, 7))
for i in range(4):
    loss = (conv(X) - Y) ** 2
    conv.zero_grad()
    loss.sum().backward()
    conv.weight.data[:] -= 0.03 * conv.weight.grad
# %%
conv.weight.data.reshape((1, 2))
# %%
class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn = nn.BatchNorm2d(channels)
    def forward(self, x):
        return F.relu(self.bn(self.conv(x)) + x)

class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True))
        self.blocks = nn.ModuleList([Block(4) for _ in range(2)])
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)
net = ConvNet()
# %%
net(images[:2]).shape
# %%
for layer in net.stem:
    images_out = layer(images[:2])
    print(layer.__class__.__name__)
    break
# %%
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
losses = []
for epoch in range(2):
    for i in range(0, 24, 8):
        loss = F.cross_entropy(net(images[i : i + 8]), labels[i : i + 8])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
# %%
net.eval()
with torch.inference_mode():
    guessed = net(images).argmax(1)
(guessed == labels).float().mean()
# %%
net.train()
out = net(images)
# %%
net.stem[1].running_mean, net.stem[1].num_batches_tracked
# %%
net.stem[1].reset_running_stats()
# %%
net = net.to("cpu", torch.float32)
logits = net(images.to("cpu"))
# %%
fused = torch.optim.AdamW(net.parameters(), fused=True)
for i in range(2):
    fused.zero_grad()
    F.cross_entropy(net(images), labels).backward()
    fused.step()
# %%
features = {}
handle = net.blocks[0].register_forward_hook(lambda m, args, out: features.update(block=out.detach()))
logits = net(images[:4])
handle.remove()
features["block"].shape
