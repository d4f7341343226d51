"""Files that are written: whole or not at all, and nothing that is there is replaced unasked."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from crmlab.data.importing.source import ImportRefusal

PROGRAM = ("=", "+", "-", "@", "\t", "\r")  # how a cell begins that a spreadsheet would run; a number may begin so


def rejects_beside(target: Path) -> Path:
    """Where the rows go that were refused: my.parquet -> my.rejects.csv."""
    return target.with_suffix(".rejects.csv")


def writable(target: Path, source: Path, overwrite: bool) -> Path:
    """A file to write, if it may be written."""
    if target.suffix.lower() not in (".parquet", ".csv"):
        raise ImportRefusal(f"--out must end in .parquet or .csv, not {target.name!r}.")
    if not target.parent.is_dir():
        raise ImportRefusal(f"there is no folder {str(target.parent)!r} to write {target.name!r} to. Make it first.")
    for path in (target, rejects_beside(target)):
        if path.is_dir():
            raise ImportRefusal(f"{str(path)!r} is a folder.")
        if path.exists() and source.exists() and path.samefile(source):
            raise ImportRefusal(f"{str(path)!r} is the file that is imported. Give --out another name.")
        if path.exists() and not overwrite:
            raise ImportRefusal(f"{str(path)!r} is there already. Give --out another name, or --overwrite.")
    return target


def save_table(table: pd.DataFrame, target: Path) -> None:
    """Write a table as its name says."""
    if target.suffix.lower() == ".parquet":
        written(target, lambda part: table.to_parquet(part, index=False))
    else:
        written(target, lambda part: table.to_csv(part, index=False, date_format="%Y-%m-%d", lineterminator="\n"))


def save_rejects(rejects: pd.DataFrame, target: Path) -> None:
    """Write the rows that were refused, to be opened in a spreadsheet (DECISIONS.md, "Rows that are refused")."""
    harmless = rejects.set_axis(as_words(pd.Series(rejects.columns)), axis=1)
    for place in range(1, harmless.shape[1]):  # the first is the number of the row
        harmless.isetitem(place, as_words(harmless.iloc[:, place]).array)
    written(target, lambda part: harmless.to_csv(part, index=False, encoding="utf-8-sig", lineterminator="\n"))


def as_words(cells: pd.Series) -> pd.Series:
    """Texts with an apostrophe before those that a spreadsheet would run."""
    runs = cells.str.startswith(PROGRAM)
    runs[runs] = ~cells[runs].str.fullmatch(r"[-+]?[0-9.,]+")
    return cells.mask(runs, "'" + cells)


def written(target: Path, write: Callable[[Path], None]) -> None:
    """Write under another name and move: whoever is stopped in the middle leaves no half file of this name."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        write(part)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
