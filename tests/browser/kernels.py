"""Kernels that are forked from a process which has imported PyTorch and this package, so that each starts at once.

The process that a server starts for a kernel runs this file alone: it asks the forking process for a kernel, passes
signals on to it, and ends with it; when it is killed, the kernel ends.
"""

from __future__ import annotations

import os
import signal
import socket
import sys

END = "\0"
"""What ends each text that is sent, and all of them together."""


def stand_for_kernel(place: str, connection_file: str) -> None:
    """Have a kernel started with what this process was given, and wait for its end."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(place)
        given = [connection_file, os.getcwd(), *(f"{name}={value}" for name, value in os.environ.items())]  # noqa: PTH109  (pathlib takes long to import)
        socket.send_fds(wire, [END.join([*given, END]).encode()], [0, 1, 2])
        kernel = int(wire.recv(20))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: os.kill(kernel, number))
        wire.recv(1)


def fork_kernels(place: str) -> None:
    """Fork a kernel for each process that asks for one."""
    from importlib import import_module

    del sys.path[0]
    os.environ["JPY_PARENT_PID"] = str(os.getppid())  # read when the kernel's modules are imported
    with socket.socket(socket.AF_UNIX) as asked:
        asked.bind(place)
        asked.listen()
        for module in ("ipykernel.kernelapp", "ipykernel.zmqshell", "ipy_tensorwatch.shell.extension"):
            import_module(module)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while True:
            wire = asked.accept()[0]
            if not os.fork():
                break
            wire.close()
    run_kernel(wire)


def run_kernel(wire: socket.socket) -> None:
    """Become the kernel of the process at the other end."""
    from threading import Thread

    from ipykernel.kernelapp import IPKernelApp

    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    given, streams, _, _ = socket.recv_fds(wire, 1 << 16, 3)
    while not given.endswith(END.encode() * 2):
        given += wire.recv(1 << 16)
    connection_file, folder, *environment = given.decode().rstrip(END).split(END)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(one.split("=", 1) for one in environment)
    wire.send(str(os.getpid()).encode())
    Thread(target=end_with, args=(wire,), daemon=True).start()
    IPKernelApp.launch_instance(argv=["-f", connection_file])


def end_with(wire: socket.socket) -> None:
    """End this process when the other end is gone."""
    wire.recv(1)
    os._exit(1)


if __name__ == "__main__":
    (stand_for_kernel if len(sys.argv) > 2 else fork_kernels)(*sys.argv[1:])
