"""`adv = x.detach()` is not a copy: the attack moves the clean batch too, so the distortion reads zero."""
# %%
import torch
from torch import nn
torch.manual_seed(0)
judge = nn.Linear(3, 2)
clean, label = torch.rand(2, 3), torch.tensor([1, 0])
# %%
def attack(batch, label, size=0.1):
    moved = batch.detach()
    for _ in range(2):
        moved.requires_grad_()
        (slope,) = torch.autograd.grad(nn.functional.cross_entropy(judge(moved), label), moved)
        with torch.no_grad():
            moved += size * slope.sign()
    return moved.detach()
# %%
#! clean <- moved += size * slope.sign()
attacked = attack(clean, label)
# %%
assert (attacked - clean).abs().max().item() == 0
