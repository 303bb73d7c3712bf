"""Tied weights are one parameter: whatever moves the encoder moves the decoder."""
# %%
import torch
from torch import nn
torch.manual_seed(0)
encoder, decoder = nn.Embedding(3, 2), nn.Linear(2, 3, bias=False)
decoder.weight = encoder.weight
sgd = torch.optim.SGD(encoder.parameters(), lr=0.1)
# %%
#: encoder.weight <- sgd.step()
#: decoder.weight <- sgd.step()
decoder(encoder(torch.tensor([0, 1]))).sum().backward()
sgd.step()
# %%
#: decoder.weight <- decoder.weight.mul_(2)
#: encoder.weight <- decoder.weight.mul_(2)
with torch.no_grad():
    decoder.weight.mul_(2)
