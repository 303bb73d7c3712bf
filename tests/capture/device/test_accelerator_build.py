"""The test accelerator is built by one process at a time, and a build that was killed holds up no other."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING

import pytest

from tests.support.accelerator import built_alone

if TYPE_CHECKING:
    from pathlib import Path


def test_the_lock_of_a_build_that_was_killed_is_removed(tmp_path: Path):
    (tmp_path / "lock").touch()
    with built_alone(tmp_path):
        assert not (tmp_path / "lock").exists()


def test_no_other_process_builds_meanwhile(tmp_path: Path):
    with built_alone(tmp_path), (tmp_path / "building").open("w") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
