"""What an error kept from being read may be as it was: nothing is claimed of its bytes."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.capture.compare.compare_bytes import Fingerprints
from ipy_tensorwatch.capture.compare.element_diff import compare_elements
from ipy_tensorwatch.core.records.reading import Reading
from ipy_tensorwatch.core.records.reason import FREED, Reason

READ = Reading(kind="tensor", object=1, storage=1, device="cpu", dtype="torch.float32", shape=(1,), version=0)
ERROR = READ._replace(unknown=Reason("error-while-reading", "RuntimeError"), version=None)
GONE = READ._replace(unknown=FREED)


@pytest.mark.parametrize(("before", "after", "changed"), [(READ, ERROR, None), (ERROR, READ, None), (READ, GONE, True)])
def test_an_error_is_no_write(before: Reading, after: Reading, changed: bool | None):
    assert compare_elements(before, after, {}, Fingerprints(), 1).changed is changed
