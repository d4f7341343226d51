"""Contracts: what a table must be before anything is reckoned from it.

One pandera schema a table says its columns, units and ranges, and the data dictionary is made from the schemas. `check`
holds a table against one in two steps: the values are read (ids as text, dates as days, numbers as numbers), then the
schema's rules are applied. All that cannot be read or breaks a rule is told at once, by row; no row is ever dropped.
"""

from __future__ import annotations

import copy
import difflib
import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from crmlab.data.reading import FINAL, MISSING, TYPES, Refusal

if TYPE_CHECKING:
    from crmlab.data.schemas import Rule

QUOTED = 3  # offending rows that a message quotes


# --- breaches ---


@dataclass(frozen=True)
class Breach:
    """One way in which a column breaks its contract.

    Attributes
    ----------
    column : str
        The column at fault.
    problem : str
        What is wrong, in words.
    remedy : str
        What to do about it.
    rows : tuple of int
        All offending rows, the first row of the table being 1; empty where the whole column is at fault, or where the
        engine does not number its rows.
    values : tuple
        What the first few of these rows hold, as it was given.
    count : int
        How many rows, where the engine does not number them.
    """

    column: str
    problem: str
    remedy: str
    rows: tuple[int, ...] = ()
    values: tuple[Any, ...] = ()
    count: int = 0

    def __str__(self) -> str:
        where = ""
        if count := self.count or len(self.rows):
            quoted = [_short(value) for value in self.values]
            if self.rows:
                quoted = [f"row {row} ({value})" for row, value in zip(self.rows, quoted, strict=False)]
            more = ["..."] if quoted and count > len(quoted) else []
            where = f" in {count:,} row{'s' * (count > 1)}{': ' * bool(quoted)}{', '.join(quoted + more)}"
        return f"{self.column}: {self.problem}{where}. {self.remedy}"


class ContractError(ValueError):
    """A table breaks its contract; the message names each breach, its first rows and what to do.

    Attributes
    ----------
    table : str
        What was checked.
    breaches : tuple of Breach
        All of them, the most important first.
    """

    def __init__(self, table: str, breaches: Iterable[Breach]) -> None:
        self.table, self.breaches = table, tuple(breaches)
        super().__init__(table, self.breaches)  # from these an error that crosses processes is made again

    def __str__(self) -> str:
        if len(self.breaches) == 1:
            return f"{self.table}: {self.breaches[0]}"
        return "\n  ".join(
            [f"{self.table} breaks its contract in {len(self.breaches)} ways:", *map(str, self.breaches)]
        )


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."


# --- the contracts ---


@functools.cache
def _schemas() -> dict[str, Any]:
    from crmlab.data.firms.dirt import schemas as dirt_schemas
    from crmlab.data.firms.harbour import schemas as harbour_schemas
    from crmlab.data.firms.tern import schemas as tern_schemas
    from crmlab.data.schemas import GENERAL

    return {
        schema.name: schema
        for schema in (*GENERAL, *harbour_schemas.TABLES, *tern_schemas.TABLES, *dirt_schemas.TABLES)
    }


def _schema(contract: str) -> Any:
    if contract not in _schemas():
        raise ValueError(f"there is no contract {contract!r}; there are: {', '.join(_schemas())}")
    return _schemas()[contract]


class Column(NamedTuple):
    """What a contract says of one column: how it is read, whether it must be there, and what must hold in it."""

    kind: str  # a key of TYPES
    required: bool
    rules: tuple[Rule, ...]


def contracts() -> list[str]:
    """The names of all contracts."""
    return list(_schemas())


def foreign_keys(contract: str) -> dict[str, str]:
    """The columns of a contract that hold the key of another table, and that table's name."""
    columns = _schema(contract).columns.items()
    return {name: column.metadata["of"] for name, column in columns if column.metadata["of"]}


def key_of(contract: str) -> tuple[str, ...]:
    """The columns of a contract that no two rows share."""
    return tuple(_schema(contract).metadata["key"])


def columns_of(contract: str) -> dict[str, Column]:
    """The columns of a contract, for engines that read and check them in their own way."""
    return {
        name: Column(column.metadata["type"], column.required, column.metadata["rules"])
        for name, column in _schema(contract).columns.items()
    }


# --- what others call ---


def check(table: pd.DataFrame, contract: str) -> pd.DataFrame:
    """Hold a table against its contract.

    Parameters
    ----------
    table : DataFrame
        Columns beyond those of the contract are kept as they are.
    contract : str
        "transactions" or another table that users bring (`GENERAL` of crmlab.data.schemas), or one of a simulated firm,
        such as "harbour_and_hill.orders". `contract_table` and `datasets/README.md` tell its columns and units.

    Returns
    -------
    DataFrame
        The same rows in the same order: ids as text, dates as days without time or zone, numbers as floats, counts as
        integers. `table` itself is not changed.

    Raises
    ------
    ContractError
        The table breaks its contract; every breach is told at once.

    Notes
    -----
    How dates are read: DECISIONS.md, "The day of a purchase".

    Examples
    --------
    >>> orders = pd.DataFrame({"customer_id": [7, 7], "date": ["2024-01-31", "2024-02-30"], "amount": [9.5, 12]})
    >>> check(orders, "transactions")
    Traceback (most recent call last):
    crmlab.data.contracts.ContractError: transactions: date: no such day in 1 row: row 2 ('2024-02-30'). Correct it.
    """
    schema = _schema(contract)
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"{contract} must be a pandas DataFrame, not {type(table).__name__}")
    present = [name for name in schema.columns if name in table.columns]
    missing = [name for name, column in schema.columns.items() if column.required and name not in present]
    breaches = [missing_column(name, table.columns, table.index.names) for name in missing]
    twice = [name for name in present if isinstance(table[name], pd.DataFrame)]
    if twice:
        remedy = "Keep one of them, or rename the others."
        raise ContractError(
            contract, [*breaches, *(Breach(n, "there is more than one such column", remedy) for n in twice)]
        )

    rows = table.reset_index(drop=True)
    rows.attrs = {}  # pandas copies them deeply in every step
    types = {name: TYPES[schema.columns[name].metadata["type"]] for name in present}
    readings = {name: types[name].read(rows[name]) for name in present}
    read = rows.assign(**{name: values for name, (values, _) in readings.items()})
    unread = [(name, refusal) for name, (_, refusals) in readings.items() for refusal in refusals if refusal.rows.any()]
    if missing:
        schema = schema.remove_columns(missing)
        schema.checks, schema.metadata = [], {"rules": ()}  # the rules between columns need them all
    # pandera takes ten times as long to tell that all is well: it is asked only who broke what.
    well = not breaches and not unread and keeps(schema, read)
    broken = [] if well else _broken_rules(schema, read, unread)
    breaches += [_breach(name, refusal, rows[name]) for name, refusal in [*unread, *broken]]
    if breaches:
        raise ContractError(contract, breaches)
    kinds = {name: schema.columns[name].metadata["type"] for name in present}
    checked = read.astype({name: FINAL[kind] for name, kind in kinds.items() if kind in FINAL}).set_axis(table.index)
    checked.attrs = copy.deepcopy(table.attrs)
    return checked


def keeps(schema: Any, table: pd.DataFrame) -> bool:
    """Whether a table, whose values have been read, keeps every rule of a schema."""
    columns = {}
    for name in schema.columns.keys() & set(table.columns):
        column, values = schema.columns[name], table[name]
        known = values.dropna() if column.nullable else values
        if known.isna().any() or (column.unique and not all_differ(known)):
            return False
        known = known.to_numpy() if known.dtype.kind == "f" else known  # arrays cost a tenth on small tables
        if not all(rule.holds(known).all() for rule in column.metadata["rules"]):
            return False
        columns[name] = values.to_numpy() if values.dtype.kind == "f" else values
    return all(rule.holds(columns).all() for rule in schema.metadata["rules"])


def all_differ(ids: pd.Series) -> bool:
    """Whether no text is there twice.

    Where no two 64-bit hashes agree, no two texts do, and numbers are sorted three times as fast as texts are hashed
    into a table; otherwise the texts themselves decide.
    """
    import pyarrow as pa

    text = pa.array(ids, type=pa.large_string())
    if isinstance(text, pa.ChunkedArray):
        text = text.combine_chunks()
    _, starts, letters = text.buffers()
    start = np.frombuffer(starts, np.int64)[text.offset : text.offset + len(text) + 1]
    length = np.diff(start)
    if not len(text) or not length.any() or length.max() > 64:
        return not ids.duplicated().any()
    letter = np.frombuffer(letters, np.uint8)
    hashed = length.astype(np.uint64)
    for place in range(length.max()):
        there = letter[np.minimum(start[:-1] + place, len(letter) - 1)]
        hashed = hashed * np.uint64(0x9E3779B97F4A7C15) + np.where(place < length, there, 0).astype(np.uint64)
        hashed ^= hashed >> np.uint64(29)
    hashed.sort()
    return bool((hashed[1:] != hashed[:-1]).all()) or not ids.duplicated().any()


def contract_table(contract: str) -> pd.DataFrame:
    """The data dictionary of one contract.

    Parameters
    ----------
    contract : str
        As in `check`.

    Returns
    -------
    DataFrame, one row a column of the contract
        `column`, `type`, `unit`, `allowed` values, `required` (yes or no) and `meaning`.

    Examples
    --------
    >>> contract_table("transactions")["column"].tolist()
    ['customer_id', 'date', 'amount', 'order_id', 'product_id', 'quantity']
    """
    return pd.DataFrame(
        {
            "column": name,
            "type": TYPES[column.metadata["type"]].name,
            "unit": column.metadata["unit"],
            "allowed": "; ".join(filter(None, (rule.allows for rule in column.metadata["rules"]))),
            "required": "yes" if column.required and not column.nullable else "no",
            "meaning": column.description + (f" (a row of {column.metadata['of']})" if column.metadata["of"] else ""),
        }
        for name, column in _schema(contract).columns.items()
    )


def dictionary(contract: str) -> str:
    """The section of `datasets/README.md` on one contract, in Markdown.

    Parameters
    ----------
    contract : str
        As in `check`.

    Returns
    -------
    str

    Examples
    --------
    >>> print(dictionary("transactions").splitlines()[6])
    | customer_id | text |  |  | yes | who bought |
    """
    table = contract_table(contract)
    rows = [table.columns, ["---"] * len(table.columns), *table.to_numpy()]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    key = _schema(contract).metadata["key"]
    description = _schema(contract).description + (f" Key: {', '.join(key)}." if key else "")
    return "\n".join([f"## `{contract}`", "", description, "", *lines, ""])


# --- from failures to breaches ---


def _broken_rules(schema: Any, read: pd.DataFrame, unread: list[tuple[str, Refusal]]) -> Iterator[tuple[str, Refusal]]:
    """What the schema finds beyond `unread`: missing values, then rules of one column, then rules between columns.

    A value is told once, for its first fault; a rule between columns is held against rows without any other fault.
    """
    from pandera.errors import SchemaErrorReason, SchemaErrors

    told = pd.DataFrame(False, index=read.index, columns=list(schema.columns))
    for name, refusal in unread:
        told[name] |= refusal.rows

    def rank(failure: Any) -> tuple[bool, bool]:
        return failure.schema is schema, failure.reason_code is not SchemaErrorReason.SERIES_CONTAINS_NULLS

    try:
        schema.validate(read, lazy=True)
    except SchemaErrors as failures:
        for failure in sorted(failures.schema_errors, key=rank):
            between = failure.schema is schema
            rows = np.zeros(len(read), bool)
            rows[failure.failure_cases["index"].to_numpy("int64")] = True
            name = failure.check.name if between else failure.schema.name
            rows &= ~(told.any(axis=1) if between else told[name]).to_numpy()
            if rows.any():
                told[name] |= rows
                yield name, Refusal(rows, *_words(failure, SchemaErrorReason))


def _words(failure: Any, reasons: Any) -> tuple[str, str]:
    if failure.reason_code is reasons.SERIES_CONTAINS_NULLS:
        return MISSING
    if failure.reason_code is reasons.SERIES_CONTAINS_DUPLICATES:
        return "not unique", "Keep one row for each."
    return failure.check.error, failure.check.description


def _breach(name: str, refusal: Refusal, given: pd.Series) -> Breach:
    rows = np.flatnonzero(refusal.rows)
    return Breach(name, refusal.problem, refusal.remedy, tuple((rows + 1).tolist()), tuple(given.iloc[rows[:QUOTED]]))


def missing_column(name: str, columns: Iterable[Any], index: Iterable[Any] = ()) -> Breach:
    """The breach of a column that is not there, and where it may be found."""
    if name in index:
        return Breach(
            name, "the column is missing", "It is the index of the table: table.reset_index() makes it a column."
        )
    columns = list(map(str, columns))
    from crmlab.data.schemas import GENERAL

    named = {known for schema in GENERAL for known in schema.columns}  # a contract's own names stay
    plain = {"".join(filter(str.isalnum, column.lower())): column for column in columns if column not in named}
    if near := difflib.get_close_matches(name.replace("_", ""), plain, n=1):
        return Breach(name, "the column is missing", f"Did you mean {plain[near[0]]!r}? Rename it to {name!r}.")
    return Breach(name, "the column is missing", f"The columns are: {', '.join(columns)[:200]}.")
