"""Nested objects of all kinds that a walk opens, made at random, with tensors in them and without."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

Pair = namedtuple("Pair", "first second")  # noqa: PYI024  (a class without annotations)


class Plain:
    def __init__(self, value: object) -> None:
        self.value = value


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


@dataclass
class Data:
    value: object
    numbers: list[int] = field(default_factory=list)


class OwnDict(dict):  # type: ignore[type-arg]
    """A dict of a user's class, whose own methods are not called."""

    def values(self) -> Any:
        raise AssertionError


ATOM: st.SearchStrategy[object] = st.sampled_from([1, "a", None, 2.0, b"x", torch.float32, len])
TENSORS: list[Callable[[], object]] = [
    lambda: torch.zeros(2),
    lambda: np.zeros(2),
    lambda: torch.nn.Parameter(torch.zeros(1)),
]
WRAPPERS: list[Callable[[Any], object]] = [
    lambda one: [one, 1],
    lambda one: (one,),
    lambda one: {"k": one, "n": 1},
    lambda one: {("a", 1): [one]},
    lambda one: Pair(one, 2),
    lambda one: deque([one]),
    lambda one: OrderedDict(k=one),
    lambda one: defaultdict(list, k=one),
    lambda one: OwnDict(k=one),
    Plain,
    Slotted,
    Data,
    lambda one: [Plain(3), one, {"q": [1, 2]}],
]
INNER = st.deferred(lambda: ATOM | st.builds(lambda wrap, inner: wrap(inner), st.sampled_from(WRAPPERS), INNER))


def grow(inner: object, wrappers: list[Callable[[Any], object]], *, holds: bool) -> object:
    """Put something, with a tensor or without, into objects one inside the other."""
    thing: object = [torch.zeros(1), inner] if holds else inner
    for wrap in wrappers:
        thing = wrap(thing)
    return thing


PARTS = st.lists(st.tuples(INNER, st.lists(st.sampled_from(WRAPPERS), max_size=3), st.booleans()), max_size=4)
"""What `grow` takes, for several objects."""
