"""A trial on copies: what it proves, and that it touches nothing of the user's."""

from __future__ import annotations

import random
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from ipy_tensorwatch.capture.protect.byte_archive import Archive
from ipy_tensorwatch.capture.snapshot.snapshotter import Snapshotter
from ipy_tensorwatch.capture.trial.compare_values import same_values
from ipy_tensorwatch.capture.trial.given_values import KnownPast
from ipy_tensorwatch.capture.trial.run_trial import run_trial
from ipy_tensorwatch.core.fixes.replay import TICK, Replay
from tests.support.older_pytorch import needs

START = ("x = torch.ones(3)",)


def replay(before: str, during: str, mended: str, **more: object) -> Replay:
    """Plan the trial of a change of `x` through `y`: the statements after `START`."""
    values = {"path": "x", "via": ("y",), "mends": ("x",), "given": {}} | more
    return Replay(
        before=(*START, before), during=(during,), mended_before=(*START, mended), mended_during=(during,), **values  # type: ignore[arg-type]
    )  # fmt: skip


def verdict(one: Replay, seconds: float = 5.0, **names: object) -> str:
    """Try a fix."""
    return run_trial(one, names, KnownPast(snapshotter=Snapshotter(), archive=Archive()), seconds).verdict


@needs("no-trials")
@pytest.mark.parametrize(
    ("before", "during", "mended", "expected"),
    [
        ("y = x.detach()", "y.add_(1)", "y = x.detach().clone()", "safe"),
        ("y = x.detach()", "y.add_(1); total = x.sum()", "y = x.detach().clone()", "unsafe"),
        ("y = x.detach()", "y.add_(1)", "y = x.detach().double()", "unsafe"),
        ("y = x.detach()", "y.add_(1)", "y = x.view(3)", "useless"),
        ("y = x.detach()", "y = y + 1", "y = x.detach().clone()", "unknown"),
        ("y = x.detach()", "y.add_(undefined)", "y = x.detach().clone()", "unknown"),
    ],
)
def test_the_verdict(before: str, during: str, mended: str, expected: str):
    assert expected == verdict(replay(before, during, mended))


@needs("no-trials")
def test_it_gives_up_when_time_is_over():
    endless = f"for i in range(10**9):\n    {TICK}()\n    y.add_(1)"

    assert "late" == verdict(replay("y = x.detach()", endless, "y = x.clone()"), 0.05)


@needs("no-trials")
def test_what_it_is_given_is_a_copy():
    x, n = torch.rand(3), np.ones(2)
    was = x.clone(), n.copy(), x._version
    one = replay("y = x.detach()", "y.add_(1); n += 1", "y = x.detach().clone()", given={"x": 1, "n": 1})
    one = Replay(
        **{name: getattr(one, name) for name in one.__slots__}
        | {"before": one.before[1:], "mended_before": one.mended_before[1:]}
    )

    assert "safe" == verdict(one, x=x, n=n)
    assert torch.equal(was[0], x)
    assert (was[1].tolist(), was[2]) == (n.tolist(), x._version)


@needs("no-trials")
def test_values_that_share_memory_are_not_copied_apart():
    x = torch.rand(4)
    beside = torch.from_numpy(x.numpy()[1:])
    one = replay("", "y.add_(1)", "", given={"x": 1, "beside": 1})
    one = replace(one, before=("y = x.detach()",), mended_before=("y = x.detach().clone()",))

    assert ("unknown", "safe") == (verdict(one, x=x, beside=beside), verdict(one, x=x, beside=beside.clone()))


class Odd(torch.Tensor):
    """A subclass, whose code a trial would run."""


@pytest.mark.parametrize(
    "value",
    [
        [torch.ones(3)],
        torch.ones(3, requires_grad=True) * 2,
        torch.nn.Linear(1, 1),
        torch.ones(3).as_subclass(Odd),
        np.array([object()]),
    ],
)
def test_what_is_no_plain_tensor_is_not_given(value: object):
    one = replay("y = x.detach()", "y.add_(1)", "y = x.detach().clone()", given={"value": 1})

    assert "unknown" == verdict(one, value=value)


@pytest.mark.parametrize(
    "mode",
    [
        torch.inference_mode,
        torch.no_grad,
        lambda: torch.device("meta"),
        lambda: torch.autograd.graph.saved_tensors_hooks(id, id),
    ],
)
def test_nothing_runs_where_a_mode_or_a_hook_would_see_it(mode):
    with mode():
        assert "unknown" == verdict(replay("y = x.detach()", "y.add_(1)", "y = x.detach().clone()"))


def test_random_states_are_as_they_were():
    before = torch.get_rng_state(), random.getstate()

    verdict(
        replay(
            "y = x.detach()",
            "y.add_(torch.rand(3) + float(np.random.rand()) + math.fsum([1.0]))",
            "y = x.detach().clone()",
        )
    )

    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == random.getstate()


def test_a_warning_that_was_shown_is_not_shown_again():
    registry: dict[str, int] = {}
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        for _ in range(2):
            warnings.warn_explicit("shown once", UserWarning, "a.py", 1, registry=registry)
            verdict(replay("y = x.detach()", "y.add_(1)", "y = x.detach().clone()"))

    assert ["shown once"] == [str(one.message) for one in seen]


def test_freed_memory_is_not_read():
    freed, whole = torch.ones(4), torch.ones(4)
    freed.untyped_storage().resize_(0)

    assert [False, True] == [same_values(whole, freed), same_values(whole, torch.ones(4))]
