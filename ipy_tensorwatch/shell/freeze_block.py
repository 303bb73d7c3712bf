"""The context manager that freezes tensors."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from ..capture.frames.calling_line import name_in_caller
from ..capture.objects.containers import is_array
from ..capture.protect.freezer import Freezer
from ..core.records.freezing import Culprit, FrozenError
from ..render.wording.not_frozen import not_frozen, released, stopped, written

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def freezing(thing: object) -> Iterator[None]:
    """Freeze a tensor, or all tensors in a container, while a ``with`` block runs.

    Raises
    ------
    TypeError
        If there is no tensor in it, or one whose memory cannot be frozen.
    FrozenError
        In the block, before an operator writes; after the block, if bytes had to be put back.
    """
    name = name_in_caller(thing) or ("the tensor" if is_array(type(thing)) else "the container")
    freezer = Freezer(stopped)
    found, refused = freezer.examine(name, thing, None)
    for path, why in refused.items():
        raise TypeError(f"{path} cannot be frozen: {not_frozen(why)}")
    if not found:
        raise TypeError(f"no tensor was found in an object of type {type(thing).__name__}")
    freezer.freeze(found)
    freezer.open()
    try:
        yield
    finally:
        freezer.close()
        block = Culprit(place="block")
        told = [written(one.record(), block) for one in freezer.mend()]
        told += [written(one.record(), block, then=released(why)) for one, why in freezer.let_go]
        freezer.let_go.clear()
        freezer.thaw(found)
        found.clear()  # a traceback would keep the copies
        if told and not isinstance(sys.exc_info()[1], KeyboardInterrupt):
            raise FrozenError(told[0])
