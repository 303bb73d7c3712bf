"""The remedies in words: one sentence for each kind of fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..page import Line, clause, fill, words
from .places import named, stands, where

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...core.hazards.fix import Fix, FixKind, Tail

_TITLES: Mapping[FixKind, str] = {
    "out-of-place": "Write out of place{there}: `{code}`",
    "record-out-of-place": "Compute it out of place, where gradients are recorded{line}",
    "bind-detached": "Bind it anew: `{code}` for `{other}`",
    "bind-anew": "Bind it anew{there}: `{code}`",
    "bind-out": "Bind what it gives{there}: `{code}`",
    "save-copy": "Let it save a copy,{there}: `{code}`",
    "assign-copy": "Assign a copy{there}: `{code}`; or set the gradients to None before the next backward, as "
    "`zero_grad()` does",
    "hand-copy": "Hand it a copy{there}: `{code}`",
    "hand-module-copy": "Make the {name} without `inplace=True`, or hand it a copy{there}: `{code}`",
    "read-copy": "Read from a copy{there}: `{code}`",
    "write-through-base": "Write through `{name}` itself{there}, and take the views again after it: `{code}`",
    "one-by-one": "Take the views one by one: `{code}`",
    "no-grad": "Do not record it{there}: {quiet}",
    "no-grad-view": "As its view, do not record it{there}: `{code}`",
    "inference-mode": "Write in inference mode too{there}: `{code}`",
    "write-copy": "Write to a copy{there}: `{code}` before it",
    "write-copy-here": "Write to a copy: `{code}` before it{there}",
    "copy-before-write": "Copy it before that write: `{code}`",
    "own-elements": "Give each element its own memory, before it is written: `{code}`",
    "own-view": "Take it as a view of its own: `{code}` before it",
    "take-again": "Take it again after the write: `{code}` before it{there}",
    "use-detached": "Use it without a history, as it was made: `{code}` before it{there}",
    "detach-rounds": "Let no round reach back into the one before: `{code}` before `{other}`",
    "detach-state": "Let it not reach back into what is freed: `{code}` before `{other}`",
    "compute-anew": "Compute `{name}` anew: `{code}` before `{other}`",
    "retain-graph": "Add up what shares a graph and run one backward, or let the first keep it: {keep}",
    "make-optimizer": "Make the optimizer again, as all parameters are there now: `{code}`",
    "add-group": "Hand them to it: `{code}`",
    "module-keeps-input": "Let it leave its input alone: `{code}`",
    "backward-before-statement": "Call backward before {step}, or compute {start}",
    "compute-again": "Compute {again}{from_it}",
    "copy-for-checkpoint": "Write after the backward, when the checkpoint has read it",
    "copy-for-function": "Write after the backward, or to memory of its own in {place}",
    "copy-or-later": "Write to a copy (`.clone()`), or after the backward",
    "write-some-copy": "Write to a copy (`.clone()`){there}",
    "find-line": "Write out of place in what is called there; run under `%%tensordiff`, the cell tells which line "
    "wrote",
    "part-gradients": "Before the next backward, set the gradients to None, as `zero_grad()` does{part}",
    "copy-gradient": "Write to a copy of `{name}` (`.clone()`) in {place}, and return it",
    "keep-copies": "Keep a copy of each (`{other}`){line}",
    "deep-copy": "Keep a copy, before training goes on: `{code}`",
    "give-memory": "Give it memory again before it is read: `{code}`; what it held is lost",
    "drop": "Drop it: `{code}`. Next time, copy before the owner goes: `{other}`",
    "modules-without-inplace": "Make {names} without `inplace=True`",
    "module-without-inplace": "Make the {name} without `inplace=True`",
    "look-past-operators": "No operator that was recorded wrote there: look for NumPy, or for a thread",
    "record-cell": "Run {cell} again under `%%tensordiff`: it records every operator that writes, with its line",
    "record-cells": "Write to it out of place, or run its cells under `%%tensordiff`: that tells every line that "
    "writes",
    "detach-name": "Write `x = x.detach()` for `x.detach_()`",
    "use-detach": "Use `detach()`, and what it gives",
    "use-without-out": "Use what it gives, without `out=`",
    "hand-argument": "Hand {tensor} to the function as an argument, or write to a copy of it (`.clone()`)",
    "hand-function-copy": "Hand the Function a copy (`.clone()`)",
    "read-some-copy": "Read from a copy (`.clone()`){there}",
    "take-later": "Take the view again after the write",
}
_TAILS: Mapping[Tail, str] = {
    "old-leaf": ", so that gradients flow to the old one; or, to change the numbers alone, {else_quiet}",
    "base-alone": "; or, to change the numbers of `{name}` alone, {else_quiet}",
    "compute-first": ", and compute `{name}` again first",
    "base-too": "; to change `{name}` too, `{other}` before it",
    "record-instead": "; to record it, make the view with grad mode on",
    "if-meant": ". If `{other}` was to change, compute it out of place, where gradients are recorded",
}


def title(fix: Fix) -> Line:
    """Return what a fix does, as one sentence."""
    return fill(_TITLES[fix.kind] + ".", **_fields(fix))


def remedy(fix: Fix) -> Line:
    """Return what to write instead, with alternatives and conditions."""
    tail = _TAILS[fix.tail] if fix.tail else ""
    return fill(_TITLES[fix.kind] + tail + ".", **_fields(fix))


def _fields(fix: Fix) -> dict[str, Line | str]:
    """Return the values of all fields that a template may use."""
    place = stands(fix.target) if fix.target else Line()
    name = fix.names[-1] if fix.names else ""
    return {
        "code": fix.code,
        "other": fix.other,
        "name": name,
        "names": named(fix.names, "or"),
        "place": place,
        "there": fill(" in {place}", place=place) if fix.says_where else "",
        "cell": "the cell" if fix.cell is None else where(fix.cell),
        "line": clause(": `{it}`", fix.code),
        "part": clause(", or part them: `{it}`", fix.code),
        "again": _again(fix, "what depends on it again"),
        "from_it": clause(", and `{it}` from that", fix.other),
        "start": _again(fix, "what it starts from again"),
        "step": fill("`{other}`", other=fix.other) if fix.other else "this write",
        "tensor": fill("`{name}`", name=name) if name else "the tensor",
        "keep": fill("`{code}`", code=fix.code or "retain_graph=True"),
        "quiet": _under_no_grad(fix.code),
        "else_quiet": _under_no_grad(fix.other),
    }


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
