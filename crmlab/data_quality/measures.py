"""How good a table is, column by column: can it be read, is it possible, is it all written in one way, is it fresh?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

# Words that people enter where they know nothing.
NOTHING = frozenset({"", "na", "n/a", "nan", "null", "none", "unknown", "-", "?"})
ISO = "%Y-%m-%d"
KINDS = ("text", "number", "day")


@dataclass(frozen=True)
class Expected:
    """What a column should hold.

    Attributes
    ----------
    kind : {"text", "number", "day"}
    way : str, optional
        A regular expression: how the system's own rules write a value, from its first letter to its last. Numbers
        need none; days are written yyyy-mm-dd.
    among : collection of str, optional
        The values that there are, such as a system's codes.
    low, high : number or day, optional
        Beyond these no value is possible.
    nothing : collection of str
        Words that stand for a missing value beside those of `NOTHING`: a zero where 0 is no answer.
    formats : sequence of str
        Formats of `strptime` in which a day can be read beside yyyy-mm-dd.
    """

    kind: str = "text"
    way: str | None = None
    among: Sequence[str] | None = None
    low: float | pd.Timestamp | None = None
    high: float | pd.Timestamp | None = None
    nothing: Sequence[str] = ()
    formats: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {self.kind!r}")


def is_known(values: pd.Series, nothing: Sequence[str] = ()) -> pd.Series:
    """Whether something is held: neither a gap nor a word for nothing.

    Parameters
    ----------
    values : Series
    nothing : sequence of str
        Words for nothing beside those of `NOTHING`; capitals do not count.

    Returns
    -------
    Series of bool

    Examples
    --------
    >>> is_known(pd.Series(["555-1234", None, "unknown", "0"]), nothing=["0"]).tolist()
    [True, False, False, False]
    """
    words = values.astype("str").str.strip().str.lower()
    return values.notna() & ~words.isin(NOTHING | {word.lower() for word in nothing})


def read_days(values: pd.Series, formats: Sequence[str] = ()) -> pd.Series:
    """Days from text: yyyy-mm-dd, then each format in its turn; missing where none fits.

    Parameters
    ----------
    values : Series of str
    formats : sequence of str
        Formats of `strptime`. One that reads 03/04/2024 decides whether that is in March or in April: give only
        those that are known to be in use.

    Returns
    -------
    Series of Timestamp

    Examples
    --------
    >>> read_days(pd.Series(["2024-04-03", "03.04.2024", "soon"]), ["%d.%m.%Y"]).dt.month.tolist()
    [4.0, 4.0, nan]
    """
    text, days = values.astype("str"), pd.Series(pd.NaT, values.index, dtype="datetime64[us]")
    for form in (ISO, *formats):
        days = days.fillna(pd.to_datetime(text, format=form, errors="coerce"))
    return days


def seen(values: pd.Series, rule: Expected) -> pd.Series:
    """What can be seen to be wrong with each value by looking at its column alone.

    Parameters
    ----------
    values : Series
    rule : Expected
        What the column should hold.

    Returns
    -------
    Series of str
        "missing" (a gap, or a word for nothing), "invalid" (cannot be read, or is not possible), "inconsistent" (valid,
        but not written in the system's own way), or "".

    Notes
    -----
    A value that is wrong but possible is seen by none of these: they see what is ill-formed, not what is false.

    Examples
    --------
    >>> rule = Expected("day", low=pd.Timestamp("2000-01-01"), formats=["%d.%m.%Y"])
    >>> seen(pd.Series(["2024-05-01", "1.5.2024", "1900-01-01", None]), rule).tolist()
    ['', 'inconsistent', 'invalid', 'missing']
    """
    known, text = is_known(values, rule.nothing), values.astype("str")
    possible = pd.Series(True, values.index)
    if rule.kind == "text":
        possible = text.isin(list(rule.among)) if rule.among is not None else possible
        own = text.str.fullmatch(rule.way) if rule.way else possible
    else:
        read = read_days(text, rule.formats) if rule.kind == "day" else pd.to_numeric(text, errors="coerce")
        own = read_days(text).notna() if rule.kind == "day" else read.notna()
        possible = read.notna() if rule.kind == "day" else pd.Series(np.isfinite(read), values.index)
        possible &= ~(read < rule.low) if rule.low is not None else True
        possible &= ~(read > rule.high) if rule.high is not None else True
    conditions = [~known, ~possible.astype(bool), ~own.astype(bool)]
    return pd.Series(np.select(conditions, ["missing", "invalid", "inconsistent"], ""), values.index)


def quality(table: pd.DataFrame, expected: Mapping[str, Expected]) -> pd.DataFrame:
    """Completeness, validity, consistency and uniqueness of a table's columns.

    Parameters
    ----------
    table : DataFrame
    expected : dict of Expected
        By column: what it should hold. Other columns are not measured.

    Returns
    -------
    DataFrame, one row a measured column, indexed by `column`
        `rows`; then shares of 1: `completeness`, of the rows that hold something; `validity`, of those that hold
        something, what can be read and is possible; `consistency`, of the valid ones, what is written in the system's
        own way; `uniqueness`, of those that hold something, how many differ. Missing where there is nothing to divide
        by.

    Raises
    ------
    KeyError
        A column is not in the table.

    Notes
    -----
    Timeliness is about records, not columns: see `timeliness`.

    References
    ----------
    Pipino, Lee and Wang (2002), Data quality assessment, Communications of the ACM 45(4), 211-218: simple ratios.

    Examples
    --------
    >>> table = pd.DataFrame({"since": ["2024-05-01", "1.5.2024", "1900-01-01", None]})
    >>> rule = Expected("day", low=pd.Timestamp("2000-01-01"), formats=["%d.%m.%Y"])
    >>> quality(table, {"since": rule}).round(2).loc["since"].to_dict()
    {'rows': 4.0, 'completeness': 0.75, 'validity': 0.67, 'consistency': 0.5, 'uniqueness': 1.0}
    """
    if absent := [name for name in expected if name not in table]:
        raise KeyError(f"the table has no column {absent[0]!r}; it has: {', '.join(map(str, table.columns))}")
    rows = {name: _of_column(table[name], rule) for name, rule in expected.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("column")


def _of_column(values: pd.Series, rule: Expected) -> dict[str, float]:
    found = seen(values, rule)
    rows, held = len(found), (found != "missing").sum()
    valid = held - (found == "invalid").sum()
    different = values[found != "missing"].nunique()
    return {
        "rows": rows,
        "completeness": _share(held, rows),
        "validity": _share(valid, held),
        "consistency": _share(valid - (found == "inconsistent").sum(), valid),
        "uniqueness": _share(different, held),
    }


def _share(part: int, whole: int) -> float:
    return float(part / whole) if whole else float("nan")


def timeliness(looked_over: pd.Series, today: pd.Timestamp, months: int) -> float:
    """Share of the records that were entered, or last looked over, within so many months.

    Parameters
    ----------
    looked_over : Series of Timestamp
        Day of each record; a record without one counts as not looked over, one after today is refused.
    today : Timestamp
    months : int
        Calendar months before today that count as fresh.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        There are no records, they hold no days, or one was looked over after today.

    Examples
    --------
    >>> days = pd.to_datetime(pd.Series(["2025-11-01", "2023-01-01", None, "2025-01-01"]))
    >>> timeliness(days, pd.Timestamp("2025-12-28"), months=12)
    0.5
    """
    if not len(looked_over):
        raise ValueError("there are no records")
    if looked_over.dtype.kind != "M":
        raise ValueError("looked_over must be days, such as read_days gives them, not text")
    if (late := looked_over > today).any():
        raise ValueError(f"{late.sum()} records were looked over after {today.date()}: take these days out first")
    return float((looked_over > today - pd.DateOffset(months=months)).mean())
