"""How a user spells a tensor: `model.layers[0].weight`, `batch['x']`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..runtime.record import field, record

if TYPE_CHECKING:
    from collections.abc import Sequence

ANY_ITEM = "[*]"
"""The step of an item whose key is not known before the line runs."""


OF_SET = "list()"
"""The prefix of the step to a member of a set; sets have no items of their own."""


@record(kw_only=False)
class AccessPath:
    """A variable's name and the steps from it to a tensor, each as typed.

    Examples
    --------
    >>> str(AccessPath("model", (".layers", "[0]", ".weight")))
    'model.layers[0].weight'
    """

    root: str
    steps: tuple[str, ...] = ()
    _text: str = field(default="", init=False, compare=False, repr=False)
    _hash: int = field(default=0, init=False, compare=False, repr=False)

    def __hash__(self) -> int:
        """Hash root and steps, once."""
        if not self._hash:
            object.__setattr__(self, "_hash", hash((self.root, self.steps)))
        return self._hash

    def __str__(self) -> str:
        """Return the path as a user would type it; a member of a set as an item of its list."""
        if not self._text:
            object.__setattr__(self, "_text", self._spell())
        return self._text

    def _spell(self) -> str:
        text = self.root
        for step in self.steps:
            text = f"list({text}){step.removeprefix(OF_SET)}" if step.startswith(OF_SET) else text + step
        return text

    @property
    def parts(self) -> tuple[str, ...]:
        """The variable and the steps, in order."""
        return (self.root, *self.steps)

    @property
    def owner(self) -> AccessPath:
        """The path to what the last step is of."""
        return self.first(-1)

    def first(self, count: int) -> AccessPath:
        """Return the path of its first steps; a negative count leaves out as many of the last.

        Examples
        --------
        >>> str(AccessPath("net", (".a", ".b", ".w")).first(1)), str(AccessPath("net", (".a", ".w")).first(-1))
        ('net.a', 'net.a')
        """
        return AccessPath(self.root, self.steps[:count])

    def then(self, *steps: str) -> AccessPath:
        """Return the path that goes on by some steps."""
        return AccessPath(self.root, (*self.steps, *steps))

    @property
    def is_grad(self) -> bool:
        """Whether the path leads to the gradient of a tensor."""
        return self.steps[-1:] == (".grad",)

    def leads_to(self, other: AccessPath) -> bool:
        """Return whether `other` is this path or starts with it; an unknown item matches any item.

        Examples
        --------
        >>> AccessPath("h", ("[*]",)).leads_to(AccessPath("h", ("[2]", ".grad")))
        True
        """
        if self.root != other.root or len(self.steps) > len(other.steps):
            return False
        return all(_same_step(mine, theirs) for mine, theirs in zip(self.steps, other.steps, strict=False))


def _same_step(mine: str, theirs: str) -> bool:
    return mine == theirs or (ANY_ITEM in (mine, theirs) and mine[0] == "[" == theirs[0])


def is_part_of(path: str, whole: str) -> bool:
    """Return whether a spelled path goes on from another one.

    Examples
    --------
    >>> is_part_of("net.fc.weight", "net.fc"), is_part_of("network", "net"), is_part_of("net", "net")
    (True, False, False)
    """
    return path.startswith((f"{whole}.", f"{whole}["))


def container_of(paths: Sequence[AccessPath]) -> AccessPath:
    """Return the innermost part of some paths of one variable that all of them go through.

    Examples
    --------
    >>> str(container_of([AccessPath("net", (".a", ".w")), AccessPath("net", (".a", ".b", ".w"))]))
    'net.a'
    """
    above = [path.steps[:-1] for path in paths]
    return AccessPath(paths[0].root, above[0][: count_alike(above)])


def count_alike(several: Sequence[Sequence[str]]) -> int:
    """Return the number of leading steps that all of them share."""
    levels = list(zip(*several, strict=False))
    return next((place for place, level in enumerate(levels) if len(set(level)) > 1), len(levels))
