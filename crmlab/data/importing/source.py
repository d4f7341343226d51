"""What a file of one's own holds, before anything is made of it: columns, source rows, rows that are none."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd


class ImportRefusal(ValueError):
    """A file cannot be imported as it is, or as it was asked: what is wrong, where, and what to do.

    Attributes
    ----------
    report : str
        What was found before it was refused, in lines; empty where nothing was.
    """

    def __init__(self, message: str, report: str = "") -> None:
        super().__init__(message)
        self.report = report

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.report)


class Broken(NamedTuple):
    """A row that has other values than its file has columns."""

    row: int
    cells: list[str]
    text: str
    problem: str
    remedy: str


@dataclass
class Source:
    """A file's table as it is written.

    Attributes
    ----------
    name : str
        The file, as the user gave it.
    found : list of str
        What was found about it, in words.
    table : DataFrame
        Text as text, and what Excel and Parquet hold as numbers and days as such.
    rows : array of int
        Where each row stands: the line of a text file, the row of a sheet, the place in a Parquet file, from 1.
    broken : list of Broken
        Rows that do not fit the columns.
    place : str
        What `rows` counts: "line" or "row".
    """

    name: str
    found: list[str]
    table: pd.DataFrame
    rows: np.ndarray
    broken: list[Broken] = field(default_factory=list)
    place: str = "row"

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(map(str, self.table.columns))

    @property
    def read(self) -> int:
        """Rows that were read: all but those without any value."""
        return len(self.table) + len(self.broken)


def names_of(cells: list[Any], name: str) -> list[str]:
    """The names of columns; a place without one is named after it. Two of one name are refused."""
    names = [str(cell).strip() or f"column {place}" for place, cell in enumerate(cells, 1)]
    if len(set(names)) < len(names):
        twice = next(one for place, one in enumerate(names) if one in names[:place])
        raise ImportRefusal(f"{name!r} has more than one column {twice!r}. Keep one of them, or rename the others.")
    return names


def header_at(rows: list[list[Any]]) -> int | None:
    """Which of the first rows has the names of the columns: words in as many columns as the table mostly has.

    Titles above the names fill fewer columns; a row of data has a number or a day. The first column may have no name.
    """
    widths = [filled(row) for row in rows if filled(row)]
    width = max(set(widths), key=lambda one: (widths.count(one), one), default=0)
    for place, row in enumerate(rows):
        cells = [str(cell).strip() for cell in row if str(cell).strip()]
        unnamed = bool(row) and not str(row[0]).strip() and len(row) >= width
        if len(cells) >= max(2, width - unnamed) and not any(map(is_value, cells)):
            return place
    return None


def filled(row: list[Any]) -> int:
    """How many cells of a row hold something."""
    return sum(bool(str(cell).strip()) for cell in row)


def is_value(cell: str) -> bool:
    """Whether a cell holds a number or a day rather than a name: digits, and hardly a letter."""
    return bool(re.fullmatch(r"[^A-Za-z]*[0-9][^A-Za-z]*([T ][0-9:.]+ ?[A-Za-z]{0,2}|[A-Z]{3})?", cell))


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 row, 2,000 rows."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
