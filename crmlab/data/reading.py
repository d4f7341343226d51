"""Readers: a column as its contract's type. What cannot be read is refused, and missing in the result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd


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
    if values.dtype == bool:
        return values.astype("object"), []
    if values.dtype.kind in "iuf":  # as files have them: a tenth of the time that texts take
        read = values.eq(1).astype("object").where(values.isin([0, 1]))
    else:
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
    "text": Type(read_ids, "str", "text"),
}
FINAL = {"count": "int64", "flag": "bool"}
