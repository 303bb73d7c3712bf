"""The remedies in words: one sentence for each kind of fix."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from ...page import Line, clause, fill, words
from ..places import named, stands, where

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ....core.hazards.fix import Fix, FixKind, Tail

_TITLES: Mapping[FixKind, str] = {
    "out-of-place": "Write out of place{there}: `{code}`",
    "record-out-of-place": "Compute it out of place, where gradients are recorded{line}",
    "bind-detached": "Assign a new tensor: `{code}` instead of `{other}`",
    "bind-anew": "Assign a new tensor{there}: `{code}`",
    "bind-out": "Assign its result{there}: `{code}`",
    "save-copy": "Let autograd save a copy{there}: `{code}`",
    "assign-copy": "Assign a copy{there}: `{code}`; or set the gradients to None before the next backward, as "
    "`zero_grad()` does",
    "hand-copy": "Pass it a copy{there}: `{code}`",
    "hand-module-copy": "Make the {name} without `inplace=True`, or pass it a copy{there}: `{code}`",
    "read-copy": "Read from a copy{there}: `{code}`{rest}",
    "copy-before-read": "Read from a copy: `{code}` before it{there}",
    "write-through-base": "Write through `{name}` itself{there}, and take the views again after it: `{code}`",
    "one-by-one": "Take the rows by their index: `{code}`{row}",
    "no-grad": "Do not let autograd record it{there}: {quiet}",
    "no-grad-view": "As for its view, do not let autograd record it{there}: `{code}`",
    "inference-mode": "Write in inference mode too{there}: `{code}`",
    "write-copy": "Write to a copy{there}: `{code}` before it",
    "copy-captured": "Copy what the case matches{there}: `{code}`",
    "write-copy-here": "Write to a copy: `{code}` before it{there}",
    "copy-before-write": "Copy it before that write: `{code}`",
    "own-elements": "Give each element its own memory, before it is written: `{code}`",
    "own-view": "Take it as a separate view: `{code}` before it",
    "take-again": "Take it again after the write: `{code}` before it{there}",
    "use-detached": "Use it without its graph, as when it was made: `{code}` before it{there}",
    "detach-rounds": "Cut the graph between two rounds: `{code}` before `{other}`",
    "detach-state": "Cut its graph off from what is freed: `{code}` before `{other}`",
    "compute-anew": "Compute `{name}` again: `{code}` before `{other}`",
    "retain-graph": "Add up the losses that share a graph and run one backward, or let the first backward keep it: "
    "{keep}",
    "make-optimizer": "Make the optimizer again, now that all parameters exist: `{code}`",
    "add-group": "Add them to it: `{code}`",
    "register": "Keep them in a {name}: `{code}`. Then make the optimizer again: `{other}`",
    "module-keeps-input": "Let the module leave its input unchanged: `{code}`",
    "backward-before-statement": "Call backward before {step}, or compute {start}",
    "compute-again": "Compute {again}{from_it}",
    "copy-for-checkpoint": "Write after the backward, when the checkpoint has read it",
    "copy-for-function": "Write after the backward, or to memory of its own in {place}",
    "copy-or-later": "Write to a copy (`.clone()`), or after the backward",
    "write-some-copy": "Write to a copy (`.clone()`){there}",
    "find-line": "Write out of place in the function that is called there; `%%tensordiff` shows which line wrote",
    "part-gradients": "Before the next backward, set the gradients to None, as `zero_grad()` does{part}",
    "copy-gradient": "Write to a copy of `{name}` (`.clone()`) in {place}, and return it",
    "keep-copies": "Keep a copy of each (`{other}`){there}{line}",
    "keep-detached": "Keep it without its graph{there}: `{code}`",
    "return-new": "Let the hook return a new tensor{there}: `{code}`",
    "make-each": "Make one for each{there}: `{code}`",
    "deep-copy": "Keep a copy{there}, before training goes on: `{code}`",
    "give-memory": "Give it memory again before it is read: `{code}`; its values are lost",
    "drop": "Delete it: `{code}`. Next time, copy it before its owner is freed: `{other}`",
    "modules-without-inplace": "Make {names} without `inplace=True`",
    "module-without-inplace": "Make the {name} without `inplace=True`",
    "look-past-operators": "No recorded operator wrote there: NumPy or a thread may have",
    "record-cell": "Run {cell} again under `%%tensordiff`: it records every operator that writes, with its line",
    "record-cells": "Write to it out of place, or run its cells under `%%tensordiff`, which shows every line that "
    "writes",
    "detach-name": "Write `x = x.detach()` for `x.detach_()`",
    "use-detach": "Use `detach()` and its result",
    "use-without-out": "Use its result, without `out=`",
    "hand-argument": "Pass {tensor} to the function as an argument, or write to a copy of it (`.clone()`)",
    "hand-function-copy": "Pass the Function a copy (`.clone()`)",
    "read-some-copy": "Read from a copy (`.clone()`){there}",
    "copy-shared": "Copy it where they begin to share memory{there}: `{code}`",
    "take-later": "Take the view again after the write",
}
_TAILS: Mapping[Tail, str] = {
    "old-leaf": ", so that gradients flow to the old one; or, to change only the values, {else_quiet}",
    "base-alone": "; or, to change only the values of `{name}`, {else_quiet}",
    "compute-first": ", and compute `{name}` again first",
    "base-too": "; to change `{name}` too, `{other}` before it",
    "record-instead": "; to record it, make the view with grad mode on",
    "default-too": ". The default argument still keeps what each call writes; to leave it as it was, `{other}`",
    "if-meant": ". If `{other}` was to change, compute it out of place, where gradients are recorded",
}


def title(fix: Fix) -> Line:
    """Return what a fix does, as one sentence."""
    return fill(_TITLES[fix.kind] + ".", **_fields(fix))


def remedy(fix: Fix, *, above_edits: bool = False) -> Line:
    """Return what to write instead, with alternatives and conditions.

    Parameters
    ----------
    above_edits
        Whether its edits stand below, which show the place and the code.
    """
    template = _TITLES[fix.kind]
    if above_edits:
        template = template.replace("{there}", "").replace(": `{code}`", "")
    tail = _TAILS[fix.tail] if fix.tail else ""
    return fill(template + tail + ".", **_fields(fix))


def _fields(fix: Fix) -> dict[str, Line | str]:
    """Return the values of all fields that a template may use."""
    place = stands(fix.target) if fix.target else Line()
    name = fix.names[-1] if fix.names else ""
    return {
        "code": fix.code,
        "other": fix.other,
        "name": name,
        "names": named(fix.names, "or"),
        "row": fill(", and `{name}` for `{other}`", name=name, other=fix.other) if fix.names else "",
        "place": place,
        "there": fill(" in {place}", place=place) if fix.says_where else "",
        "cell": "the cell" if fix.cell is None else where(fix.cell),
        "line": fill("{first}{rest}", first=clause(": `{it}`", fix.code), rest=_also(fix)),
        "rest": _also(fix),
        "part": clause(", or give each its own: `{it}`", fix.code),
        "again": _again(fix, "what depends on it again"),
        "from_it": clause(", and `{it}` from that", fix.other),
        "start": _again(fix, "what it starts from again"),
        "step": fill("`{other}`", other=fix.other) if fix.other else "this write",
        "tensor": fill("`{name}`", name=name) if name else "the tensor",
        "keep": fill("`{code}`", code=fix.code or "retain_graph=True"),
        "quiet": _under_no_grad(fix.code),
        "else_quiet": _under_no_grad(fix.other),
    }


def _also(fix: Fix) -> Line:
    """Return the code of the other statements to replace, if all of them have some."""
    codes = [code for _, code in fix.also] if fix.code else []
    return reduce(lambda line, code: fill("{line}, and `{code}`", line=line, code=code), codes, Line())


def _again(fix: Fix, default: str) -> Line:
    """Return which variables to compute again, and after which write."""
    write = fill("`{it}`", it=fix.target.text) if fix.target else words("it")
    if not fix.names:
        return (
            fill("what `{it}` starts from again after {write}", it=fix.other, write=write)
            if fix.other
            else words(default)
        )
    return fill("{names} again after {write}", names=named(fix.names, "and"), write=write)


def _under_no_grad(code: str) -> Line:
    return fill("`{code}`" if code else "write under `torch.no_grad()`", code=code)
