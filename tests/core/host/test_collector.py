"""The collector is told of what we load, and is otherwise as the user has set it."""

from __future__ import annotations

import gc

import pytest

from ipy_tensorwatch.core.host.collector import loading_uncounted


def test_what_the_user_has_frozen_stays_frozen():
    gc.freeze()
    frozen = gc.get_freeze_count()
    try:
        with loading_uncounted():
            pass
        assert gc.get_freeze_count() > frozen // 2
    finally:
        gc.unfreeze()


def test_the_users_thresholds_come_back_after_an_error():
    before = gc.get_threshold()
    with pytest.raises(ZeroDivisionError), loading_uncounted():
        1 / 0  # noqa: B018
    assert before == gc.get_threshold()
