"""The door: a file of one's own becomes a table that keeps a contract, and every row that does not is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from crmlab.data.importing.columnar import read_parquet
from crmlab.data.importing.dates import ORDERS
from crmlab.data.importing.files import EXCEL, PARQUET, TEXT, file_bytes
from crmlab.data.importing.mapping import links
from crmlab.data.importing.report import Report
from crmlab.data.importing.rows import held, made, rejected
from crmlab.data.importing.saving import rejects_beside, save_rejects, save_table, writable
from crmlab.data.importing.source import ImportRefusal, Source
from crmlab.data.importing.text import read_text
from crmlab.data.importing.workbook import read_workbook


@dataclass(frozen=True)
class Imported:
    """What came of a file.

    Attributes
    ----------
    table : DataFrame
        The rows that were kept, held against the contract; its columns only.
    rejects : DataFrame, one row a row that was refused
        refused_row (line of a text file, row of a sheet, place in a Parquet file), refused_column, refused_value,
        refused_problem, refused_remedy (joined by "; " where a row has several faults), then the row as it was.
    mapping : dict
        Column of the contract -> what it was made from.
    read, kept, refused : int
        Rows; kept and refused make read.
    report : str
        All of it in words.
    """

    table: pd.DataFrame
    rejects: pd.DataFrame
    mapping: dict[str, str]
    report: str

    @property
    def kept(self) -> int:
        """Rows that keep the contract."""
        return len(self.table)

    @property
    def refused(self) -> int:
        """Rows that do not."""
        return len(self.rejects)

    @property
    def read(self) -> int:
        """Rows with any value in them."""
        return self.kept + self.refused


def import_table(
    source: str | Path,
    contract: str,
    mapping: Mapping[str, str] | None = None,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    encoding: str | None = None,
    separator: str | None = None,
    sheet: str | None = None,
    dates: Literal["day-first", "month-first"] | None = None,
    decimal: Literal["comma", "point"] | None = None,
) -> Imported:
    """A file of one's own as a table that keeps a contract.

    Parameters
    ----------
    source : str or Path
        A text file with separated values (.csv, .tsv, .txt), an Excel workbook (.xlsx) or a Parquet file.
    contract : str
        "transactions", "orders", "products", "ledger", "ratings", "rankings", "calls", "renewals" or
        "customer_summary"; `contract_table` tells the columns of each and their units.
    mapping : dict, optional
        Column of the contract -> column of the file, or, for numbers, an expression over columns with + - * / and
        parentheses; names with blanks or signs in `backquotes` or [brackets]. An empty text leaves a column out. What
        is not given is suggested by names and values, and taken where exactly one column is meant.
    out : str or Path, optional
        A .parquet or .csv file to write; the rows refused go beside it, to name.rejects.csv.
    overwrite : bool
        Whether these may replace files that are there.
    encoding, separator, sheet, dates, decimal : str, optional
        How the file is read, where it does not tell itself: such as "cp1252"; ";" or "tab"; the name of a sheet;
        "day-first" or "month-first" for 03/04/2024; "comma" or "point" before the decimals.

    Returns
    -------
    Imported

    Raises
    ------
    ImportRefusal
        The file is not what it says, can be read in two ways, or has no row that keeps the contract.
    OSError
        A file is not there, or may not be read or written.

    Notes
    -----
    Each row that was read is kept or refused, never changed or dropped: DECISIONS.md, "Dates of one's own files",
    "Money of one's own files", "Rows that are refused".

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> lines = ["Kunde;Datum;Betrag", "007;31.12.2024;1.234,50 €", "008;30.2.2025;5,00 €"]
    >>> _ = (folder / "sales.csv").write_text("\\n".join(lines), "utf-8")
    >>> imported = import_table(folder / "sales.csv", "transactions")
    >>> imported.table
      customer_id       date  amount
    0         007 2024-12-31  1234.5
    >>> imported.rejects[["refused_row", "refused_column", "refused_problem"]].values.tolist()
    [[3, 'date', 'no such day']]
    """
    schema = schema_of(contract)
    if dates not in (None, *ORDERS) or decimal not in (None, "comma", "point"):
        raise ImportRefusal("--dates is day-first or month-first, and --decimal is comma or point.")
    target = None if out is None else writable(Path(out), Path(source), overwrite)
    report = Report(str(source), schema)
    with report.told():
        read = source_of(source, encoding, separator, sheet)
        report.source = read
        report.links = links(schema, read.table, mapping or {})
        report.ask(target)
        table, faults, report.how = made(schema, read, report.links, dates, decimal)
        table = held(contract, table, faults)
        rejects = rejected(read, faults)
        if len(table) + len(rejects) != read.read:
            raise AssertionError(f"{read.read} rows read, but {len(table)} kept and {len(rejects)} refused")
        report.count(table, faults)
        if target is not None:
            save_rejects(rejects, rejects_beside(target))
        if table.empty:
            where = f"; they are in {rejects_beside(target)}" if target else ""
            raise ImportRefusal(
                f"{str(source)!r}: no row keeps the contract {contract}{where}. The reasons stand above."
            )
        if target is not None:
            save_table(table, target)
            report.saved(table, rejects, target)
    made_from = {link.target: link.text for link in report.links if link.expression is not None}
    return Imported(table, rejects, made_from, str(report))


def schema_of(contract: str) -> Any:
    """The contract of a table that users bring."""
    from crmlab.data.schemas import GENERAL

    schemas = {schema.name: schema for schema in GENERAL}
    if contract not in schemas:
        raise ImportRefusal(f"a file cannot be imported as {contract!r}; it can be as: {', '.join(schemas)}.")
    return schemas[contract]


def source_of(source: str | Path, encoding: str | None, separator: str | None, sheet: str | None) -> Source:
    """What a file holds."""
    data, kind = file_bytes(source)
    beside = {TEXT: ("sheet", sheet), EXCEL: ("separator", separator), PARQUET: ("sheet", sheet)}[kind]
    if beside[1] is not None or (kind != TEXT and encoding is not None):
        name = beside[0] if beside[1] is not None else "encoding"
        raise ImportRefusal(f"{str(source)!r} is {kind} and has no {name}: leave --{name} out.")
    if kind == TEXT:
        return read_text(data, str(source), encoding, separator)
    return read_workbook(data, str(source), sheet) if kind == EXCEL else read_parquet(data, str(source))
