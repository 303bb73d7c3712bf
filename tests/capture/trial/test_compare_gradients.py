"""The verdict on the fix of a hazard: by what raises, which gradients come out, and what else is there in the end."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.capture.trial.compare_gradients import (
    TrialRun,
    judge_error,
    judge_gradients,
    probe_gradients,
    run_to_end,
    saving_copies,
)
from ipy_tensorwatch.core.runtime.deadline import NEVER

START = ["w = torch.ones(3, requires_grad=True)", "h = w * 2", "loss = (h * h).sum()", "k = torch.zeros(3)"]
WRITE = "h.data.add_(1)"


def run(*texts: str) -> TrialRun:
    return run_to_end({}, ("import torch", *texts), NEVER)


def verdict(was: list[str], now: list[str]) -> str:
    with saving_copies():
        right = run(*was)
        expected = probe_gradients(right)
    return judge_gradients(run(*was), run(*now), right, expected, ["h"])


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        ([*START, WRITE], [*START, "h = h.clone()", WRITE], "safe"),
        ([*START, WRITE], [*START, "h = h.detach() + 1"], "useless"),
        ([*START, WRITE], [*START, "h = h + 1", "k = k + 1"], "unsafe"),
        ([*START, WRITE], [*START[:2], "loss = (h * w).sum()", "h = h.detach() + 1"], "useless"),
        ([*START, WRITE], [*START, "h.add_(1)"], "useless"),
        ([*START, "h = h + 1"], [*START, "h = h + 2"], "unknown"),
        ([*START, WRITE, "loss.backward()"], [*START, "h = h + 1", "loss.backward()"], "safe"),
        ([*START, WRITE, "loss.backward()"], [*START, "h = h.detach() + 1", "(3 * loss).backward()"], "useless"),
    ],
)
def test_a_fix_is_safe_that_gives_the_gradients_of_saved_copies_and_changes_nothing_else(was, now, expected):
    assert verdict(was, now) == expected


REFUSED = ["w = v = torch.ones(3, requires_grad=True)", "k = torch.zeros(3)", "w.add_(1)", "y = w * 2"]


@pytest.mark.parametrize(
    ("third", "expected"),
    [
        ("w = w.add(1)", "safe"),
        ("w = w.add(1); k.add_(1)", "unsafe"),
        ("w.add_(2)", "useless"),
        ("w.sum().backward(); w = w.add(1)", "unsafe"),
    ],
)
def test_a_fix_of_an_error_leaves_what_was_there_as_it_was(third, expected):
    mended = [*REFUSED[:2], third, REFUSED[3]]

    assert judge_error(run(*REFUSED), run(*mended), ["w"]) == expected
