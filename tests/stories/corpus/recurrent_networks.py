"""Sequences: a hand-written RNN, nn.RNN, nn.LSTM with state carried over, and sampling."""
# %%
import torch
from torch import nn
from torch.nn import functional as F
torch.manual_seed(0)
# %%
text = "the cat sat on the mat and the rat sat on the cat "
alphabet = sorted(set(text))
index = {c: i for i, c in enumerate(alphabet)}
corpus = torch.tensor([index[c] for c in text])
# %%
def windows(corpus, length):
    X = torch.stack([corpus[i : i + length] for i in range(len(corpus) - length)])
    Y = torch.stack([corpus[i + 1 : i + length + 1] for i in range(len(corpus) - length)])
    return X, Y
X, Y = windows(corpus, 6)
# %%
W_xh, W_hh = torch.randn(len(alphabet), 8) * 0.1, torch.randn(8, 8) * 0.1
b_h = torch.zeros(8)
def rnn(inputs, H):
    outputs = []
    for x in inputs:
        H = torch.tanh(x @ W_xh + H @ W_hh + b_h)
        outputs.append(H)
    return outputs, H
# %%
one_hot = F.one_hot(X.T, len(alphabet)).float()
outputs, H = rnn(one_hot, torch.zeros(len(X), 8))
len(outputs), H.shape
# %%
outputs, H = rnn(one_hot, H)
# %%
class CharLSTM(nn.Module):
    def __init__(self, vocab, hidden=12):
        super().__init__()
        self.embed = nn.Embedding(vocab, 6)
        self.lstm = nn.LSTM(6, hidden, batch_first=True)
        self.out = nn.Linear(hidden, vocab)
    def forward(self, x, state=None):
        h, state = self.lstm(self.embed(x), state)
        return self.out(h), state
model = CharLSTM(len(alphabet))
# %%
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
state = None
for X_batch, Y_batch in zip(X.split(11), Y.split(11)):
    logits, state = model(X_batch, state)
    loss = F.cross_entropy(logits.flatten(0, 1), Y_batch.flatten())
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    state = tuple(s.detach() for s in state)
# %%
def sample(prefix, count):
    model.eval()
    state, out = None, [index[c] for c in prefix]
    with torch.no_grad():
        logits, state = model(torch.tensor([out]))
        for _ in range(count):
            out.append(int(logits[0, -1].argmax()))
            logits, state = model(torch.tensor([[out[-1]]]), state)
    return "".join(alphabet[i] for i in out)
sample("the ", 8)
# %%
gru = nn.GRU(4, 5, num_layers=2)
h = torch.zeros(2, 3, 5)
sequence, h = gru(torch.randn(7, 3, 4), h)
# %%
cell = nn.RNNCell(4, 5)
h = torch.zeros(3, 5)
states = torch.empty(7, 3, 5)
for t in range(7):
    h = cell(torch.randn(3, 4), h)
    states[t] = h.detach()
# %%
packed = nn.utils.rnn.pack_padded_sequence(torch.randn(3, 5, 4), [5, 3, 2], batch_first=True)
padded, lengths = nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
padded.shape, lengths
