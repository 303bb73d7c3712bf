"""The collector is told of what we load, and is otherwise as the user has set it."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

import pytest

from ipy_tensorwatch.core.runtime.uncounted_loading import loading_uncounted

if TYPE_CHECKING:
    from collections.abc import Iterator


def is_young(thing: object) -> bool:
    return any(one is thing for one in gc.get_objects(generation=0))


@pytest.fixture
def unfrozen() -> Iterator[None]:
    """Take back for a while what the tests have frozen."""
    gc.unfreeze()
    yield
    gc.freeze()


def load(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Import a module, and return an object made meanwhile."""
    with loading_uncounted():
        monkeypatch.setitem(sys.modules, "just_imported", sys)
        return ["new"]


def test_what_is_made_while_something_is_imported_is_old_at_once(unfrozen, monkeypatch):
    assert not is_young(load(monkeypatch))


def test_where_nothing_is_imported_new_objects_stay_young(unfrozen):
    with loading_uncounted():
        made = ["new"]
    assert is_young(made)


def test_what_the_user_has_frozen_stays_frozen(unfrozen, monkeypatch):
    gc.freeze()
    frozen = gc.get_freeze_count()
    load(monkeypatch)
    assert gc.get_freeze_count() > frozen // 2


def test_the_users_thresholds_come_back_after_an_error():
    before = gc.get_threshold()
    with pytest.raises(ZeroDivisionError), loading_uncounted():
        1 / 0  # noqa: B018
    assert before == gc.get_threshold()
