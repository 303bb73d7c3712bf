"""Try to break what a person runs, in every way that we know: `python -m trials.chaos [NAME …] [--quick] [--markdown]`."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
import traceback
from typing import TYPE_CHECKING

from trials.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

TRIALS = {
    "threads": "most",
    "frozen": "4 of 4",
    "hostile": "many",
    "odd": "7 of 7",
    "expanded": "150 s, TiB",
    "reload": "48 MB a cycle",
    "interrupts": "34 of 90",
    "faults": "3; 15 of 48",
    "many": "1.5 s; 1.2 s",
    "equal": "equal in 150",
    "messages": "10,001 kept",
}
"""Each trial is a module beside this one; with it, what was found before the promises were made to hold."""


def figures(name: str, *, quick: bool) -> Iterator[Figure]:
    """Run one trial; one that breaks has failed."""
    try:
        yield from importlib.import_module(f"trials.{name}").trial(quick=quick)
    except Exception as error:
        notes = tuple(
            traceback.format_exception(error)[-1].splitlines() + traceback.format_tb(error.__traceback__)[-2:]
        )
        yield Figure(what=f"{name}: the trial itself", bar="runs", measured="broke", is_ok=False, notes=notes)


def main() -> int:
    """Run the trials that are named, or all; return 1 where one has failed."""
    parser = argparse.ArgumentParser(prog="python -m trials.chaos", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(TRIALS)}")
    parser.add_argument("--quick", action="store_true", help="a sample of each")
    parser.add_argument("--markdown", action="store_true", help="print the rows of docs/figures.md at the end")
    asked = parser.parse_args()
    unknown = set(asked.names) - set(TRIALS)
    if unknown:
        parser.error(f"there is no trial named {', '.join(sorted(unknown))}")
    found: list[tuple[str, Figure]] = []
    for name in asked.names or TRIALS:
        began = time.monotonic()
        print(f"--- {name}", flush=True)
        for figure in figures(name, quick=asked.quick):
            found.append((name, figure))
            print(figure, flush=True)
        print(f"     {time.monotonic() - began:.0f} s", flush=True)
    if asked.markdown:
        print("\n| what | before | to reach | measured |\n| --- | --- | --- | --- |")
        print("\n".join(figure.markdown(TRIALS[name]) for name, figure in found))
    failed = [figure for _, figure in found if figure.is_ok is False]
    print(f"\n{len(found) - len(failed)} of {len(found)} figures reached")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
