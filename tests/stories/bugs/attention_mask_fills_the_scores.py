"""`masked_fill_` inside attention leaves minus infinity in the caller's scores."""
# %%
import torch

def attend(scores, blocked):
    scores.masked_fill_(blocked, float("-inf"))
    return scores.softmax(-1)
scores = torch.zeros(2, 3)
blocked = torch.tensor([False, True, False])
# %%
#! scores <- scores.masked_fill_(blocked, float("-inf"))
weights = attend(scores, blocked)
