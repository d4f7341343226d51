"""Excel workbooks: which sheet, where the names stand, and the cells below them as numbers, days and text."""

from __future__ import annotations

import datetime
import io
from typing import Any

import numpy as np
import pandas as pd

import crmlab.data.importing.limits as limits
from crmlab.data.importing.files import safe_workbook
from crmlab.data.importing.source import Broken, ImportRefusal, Source, filled, header_at, names_of

LOOK = 50  # first rows of a sheet, among which the names are


def read_workbook(data: bytes, name: str, sheet: str | None) -> Source:
    """The table on a sheet: the one that is named, or the only one that holds a table.

    Raises
    ------
    ImportRefusal
        The workbook would harm, is damaged, or it must be said which sheet is meant.
    """
    import python_calamine as calamine

    safe_workbook(io.BytesIO(data), name)
    try:
        workbook = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        kinds = {one.name: one for one in workbook.sheets_metadata if one.typ == calamine.SheetTypeEnum.WorkSheet}
        if sheet is not None and sheet not in kinds:
            raise ImportRefusal(f"{name!r} has no sheet {sheet!r}; there are: {', '.join(map(repr, kinds))}.")
        shown = [one for one in kinds if kinds[one].visible == calamine.SheetVisibleEnum.Visible]
        tables = {one: cells(workbook, one) for one in ([sheet] if sheet is not None else shown)}
    except (calamine.CalamineError, calamine.XmlError, calamine.ZipError, calamine.PasswordError, OSError) as error:
        raise ImportRefusal(f"{name!r} is a damaged Excel workbook: {error}. Save it again, or as CSV.") from None
    tables = {one: rows for one, rows in tables.items() if any(map(filled, rows))}
    if not tables:
        raise ImportRefusal(f"{name!r} has nothing on {'its sheets' if sheet is None else f'the sheet {sheet!r}'}.")
    places = {one: header_at(rows[:LOOK]) for one, rows in tables.items()}
    good = [one for one, place in places.items() if place is not None and len(tables[one]) > place + 1]
    if len(good) > 1:
        names = ", ".join(map(repr, good))
        raise ImportRefusal(f"{name!r} has {len(good)} sheets with tables: {names}. Say which: --sheet {good[0]!r}.")
    if not good:
        raise ImportRefusal(
            f"{name!r} has no sheet with the names of columns and rows below them. Write the names above the rows."
        )
    return table_on(good[0], tables[good[0]], places[good[0]] or 0, name, len(shown))


def cells(workbook: Any, sheet: str) -> list[list[Any]]:
    """All cells of a sheet from its first corner on, row by row."""
    rows = []
    for row in workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False):
        if any(isinstance(cell, str) and len(cell) > limits.CELL for cell in row):
            raise ImportRefusal(f"sheet {sheet!r} has a cell with more than {limits.CELL:,} signs, Excel's limit.")
        rows.append(row)
    return rows


def table_on(sheet: str, rows: list[list[Any]], place: int, name: str, shown: int) -> Source:
    """The table on a sheet, whose names stand in one of its first rows."""
    last = max(at for at, cell in enumerate(rows[place]) if str(cell).strip())
    width = max(last + 1, 1)
    if width > limits.COLUMNS:
        raise ImportRefusal(f"{name!r} has {width:,} columns; the limit is {limits.COLUMNS:,}. Keep those you need.")
    names = names_of(rows[place][:width], name)
    below = [(number, row) for number, row in enumerate(rows[place + 1 :], place + 2) if filled(row)]
    broken = [beyond(number, row, width) for number, row in below if filled(row[width:])]
    below = [(number, row) for number, row in below if not filled(row[width:])]
    table = pd.DataFrame({one: column_of([row[at] for _, row in below]) for at, one in enumerate(names)}, columns=names)
    found = [f"Excel, sheet {sheet!r}{' (the only one with a table)' if shown > 1 else ''}, names in row {place + 1}"]
    above = [next(str(cell).strip()[:40] for cell in row if str(cell).strip()) for row in rows[:place] if filled(row)]
    if above:
        found.append(f"passed over above the names: {', '.join(map(repr, above))}")
    return Source(name, found, table, np.array([number for number, _ in below], np.int64), broken)


def beyond(number: int, row: list[Any], width: int) -> Broken:
    """A row with a value right of the last named column."""
    values = list(map(str, row))
    problem = f"a value right of the last of {width} named columns"
    return Broken(number, values, " ".join(filter(None, values)), problem, "Name its column, or delete it.")


def column_of(cells: list[Any]) -> pd.Series:
    """A column of cells: of one type where they are, else each as what it is."""
    kinds = {type(cell) for cell in cells if not (isinstance(cell, str) and not cell)}
    if kinds <= {str}:
        return pd.Series(cells, dtype="str")
    if kinds <= {int, float}:
        return pd.Series([np.nan if cell == "" else cell for cell in cells], dtype="float64")
    return pd.Series([as_cell(cell) for cell in cells], dtype="object")


def as_cell(cell: Any) -> Any:
    """A cell as text, number or day: true and false as words, durations and times of day as they are shown."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, datetime.time | datetime.timedelta):
        return str(cell)
    return cell
