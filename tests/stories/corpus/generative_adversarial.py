"""A GAN on points: two players, two optimizers, taking turns."""
# %%
import torch
from torch import nn
torch.manual_seed(0)
# %%
A, shift = torch.tensor([[1.0, 2.0], [-0.1, 0.5]]), torch.tensor([1.0, 2.0])
real_points = torch.normal(0.0, 1, (48, 2)) @ A + shift
# %%
generator = nn.Sequential(nn.Linear(2, 2))
critic = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 3), nn.Tanh(), nn.Linear(3, 1))
# %%
for w in critic.parameters():
    nn.init.normal_(w, 0, 0.02)
for w in generator.parameters():
    nn.init.normal_(w, 0, 0.02)
# %%
loss = nn.BCEWithLogitsLoss()
opt_critic = torch.optim.Adam(critic.parameters(), lr=0.05)
opt_generator = torch.optim.Adam(generator.parameters(), lr=0.005)
# %%
def update_critic(real, noise):
    ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
    opt_critic.zero_grad()
    fake = generator(noise)
    both = (loss(critic(real), ones) + loss(critic(fake.detach()), zeros)) / 2
    both.backward()
    opt_critic.step()
    return both

def update_generator(noise):
    opt_generator.zero_grad()
    fooled = loss(critic(generator(noise)), torch.ones(len(noise), 1))
    fooled.backward()
    opt_generator.step()
    return fooled
# %%
fixed_noise = torch.randn(6, 2)
first_points = generator(fixed_noise).detach()
# %%
log = []
for real in real_points.split(16):
    noise = torch.normal(0, 1, (len(real), 2))
    log.append((update_critic(real, noise).item(), update_generator(noise).item()))
# %%
later_points = generator(fixed_noise).detach()
(later_points - first_points).norm()
# %%
for epoch in range(2):
    for real in real_points.split(16):
        opt_critic.zero_grad()
        (loss(critic(real), torch.ones(len(real), 1)) + loss(critic(generator(torch.randn(16, 2)).detach()), torch.zeros(16, 1))).backward()
        opt_critic.step()
        opt_generator.zero_grad()
        loss(critic(generator(torch.randn(16, 2))), torch.ones(16, 1)).backward()
        opt_generator.step()
# %%
for p in critic.parameters():
    p.data.clamp_(-0.5, 0.5)
# %%
grid = torch.stack(torch.meshgrid(torch.linspace(-1, 1, 4), torch.linspace(-1, 1, 4), indexing="ij"), -1).reshape(-1, 2)
with torch.no_grad():
    surface = critic(grid).reshape(4, 4)
# %%
codes, log_var = torch.randn(4, 2), torch.zeros(4, 2)
sampled = codes + torch.exp(0.5 * log_var) * torch.randn_like(codes)
divergence = -0.5 * torch.sum(1 + log_var - codes.pow(2) - log_var.exp())
