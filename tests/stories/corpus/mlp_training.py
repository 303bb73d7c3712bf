"""A multilayer perceptron: modules, data loader, optimizer, scheduler, evaluation."""
# %%
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split
torch.manual_seed(0)
# %%
X = torch.randn(64, 5)
y = (X.sum(1) > 0).long()
train_set, valid_set = random_split(TensorDataset(X, y), [48, 16])
train_loader = DataLoader(train_set, batch_size=16, shuffle=True)
valid_loader = DataLoader(valid_set, batch_size=16)
# %%
class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stack = nn.Sequential(nn.Linear(5, width), nn.ReLU(), nn.Dropout(0.1), nn.Linear(width, 2))
    def forward(self, x):
        return self.stack(x)

model = Net()
model
# %%
def init_weights(m):
    if isinstance(m, nn.Linear):
        nn.init.normal_(m.weight, std=0.1)
        nn.init.zeros_(m.bias)

model.apply(init_weights)
# %%
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.9)
# %%
xb, yb = next(iter(train_loader))
loss = criterion(model(xb), yb)
loss
# %%
optimizer.zero_grad()
loss.backward()
optimizer.step()
# %%
def train_epoch():
    model.train()
    total = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(train_loader)

@torch.no_grad()
def accuracy(loader):
    model.eval()
    right = sum((model(xb).argmax(1) == yb).sum().item() for xb, yb in loader)
    return right / len(loader.dataset)
# %%
history = []
for epoch in range(3):
    history.append((train_epoch(), accuracy(valid_loader)))
    scheduler.step()
# %%
history
# %%
for epoch in range(2):
    for xb, yb in train_loader:
        loss = criterion(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
# %%
accuracy(valid_loader)
# %%
model.eval()
with torch.no_grad():
    logits = model(X)
    guessed = logits.softmax(1).argmax(1)
confusion = torch.zeros(2, 2, dtype=torch.long)
for t, p in zip(y, guessed):
    confusion[t, p] += 1
confusion
# %%
sum(p.numel() for p in model.parameters() if p.requires_grad)
# %%
for name, param in model.named_parameters():
    print(name, tuple(param.shape), param.grad.norm())
# %%
sgd = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
model.train()
for xb, yb in train_loader:
    sgd.zero_grad(set_to_none=False)
    criterion(model(xb), yb).backward()
    sgd.step()
# %%
for xb, yb in train_loader:
    sgd.zero_grad(set_to_none=False)
    criterion(model(xb), yb).backward()
    sgd.step()
# %%
accumulate = 2
for i, (xb, yb) in enumerate(train_loader):
    (criterion(model(xb), yb) / accumulate).backward()
    if (i + 1) % accumulate == 0:
        sgd.step()
        sgd.zero_grad()
