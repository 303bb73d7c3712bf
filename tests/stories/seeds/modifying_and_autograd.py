"""New tensors, `torch.where` and an indexed write into a clone leave the leaf as it was."""

# %%
import torch

x = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
y = x + 5
z = y * 2
# %% raises RuntimeError
z.backward()  # three numbers are no loss: backward wants a scalar or a gradient
# %%
z.sum().backward()
assert x.grad.tolist() == [2, 2, 2]
# %%
x = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
y = torch.where(x > 0, x * 2, x)
y.sum().backward()
assert x.grad.tolist() == [2, 1, 2]
# %%
x = torch.zeros(5, requires_grad=True)
indices, values = torch.tensor([1, 3]), torch.tensor([10.0, 20.0])
y = x.clone()
# %%
#: y <- y[indices] = values
y[indices] = values
y.mean().backward()
assert x.tolist() == [0] * 5
assert [round(g, 3) for g in x.grad.tolist()] == [0.2, 0, 0.2, 0, 0.2]
# %% raises RuntimeError
x[:] = torch.ones(5)  # refused on the leaf itself
# %%
a = torch.ones(3, requires_grad=True)
b = a * 1
# %%
#: b <- b[:] = torch.tensor([4.0, 5.0, 6.0])
b[:] = torch.tensor([4.0, 5.0, 6.0])  # on a tensor that is no leaf it is recorded, and the gradient is right
(b * 2).sum().backward()
assert a.grad.tolist() == [0, 0, 0]
