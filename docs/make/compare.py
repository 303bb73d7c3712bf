"""What may differ between two runs: how long things took, and whether a line was seen to run or inferred."""

from __future__ import annotations

import re

DURATION = re.compile(r"\d[\d.]* (?:µs|ms|s)\b")
LIKELY = re.compile(r"\blikely (?=cell |lines? )")
"""Python 3.12 can see which line of a function wrote; on older ones that is worked out from the source, as is the
statement where a busy machine left no time to look between statements."""


def columns(text: str) -> list[list[str]]:
    """Split what tensorwatch said into lines and columns, without what may differ and without the columns' widths."""
    same = LIKELY.sub("", DURATION.sub("… ms", text))
    return [re.split(r" {2,}", line.strip()) for line in same.splitlines() if line.strip()]
