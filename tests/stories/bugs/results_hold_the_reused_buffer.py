"""`results.append(buffer)` keeps the buffer, not what was in it."""
# %%
import numpy as np
buffer, results = np.zeros(2), []
# %%
#: buffer <- buffer[:] = 1
buffer[:] = 1
results.append(buffer)
# %%
#: buffer <- buffer[:] = 2
#! results[0] <- buffer[:] = 2
buffer[:] = 2
results.append(buffer)
