"""Compare the previews of notebooks with their reports: `python -m benchmarks.preview NOTEBOOK…`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.support.foretold import Tally, compare_previews


def main(files: list[str]) -> None:
    """Print how many of the silent changes were foretold, and what was foretold in vain."""
    tally = Tally()
    for file in files:
        cells = json.loads(Path(file).read_text(encoding="utf-8"))["cells"]
        compare_previews(file, ["".join(one["source"]) for one in cells if one["cell_type"] == "code"], tally)
    print(
        f"{tally.cells} cells: {tally.right} of {tally.told} silent changes foretold, {tally.right_line} with the line"
    )
    print(f"{len(tally.in_vain)} of {tally.foretold} foretold in vain", *tally.in_vain, sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
