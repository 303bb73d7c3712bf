"""Run statements twice, as they ran and as mended, and compare what they leave."""

from __future__ import annotations

import random
import warnings
from contextlib import ExitStack
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from ...core.fixes.pure_statements import MOST_ELEMENTS
from ...core.runtime.deadline import Deadline, LateError
from ..runtime.torch_private import has_odd_context, user_modes
from .compare_gradients import judge_backwards, judge_error, judge_gradients, probe_gradients, run_to_end, saving_copies
from .compare_values import are_alike, copy_at, same_values, share_memory, value_behind
from .given_values import KnownPast, given_values
from .trial_devices import TrialDevices
from .trial_namespace import NotKnownError, TrialVerdict, new_namespace, ticking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...core.fixes.replay import Replay


class Tried(NamedTuple):
    """What a trial showed, and the processor time that it took."""

    verdict: TrialVerdict
    seconds: float = 0.0


def run_trial(replay: Replay, names: Mapping[str, object], past: KnownPast, seconds: float) -> Tried:
    """Try a fix; nothing of the user's is written, and no random number is drawn.

    Tensors of devices are tried in their memory, while these do nothing else.

    Parameters
    ----------
    names
        The user's variables, of which those that the replay is given are copied.
    seconds
        When to give up, in processor time: what else the machine does plays no part.
    """
    if not _is_plain_torch():
        return Tried("unknown")
    devices = TrialDevices.ready(past.snapshotter.devices)
    if devices is None:
        return Tried("unknown")
    try:
        given = given_values(names, replay.given, past)
        for one in given.values():
            if isinstance(one, torch.Tensor):
                devices.pay(one)
    except Exception:  # noqa: BLE001  (what cannot be copied proves nothing)
        return Tried("unknown")
    found: list[Tried] = []

    def judge() -> None:
        ends = Deadline.after(seconds)
        found.append(Tried(_judge(replay, given, devices, ends), seconds - ends.seconds_left))

    thread = Thread(target=judge, daemon=True)  # which numbers its own graphs' nodes: the user's go on as without us
    thread.start()
    thread.join()
    return found[0] if found else Tried("unknown")


def _judge(replay: Replay, given: Mapping[str, Any], devices: TrialDevices, ends: Deadline) -> TrialVerdict:
    judge = _judge_change if replay.proves == "bytes" else _judge_hazard
    try:
        devices.enter()
        with _apart(), _Limits(devices, ends):
            return judge(replay, given, ends)
    except LateError:
        return "late"
    except Exception:  # noqa: BLE001  (whatever the statements raise, they prove nothing)
        return "unknown"


def _judge_change(replay: Replay, given: Mapping[str, Any], ends: Deadline) -> TrialVerdict:
    was = _run(given, replay.before, replay.during, replay, ends)
    now = _run(given, replay.mended_before, replay.mended_during, replay, ends)
    alike = are_alike(was.left, now.left, but=replay.mends)
    if not was.has_changed:
        return "unknown"
    if now.has_changed:
        return "useless"
    return "safe" if alike else "unsafe"


def _judge_hazard(replay: Replay, given: Mapping[str, Any], ends: Deadline) -> TrialVerdict:
    texts, mended = (*replay.before, *replay.during), (*replay.mended_before, *replay.mended_during)
    was, now = run_to_end(given, texts, ends), run_to_end(given, mended, ends)
    if replay.proves == "no-error":
        return judge_error(was, now, replay.mends)
    if replay.proves == "backwards":
        with saving_copies():
            expected = probe_gradients(run_to_end(given, mended, ends))
        return judge_backwards(was, now, expected, replay.mends)
    with saving_copies():
        right = run_to_end(given, texts, ends)
        expected = probe_gradients(right)
    found = judge_gradients(was, now, right, expected, replay.mends)
    is_of_several = replay.has_others or (was.has_raised and was.error != now.error)
    if found != "useless" or not is_of_several or replay.saver is None or replay.mended_saver is None:
        return found
    # More than one saved tensor may have been overwritten, and each such hazard has a fix of its own.
    was = run_to_end(given, texts, ends, lambda place: place != replay.saver)
    now = run_to_end(given, mended, ends, lambda place: place != replay.mended_saver)
    alone = judge_gradients(was, now, right, expected, replay.mends)
    return "unsafe" if alone == "safe" else alone


def _is_plain_torch() -> bool:
    """Return whether no mode, hook or context would see or change what runs."""
    is_odd = torch.is_inference_mode_enabled() or not torch.is_grad_enabled() or torch.is_autocast_enabled()
    return not (user_modes() or has_odd_context() or is_odd)


def _apart() -> ExitStack:
    """Keep warnings and random states as they are."""
    stack = ExitStack()
    # `catch_warnings` would make Python forget which warnings it has shown, and show them again.
    stack.callback(setattr, warnings, "filters", warnings.filters)
    warnings.filters = [("ignore", None, Warning, None, 0)]
    stack.enter_context(torch.random.fork_rng(devices=[]))
    stack.callback(np.random.set_state, np.random.get_state())  # noqa: NPY002  (the user's own generator)
    stack.callback(random.setstate, random.getstate())
    return stack


class _Limits(TorchFunctionMode):
    """Ends a trial whose time is over, or that makes a large tensor, or too many on a device."""

    def __init__(self, devices: TrialDevices, ends: Deadline) -> None:
        super().__init__()
        self.devices, self.ends = devices, ends

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        """Call what a statement calls; raise if the trial must end."""
        self.ends.check()
        made = func(*args, **(kwargs or {}))
        if isinstance(made, torch.Tensor):
            if made.numel() > MOST_ELEMENTS:
                raise NotKnownError
            self.devices.pay(made)
        return made


class _Outcome:
    """What one run left, and whether the path changed in its last cell."""

    def __init__(self, left: dict[str, Any], *, has_changed: bool) -> None:
        self.left, self.has_changed = left, has_changed


def _run(
    given: Mapping[str, Any], before: Sequence[str], during: Sequence[str], replay: Replay, ends: Deadline
) -> _Outcome:
    tick = ticking(ends)
    names = new_namespace(given, tick)
    for text in before:
        tick()
        exec(text, names)  # noqa: S102  (the user's own statements, found pure)
    old, first = copy_at(names, replay.path), value_behind(names, replay.path)
    bound, last = old, first
    for text in during:
        tick()
        exec(text, names)  # noqa: S102
        if (new := value_behind(names, replay.path)) is not last:
            bound, last = copy_at(names, replay.path), new
    new = value_behind(names, replay.path)
    if replay.via and (old is None or new is not first):  # bound in this cell: does what was written share its memory?
        has_changed = any(share_memory(new, value_behind(names, one)) for one in replay.via)
    else:
        has_changed = type(bound) is not type(new) or not same_values(bound, new)
    return _Outcome(names, has_changed=has_changed)
