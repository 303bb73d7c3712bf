"""What is foretold of a cell, from what was known after real notebooks: as when it was saved, without PyTorch."""

from __future__ import annotations

import json

import pytest

from tests.support.known_states import KNOWN, foretell, load_known

SAVED = sorted(one.stem for one in KNOWN.glob("*.json"))


@pytest.mark.parametrize("name", SAVED)
def test_what_was_foretold_of_cells_is_foretold_again(name: str):
    known, told = load_known(name)

    assert told == {source: json.loads(json.dumps(foretell(known, source))) for source in told}
