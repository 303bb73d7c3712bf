"""An environment that reuses its observation array rewrites what the replay memory stored."""
# %%
import numpy as np
class Environment:
    def __init__(self):
        self.observation = np.zeros(3, dtype=np.float32)
    def step(self):
        self.observation += 1
        return self.observation
world, replay = Environment(), []
# %%
#:? world.observation <- self.observation += 1
replay.append(world.step())
# %%
#:? world.observation <- self.observation += 1
#! replay[0] <- self.observation += 1
replay.append(world.step())
