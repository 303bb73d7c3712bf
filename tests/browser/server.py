"""A JupyterLab server of its own, with this tree's extension, and nothing of the user's."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import ipy_tensorwatch

KERNELS = str(Path(__file__).with_name("kernels.py"))
START_SECONDS = 60
PACKAGE = Path(ipy_tensorwatch.__file__).parent

# Nothing that asks the net, and nothing that asks the user.
NOTIFICATIONS = {"checkForUpdates": False, "fetchNews": "false"}

# Kernels are forked from a process that has imported what they need.
FORKED = {
    "argv": [sys.executable, "-I", "-S", KERNELS, "{place}", "{connection_file}"],
    "display_name": "Python 3 (ipykernel)",
    "language": "python",
}

# To the page, this is no Python.
KLINGON = {
    "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "display_name": "Klingon",
    "language": "Klingon",
}

CONFIG = {
    "IdentityProvider": {"token": ""},
    "JupyterNotebookApp": {"expose_app_in_browser": True},
    "LabApp": {"expose_app_in_browser": True},
    "ServerApp": {
        "allow_root": True,
        "disable_check_xsrf": True,
        "ip": "127.0.0.1",
        "open_browser": False,
        "port_retries": 0,
    },
}


class Server:
    """The running server, and what tests ask of it behind the page's back."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.log = folder / "server.log"
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Server:
        extensions = self._folder / "labextensions"
        for path in (self.root, extensions, self._folder / "config"):
            path.mkdir()
        for place in ipy_tensorwatch._jupyter_labextension_paths():
            (extensions / place["dest"]).symlink_to(PACKAGE / place["src"])
        notifications = self._folder / "settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
        notifications.parent.mkdir(parents=True)
        notifications.write_text(json.dumps(NOTIFICATIONS), encoding="utf-8")
        place = str(self._folder / "fork")
        forked = FORKED | {"argv": [one.replace("{place}", place) for one in FORKED["argv"]]}
        for name, spec in (("python3", forked), ("klingon", KLINGON)):
            kernel = self._folder / "data" / "kernels" / name / "kernel.json"
            kernel.parent.mkdir(parents=True)
            kernel.write_text(json.dumps(spec), encoding="utf-8")
        (self._folder / "config" / "jupyter_server_config.json").write_text(
            json.dumps(CONFIG | {"LabServerApp": {"extra_labextensions_path": [str(extensions)]}}), encoding="utf-8"
        )
        options = [f"--ServerApp.port={self.port}", f"--ServerApp.root_dir={self.root}"]
        self._forking = subprocess.Popen([sys.executable, KERNELS, place], env=self._environment())
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jupyterlab", *options],
                env=self._environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        self.end_sessions()
        self._process.terminate()
        self._process.wait(20)
        self._forking.kill()
        self._forking.wait(20)

    def ask(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """Send a request to the server's REST interface."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=20) as response:
            text = response.read()
        return json.loads(text) if text else None

    def write(self, name: str, cells: list[str], kernel: str = "python3") -> str:
        """Write a notebook and return its name."""
        document = {
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"cell-{index}",
                    "metadata": {},
                    "execution_count": None,
                    "outputs": [],
                    "source": source,
                }
                for index, source in enumerate(cells)
            ],
            "metadata": {"kernelspec": {"name": kernel, "display_name": kernel}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (self.root / name).write_text(json.dumps(document), encoding="utf-8")
        return name

    def read(self, name: str) -> dict[str, Any]:
        """Read a notebook as it was saved."""
        return json.loads((self.root / name).read_text(encoding="utf-8"))

    def layout(self) -> dict[str, Any]:
        """Return what JupyterLab will open again: the notebooks, and the panel at the right."""
        for workspace in self.ask("lab/api/workspaces")["workspaces"]["values"]:
            data = workspace["data"].get("layout-restorer:data", {})
            return {
                "main": (data.get("main", {}).get("dock") or {}).get("widgets", []),
                "right": data.get("right", {}).get("current"),
            }
        return {}

    def end_session(self, name: str) -> None:
        """Shut the kernel of a notebook down."""
        for session in self.ask("api/sessions"):
            if session["path"] == name:
                self.ask(f"api/sessions/{session['id']}", "DELETE")

    def end_sessions(self) -> None:
        """Shut every kernel down."""
        for session in self.ask("api/sessions"):
            self.ask(f"api/sessions/{session['id']}", "DELETE")

    def _environment(self) -> dict[str, str]:
        folders = {
            "HOME": "home",
            "IPYTHONDIR": "ipython",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
        }
        own = {name: str(self._folder / folder) for name, folder in folders.items()}
        paths = [*filter(None, [os.environ.get("PYTHONPATH")]), str(PACKAGE.parent)]
        # The kernel named `python3` is ours, in the folder of data, and it watches this tree.
        return os.environ | own | {"JUPYTER_PREFER_ENV_PATH": "0", "PYTHONPATH": os.pathsep.join(paths)}

    def _wait(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            try:
                self.ask("api/status")
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(f"JupyterLab did not start:\n{self.log.read_text(encoding='utf-8')[-2000:]}")
