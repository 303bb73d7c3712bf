"""Try the fix of a hazard: what raises, and which gradients come out, as it ran, as mended, and of saved copies."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from ..device.accelerator_api import backward_starts_devices
from .compare_values import are_alike, same_values
from .trial_namespace import NotKnownError, TrialVerdict, new_namespace, ticking

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ...core.runtime.deadline import Deadline

Gradients = dict[str, list[torch.Tensor | None] | None]
"""By variable: the gradients that its backward gives to the leaves; None if it raises."""


class TrialRun(NamedTuple):
    """What statements left, and what one of them raised, if any; those behind it did not run."""

    left: dict[str, Any]
    error: str = ""

    @property
    def has_raised(self) -> bool:
        """Whether one of them raised."""
        return bool(self.error)


def run_to_end(
    given: Mapping[str, Any], texts: Sequence[str], ends: Deadline, copying: Callable[[int], bool] = lambda _: False
) -> TrialRun:
    """Run statements until one raises.

    Parameters
    ----------
    copying
        Tells by its place whether autograd saves copies in a statement.
    """
    tick = ticking(ends)
    names = new_namespace(given, tick)
    try:
        for place, text in enumerate(texts):
            tick()
            with saving_copies() if copying(place) else nullcontext():
                exec(text, names)  # noqa: S102  (the user's own statements, found pure)
    except RuntimeError as error:
        return TrialRun(names, f"RuntimeError: {error}")
    return TrialRun(names)


def saving_copies() -> torch.autograd.graph.saved_tensors_hooks:
    """Return a context in which autograd saves copies: its gradients are those of writes out of place."""
    return torch.autograd.graph.saved_tensors_hooks(lambda one: one.clone(), lambda one: one)


def judge_error(was: TrialRun, now: TrialRun, mends: Sequence[str]) -> TrialVerdict:
    """Judge a fix that is to end an error: all that was there when it was raised must be the same in the end."""
    if not was.has_raised:
        return "unknown"
    if now.has_raised:
        return "useless"
    common = {name: one for name, one in now.left.items() if name in was.left}
    return "safe" if are_alike(was.left, common, but=mends) and _same_kept(was, now) else "unsafe"


def judge_backwards(was: TrialRun, now: TrialRun, expected: Gradients, roots: Sequence[str]) -> TrialVerdict:
    """Judge a fix that is to let backwards of some variables run, and to make no other one wrong."""
    if was.has_raised or not all(one in expected for one in roots):
        return "unknown"
    found = probe_gradients(now)
    if now.has_raised or not all(found.get(one) is not None for one in roots):
        return "useless"
    if not all(one in found and _same(found[one], expected[one]) for one in expected):
        return "useless"
    return "safe" if are_alike(was.left, now.left, but=()) else "unsafe"


def judge_gradients(
    was: TrialRun, now: TrialRun, right: TrialRun, expected: Gradients, mends: Sequence[str]
) -> TrialVerdict:
    """Judge a fix that is to give the gradients of saved copies, and to leave all other values as they are."""
    if right.has_raised:
        return "unknown"
    mine = probe_gradients(was)
    if not was.has_raised and _same_kept(was, right) and all(_same(mine[one], expected[one]) for one in expected):
        return "unknown"  # no gradient shows the hazard
    if now.has_raised:
        return "useless"
    found = probe_gradients(now)
    has_graphs = expected.keys() <= found.keys()
    if not has_graphs or not _same_kept(right, now) or not all(_same(found[one], expected[one]) for one in expected):
        return "useless"
    return "safe" if are_alike(right.left, now.left, but=mends) else "unsafe"


def probe_gradients(run: TrialRun) -> Gradients:
    """Return what a backward from each variable would give to the leaves, which keep what they have.

    Raises
    ------
    NotKnownError
        If that would be the first backward, and start what the user's code may not want.
    """
    if backward_starts_devices():
        raise NotKnownError
    tensors = {name: one for name, one in run.left.items() if isinstance(one, torch.Tensor) and one.requires_grad}
    leaves = [one for _, one in sorted(tensors.items()) if one.is_leaf]
    return {name: _gradients(one, leaves) for name, one in tensors.items() if not one.is_leaf}


def _gradients(root: torch.Tensor, leaves: Sequence[torch.Tensor]) -> list[torch.Tensor | None] | None:
    """Return the gradients of a sum in which each element has a weight of its own."""
    try:
        # Not `grad_outputs`: to check their shape, PyTorch imports SymPy, which takes seconds.
        return [*torch.autograd.grad(_weighted(root), leaves, retain_graph=True, allow_unused=True)]
    except RuntimeError:
        return None


def _weighted(root: torch.Tensor) -> torch.Tensor:
    real = torch.view_as_real(root.resolve_conj()) if root.is_complex() else root
    return (real * torch.arange(1, real.numel() + 1, dtype=real.dtype, device=real.device).reshape(real.shape)).sum()


def _same_kept(one: TrialRun, other: TrialRun) -> bool:
    """Return whether the leaves of two runs have equal gradients, as far as both have these leaves."""
    kept = [{name: each.grad for name, each in run.left.items() if _is_leaf(each)} for run in (one, other)]
    return all(_same([kept[0][name]], [kept[1][name]]) for name in kept[0].keys() & kept[1].keys())


def _is_leaf(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.is_leaf and value.requires_grad


def _same(one: Sequence[torch.Tensor | None] | None, other: Sequence[torch.Tensor | None] | None) -> bool:
    if one is None or other is None:
        return one is other
    pairs = zip(one, other, strict=False)
    return len(one) == len(other) and all(a is b if a is None or b is None else same_values(a, b) for a, b in pairs)
