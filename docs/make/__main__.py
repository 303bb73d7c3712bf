"""Make everything: `python -m docs.make`, or some of it: `python -m docs.make picture tables`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .backward import backward_table
from .demo import FILE, make_demo
from .kernel import ROOT
from .picture import make_picture
from .sessions import fill_sessions, run_session
from .tables import fill, hazards_table, report_tables, settings_table

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PICTURE = ROOT / "docs" / "picture.svg"
TABLES = {"settings": settings_table, "report": report_tables, "backward": backward_table, "hazards": hazards_table}


def _tables() -> None:
    for name, make in TABLES.items():
        page = ROOT / "docs" / f"{name}.md"
        page.write_text(fill(page.read_text(encoding="utf-8"), name, make()), encoding="utf-8")


def _sessions() -> None:
    for page in PAGES:
        page.write_text(fill_sessions(page.read_text(encoding="utf-8"), run_session), encoding="utf-8")


def _picture() -> None:
    PICTURE.write_text(make_picture(), encoding="utf-8")


def _demo() -> None:
    FILE.write_text(make_demo(), encoding="utf-8")


def _pictures() -> None:
    # Only this one needs a browser, and what drives it.
    from .screens import make_screens  # noqa: PLC0415

    for name, image in make_screens().items():
        (ROOT / "docs" / name).write_bytes(image)


MAKERS = {"tables": _tables, "sessions": _sessions, "picture": _picture, "demo": _demo, "pictures": _pictures}


def main(asked: Sequence[str]) -> None:
    """Make what is asked for, or everything."""
    unknown = [name for name in asked if name not in MAKERS]
    if unknown:
        sys.exit(f"docs.make: {unknown[0]} is none of {', '.join(MAKERS)}")
    for name in asked or MAKERS:
        MAKERS[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
