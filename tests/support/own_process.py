"""Run a program in a process of its own, for what it tries can end the process.

To import PyTorch, IPython and the package takes seconds. One process imports them and then forks a child for each
program, which ends as an interpreter does: with its exit handlers, and its exit code or signal.
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
"""How long a program may take."""


def run_apart(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program; of a process that a signal ended, the return code is the negative number of the signal."""
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
    atexit.register(parent.communicate)  # it ends with its input
    return parent


def _fork_for_each() -> str:
    """Fork for each line of the input; return a program in the child that is to run it."""
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
