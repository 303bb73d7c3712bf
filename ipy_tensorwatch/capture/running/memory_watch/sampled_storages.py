"""Storages too large to be read between statements: a sample of their bytes tells when they were written."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ....core.runtime.record import field, mutable
from ...memory.byte_block import fetch
from ...memory.raw_memory import write_spans
from .watched_storage import Rewritten, Watched

if TYPE_CHECKING:
    import weakref
    from collections.abc import Container, Iterator, Mapping, Sequence

    from ...compare.compare_bytes import StorageMark
    from ...memory.byte_block import Bytes

RUNS, RUN = 32, 64
"""How many runs of how many bytes are read of each storage."""
SIZE = RUNS * RUN
AT_ONCE = 8
"""The number of storages that are read at one look; if there are more, they take turns."""
MAX_SAMPLED = 64


@mutable(eq=False)
class _Sample:
    """One storage, and the bytes of its sample at the last look; None before the first."""

    watched: Watched
    spans: bytes
    last: Bytes | None = None


@mutable
class Samples:
    """The sampled storages, those that are read next first.

    Attributes
    ----------
    seen
        The storages that were seen to be written.
    """

    _samples: dict[int, _Sample] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)

    @classmethod
    def begin(
        cls, marks: Mapping[int, StorageMark], references: Mapping[int, weakref.ref[Any]], read: Container[int]
    ) -> Samples:
        """Choose storages that are not `read` as a whole; arrays, which have no version counter, come first."""
        large = [key for key in marks if key not in read and key in references and marks[key].block.nbytes > SIZE]
        large.sort(key=lambda key: marks[key].block.owner is not None)
        chosen = ((key, marks[key].block) for key in large[:MAX_SAMPLED])
        return cls(
            {
                key: _Sample(
                    Watched(references[key], block, None, None), write_spans(block.address, _runs(block.nbytes))
                )
                for key, block in chosen
            }
        )

    def look(self, number: int) -> Iterator[Rewritten]:
        """Yield the storages whose sample differs from that of their last look."""
        due = [*self._samples][:AT_ONCE]
        yield from self._compare([key for key in due if self._samples[key].watched.find()], number)
        for key in due if len(self._samples) > AT_ONCE else ():
            self._samples[key] = self._samples.pop(key)  # at the end: the others have their turn

    def conclude(self, storages: Container[int], number: int) -> Iterator[Rewritten]:
        """Compare the samples of some storages once more, after the cell."""
        yield from self._compare([key for key, one in self._samples.items() if key in storages and one.last], number)

    def _compare(self, keys: Sequence[int], number: int) -> Iterator[Rewritten]:
        for key, now in zip(keys, self._read(keys), strict=True):
            sample = self._samples[key]
            since, sample.watched.look_number = sample.watched.look_number, number
            before, sample.last = sample.last, now
            if before is not None and now is not None and now != before:
                self.seen.add(key)
                yield Rewritten(key, since, None, sample.watched.block.low)

    def _read(self, keys: Sequence[int]) -> list[Bytes | None]:
        several = [self._samples[key].spans for key in keys]
        joined = fetch(b"".join(several), SIZE * len(several))[1] if several else None
        if joined is None:  # one of them cannot be read
            return [fetch(one, SIZE)[1] for one in several]
        return [joined[place : place + SIZE] for place in range(0, len(joined), SIZE)]


@lru_cache(maxsize=256)
def _runs(nbytes: int) -> np.ndarray[Any, Any]:
    """Return runs spread over so many bytes: one in each of equal parts, at varying places."""
    part = nbytes // RUNS
    shift = np.arange(RUNS) * 0.6180339887 % 1  # no stride of the user's data has this rhythm
    starts = np.arange(RUNS) * part + (shift * (part - RUN)).astype(np.int64)
    return np.stack([starts, np.full(RUNS, RUN)], axis=1)
