"""A hand-written step adds the weight decay into the gradient that the user kept for a log."""
# %%
import torch
weight = torch.tensor([2.0, -1.0], requires_grad=True)

def step(p, rate=0.1, decay=0.5):
    with torch.no_grad():
        direction = p.grad
        direction.add_(p, alpha=decay)
        p.add_(direction, alpha=-rate)
# %%
(4 * weight).sum().backward()
kept = [weight.grad]
# %%
#: weight <- p.add_(direction, alpha=-rate)
#! weight.grad <- direction.add_(p, alpha=decay)
#! kept[0] <- direction.add_(p, alpha=decay)
step(weight)
assert kept[0].tolist() == [5.0, 3.5]
