"""`x.T` is a view; so is a real part."""
# %%
import torch
matrix = torch.zeros(2, 3)
turned = matrix.T
wave = torch.zeros(2, dtype=torch.complex64)
real, imag = wave.real, wave.imag
# %%
#: turned <- turned += 1
#! matrix <- turned += 1
turned += 1
# %%
#: real <- real.fill_(2)
#! wave <- real.fill_(2)
real.fill_(2)
