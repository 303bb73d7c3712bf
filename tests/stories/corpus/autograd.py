"""Gradients: leaf tensors, backward, accumulation, detaching, no_grad."""
# %%
import torch
x = torch.arange(4.0, requires_grad=True)
x.grad
# %%
y = 2 * torch.dot(x, x)
y
# %%
y.backward()
x.grad
# %%
x.grad == 4 * x
# %%
x.grad.zero_()
y = x.sum()
y.backward()
x.grad
# %%
x.grad.zero_()
y = x * x
y.sum().backward()
# %%
x.grad.zero_()
u = (x * x).detach()
z = u * x
z.sum().backward()
x.grad == u
# %%
def halve_until_small(a):
    b = a * 2
    while b.norm() < 1000:
        b = b * 2
    return b if b.sum() > 0 else 100 * b
# %%
a = torch.randn(size=(), requires_grad=True)
d = halve_until_small(a)
d.backward()
a.grad == d / a
# %%
w = torch.tensor([1.0, 2.0], requires_grad=True)
loss = (w**2).sum()
loss.backward(retain_graph=True)
# %%
loss.backward()
w.grad
# %%
with torch.no_grad():
    doubled = w * 2
doubled.requires_grad
# %%
(slope,) = torch.autograd.grad((w**3).sum(), w)
slope
# %%
v = torch.randn(3, requires_grad=True)
out = v * 2
out.backward(torch.tensor([0.1, 1.0, 0.01]))
v.grad
# %%
hooked = torch.ones(2, requires_grad=True)
seen = []
handle = hooked.register_hook(lambda g: seen.append(g.norm().item()))
(hooked * 3).sum().backward()
handle.remove()
