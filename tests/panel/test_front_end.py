"""The front end that the package carries: it is there, it fits the package, and JupyterLab can find it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ipy_tensorwatch

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "ipy_tensorwatch"


@pytest.fixture
def extension() -> Path:
    """Return the folder that JupyterLab is led to."""
    (place,) = ipy_tensorwatch._jupyter_labextension_paths()
    return PACKAGE / place["src"]


def test_the_extension_is_built_and_names_a_script_that_is_there(extension):
    manifest = json.loads((extension / "package.json").read_text(encoding="utf-8"))

    assert (extension / manifest["jupyterlab"]["_build"]["load"]).is_file()


def test_the_settings_lie_where_the_plugin_looks_for_them(extension):
    manifest = json.loads((extension / "package.json").read_text(encoding="utf-8"))
    schemas = extension / manifest["jupyterlab"]["schemaDir"] / "ipy-tensorwatch"

    assert (
        json.loads((schemas / "plugin.json").read_text(encoding="utf-8"))["properties"]["markLines"]["default"] is True
    )


def test_the_front_end_has_the_version_of_the_package():
    manifest = json.loads((ROOT / "js" / "package.json").read_text(encoding="utf-8"))

    assert manifest["version"] == ipy_tensorwatch.__version__


def test_the_widget_is_built():
    assert {"widget.css", "widget.js"} == {path.name for path in (PACKAGE / "panel" / "static").iterdir()}
