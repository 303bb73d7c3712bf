"""Two readers over one bytearray change when the bytes do."""
# %%
import numpy as np
import torch
raw = bytearray(16)
floats = torch.frombuffer(raw, dtype=torch.float32)
counts = np.frombuffer(raw, dtype=np.int32)
# %%
#! floats <- raw[4:8] = b"\x00\x00\x80\x3f"
#! counts <- raw[4:8] = b"\x00\x00\x80\x3f"
raw[4:8] = b"\x00\x00\x80\x3f"
# %%
#: floats <- floats += 1
#! counts <- floats += 1
floats += 1
