"""Nodes whose gradient reads a saved tensor only as a mask: on which side of a bound each element lies.

Measured with PyTorch's table of operators (`tests/end_to_end/hazards/test_unread.py`).
"""

from __future__ import annotations

from itertools import combinations
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    Numbers = np.ndarray[Any, Any]

_BOTH = ("self", "other")
COMPARING: dict[str, tuple[tuple[str, ...], tuple[float | str, ...]]] = {
    "AbsBackward0": (("self",), (0.0,)),
    "ClampBackward0": (("self", "min", "max"), ()),
    "ClampBackward1": (("self",), ("min", "max")),
    "ClampMaxBackward0": (("self",), ("max",)),
    "ClampMaxBackward1": (("self", "max"), ()),
    "ClampMinBackward0": (("self",), ("min",)),
    "ClampMinBackward1": (("self", "min"), ()),
    "FmaxBackward0": (_BOTH, ()),
    "FminBackward0": (_BOTH, ()),
    "HardshrinkBackward0": (("self",), ("lambd", "-lambd")),
    "HardsigmoidBackward0": (("self",), (-3.0, 3.0)),
    "HardtanhBackward0": (("self",), ("min_val", "max_val")),
    "LeakyReluBackward0": (("self",), (0.0,)),
    "LeakyReluBackward1": (("result",), (0.0,)),
    "MaxBackward1": (("self", "result"), ()),
    "MaximumBackward0": (_BOTH, ()),
    "MinBackward1": (("self", "result"), ()),
    "MinimumBackward0": (_BOTH, ()),
    "NanToNumBackward0": (("self",), (-inf, inf)),
    "NansumBackward0": (("self",), ()),
    "NextafterBackward0": (_BOTH, ()),
    "ReluBackward0": (("result",), (0.0,)),
    "RreluWithNoiseBackward0": (("self",), (0.0,)),
    "SoftshrinkBackward0": (("self",), ("lambd", "-lambd")),
    "ThresholdBackward0": (("self",), ("threshold",)),
}
"""By node name: the arguments compared with each other, and the bounds or the settings that are bounds."""


class Mask(NamedTuple):
    """How a node uses what it saved as a mask.

    Attributes
    ----------
    arguments
        The saved arguments that are compared, with every bound and with each other.
    """

    arguments: tuple[str, ...]
    bounds: tuple[float, ...]

    def is_same(self, then: Sequence[Numbers], now: Sequence[Numbers]) -> bool:
        """Return whether other values give the same mask.

        Examples
        --------
        >>> relu = Mask(("result",), (0.0,))
        >>> relu.is_same([np.array([0.0, 2.0])], [np.array([0.0, 5.0])])
        True
        """
        return all(map(np.array_equal, self._sides(then), self._sides(now)))

    def _sides(self, numbers: Sequence[Numbers]) -> Iterator[Numbers]:
        yield from map(np.isnan, numbers)
        bounds = [(one, one.dtype.type(bound)) for one in numbers for bound in self.bounds]
        for one, other in (*combinations(numbers, 2), *bounds):
            yield one > other
            yield one == other


def mask_of_node(op: str, saved: Collection[str], setting: Callable[[str], object]) -> Mask | None:
    """Return how a node is masked; None if a gradient reads more than a mask of what it saved.

    Parameters
    ----------
    saved
        The names of the tensors that the node saved.
    setting
        Returns a non-tensor argument of the node's operator.
    """
    arguments, bounds = COMPARING.get(op, ((), ()))
    found = [_bound(one, setting) if isinstance(one, str) else one for one in bounds]
    known = [one for one in found if isinstance(one, (int, float))]
    here = tuple(one for one in arguments if one in saved)
    is_whole = all(one is None or isinstance(one, (int, float)) for one in found)
    return Mask(here, tuple(known)) if here and is_whole else None


def _bound(name: str, setting: Callable[[str], object]) -> object:
    value = setting(name.removeprefix("-"))
    return -value if name.startswith("-") and isinstance(value, (int, float)) else value
