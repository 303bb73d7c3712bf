"""Embeddings, scaled dot-product attention, masks, and a tiny transformer."""
# %%
import math
import torch
from torch import nn
torch.manual_seed(0)
# %%
vocab = {"<pad>": 0, "we": 1, "like": 2, "small": 3, "models": 4}
batch = torch.tensor([[1, 2, 3, 4], [1, 2, 4, 0]])
embedding = nn.Embedding(len(vocab), 8, padding_idx=0)
vectors = embedding(batch)
# %%
query = key = value = vectors
scores = query @ key.transpose(-2, -1) / math.sqrt(8)
# %%
causal = torch.tril(torch.ones(4, 4)).bool()
masked = scores.masked_fill(~causal, float("-inf"))
weights = masked.softmax(-1)
# %%
weights[0], (weights @ value).shape
# %%
padding = batch.eq(0)
scores_padded = scores.masked_fill(padding.unsqueeze(1), float("-inf"))
# %%
class Positional(nn.Module):
    def __init__(self, width, length=16):
        super().__init__()
        table = torch.zeros(length, width)
        place = torch.arange(length).unsqueeze(1)
        rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
        table[:, 0::2] = torch.sin(place * rate)
        table[:, 1::2] = torch.cos(place * rate)
        self.register_buffer("table", table)
    def forward(self, x):
        return x + self.table[: x.size(1)]
positions = Positional(8)
# %%
coded = positions(vectors)
# %%
attention = nn.MultiheadAttention(8, 2, batch_first=True)
mixed, mixed_weights = attention(coded, coded, coded, key_padding_mask=padding)
# %%
class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.positions = nn.Embedding(5, 8), Positional(8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 5)
        self.head.weight = self.embed.weight
    def forward(self, x):
        return self.head(self.encoder(self.positions(self.embed(x))))
tiny = Tiny()
# %%
for p in tiny.parameters():
    if p.dim() > 1:
        nn.init.xavier_uniform_(p)
# %%
opt = torch.optim.AdamW(tiny.parameters(), lr=1e-3)
warm = torch.optim.lr_scheduler.LambdaLR(opt, lambda step: min(1.0, (step + 1) / 4))
for step in range(4):
    loss = nn.functional.cross_entropy(tiny(batch[:, :-1]).transpose(1, 2), batch[:, 1:])
    opt.zero_grad()
    loss.backward()
    opt.step()
    warm.step()
# %%
tiny.eval()
with torch.no_grad():
    sentence = torch.tensor([[1]])
    for _ in range(3):
        following = tiny(sentence)[:, -1].argmax(-1, keepdim=True)
        sentence = torch.cat([sentence, following], dim=1)
sentence
# %%
pretrained = torch.randn(5, 8)
frozen = nn.Embedding.from_pretrained(pretrained, freeze=True)
frozen(batch).shape
# %%
q, k, v = torch.randn(2, 4, 24).chunk(3, dim=-1)
nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True).shape
