"""Files of a purchase log as one DuckDB relation: read where they lie, however many and however large."""

from __future__ import annotations

import functools
import glob
import gzip
import hashlib
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crmlab.data.contracts import ContractError, columns_of, missing_column
from crmlab.data.loaders import DATASETS, GAPS, csv_header, no_table, told_in_words

KINDS = (".csv", ".csv.gz", ".parquet")
START = 1 << 16  # bytes that hold the first line of a CSV file
CONTRACT = "transactions"


@contextmanager
def relation_of_files(source: str | Path) -> Iterator[Any]:
    """The rows of all files that a path or a glob names; DuckDB writes what memory cannot hold to a folder of its own.

    How much memory it takes and how many threads is what the user has told DuckDB, such as by
    `duckdb.sql("SET memory_limit = '1GB'")`.
    """
    import duckdb

    files = _files(str(source))
    for file in files:
        _announce(file)
    with duckdb.default_connection().cursor() as given:
        limits = "SELECT current_setting('memory_limit'), current_setting('threads')"
        memory, threads = given.execute(limits).fetchall()[0]
    with tempfile.TemporaryDirectory(prefix="crmlab-duckdb-") as spilled:
        # Rows have no order here; keeping one would cost memory.
        config = {"memory_limit": memory, "threads": threads, "temp_directory": spilled}
        config["preserve_insertion_order"] = False
        with duckdb.connect(config=config) as connection:
            try:
                yield (_of_parquet if _kind(files[0]) == ".parquet" else _of_csv)(connection, files)
            except ContractError as error:
                told = f"{error.table} in {str(source)!r}"
                raise ContractError(told, error.breaches) from None
            except duckdb.InvalidInputException as error:
                if _kind(files[0]) == ".parquet":
                    raise ValueError(f"{str(source)!r}: a damaged Parquet file: {str(error).splitlines()[0]}") from None
                raise _in_words(str(error), str(source)) from None


def _files(source: str) -> list[str]:
    """What a path or a glob names, in order."""
    if not source.lower().endswith(KINDS) and not Path(source).is_dir() and not glob.has_magic(source):
        hint = f" load_transactions({source!r}) reads the data set." if source in DATASETS else " Save it as one."
        raise ValueError(f"{source!r} names no file of the kinds {', '.join(KINDS)}.{hint}")
    files = (
        [source] if Path(source).exists() or not glob.has_magic(source) else sorted(glob.glob(source, recursive=True))
    )
    if not files:
        raise FileNotFoundError(f"no file matches {source!r}. You are in {str(Path.cwd())!r}.")
    if Path(source).is_dir():
        raise IsADirectoryError(
            f"{source!r} is a folder; name the files in it, such as {str(Path(source) / '*.parquet')!r}."
        )
    if other := [file for file in files if not _kind(file)]:
        raise ValueError(f"{other[0]!r} is not of the kinds {', '.join(KINDS)}; name the files more narrowly.")
    if len({_kind(file) == ".parquet" for file in files}) > 1:
        raise ValueError(f"{source!r} names both CSV and Parquet files: name one kind, such as '*.parquet'.")
    return files


def _kind(file: str) -> str:
    return next((kind for kind in KINDS if file.lower().endswith(kind)), "")


def _announce(file: str) -> None:
    with told_in_words(file, file), open(file, "rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()
    sys.audit("crmlab.data.read", file, digest)


def _of_csv(connection: Any, files: list[str]) -> Any:
    """All values as text, so that the contract reads them; files with other columns are read apart, then united."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for file in files:
        alike.setdefault(tuple(_header(file)), []).append(file)
    for names, same in alike.items():
        if absent := [name for name, column in columns_of(CONTRACT).items() if column.required and name not in names]:
            where = CONTRACT if len(files) == 1 else f"{CONTRACT} ({same[0]!r})"
            raise ContractError(where, [missing_column(name, names) for name in absent])
    relations = []
    for names, same in alike.items():
        relation = connection.read_csv(
            [glob.escape(file) for file in same],
            auto_detect=False,  # it may take a customer named # for a comment
            columns=dict.fromkeys(names, "VARCHAR"),
            header=True,
            sep=",",
            quotechar='"',
            escapechar='"',
            comment="",
            strict_mode=True,
        )
        relations.append(relation.select(", ".join(_contract_column(name, names) for name in columns_of(CONTRACT))))
    return functools.reduce(lambda above, below: above.union(below), relations)


def _contract_column(name: str, names: tuple[str, ...]) -> str:
    """A column of the contract in SQL, missing where the file has none or says so."""
    if name not in names:
        return f"CAST(NULL AS VARCHAR) AS {name}"
    if columns_of(CONTRACT)[name].kind != "number":
        return name
    return f"CASE WHEN {name} NOT IN ({', '.join(map(repr, GAPS))}) THEN {name} END AS {name}"


def _header(file: str) -> list[str]:
    """The names in the first line; DuckDB must be given a name for a column without one."""
    try:
        with gzip.open(file) if file.lower().endswith(".gz") else open(file, "rb") as data:
            start = data.read(START)
    except gzip.BadGzipFile:
        raise ValueError(f"{file!r} is not compressed by gzip. If it is CSV, name it .csv.") from None
    header = csv_header(start, file)
    names = [str(name) if isinstance(name, str) else f"column {place}" for place, name in enumerate(header, 1)]
    if len({name.lower() for name in names}) < len(names):
        raise ValueError(f"{file!r} has columns whose names differ in capitals alone: {', '.join(names)}. Rename them.")
    return names


def _of_parquet(connection: Any, files: list[str]) -> Any:
    zones = {zone for file in files if (zone := _zone(file))}
    if len(zones) > 1:
        raise ValueError(
            f"the dates of these files are in {len(zones)} time zones, {' and '.join(sorted(zones)[:2])}: a stamp "
            "counts on its local day. Write the local day alone, as a date."
        )
    for zone in zones:
        connection.execute("SET TimeZone = ?", [_known_zone(connection, zone)])
    return connection.read_parquet([glob.escape(file) for file in files], union_by_name=True)


def _zone(file: str) -> str | None:
    """The time zone of the dates in a Parquet file."""
    import pyarrow as pa
    from pyarrow import parquet

    with open(file, "rb") as data:
        start = data.read(4)
    if not start:
        raise ValueError(f"{file!r} is empty.")
    if start != b"PAR1":
        raise ValueError(f"{file!r} is not a Parquet file. If it is CSV, name it .csv.")
    try:
        schema = parquet.read_schema(file)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{file!r} is a damaged Parquet file: {str(error).splitlines()[0]}") from None
    if "date" not in schema.names or not pa.types.is_timestamp(schema.field("date").type):
        return None
    return schema.field("date").type.tz


def _known_zone(connection: Any, zone: str) -> str:
    """A zone by the name that DuckDB has for it: +05:00 is Etc/GMT-5 there."""
    offset = re.fullmatch(r"([+-])(\d\d):00", zone)
    name = f"Etc/GMT{'-' if offset[1] == '+' else '+'}{int(offset[2])}" if offset else zone
    if not connection.execute("SELECT 1 FROM pg_timezone_names() WHERE name = ?", [name]).fetchall():
        raise ValueError(
            f"the dates are in the time zone {zone!r}, which DuckDB does not know: write the local day alone."
        )
    return name


def _in_words(error: str, name: str) -> ValueError:
    """Why DuckDB stopped reading CSV: the file, the line and the reason, of many lines of advice to programmers."""
    file = match[1] if (match := re.search(r"^\s*file ?= ?(.+)$", error, re.MULTILINE)) else name
    line = match[1] if (match := re.search(r"CSV Error on Line: (\d+)", error)) else None
    where = f" on line {line}" if line else ""
    if "not utf-8" in error:
        return ValueError(f"{file!r} is not in UTF-8 (first{where}). Save it as CSV in UTF-8.")
    if found := re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", error):
        return no_table(file, f"{found[1]} values are expected, but {found[2]} found{where}")
    if "unterminated quote" in error:
        return no_table(file, f"a quote is not closed{where}")
    if "state machine" in error:
        return no_table(file, "lines end in different ways, or a quote is not closed")
    return no_table(file, error.splitlines()[0])
