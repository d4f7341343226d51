"""A notebook to begin one's own research from: `template.ipynb`, beside this file, which keeps the contract."""

from __future__ import annotations

import os
from pathlib import Path

from crmlab.runner.notebooks import NotebookError, write_whole

TEMPLATE = Path(__file__).with_name("template.ipynb")


def new_notebook(path: str | Path) -> Path:
    """Write a small notebook that is a function, executed, with notes on what to put in place of its parts.

    Parameters
    ----------
    path : path
        Ends in .ipynb; nothing is there yet. Missing folders are made.

    Returns
    -------
    Path
        The notebook.

    Raises
    ------
    NotebookError
        Another ending, or something is there already: it is never overwritten.
    OSError
        The folder cannot be made or written.
    """
    path = Path(path)
    if path.suffix != ".ipynb":
        raise NotebookError(f"{path}: a notebook's name ends in .ipynb; try {path.name or 'mine'}.ipynb")
    if os.path.lexists(path):
        raise NotebookError(f"{path}: is there already, and is left as it is; choose another name")
    write_whole(path, TEMPLATE.read_bytes())
    return path
