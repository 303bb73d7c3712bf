"""What to write instead of a write that a backward cannot stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .hazard import Writing

_CALL = re.compile(r"(?P<name>[A-Za-z_][\w.]*)\.(?P<method>[a-z]\w*[a-z0-9])_\((?P<rest>[^()]*)\)")
_AUGMENTED = re.compile(r"(?P<name>[A-Za-z_][\w.]*) (?P<sign>\+|-|\*\*?|//?|@|%)= (?P<rest>[^=]+)")
OUT_OF_PLACE = frozenset(
    (
        "add",
        "addcdiv",
        "addcmul",
        "ceil",
        "clamp",
        "cos",
        "div",
        "elu",
        "erf",
        "exp",
        "expm1",
        "floor",
        "gelu",
        "hardtanh",
        "leaky_relu",
        "lerp",
        "log",
        "log1p",
        "masked_fill",
        "mul",
        "neg",
        "pow",
        "reciprocal",
        "relu",
        "relu6",
        "round",
        "rsqrt",
        "scatter",
        "scatter_add",
        "sigmoid",
        "sin",
        "silu",
        "softmax",
        "sqrt",
        "square",
        "sub",
        "tan",
        "tanh",
        "tril",
        "triu",
    )
)
"""The methods that have a twin without an underscore."""


def remedy(writing: Writing, paths: tuple[str, ...], root: str | None) -> str:
    """Say what to write instead.

    Parameters
    ----------
    paths
        The variables that overlap what was overwritten.
    root
        The variable whose backward is in danger.
    """
    again = f"compute `{root}` again after it" if root else "compute what depends on it again"
    if writing.cause == "optimizer":
        return f"Call backward before the step, or {again}."
    if writing.is_leaf:
        return f"Call backward before this write, or {again}."
    site = writing.site
    if site is not None and site.inner is not None:
        return f"Hand the function a copy, or write out of place in cell {site.inner.cell}, line {site.inner.line}."
    return _rewritten(site.text if site else "", paths) or _copied(writing)


def _rewritten(text: str, paths: tuple[str, ...]) -> str | None:
    """Spell an in-place call or an augmented assignment out of place, where that is the same computation."""
    call, augmented = _CALL.fullmatch(text), _AUGMENTED.fullmatch(text)
    if call and call["name"] in paths and call["method"] in OUT_OF_PLACE:
        name = call["name"]
        return f"Write out of place: `{name} = {name}.{call['method']}({call['rest']})`."
    if augmented and augmented["name"] in paths:
        name, rest = augmented["name"], augmented["rest"].strip()
        simple = re.fullmatch(r"[\w.]+|\([^()]*\)", rest)
        return f"Write out of place: `{name} = {name} {augmented['sign']} {rest if simple else f'({rest})'}`."
    return None


def _copied(writing: Writing) -> str:
    if writing.path is None or not writing.path.isidentifier():
        return "Write to a copy (`.clone()`), or after the backward."
    copy = "copy" if writing.is_array else "clone"
    return f"Write to a copy: `{writing.path} = {writing.path}.{copy}()` before it."
