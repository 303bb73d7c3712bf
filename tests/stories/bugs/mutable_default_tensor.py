"""A tensor as default argument is made once: every call adds to the one before."""
# %%
import torch

def tally(amount, total=torch.zeros(1)):
    total += amount
    return total
# %%
first = tally(1.0)
# %%
#! first <- total += amount
second = tally(2.0)
assert second is first
