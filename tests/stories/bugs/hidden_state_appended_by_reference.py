"""Appending the hidden state itself stores one tensor many times; resetting it wipes the record."""
# %%
import torch
hidden, steps, inputs = torch.zeros(2), [], torch.ones(3, 2)
# %%
#: hidden <- hidden.copy_(torch.tanh(row + hidden))
#!+ steps[0] <- hidden.copy_(torch.tanh(row + hidden))
#!+ steps[1] <- hidden.copy_(torch.tanh(row + hidden))
for row in inputs:
    hidden.copy_(torch.tanh(row + hidden))
    steps.append(hidden)
# %%
#: hidden <- hidden.zero_()
#! steps[0] <- hidden.zero_()
#! steps[1] <- hidden.zero_()
#! steps[2] <- hidden.zero_()
hidden.zero_()
