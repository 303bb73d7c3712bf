"""What to write instead of a write that PyTorch refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .rewrite_statement import assigned_call, binds, cloned_sources, out_of_place, replaced, with_clones, without_grad

if TYPE_CHECKING:
    from .inplace_refused import Refused

_NAMED = re.compile(r"\w+(?:\.\w+|\[[^\[\]:,]*\])*")


def mend_refused(one: Refused) -> str:
    """Say what to write instead."""
    trouble = one.complaint.trouble
    if trouble in ("leaf", "view-of-leaf"):
        return _mend_module(one) if one.module else _mend_leaf(one)
    if trouble in ("marked-leaf", "marked-view"):
        return _hand_a_copy(one)
    if trouble == "expanded":
        return _copy_first(one)
    if trouble == "shared":
        return _read_a_copy(one)
    if one.complaint.late:
        return _take_again(one)
    if trouble == "one-of-several":
        return _mend_several(one)
    return _mend_other(one)


def _mend_leaf(one: Refused) -> str:
    """Update a parameter where autograd does not look; of other leaves it is not known what is wanted."""
    quiet = without_grad(one.raised.text)
    alone = f"`{quiet}`" if quiet else "write under `torch.no_grad()`"
    if binds(one.raised.text):
        return f"{_anew(one)}."  # what it gives is wanted, and with a history
    if one.is_parameter or ".grad" in one.raised.text or not one.binds:
        return f"Do not record it{_there(one)}: {alone}."
    return f"{_anew(one)}, so that gradients flow to the old one; or, to change the numbers alone, {alone}."


def _mend_module(one: Refused) -> str:
    copied = with_clones(one.raised.text, one.names)
    hand = f", or hand it a copy{_there(one)}: `{copied}`" if copied else ""
    return f"Make the {one.module} without `inplace=True`{hand}."


def _mend_several(one: Refused) -> str:
    if one.base_is_leaf:
        return _mend_part_of_leaf(one)
    if one.loop is not None:
        return f"Take the views one by one: `{one.loop}`."
    part = f"{one.base}{one.portion}" if one.base and one.portion else None
    through = replaced(one.raised.text, one.path, part) if part and one.path and not one.binds else None
    if through is not None:
        return f"Write through `{one.base}` itself{_there(one)}, and take the views again after it: `{through}`."
    again = f"`{one.path} = {part}` before it" if part and one.binds else None
    plain = _plain(one)
    if plain is not None:
        too = f"; to change `{one.base}` too, {again}" if again else ""
        return f"Write out of place{_there(one)}: `{plain}`{too}."
    return f"Take it as a view of its own: {again}." if again else _copy_first(one)


def _mend_part_of_leaf(one: Refused) -> str:
    """Leave a leaf's views as they are: of its own, too, they could not be written to."""
    quiet = without_grad(one.raised.text)
    alone = f"`{quiet}`" if quiet else "write under `torch.no_grad()`"
    if one.loop is not None or not one.binds:
        return f"Do not record it{_there(one)}: {alone}."
    return f"{_anew(one)}; or, to change the numbers of `{one.base}` alone, {alone}."


def _mend_other(one: Refused) -> str:
    quiet = without_grad(one.raised.text)
    match one.complaint.trouble:
        case "no-grad-view" if quiet:
            other = "" if one.base_is_leaf else "; to record it, make the view with grad mode on"
            return f"As its view, do not record it{_there(one)}: `{quiet}`{other}."
        case "inference-view" if quiet:
            return f"Write in inference mode too{_there(one)}: `{quiet.replace('no_grad', 'inference_mode')}`."
        case "detached-view":
            plain = assigned_call(one.raised.text, "detach_", "detach") if one.path and one.binds else None
            return f"Bind it anew{_there(one)}: `{plain}`." if plain else "Use `detach()`, and what it gives."
        case "out":
            plain = out_of_place(one.raised.text, _Anything())
            return f"Bind what it gives{_there(one)}: `{plain}`." if plain else "Use what it gives, without `out=`."
        case "captured":
            what = f"`{one.path}`" if one.path else "the tensor"
            return f"Hand {what} to the function as an argument, or write to a copy of it (`.clone()`)."
        case "inference" if one.is_written:
            return f"{_anew(one)}, and compute `{one.path}` again first."
        case _:
            return f"{_anew(one)}."


def _anew(one: Refused) -> str:
    plain = _plain(one)
    return f"Write out of place{_there(one)}: `{plain}`" if plain else _copy_first(one).removesuffix(".")


def _plain(one: Refused) -> str | None:
    return out_of_place(one.raised.text, {one.path}) if one.path and one.binds else None


def _copy_first(one: Refused) -> str:
    if one.path is None or not one.binds or not _NAMED.fullmatch(one.path):
        return f"Write to a copy (`.clone()`){_there(one)}."
    return f"Write to a copy: `{one.path} = {one.path}.clone()` before it{_there(one)}."


def _hand_a_copy(one: Refused) -> str:
    copied = with_clones(one.raised.text, {*one.names, *filter(None, [one.path])})
    return f"Hand it a copy{_there(one)}: `{copied}`." if copied else "Hand the Function a copy (`.clone()`)."


def _read_a_copy(one: Refused) -> str:
    copied = cloned_sources(one.raised.text, {*one.names, *filter(None, [one.path])})
    return f"Read from a copy{_there(one)}: `{copied}`." if copied else f"Read from a copy (`.clone()`){_there(one)}."


def _take_again(one: Refused) -> str:
    if one.path is None or not one.binds:
        return "Take the view again after the write."
    if one.complaint.trouble in ("no-grad-view", "inference-view"):
        return f"Use it without a history, as it was made: `{one.path} = {one.path}.detach()` before it{_there(one)}."
    if one.base and one.portion:
        return f"Take it again after the write: `{one.path} = {one.base}{one.portion}` before it{_there(one)}."
    return f"Copy it before that write: `{one.path} = {one.path}.clone()`."


def _there(one: Refused) -> str:
    return f" in {one.raised.place}" if one.raised.place else ""


class _Anything:
    """Every name: what is bound anew is told by `out=` itself."""

    def __contains__(self, name: object) -> bool:
        return name is not None
