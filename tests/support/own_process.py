"""Run programs that may kill their process, each in its own.

Importing PyTorch, IPython and the package takes seconds, so one process imports them and forks a child for each
program. The child ends as an interpreter does: with its exit handlers, and its exit code or signal.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECONDS = 300
"""Time limit of a program, in seconds."""


def run_apart(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program; if a signal ended it, the return code is the negative signal number."""
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder, name)) for name in ("out", "err")]
        parent = _parent()
        parent.stdin.write(json.dumps([program, arguments, files]) + "\n")
        parent.stdin.flush()
        code = int(parent.stdout.readline())
        out, err = (Path(file).read_text("utf-8", errors="replace") for file in files)
    return subprocess.CompletedProcess([program, *arguments], code, out, err)


@cache
def _parent() -> subprocess.Popen[str]:
    parent = subprocess.Popen(
        [sys.executable, "-m", "tests.support.own_process"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(parent.communicate)  # it ends when its input is closed
    return parent


def _fork_for_each() -> str:
    """Fork for each line of the input; return the program in the child that runs it."""
    for line in sys.stdin:
        program, arguments, files = json.loads(line)
        child = os.fork()
        if child:
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
            continue
        signal.alarm(SECONDS)
        for number, file in enumerate(files, start=1):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.argv[1:] = arguments
        return program
    return ""


if __name__ == "__main__":
    import ipy_tensorwatch.shell.extension  # noqa: F401  (so that no child has to)
    import tests.support.notebook  # noqa: F401  (the same)

    exec(_fork_for_each(), {"__name__": "__main__"})
