"""Finds a Chromium to test with: the machine's own, else Playwright's download, else Debian's package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
DOWNLOAD_SECONDS = 180

# Headless, in a container, as root, and without a word to the net.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


class NoChromiumError(RuntimeError):
    """There is none, and none could be had."""

    def __init__(self) -> None:
        super().__init__("the browser tests need Chromium: install it, or run `playwright install chromium`")


def find_chromium() -> str | None:
    """Return the path of a Chromium, or None for the one that Playwright finds itself."""
    found = _on_path()
    if found:
        return found
    if _run(sys.executable, "-m", "playwright", "install", "chromium-headless-shell"):
        return None
    if os.geteuid() == 0 and _run("apt-get", "install", "--yes", "--no-install-recommends", "chromium"):
        found = _on_path()
    if not found:
        raise NoChromiumError
    return found


def _on_path() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


def _run(*command: str) -> bool:
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=DOWNLOAD_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return False
    return True
