"""Tensors are mutable: in-place methods, parameters under `no_grad`, and assignment through a mask."""

# %%
import torch
from torch import nn

torch.manual_seed(0)
tensor_a = torch.tensor([1, 2, 3])
address = id(tensor_a)  # of the Python object; the numbers live at data_ptr()
# %%
#: tensor_a <- tensor_a.add_(5)
tensor_a.add_(5)
assert id(tensor_a) == address
# %%
tensor_b = tensor_a.add(2)
assert tensor_b.data_ptr() != tensor_a.data_ptr()


# %%
class Affine(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weights = nn.Parameter(torch.randn(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        return x @ self.weights + self.bias


model = Affine(3, 2)
# %%
#: model.weights <- model.weights += torch.randn_like(model.weights) * 0.1
#: model.bias <- model.bias -= torch.ones_like(model.bias) * 0.05
with torch.no_grad():
    model.weights += torch.randn_like(model.weights) * 0.1
    model.bias -= torch.ones_like(model.bias) * 0.05
# %%
tensor_c = torch.tensor([10, 20, 30, 40, 50])
mask = torch.tensor([True, False, True, False, True])
# %%
#: tensor_c <- tensor_c[mask] = torch.tensor([100, 200, 300])
tensor_c[mask] = torch.tensor([100, 200, 300])
assert tensor_c.tolist() == [100, 20, 200, 40, 300]
# %%
chosen = tensor_c[mask]
# %%
#: chosen <- chosen.zero_()
chosen.zero_()  # reading through a mask copies
assert tensor_c.tolist() == [100, 20, 200, 40, 300]
