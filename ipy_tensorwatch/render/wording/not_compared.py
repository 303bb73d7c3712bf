"""Why the bytes of a tensor are not compared, in words."""

from __future__ import annotations

import re

_KIND = re.compile(r"an? (?P<kind>.+)")
_SPARSE = re.compile(r"sparse (?P<layout>\w+) tensor")


def reason(why: str) -> str:
    """Say why bytes were not compared; layouts are spelled as PyTorch's documentation spells them.

    Examples
    --------
    >>> [reason(why) for why in ("a meta tensor", "a sparse csr tensor", "on cuda:0")]
    ['memory not known: meta tensor', 'memory not known: sparse CSR tensor, its parts are watched', 'bytes on cuda:0']
    """
    if why == "budget":
        return "no time left after this cell: compared later"
    if why.startswith("on "):
        return f"bytes {why}"
    kind = _KIND.fullmatch(why)
    return f"memory not known: {_SPARSE.sub(_spell_layout, kind['kind'])}" if kind else why


def _spell_layout(found: re.Match[str]) -> str:
    return f"sparse {found['layout'].upper()} tensor, its parts are watched"
