"""Contracts: what a table must be before anything is reckoned from it.

One pandera schema a table says its columns, units and ranges, and the data dictionary is made from the schemas. `check`
holds a table against one in two steps: the values are read (ids as text, dates as days, numbers as numbers), then the
schema's rules are applied. All that cannot be read or breaks a rule is told at once, by row; no row is ever dropped.
"""

from __future__ import annotations

import copy
import difflib
import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

QUOTED = 3  # offending rows that a message quotes
LARGEST = 1e12  # an amount beyond a trillion is infinite, a stand-in for "unknown", or in the wrong unit


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


# --- readers: a column as its contract's type; what cannot be read is refused, and missing in the result ---


class Fault(NamedTuple):
    """What can be wrong with a value, and what to do about it: the same words on every engine."""

    problem: str
    remedy: str


MISSING = Fault("missing", "Fill it in where it is known, or take these rows out knowingly.")
NOT_TEXT = Fault("not text", "Read ids as text, so that 007 stays 007: pd.read_csv takes dtype=str.")
NOT_A_NUMBER = Fault(
    "not a number", "Write numbers plainly, such as 1234.50: no currency sign, no separator of thousands."
)
NOT_A_DATE = Fault(
    "not a date of the form yyyy-mm-dd or yyyymmdd",
    "Write dates as yyyy-mm-dd: 03/04/2024 is the 3rd of April to some and the 4th of March to others.",
)
NO_SUCH_DAY = Fault("no such day", "Correct it.")
OTHER_ZONE = Fault(
    "not in the time zone of the first row",
    "Give the local day alone, or one zone: pd.to_datetime(dates, utc=True).dt.tz_convert('Europe/Berlin').",
)


class Refusal(NamedTuple):
    """Rows (a mask) that could not be read, or that break a rule."""

    rows: np.ndarray
    problem: str
    remedy: str


Reading = tuple[pd.Series, list[Refusal]]


def read_ids(values: pd.Series) -> Reading:
    """Ids as text: text as it is, whole numbers as their digits."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if pd.api.types.infer_dtype(values, skipna=True) in ("string", "integer", "empty"):
        text = values.astype("str")
        return text.mask(text == ""), []
    no_text = values.notna() & ~values.map(lambda value: isinstance(value, str)).astype(bool)
    return values.mask(no_text).astype("str"), [Refusal(no_text.to_numpy(), *NOT_TEXT)]


def read_numbers(values: pd.Series) -> Reading:
    """Numbers as floats; text is a number where it is written with a decimal point and no other sign."""
    if values.dtype.kind in "iuf":
        return pd.Series(values.to_numpy("float64", na_value=np.nan)), []
    if values.dtype.kind in "bcmM":
        numbers = pd.Series(np.nan, index=values.index)
    else:
        numbers = pd.to_numeric(values.mask(values.map(lambda value: isinstance(value, bool))), errors="coerce")
        numbers = numbers.astype("float64")
    return numbers, [Refusal((numbers.isna() & values.notna()).to_numpy(), *NOT_A_NUMBER)]


# A day, perhaps with a time of day, perhaps with its offset from UTC; or the eight digits of a day.
DAY = r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ][0-9:.]{5,18}(Z|[+-][0-9:]{2,8})?)?|([0-9]{4})([0-9]{2})([0-9]{2})"


def read_dates(values: pd.Series) -> Reading:
    """Calendar days (DECISIONS.md, "The day of a purchase"), as timestamps at midnight without a zone."""
    if isinstance(values.dtype, np.dtype | pd.DatetimeTZDtype) and values.dtype.kind == "M":
        local = values if values.dt.tz is None else values.dt.tz_localize(None)
        return pd.Series(local.to_numpy().astype("datetime64[D]").astype("datetime64[us]"), index=values.index), []
    written = values if values.dtype == "str" else values.map(_as_written, na_action="ignore")
    codes, distinct = pd.factorize(written)  # a day is read once, however many rows it has
    text = pd.Series(distinct, dtype="str")
    part = text.str.extract(rf"^(?:{DAY})\Z")
    day = part[0].fillna(part[2] + "-" + part[3] + "-" + part[4])
    date = pd.to_datetime(day, format="%Y-%m-%d", errors="coerce").astype("datetime64[us]")
    zone = part[1].fillna("none").replace({"Z": "+00:00"})[date.notna()]
    other_zone = zone.ne(zone.iloc[0]).reindex(text.index, fill_value=False) if len(zone) else date.notna()

    def rows(of_distinct: pd.Series) -> np.ndarray:
        return np.append(of_distinct.to_numpy(bool), False)[codes]  # code -1, a missing value, takes the last

    read = pd.Series(np.append(date.mask(other_zone).to_numpy(), np.datetime64("NaT"))[codes])
    return read, [
        Refusal(rows(day.isna()), *NOT_A_DATE),
        Refusal(rows(day.notna() & date.isna()), *NO_SUCH_DAY),
        Refusal(rows(other_zone), *OTHER_ZONE),
    ]


def _as_written(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def read_flags(values: pd.Series) -> Reading:
    """Yes or no: true and false as such, as 1 and 0, or as text."""
    words = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
    read = values.map(lambda value: words.get(str(value).lower()), na_action="ignore").astype("object")
    unread = (read.isna() & values.notna()).to_numpy()
    remedy = "Write True or False, or 1 or 0."
    return read.where(read.notna(), None), [Refusal(unread, "neither true nor false", remedy)]


class Type(NamedTuple):
    """A type of column: how it is read, the pandas type that this gives, and its name in the dictionary."""

    read: Callable[[pd.Series], Reading]
    pandas: str
    name: str


TYPES = {
    "id": Type(read_ids, "str", "text"),
    "date": Type(read_dates, "datetime64[us]", "date"),
    "number": Type(read_numbers, "float64", "number"),
    "count": Type(read_numbers, "float64", "whole number"),  # made integers at the end: NaN is no integer
    "flag": Type(read_flags, "object", "true or false"),  # made booleans at the end
}
FINAL = {"count": "int64", "flag": "bool"}


# --- the schemas ---


class Rule(NamedTuple):
    """What must hold in each row of a column, or of the table, where it is about two columns."""

    holds: Callable[[Any], Any]
    problem: str
    remedy: str
    about: str | None = None  # the column that is told, where the rule is about two


@functools.cache
def _schemas() -> dict[str, Any]:
    import pandera.pandas as pa  # a third of a second: only when something is checked

    def checks(rules: Iterable[Rule]) -> list[Any]:
        return [pa.Check(rule.holds, name=rule.about, error=rule.problem, description=rule.remedy) for rule in rules]

    def column(kind: str, meaning: str, unit: str, *rules: Rule, **settings: Any) -> Any:
        metadata = {"type": kind, "unit": unit, "rules": rules}
        return pa.Column(TYPES[kind].pandas, checks(rules), description=meaning, metadata=metadata, **settings)

    def optional(kind: str, meaning: str, unit: str, *rules: Rule) -> Any:
        return column(kind, meaning, unit, *rules, required=False, nullable=True)

    finite = Rule(
        lambda x: (x >= -LARGEST) & (x <= LARGEST),
        "not a finite number within a trillion",
        "Correct it; amounts that large are better stated in thousands.",
    )
    in_our_time = Rule(
        lambda day: day.dt.year.between(1900, 2100),
        "before 1900 or after 2100",
        "Correct it; a day that stands for 'unknown' is no day.",
    )
    remake = "Correct the rows, or make the table from purchases: crmlab.data.summarize(transactions)."
    not_negative = Rule(lambda x: (x >= 0) & (x <= LARGEST), "negative or not finite", remake)
    whole = Rule(lambda x: x % 1 == 0, "not a whole number", remake)
    counted = Rule(lambda x: (x >= 0) & (x <= LARGEST), "negative or not finite", "Correct it.")
    whole_number = Rule(lambda x: x % 1 == 0, "not a whole number", "Correct it.")

    transactions = pa.DataFrameSchema(
        name="transactions",
        description="A purchase log: one row a purchase, a line of one, or a refund.",
        columns={
            "customer_id": column("id", "who bought", ""),
            "date": column(
                "date", "calendar day of the purchase, where it was made; a time of day is left off", "day", in_our_time
            ),
            "amount": column(
                "number", "what was paid: negative for a refund, 0 for a free order", "the data's currency", finite
            ),
            "order_id": optional("id", "the order that the row belongs to", ""),
            "product_id": optional("id", "what was bought", ""),
            "quantity": optional("number", "how much of it: negative for a return", "the product's unit", finite),
        },
    )
    between_columns = [
        Rule(lambda s: ~(s["recency"] > s["T"]), "longer than T", remake, "recency"),
        Rule(
            lambda s: (s["frequency"] == 0) == (s["recency"] == 0),
            "0 with repeat purchases, or above 0 without any",
            remake,
            "recency",
        ),
        Rule(
            lambda s: (s["frequency"] > 0) | (s.get("monetary_value", 0) == 0),
            "above 0 without a repeat purchase",
            remake + " The first purchase does not count in it.",
            "monetary_value",
        ),
    ]
    customer_summary = pa.DataFrameSchema(
        name="customer_summary",
        description=(
            "A customer's purchases in four numbers: one row a customer who bought by the day observed until. "
            "A purchase day is a day whose amounts, added up, are not negative."
        ),
        columns={
            "customer_id": column("id", "who bought; each customer once", "", unique=True),
            "frequency": column("count", "purchase days after the first", "purchase days", not_negative, whole),
            "recency": column(
                "number", "from the first purchase day to the last", "the table's unit of time", not_negative
            ),
            "T": column(
                "number",
                "from the first purchase day to the day observed until",
                "the table's unit of time",
                not_negative,
            ),
            "monetary_value": column(
                "number",
                "mean of the day totals over the purchase days after the first; 0 without any",
                "the data's currency, a purchase day",
                not_negative,
                required=False,
            ),
        },
        checks=checks(between_columns),
        metadata={"rules": between_columns},
    )
    renewals = pa.DataFrameSchema(
        name="renewals",
        description="Contracts that are renewed: one row a customer, how often it renewed, and whether it left then.",
        columns={
            "customer_id": column("id", "whose contract; each customer once", "", unique=True),
            "renewals": column("count", "how often the customer renewed", "renewals", counted, whole_number),
            "left": column("flag", "whether it left when the next renewal was due; false: under contract still", ""),
        },
    )
    return {schema.name: schema for schema in (transactions, customer_summary, renewals)}


def _schema(contract: str) -> Any:
    if contract not in _schemas():
        raise ValueError(f"there is no contract {contract!r}; there are: {', '.join(_schemas())}")
    return _schemas()[contract]


class Column(NamedTuple):
    """What a contract says of one column: how it is read, whether it must be there, and what must hold in it."""

    kind: str  # a key of TYPES
    required: bool
    rules: tuple[Rule, ...]


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
    contract : {"transactions", "customer_summary", "renewals"}
        `contract_table` and `datasets/README.md` tell its columns and units.

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
        schema.checks = []  # the rules between columns need them all
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
        columns[name] = known.to_numpy() if known.dtype.kind == "f" else known  # arrays cost a tenth on small tables
        if not all(rule.holds(columns[name]).all() for rule in column.metadata["rules"]):
            return False
    return all(rule.holds(columns).all() for rule in (schema.metadata or {}).get("rules", []))


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
    contract : {"transactions", "customer_summary", "renewals"}

    Returns
    -------
    DataFrame, one row a column of the contract
        `column`, `type`, `unit`, `required` (yes or no) and `meaning`.

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
            "required": "yes" if column.required else "no",
            "meaning": column.description,
        }
        for name, column in _schema(contract).columns.items()
    )


def dictionary(contract: str) -> str:
    """The section of `datasets/README.md` on one contract, in Markdown.

    Parameters
    ----------
    contract : {"transactions", "customer_summary", "renewals"}

    Returns
    -------
    str

    Examples
    --------
    >>> print(dictionary("transactions").splitlines()[6])
    | customer_id | text |  | yes | who bought |
    """
    table = contract_table(contract)
    rows = [table.columns, ["---"] * len(table.columns), *table.to_numpy()]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"## `{contract}`", "", _schema(contract).description, "", *lines, ""])


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
    named = {known for schema in _schemas().values() for known in schema.columns}  # a contract's own names stay
    plain = {"".join(filter(str.isalnum, column.lower())): column for column in columns if column not in named}
    if near := difflib.get_close_matches(name.replace("_", ""), plain, n=1):
        return Breach(name, "the column is missing", f"Did you mean {plain[near[0]]!r}? Rename it to {name!r}.")
    return Breach(name, "the column is missing", f"The columns are: {', '.join(columns)[:200]}.")
