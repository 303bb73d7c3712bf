"""What to write instead of a write that a backward cannot stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..syntax.magic_calls import puts_back

if TYPE_CHECKING:
    from ..model.saved_tensor import Writing

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


def remedy(writing: Writing, paths: tuple[str, ...], root: str | None, *, is_read_again: bool = False) -> str:
    """Say what to write instead.

    Parameters
    ----------
    paths
        The variables that overlap what was overwritten.
    root
        The variable whose backward is in danger.
    is_read_again
        Whether a checkpoint reads the variable by its name, so that giving the name to another tensor is no better.
    """
    again = f"compute `{root}` again after it" if root else "compute what depends on it again"
    if writing.cause == "optimizer":
        return f"Call backward before the step, or {again}."
    if writing.is_leaf:
        return f"Call backward before this write, or {again}."
    if writing.site is not None and puts_back(writing.site.text):
        return f"C{again[1:]}."
    if is_read_again:
        return "Write after the backward, or hand a copy to `checkpoint` as an argument of the function."
    site = writing.site
    if site is not None and site.inner is not None:
        return f"Hand the function a copy, or write out of place in cell {site.inner.cell}, line {site.inner.line}."
    if site is None and not paths:
        return "Write out of place in what is called there; run under `%%tensordiff`, the cell tells which line wrote."
    line = rewritten(site.text if site else "", paths)
    return f"Write out of place: `{line}`." if line else _copied(writing)


def rewritten(text: str, paths: tuple[str, ...]) -> str | None:
    """Spell an in-place call or an augmented assignment out of place, where that is the same computation.

    Examples
    --------
    >>> rewritten("h.add_(1)", ("h",)), rewritten("h *= y - 1", ("h",))
    ('h = h.add(1)', 'h = h * (y - 1)')
    """
    call, augmented = _CALL.fullmatch(text), _AUGMENTED.fullmatch(text)
    if call and call["name"] in paths and call["method"] in OUT_OF_PLACE:
        name = call["name"]
        return f"{name} = {name}.{call['method']}({call['rest']})"
    if augmented and augmented["name"] in paths:
        name, rest = augmented["name"], augmented["rest"].strip()
        simple = re.fullmatch(r"[\w.]+|\([^()]*\)", rest)
        return f"{name} = {name} {augmented['sign']} {rest if simple else f'({rest})'}"
    return None


def _copied(writing: Writing) -> str:
    if writing.path is None or not writing.path.isidentifier():
        return "Write to a copy (`.clone()`), or after the backward."
    copy = "copy" if writing.is_array else "clone"
    return f"Write to a copy: `{writing.path} = {writing.path}.{copy}()` before it."
