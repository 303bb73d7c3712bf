"""Clone, detach and plain assignment: which of them keeps a tensor from being modified."""

# %%
import torch

x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
y = x.clone()
# %%
#: y <- y.add_(1)
y.add_(1)
assert x.tolist() == [1, 2, 3]
assert y.grad_fn is not None  # a clone is not detached: gradients flow through it
# %%
y = x.detach()
# %%
#: y <- y.add_(1)
#! x <- y.add_(1)
y.add_(1)
assert x.tolist() == [2, 3, 4]  # detach() shares the numbers, so x did change
assert x._version == 1  # and it shares the version counter
# %%
z = x
# %% raises RuntimeError
z.add_(1)  # x is a leaf that requires grad: this is refused, nothing is modified
# %% raises RuntimeError
x_copy = torch.tensor(x.numpy())  # numpy() of a tensor that requires grad is refused
# %%
plain = torch.tensor([1.0, 2.0, 3.0])
other = plain
# %%
#: other <- other.add_(1)
#! plain <- other.add_(1)
other.add_(1)
# %%
plain_copy = torch.tensor(plain.numpy())
# %%
#: plain_copy <- plain_copy.add_(2)
plain_copy.add_(2)
assert plain.tolist() == [2, 3, 4]
# %%
array = plain.numpy()
# %%
#: array <- array += 1
#! plain <- array += 1
#! other <- array += 1
array += 1
assert plain._version == 1  # what NumPy writes, the version counter does not see
