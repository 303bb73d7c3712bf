"""Keep copies of large storages while one cell runs, so that `%%tensordiff` can count what changed in them too."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .element_diff import contrast
from .fingerprints import Fingerprints, Mark, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...core.model.diff import Content, Difference
    from ..memory.byte_block import Block

    Found = tuple[Difference, Content]

MAX_BYTES = 1 << 28


@dataclass(slots=True)
class Album:
    """Copies of the storages of which only a digest is kept otherwise, up to a total."""

    copies: dict[int, Mark] = field(default_factory=dict)
    nbytes: int = 0

    def take(self, blocks: Mapping[int, Block], prints: Fingerprints) -> None:
        """Copy what no copy is kept of."""
        for storage, block in blocks.items():
            mark = prints.marks.get(storage)
            fits = self.nbytes + block.nbytes <= MAX_BYTES
            if mark is not None and mark.copy is None and mark.block == block and fits:
                copy = Mark.of(block)
                if copy is not None and copy.digest == mark.digest:
                    self.copies[storage] = copy
                    self.nbytes += block.nbytes

    def compare(
        self, found: tuple[Found, ...], blocks: Mapping[int, Block], prints: Fingerprints, examples: int
    ) -> tuple[Found, ...]:
        """Count the elements of the changes that a digest could only tell."""
        return tuple(self._compare(found, blocks, prints, examples)) if self.copies else found

    def _compare(
        self, found: tuple[Found, ...], blocks: Mapping[int, Block], prints: Fingerprints, examples: int
    ) -> Iterator[Found]:
        after: dict[int, Mark | None] = {}
        for one, content in found:
            storage = one.before.storage if one.before else 0
            counted = content.elements is not None and content.elements.changed is not None
            if storage not in self.copies or one.after is None or not content.changed or counted:
                yield one, content
                continue
            if storage not in after:
                block = blocks.get(storage)
                after[storage] = Mark.of(block) if block else None
            sharper = {storage: Verdict("changed", self.copies[storage], after[storage], content.since)}
            same = one.after.storage == storage
            better = contrast(one, sharper, prints, examples) if same and after[storage] else content
            yield one, better if better.elements else content
