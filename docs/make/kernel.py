"""Run a notebook in a fresh kernel of this very interpreter, untouched by anybody's own Jupyter settings."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ipykernel.kernelspec import write_kernel_spec
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

if TYPE_CHECKING:
    from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]
NAME = "tensorwatch-docs"
SECONDS_PER_CELL = 120


def execute(notebook: NotebookNode) -> NotebookNode:
    """Run all cells and keep their outputs in the notebook, which is returned."""
    with tempfile.TemporaryDirectory() as folder:
        write_kernel_spec(Path(folder, "kernels", NAME))
        found = KernelSpecManager(kernel_dirs=[str(Path(folder, "kernels"))], ensure_native_kernel=False)
        client = NotebookClient(
            notebook,
            km=AsyncKernelManager(kernel_name=NAME, kernel_spec_manager=found),
            timeout=SECONDS_PER_CELL,
            extra_arguments=["--log-level=ERROR"],
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": str(ROOT)}},
        )
        client.execute(cleanup_kc=True, env=os.environ | {"IPYTHONDIR": folder, "OMP_NUM_THREADS": "1"})
    return notebook


def run_cells(*sources: str) -> list[str]:
    """Run cells and return, for each of them, what tensorwatch said about it as text."""
    notebook = execute(new_notebook(cells=[new_code_cell(source) for source in sources]))
    return [said(cell) for cell in notebook.cells]


def said(cell: NotebookNode) -> str:
    """Return the text that tensorwatch displayed under a cell; empty where it was quiet."""
    shown = [one.data.get("text/plain", "") for one in cell.get("outputs", ()) if one.output_type == "display_data"]
    return "\n".join(text for text in shown if text.lstrip().startswith("tensor"))
