"""The place of this process in the group of `torch.distributed`."""

from __future__ import annotations

import sys
from typing import Any


def place_in_group() -> tuple[int, int] | None:
    """Return the rank of this process and the size of the default group; None if no group is up."""
    dist: Any = sys.modules.get("torch.distributed")
    if dist is None or not dist.is_available() or not dist.is_initialized():
        return None
    return int(dist.get_rank()), int(dist.get_world_size())
