"""A capability is tried once: what it needs may be missing, or do something else than expected."""

from __future__ import annotations

from math import pi
from types import SimpleNamespace
from typing import Any

import pytest

from ipy_tensorwatch.core.runtime.capability import CAPABILITIES, Capability, lost_capabilities, take


@pytest.fixture(autouse=True)
def nothing_tried_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    for one in list(CAPABILITIES):
        monkeypatch.delitem(CAPABILITIES, one)


def refuse(*_: object) -> Any:
    raise KeyError("it is another")


def test_what_is_there_is_taken():
    assert take("math.pi", lost="circles are not drawn", instead=3) == pi
    assert take("math.pi", "math.tau", lost="", make=lambda one, two: two - one, instead=3) == pi
    assert [one.works for one in CAPABILITIES.values()] == [True, True]
    assert lost_capabilities() == ()


@pytest.mark.parametrize("needs", [("math.pie",), ("math.pi", "math.pie"), ("no_such_module.pi",), ("math.pi.no",)])
def test_a_name_that_is_missing_has_a_stand_in(needs: tuple[str, ...]):
    assert take(*needs, lost="circles are not drawn", make=lambda *found: found, instead=3) == 3
    assert lost_capabilities() == (Capability(needs=needs, lost="circles are not drawn", works=False),)


def test_a_name_that_stands_for_something_else_has_a_stand_in():
    assert take("math.pi", lost="circles are not drawn", make=refuse, instead=3) == 3
    assert [one.lost for one in lost_capabilities()] == ["circles are not drawn"]


def test_what_public_names_do_as_well_is_not_lost():
    assert take("math.pie", lost="", instead=3) == 3
    assert lost_capabilities() == ()


def test_names_may_begin_with_an_object_and_the_last_trial_counts():
    for shell, found in ((SimpleNamespace(count=7), 7), (SimpleNamespace(), 0), (SimpleNamespace(count=8), 8)):
        assert take("shell.count", lost="nothing is counted", instead=0, roots={"shell": shell}) == found
        assert len(lost_capabilities()) == (not found)
