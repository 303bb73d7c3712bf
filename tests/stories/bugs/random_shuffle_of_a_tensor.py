"""`random.shuffle` swaps rows through views and so duplicates some of them."""
# %%
import random
import torch
random.seed(1)
deck = torch.arange(8.0).view(4, 2)
flat = deck.view(8)
# %%
#:? deck <- random.shuffle(deck)
#! flat <- random.shuffle(deck)
random.shuffle(deck)
assert len({tuple(r.tolist()) for r in deck}) < 4
