"""Marks for tests of what an older PyTorch has switched off; in the newest, nothing may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from ipy_tensorwatch.capture.runtime import graph_private, torch_private
from ipy_tensorwatch.core.runtime.capability import CAPABILITIES
from ipy_tensorwatch.render.wording.own_state import SWITCHED_OFF

if TYPE_CHECKING:
    from pytest import MarkDecorator  # noqa: PT013  (a type)

IS_OLD = torch.__version__ < "2.9"
_TRIED = (graph_private, torch_private)
"""Importing them has tried what they need."""


def needs(code: str) -> MarkDecorator:
    """Skip a test where an older PyTorch lacks what this capability needs, as `%tensorwatch status` says there."""
    lost = {one.lost for one in CAPABILITIES.values() if not one.works}
    return pytest.mark.skipif(IS_OLD and code in lost, reason=SWITCHED_OFF[code])
