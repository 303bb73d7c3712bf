"""A signal that arrives while our own code runs is delivered to the user's code, and cuts ours nowhere in two."""

from __future__ import annotations

import signal
import textwrap
import threading
import traceback
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import torch

from ipy_tensorwatch.capture.observer import Observer
from ipy_tensorwatch.capture.running import optimizer_steps
from ipy_tensorwatch.capture.running.memory_watch.live_watch import LiveWatch
from ipy_tensorwatch.capture.running.operator_recorder import OperatorRecorder
from ipy_tensorwatch.capture.trial import run_trial
from ipy_tensorwatch.core.runtime.guard import GUARD
from ipy_tensorwatch.shell.cell.freeze import Freezing
from ipy_tensorwatch.shell.ipython.probe_transformer import ProbeTransformer
from tests.support.notebook import Notebook, silent

if TYPE_CHECKING:
    from collections.abc import Iterator

ALIASED = "import torch, time\nx = torch.zeros(6)\ny = x.view(2, 3)"
SILENT = "y.add_(1)\nfor i in range(3):\n    time.sleep(0.02)\nprint('done')"


@pytest.fixture
def aliased() -> Iterator[Notebook]:
    """Open a notebook in which `x` and `y` share memory, with time for every look."""
    with Notebook(settings={"probe_floor": 10.0}) as nb:
        nb.run(ALIASED)
        yield nb


@pytest.fixture
def send(monkeypatch: pytest.MonkeyPatch):
    """Give a function that lets a signal arrive, once, just before a method of ours runs."""

    def arrange(owner: object, name: str, number: int = signal.SIGINT) -> SimpleNamespace:
        method, sent = getattr(owner, name), SimpleNamespace(times=0)

        def interrupted(*args: object, **kwargs: object) -> object:
            if not sent.times:
                sent.times += 1
                signal.raise_signal(number)
            return method(*args, **kwargs)

        monkeypatch.setattr(owner, name, interrupted)
        return sent

    return arrange


def frames_of_ours(error: BaseException) -> list[str]:
    return [one.name for one in traceback.extract_tb(error.__traceback__) if "ipy_tensorwatch" in one.filename]


class TestCtrlC:
    @pytest.mark.parametrize(
        ("owner", "name"), [(Freezing, "begin"), (ProbeTransformer, "arm"), (ProbeTransformer, "_instrument")]
    )
    def test_before_a_cell_stops_it_before_its_first_statement(self, aliased, send, owner, name):
        sent = send(owner, name)
        ran = aliased.cell(SILENT)

        assert (sent.times, type(ran.error)) == (1, KeyboardInterrupt)
        assert "done" not in ran.stdout
        assert frames_of_ours(ran.error) == []
        assert "ipy_tensorwatch" not in ran.stdout + ran.stderr
        assert silent(aliased.run("y.add_(1);")) == {"x"}

    def test_before_a_cell_without_probes_stops_it_as_well(self, send):
        with Notebook(settings={"probes": False}) as nb:
            nb.run(ALIASED)
            send(Freezing, "begin")
            ran = nb.cell(SILENT)

            assert type(ran.error) is KeyboardInterrupt
            assert "done" not in ran.stdout

    def test_during_the_trial_of_a_fix_ends_the_command_after_it_and_loses_nothing(self, send, monkeypatch):
        monkeypatch.setattr("ipy_tensorwatch.shell.fix_trials.SECONDS", 20.0)
        monkeypatch.setattr("ipy_tensorwatch.shell.ipython.cell_sources.SLOW", 20.0)
        with Notebook() as nb:
            nb.run("import torch\nx = torch.arange(3.0)\ny = x.view(3)")
            nb.cell("y.add_(1)")
            state, threads = torch.get_rng_state(), threading.active_count()
            sent = send(run_trial, "_judge")
            ran = nb.cell("%tensorwatch fix")

            for timer in [one for one in threading.enumerate() if type(one) is threading.Timer]:
                timer.join()  # it may have sent the signal again a moment later

            assert (sent.times, type(ran.error)) == (1, KeyboardInterrupt)
            assert (nb.ns["x"].tolist(), nb.ns["y"]._version) == ([1.0, 2.0, 3.0], 1)
            assert (torch.equal(state, torch.get_rng_state()), threading.active_count()) == (True, threads)
            assert [one.text for one in GUARD.faults] == []
            assert ["safe"] == [one["fix"]["applicability"] for one in nb.run("y.add_(1)")["changes"] if one["silent"]]

    def test_between_statements_stops_the_cell_in_its_own_line(self, aliased, send):
        sent = send(LiveWatch, "look")
        ran = aliased.cell(SILENT)

        assert (sent.times, type(ran.error)) == (1, KeyboardInterrupt)
        assert frames_of_ours(ran.error) == []
        assert silent(aliased.report()) == {"x"}

    def test_a_cell_may_catch_it(self, aliased, send):
        send(LiveWatch, "look")
        ran = aliased.cell("try:\n    y.add_(1)\n    a = 1\nexcept KeyboardInterrupt:\n    a = 2\na")

        assert (ran.error, ran.result) == (None, 2)

    def test_after_a_cell_is_the_cells_own(self, aliased, send):
        sent = send(Observer, "look")
        ran = aliased.cell(SILENT)

        assert (sent.times, type(ran.error)) == (1, KeyboardInterrupt)
        assert "done" in ran.stdout
        assert "ipy_tensorwatch" not in ran.stdout + ran.stderr
        assert silent(aliased.report()) == {"x"}

    def test_before_an_operator_stops_the_cell(self, aliased, send):
        sent = send(OperatorRecorder, "_note")
        ran = aliased.cell(f"%%tensordiff\n{SILENT}")

        assert (sent.times, type(ran.error)) == (1, KeyboardInterrupt)
        assert frames_of_ours(ran.error) == []

    def test_before_an_optimizers_step_stops_the_cell(self, aliased, send):
        aliased.run("w = torch.nn.Parameter(torch.ones(2))\nopt = torch.optim.SGD([w], lr=1)\nw.sum().backward()")
        sent = send(optimizer_steps, "_parameters")
        ran = aliased.cell("for i in range(100):\n    opt.step()\n    time.sleep(0.01)")

        assert (sent.times, type(ran.error)) == (1, KeyboardInterrupt)
        assert frames_of_ours(ran.error) == []

    def test_is_no_fault_in_the_status_unless_it_cut_something_short(self, aliased, send):
        GUARD.clear()
        send(Observer, "look")
        aliased.cell(SILENT)

        assert GUARD.count == 0


class TestOtherSignals:
    ALARM = """
        import signal
        def stop(number, frame): raise TimeoutError("time is up")
        earlier = signal.signal(signal.SIGALRM, stop)
    """

    @pytest.mark.parametrize(("owner", "name"), [(LiveWatch, "look"), (Freezing, "begin"), (Observer, "look")])
    def test_what_the_users_own_handler_raises_is_the_cells(self, aliased, send, owner, name):

        aliased.run(textwrap.dedent(self.ALARM).strip())
        try:
            send(owner, name, signal.SIGALRM)
            ran = aliased.cell(SILENT)
            assert (type(ran.error), str(ran.error)) == (TimeoutError, "time is up")
        finally:
            signal.signal(signal.SIGALRM, aliased.ns["earlier"])

    def test_handlers_are_what_they_were(self, aliased):
        before = {number: signal.getsignal(number) for number in signal.valid_signals()}
        aliased.run("y.add_(1)")
        aliased.run("%%tensordiff\nx.add_(1)")

        assert {number: signal.getsignal(number) for number in signal.valid_signals()} == before
