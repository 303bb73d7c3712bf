"""Linear regression from nothing: data, model, loss, and a step written by hand."""
# %%
import random
import torch
torch.manual_seed(1)
# %%
def make_data(w, b, count):
    features = torch.normal(0, 1, (count, len(w)))
    labels = features @ w + b
    labels += torch.normal(0, 0.01, labels.shape)
    return features, labels.reshape((-1, 1))
# %%
true_w, true_b = torch.tensor([2, -3.4]), 4.2
features, labels = make_data(true_w, true_b, 60)
features[0], labels[0]
# %%
def batches(size, features, labels):
    order = list(range(len(features)))
    random.shuffle(order)
    for i in range(0, len(order), size):
        picked = torch.tensor(order[i : i + size])
        yield features[picked], labels[picked]
# %%
for X, y in batches(10, features, labels):
    print(X.shape, y.shape)
    break
# %%
w = torch.normal(0, 0.01, size=(2, 1), requires_grad=True)
b = torch.zeros(1, requires_grad=True)
# %%
def linreg(X, w, b):
    return X @ w + b

def squared(guess, y):
    return (guess - y.reshape(guess.shape)) ** 2 / 2

def sgd(params, rate, size):
    with torch.no_grad():
        for param in params:
            param -= rate * param.grad / size
            param.grad.zero_()
# %%
for epoch in range(2):
    for X, y in batches(10, features, labels):
        squared(linreg(X, w, b), y).sum().backward()
        sgd([w, b], 0.03, 10)
    with torch.no_grad():
        print(epoch, float(squared(linreg(features, w, b), labels).mean()))
# %%
for epoch in range(2):
    for X, y in batches(10, features, labels):
        squared(linreg(X, w, b), y).sum().backward()
        sgd([w, b], 0.03, 10)
# %%
print(true_w - w.reshape(true_w.shape), true_b - b)
# %%
for step in range(5):
    loss = squared(linreg(features, w, b), labels).mean()
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        b -= 0.1 * b.grad
        w.grad.zero_()
        b.grad.zero_()
# %%
for step in range(5):
    loss = squared(linreg(features, w, b), labels).mean()
    loss.backward()
    w.data -= 0.1 * w.grad
    b.data -= 0.1 * b.grad
    w.grad = b.grad = None
# %%
for step in range(3):
    loss = squared(linreg(features, w, b), labels).mean()
    gw, gb = torch.autograd.grad(loss, (w, b))
    w.data.sub_(0.1 * gw)
    b.data.sub_(0.1 * gb)
# %%
params = [w, b]
loss = squared(linreg(features, *params), labels).mean()
loss.backward()
for p in params:
    p.data -= 0.1 * p.grad
    p.grad.zero_()
