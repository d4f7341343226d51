"""The committed form of a notebook: executed with its defaults, and the same bytes on every machine."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from crmlab.runner.execution import Run, execute
from crmlab.runner.notebooks import notebook_bytes, read_notebook, tags, write_whole
from crmlab.runner.records import results

if TYPE_CHECKING:
    import pandas as pd
    from nbformat import NotebookNode

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
KEPT_CELL_METADATA = ("tags", "jupyter")


def refresh(notebook: str | Path) -> tuple[Run, pd.DataFrame]:
    """Execute a notebook in place with its default parameters and keep its committed form.

    Parameters
    ----------
    notebook : path
        Left as it was when a cell fails.

    Returns
    -------
    (Run, DataFrame)
        The run, and the recorded results that moved: name, before, after (missing where there was or is none).

    Raises
    ------
    NotebookError, ParameterError
        As `crmlab.runner.run`.
    """
    notebook = Path(notebook)
    before = results(notebook)
    with TemporaryDirectory(prefix="crmlab-") as folder:
        outcome = execute(notebook, Path(folder) / notebook.name, {})
        if outcome.status == "done":
            write_whole(notebook, notebook_bytes(committed_form(read_notebook(outcome.output))))
    return outcome, moved(before, outcome.results)


def committed_form(node: NotebookNode) -> NotebookNode:
    """An executed notebook without times, paths, versions and widget state."""
    node.metadata.clear()
    node.metadata.update({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    node["nbformat_minor"] = 5
    for cell in node.cells:
        for key in set(cell.metadata) - set(KEPT_CELL_METADATA):
            del cell.metadata[key]
        if "slider" in tags(cell):
            cell["outputs"] = []  # a slider's state is of one session; the cell before shows the default
    return node


def moved(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """The recorded values that differ between two tables of results: name, before, after."""
    both = before.merge(after, on="name", how="outer", suffixes=("_before", "_after"))
    columns = ["value", "low", "high"]
    was = [tuple(map(repr, row)) for row in both[[f"{c}_before" for c in columns]].itertuples(index=False)]
    now = [tuple(map(repr, row)) for row in both[[f"{c}_after" for c in columns]].itertuples(index=False)]
    changed = [a != b for a, b in zip(was, now, strict=True)]
    table = both.loc[changed, ["name", "value_before", "value_after"]]
    return table.set_axis(["name", "before", "after"], axis="columns").reset_index(drop=True)
