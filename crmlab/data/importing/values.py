"""Columns of a file as a contract's types: money with its separators and signs, dates in any clear form, words for yes.

Each distinct value is read once, however many rows it has. What a column does not decide (3 April or 4 March, a
thousand or one) is not guessed: `Undecided` says both readings of an example.
"""

from __future__ import annotations

import datetime
import decimal
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crmlab.data.importing.dates import day_of_text
from crmlab.data.importing.encoding import LOST
from crmlab.data.importing.money import NO_NUMBER, number_of_text
from crmlab.data.importing.names import NOBODY
from crmlab.data.importing.source import counted
from crmlab.data.reading import NO_SUCH_DAY, OTHER_ZONE, Fault

BLANK = " \t\r\n\u00a0\u202f\u2007\u2009\ufeff"
NO_ID = ("#N/A", "NULL", "null", "NaN", "nan", "None", "<NA>")  # in an id these are no one; NA may be somebody
GAPS = ("NA", "N/A", "n/a", "-", "–", "—", "#N/A", "NULL", "null", "NaN", "nan", "NaT", "None", "<NA>")
YES = "true yes y 1 1.0 x ja j wahr oui o vrai sí si s sim 是 对 ✓"
NO = "false no n 0 0.0 nein falsch non faux não nao 否 错 ✗"

NO_TEXT = Fault("not text", "Write the ids as text: in Excel give their cells the format Text, and type them again.")
CUT_SHORT = Fault(
    "an id that a spreadsheet has cut short",
    "Its other digits are lost here: export it again, the column as text.",
)
LOST_SIGN = Fault(
    "a sign that is none in this encoding", "Say in which encoding the file is (--encoding), or correct the value."
)
IN_OTHER_ZONE = Fault(OTHER_ZONE.problem, "Give the local day alone, or the times of all rows in one zone.")
NO_STAMP = Fault(
    "a number that is no day", "Days as numbers are yyyymmdd, or Excel's (45292 is 2024-01-01); write yyyy-mm-dd."
)
NO_WORD = Fault("neither yes nor no", "Write true or false, yes or no, 1 or 0.")
BY_ZERO = Fault("divided by 0", "Correct the value that is 0, or take the row out knowingly.")
CLOCK = r"(?:^|[T ])([0-9]{1,2}):([0-9]{2})(?::[0-9.]+)?(?:Z|[+-][0-9:]+)?\s*([AaPp]?)\.?[Mm]?\.?$"
NO_DAY = (  # what systems write that know no day; the last one that there is, too
    r"(?:00[-/.]00[-/.](?:00)?00|0000[-/.]00[-/.]00|0{8}|9999[-/.]12[-/.]31|99991231|31[-/.]12[-/.]9999|12/31/9999)"
    r"(?:[T ][0-9:.]+Z?)?"
)
NEVER = np.datetime64("9999-12-31", "D")
NEVER_SERIAL = 2_958_465  # which is that day in Excel
QUANTITIES = ("the product's unit", "units a period", "of the activity's driver")  # units of the contracts
CHANGES = (3, 4, 9, 10, 11)  # months in which summer time begins or ends, somewhere
FIRST_SERIAL, LAST_SERIAL = 10_000, 73_415  # Excel's 1927-05-18 and 2100-12-31


class Read(NamedTuple):
    """A column that has been read.

    Attributes
    ----------
    column : Series
        Missing where there is none, or where it could not be read.
    faults : list of (mask of rows, Fault)
        The rows that could not be read, each once.
    told : list of str
        How they were read, where there was more than one way.
    """

    column: pd.Series
    faults: list[tuple[np.ndarray, Fault]]
    told: list[str]


class Distinct:
    """The distinct values of a column, sorted by what they are: text, numbers or days."""

    def __init__(self, values: pd.Series) -> None:
        self.codes, different = pd.factorize(values)
        found: pd.Series[Any] = pd.Series(different)
        if isinstance(found.dtype, pd.CategoricalDtype):
            found = found.astype(found.dtype.categories.dtype)
        self.text: pd.Series[Any] = pd.Series(None, index=found.index, dtype="str")
        self.number = np.full(len(found), np.nan)
        self.day = np.full(len(found), np.datetime64("NaT"), "datetime64[us]")
        self.other = np.zeros(len(found), bool)
        if found.dtype == "str":
            self.text = found.str.strip(BLANK)
        elif found.dtype.kind in "iuf":
            self.number = found.to_numpy("float64", na_value=np.nan)
        elif found.dtype.kind == "M":
            local = found if found.dt.tz is None else found.dt.tz_localize(None)
            self.day = local.to_numpy().astype("datetime64[us]")
        else:
            self._sort(found)
        self.whole = found.astype("str") if found.dtype.kind in "iu" else None  # as digits, beyond what floats hold

    def _sort(self, found: pd.Series) -> None:
        text: list[str | None] = [None] * len(found)
        for place, value in enumerate(found):
            if isinstance(value, str):
                text[place] = value.strip(BLANK)
            elif isinstance(value, datetime.datetime):
                self.day[place] = np.datetime64(value.replace(tzinfo=None), "us")
            elif isinstance(value, datetime.date):
                self.day[place] = np.datetime64(value, "us")
            elif isinstance(value, int | float | np.number | decimal.Decimal) and not isinstance(value, bool):
                self.number[place] = float(value)
            else:
                self.other[place] = True
        self.text = pd.Series(text, index=found.index, dtype="str")

    def rows(self, mask: Any) -> np.ndarray:
        """The rows that have certain distinct values."""
        return np.append(np.asarray(mask, bool), False)[self.codes]  # code -1, a missing value, takes the last

    def spread(self, values: Any, missing: Any) -> pd.Series:
        """Each row's value, from that of its distinct one."""
        read: pd.Series[Any] = pd.Series(values)
        return (
            pd.concat([read, pd.Series([missing], dtype=read.dtype)], ignore_index=True)
            .iloc[self.codes]
            .reset_index(drop=True)
        )


def read_column(kind: str, unit: str, values: pd.Series, dates: str | None = None, point: str | None = None) -> Read:
    """A column of a file as a type of the contracts.

    Parameters
    ----------
    kind : str
        "id", "text", "date", "number", "count" or "flag".
    unit : str
        The contract's: a date in "month" may be written without a day, "minutes after midnight" as a time of day.
    values : Series
        As the file has them.
    dates : {"day-first", "month-first"}, optional
        How 03/04/2024 is meant.
    point : {"comma", "point"}, optional
        What stands before the decimals.

    Returns
    -------
    Read

    Raises
    ------
    Undecided
        The column can be read in two ways.
    """
    distinct = Distinct(values)
    if kind == "date":
        return read_days(distinct, unit == "month", dates)
    if kind in ("number", "count"):
        return read_amounts(distinct, point, unit)
    return read_words(distinct) if kind == "flag" else read_texts(distinct, kind == "id")


def without(distinct: Distinct, words: tuple[str, ...]) -> pd.Series:
    """The texts, missing where they are empty or say that there is no value."""
    return distinct.text.mask(distinct.text.isin(["", *words]))


def read_texts(distinct: Distinct, ids: bool) -> Read:
    """Ids and words: text without blanks around it, whole numbers as their digits."""
    text = without(distinct, NO_ID if ids else ("#N/A", "NULL", "<NA>"))
    told: list[str] = []
    cut = np.zeros(len(text), bool)
    if ids:
        text = text.mask(text.isin([form for word in NOBODY for form in (word, word.upper(), word.capitalize())]))
        power = text[text.str.contains("E+", regex=False).fillna(False)]
        cut[power.index[power.str.fullmatch(r"[0-9](?:[.,][0-9]+)?E\+[0-9]{2}")]] = True  # 4.51E+11
        text, told = as_ids(distinct, text)
    number = ~np.isnan(distinct.number)
    whole = number & (distinct.number % 1 == 0) & (np.abs(distinct.number) < 2**53)
    if distinct.whole is not None:
        text = distinct.whole
    elif whole.any():
        digits = pd.Series([f"{value:.0f}" if one else None for value, one in zip(distinct.number, whole, strict=True)])
        text = text.where(~whole, digits.astype("str"))
    days = ~np.isnat(distinct.day)
    faults = [
        (distinct.rows((number & ~whole & (distinct.whole is None)) | distinct.other | days), NO_TEXT),
        (distinct.rows(cut), CUT_SHORT),
        (distinct.rows(distinct.text.str.contains(LOST, regex=False).fillna(False)), LOST_SIGN),
    ]
    return Read(distinct.spread(text.astype("str"), None), some(faults), told)


def as_ids(distinct: Distinct, text: pd.Series) -> tuple[pd.Series, list[str]]:
    """Ids without the decimals that all of them got, and what is odd about them."""
    told = []
    decimals = text[text.str.endswith(".0").fillna(False)]
    decimals = decimals[decimals.str.fullmatch(r"[0-9]+\.0")]
    if len(decimals) and len(decimals) == text.notna().sum():
        text = text.str.removesuffix(".0")
        told.append("written as 17850.0, read as 17850")
    elif len(twice := decimals[decimals.str.removesuffix(".0").isin(text)] if len(decimals) else decimals):
        told.append(f"{twice.iloc[0]!r} and {twice.iloc[0].removesuffix('.0')!r} are two ids: write them alike if not")
    nobody = int(distinct.rows(text == "NA").sum())
    if nobody > 1:
        told.append(f"'NA' is kept as an id, in {counted(nobody, 'row')}: empty these cells if it is nobody's")
    return text, told


def read_words(distinct: Distinct) -> Read:
    """Yes and no, in the words of several languages."""
    text = without(distinct, GAPS)
    folded = text.str.casefold()
    yes = folded.isin(YES.split()).to_numpy() | (distinct.number == 1)
    no = folded.isin(NO.split()).to_numpy() | (distinct.number == 0)
    given = text.notna().to_numpy() | ~np.isnan(distinct.number) | ~np.isnat(distinct.day) | distinct.other
    flags = pd.Series(yes, dtype="object").where(yes | no, None)
    return Read(distinct.spread(flags, None), some([(distinct.rows(given & ~yes & ~no), NO_WORD)]), [])


def read_amounts(distinct: Distinct, point: str | None, unit: str) -> Read:
    """Numbers: typed ones as they are, text with the separators, signs and the currency that its column shows."""
    text = without(distinct, GAPS)
    times = np.full(len(text), np.nan)
    told: list[str] = []
    if unit == "minutes after midnight":
        times = minutes_of(distinct, text)
    elif unit in ("seconds", "minutes"):
        times, told = duration_of(text, unit)
    read = number_of_text(text.mask(~np.isnan(times)), point, unit in QUANTITIES)
    numbers = np.where(np.isnan(distinct.number), read.numbers, distinct.number)
    numbers = np.where(np.isnan(times), numbers, times)
    wrong = distinct.other | (~np.isnat(distinct.day) & np.isnan(times))
    faults = [(distinct.rows(mask), fault) for mask, fault in [*read.faults, (wrong, NO_NUMBER)]]
    return Read(distinct.spread(numbers, np.nan), some(faults), told + read.told)


def duration_of(text: pd.Series, unit: str) -> tuple[np.ndarray, list[str]]:
    """Durations in seconds or minutes: h:mm:ss, and m:ss for seconds alone, as 1:30 in minutes may be hours as well."""
    part = text.str.extract(r"^(?:([0-9]+):)?([0-9]+):([0-5][0-9])$").astype("float64")
    good = part[1].notna() & ((part[0].notna() & (part[1] < 60)) | (part[0].isna() & (unit == "seconds")))
    seconds = (part[0].fillna(0) * 3600 + part[1] * 60 + part[2]).where(good).to_numpy()
    values = seconds if unit == "seconds" else seconds / 60
    if not good.any():
        return values, []
    return values, [f"{text[good].iloc[0]!r} is {values[good][0]:g} {unit}"]


def minutes_of(distinct: Distinct, text: pd.Series) -> np.ndarray:
    """Times of day, alone or in a stamp, as minutes after midnight."""
    clock = text.str.extract(CLOCK)
    hour, half = clock[0].astype("float64"), clock[2].str.lower().map({"a": 0.0, "p": 12.0})
    written = hour.where(half.isna(), hour % 12 + half) * 60 + clock[1].astype("float64")
    since = (distinct.day - distinct.day.astype("datetime64[D]")) / np.timedelta64(1, "m")
    return np.where(np.isnat(distinct.day), written, np.floor(since))


def read_days(distinct: Distinct, months: bool, order: str | None) -> Read:
    """Calendar days (DECISIONS.md, "The day of a purchase", "Dates of one's own files")."""
    text = without(distinct, GAPS)
    text = text.mask(text.str.fullmatch(NO_DAY).fillna(False))
    read = day_of_text(text, months, order)
    number = np.where(np.isin(distinct.number, [0, NEVER_SERIAL, 99_991_231]), np.nan, distinct.number)
    given = ~np.isnan(number)
    clear = (number >= 19_000_101) & (number <= 21_001_231) & (number % 1 == 0)
    written = pd.Series(np.where(clear, number, 0)).astype("int64").astype("str")
    stamps = pd.to_datetime(written.where(clear), format="%Y%m%d", errors="coerce").to_numpy().astype("datetime64[us]")
    serial = given & (number >= FIRST_SERIAL) & (number < LAST_SERIAL + 1)
    days = np.where(serial, number, 0).astype("int64").astype("timedelta64[D]")
    counted = np.datetime64("1899-12-30", "us") + days
    values = np.where(given, np.where(serial, counted, stamps), read.days)
    typed = distinct.day.astype("datetime64[D]")
    typed[typed == NEVER] = np.datetime64("NaT")
    values = np.where(np.isnat(typed), values, typed.astype("datetime64[us]"))
    told = [*read.told]
    if months:
        first = values.astype("datetime64[M]").astype("datetime64[us]")
        if (later := ~np.isnat(values) & (values != first)).any():
            one = str(values[later][0])[:10]
            told.append(f"days taken to the first of their month, such as {one} to {one[:8]}01")
        values = first
    if serial.any():
        told.append(f"Excel's numbers of days: {number[serial][0]:.0f} is {str(counted[serial][0])[:10]}")
    faults = [
        (distinct.rows(mask), fault)
        for mask, fault in [
            *read.faults,
            (given & clear & np.isnat(stamps), NO_SUCH_DAY),
            (given & ~clear & ~serial, NO_STAMP),
            (distinct.other, NO_STAMP),
        ]
    ]
    days_read = distinct.spread(values.astype("datetime64[us]"), pd.NaT)
    return other_zones(days_read, distinct, read.zones, some(faults), told)


def other_zones(
    days: pd.Series, distinct: Distinct, zones: pd.Series, faults: list[tuple[np.ndarray, Fault]], told: list[str]
) -> Read:
    """One column holds one zone: that of its first row, in winter and in summer."""
    by_row = distinct.spread(zones, None)
    different = by_row.dropna().unique()
    if len(different) == 2 and is_summer_time(days, by_row):
        told = [*told, f"times of {different[0]} and of {different[1]}, as in winter and summer: the local day counts"]
    elif len(different) > 1:
        other = (by_row.notna() & (by_row != by_row[by_row.notna()].iloc[0])).to_numpy(bool)
        return Read(days.mask(other), [*faults, (other, IN_OTHER_ZONE)], told)
    return Read(days, faults, told)


def is_summer_time(days: pd.Series, zones: pd.Series) -> bool:
    """Whether two zones are one place: an hour apart, and never both in a month in which no clock is changed."""
    hours = pd.to_timedelta(zones.dropna().unique() + ":00", errors="coerce") / pd.Timedelta(hours=1)
    months = pd.DataFrame({"month": days.dt.to_period("M"), "zone": zones})
    both = months.drop_duplicates().dropna()["month"].value_counts()
    return abs(hours[0] - hours[1]) == 1 and all(month.month in CHANGES for month in both[both > 1].index)


def some(faults: list[tuple[np.ndarray, Fault]]) -> list[tuple[np.ndarray, Fault]]:
    """The faults that some row has."""
    return [(rows, fault) for rows, fault in faults if rows.any()]
