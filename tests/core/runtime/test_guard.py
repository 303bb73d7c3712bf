"""The guard: what our own code raises is kept for the status, and never reaches the user's."""

from __future__ import annotations

import signal

import pytest

from ipy_tensorwatch.core.runtime.guard import Guard
from ipy_tensorwatch.core.runtime.signals import HELD


def fail(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    "error",
    [ValueError("no"), MemoryError(), KeyboardInterrupt(), SystemExit(3), GeneratorExit(), RecursionError("deep")],
)
@pytest.mark.parametrize("run", ["run", "run_inside", "run_briefly"])
def test_whatever_is_raised_the_default_is_returned_and_the_fault_is_kept(run: str, error: BaseException):
    guard = Guard()

    assert getattr(guard, run)("in a test", fail, error, default=7) == 7
    assert guard.count == 1
    assert [(one.where, one.times) for one in guard.faults] == [("in a test", 1)]
    assert type(error).__name__ in guard.faults[0].text
    guard.signals.recall()
    assert guard.signals.arrived == ([signal.SIGINT] if isinstance(error, KeyboardInterrupt) else [])


def test_the_same_fault_is_kept_once_and_counted():
    guard = Guard()
    for _ in range(1000):
        guard.run("in a test", fail, ValueError("no"), default=None)

    assert (guard.count, [one.times for one in guard.faults]) == (1000, [1000])


def test_an_error_of_the_users_is_not_asked_for_its_text():
    called = []

    class Loud(Exception):
        def __str__(self) -> str:
            called.append("str")
            return "loud"

    class Argument:
        def __repr__(self) -> str:
            called.append("repr")
            return "loud"

    guard = Guard()
    guard.run("in a test", fail, Loud("x"), default=None)
    guard.run("in a test", fail, KeyError(Argument()), default=None)

    assert called == []
    assert [one.text.splitlines()[-1] for one in guard.faults] == ["Loud", "KeyError"]


def test_a_signal_waits_until_our_code_has_ended():
    guard, told = Guard(), []

    def interrupted() -> str:
        signal.raise_signal(signal.SIGINT)
        told.append("went on")
        return "done"

    assert guard.run("in a test", interrupted, default="") == "done"
    assert (told, guard.signals.arrived, guard.count) == (["went on"], [signal.SIGINT], 0)
    with pytest.raises(KeyboardInterrupt) as raised:
        guard.signals.take()()
    assert [one.name for one in raised.traceback] == ["test_a_signal_waits_until_our_code_has_ended"]
    assert guard.signals.arrived == []


def test_handlers_are_given_back_whatever_happens():
    before = {number: signal.getsignal(number) for number in HELD}
    guard = Guard()
    guard.run("in a test", lambda: guard.run("inside", fail, ValueError(), default=None), default=None)

    assert {number: signal.getsignal(number) for number in HELD} == before


def test_an_ignored_signal_stays_ignored():
    earlier = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        guard = Guard()
        guard.run("in a test", lambda: signal.raise_signal(signal.SIGINT), default=None)
        assert guard.signals.arrived == []
    finally:
        signal.signal(signal.SIGINT, earlier)
