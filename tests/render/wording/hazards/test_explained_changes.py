"""Which changes a hazard explains: those of its paths, and all of a container that it is about."""

from __future__ import annotations

from ipy_tensorwatch.core.hazards.hazard_facts import KeptReference
from ipy_tensorwatch.render.wording.hazards.explained_changes import explains_any, unexplained
from tests.support.records import change, hazard

BY_PATH = hazard("v")
BY_CONTAINER = hazard("elsewhere", code="TW207", fact=KeptReference(container="best", owner="net"))


def test_a_hazard_explains_a_change_of_its_path_and_of_its_container():
    changes = {path: {path: change(path)} for path in ("v", "best['w']", "best.w", "x", "bestow")}

    assert ["v"] == [path for path, one in changes.items() if explains_any(BY_PATH, one)]
    assert ["best['w']", "best.w"] == [path for path, one in changes.items() if explains_any(BY_CONTAINER, one)]


def test_the_others_are_not_explained():
    changes = [change(path) for path in ("v", "best['w']", "x")]

    assert ["x"] == [one.path for one in unexplained(changes, (BY_PATH, BY_CONTAINER))]
    assert ["v", "x"] == [one.path for one in unexplained(changes, (BY_CONTAINER,))]
    assert ["best['w']", "x"] == [one.path for one in unexplained(changes, (BY_PATH,))]
