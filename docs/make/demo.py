"""Run `demo.ipynb` again, and store in it what PyTorch and tensorwatch answer."""

from __future__ import annotations

import nbformat

from .kernel import ROOT, execute

FILE = ROOT / "demo.ipynb"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
"""As little as Jupyter needs, so that another Python does not change the file."""


def make_demo() -> str:
    """Return the notebook with fresh outputs, as it is stored."""
    notebook = execute(nbformat.read(FILE, as_version=4))
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
    return nbformat.writes(notebook) + "\n"
