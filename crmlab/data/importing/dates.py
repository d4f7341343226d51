"""Days as people write them: 2024-12-31, 31.12.2024 10:15, 12/31/24, 31 Dec 2024, 2024年12月31日, 20241231, 45657."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from crmlab.data.importing.money import Undecided
from crmlab.data.reading import NO_SUCH_DAY, Fault

# Beginnings of the names of months: English, German, French, Spanish, Italian, Portuguese, Dutch.
MONTHS = (
    ("jan", "jän", "ene", "gen"), ("feb", "fév", "fev"), ("mar", "mär", "maa", "mrt"), ("apr", "avr", "abr"),
    ("may", "mai", "mag", "mei"), ("jun", "juin", "giu"), ("jul", "juil", "lug"), ("aug", "aoû", "aou", "ago"),
    ("sep", "set"), ("oct", "okt", "ott", "out"), ("nov",), ("dec", "dez", "déc", "dic"),
)  # fmt: skip
NAMES = {name: month for month, names in enumerate(MONTHS, 1) for name in names}
CLOCK = r"[0-9]{1,2}[:.][0-9]{2}(?:[:.][0-9]{2}(?:[.,][0-9]{1,9})?)?\s*(?:[AaPp]\.?[Mm]\.?)?"
TIME = rf"(?:[T\s]+(?P<time>{CLOCK})\s*(?P<zone>Z|UTC|GMT|[+-][0-9]{{2}}:?[0-9]{{2}})?)?"
YEAR_FIRST = r"([0-9]{4})\s*[-/.年]\s*([0-9]{1,2})\s*[-/.月]\s*([0-9]{1,2})日?"
DIGITS = r"([0-9]{4})([0-9]{2})([0-9]{2})"
NUMBERS = r"([0-9]{1,2})\s*[-/.]\s*([0-9]{1,2})\s*[-/.]\s*([0-9]{4}|[0-9]{2})"
MONTH_NAME = r"([^\W\d]{3,})"
DAY_NAME = (
    rf"(?:[^\W\d]+\.?,?\s+)?([0-9]{{1,2}})(?:st|nd|rd|th)?[-/.\s]*(?:de\s+)?{MONTH_NAME}\.?[-/.,\s]*(?:de\s+)?"
    r"'?([0-9]{4}|[0-9]{2})"
)
NAME_DAY = rf"(?:[^\W\d]+,\s+)?{MONTH_NAME}\.?\s+([0-9]{{1,2}})(?:st|nd|rd|th)?,?\s+([0-9]{{4}})"
SERIAL = r"([0-9]{5})(?:[.,][0-9]+)?"
MONTH = r"([0-9]{4})[-/.年]([0-9]{1,2})月?"
MONTH_LAST = r"([0-9]{1,2})[-/.]([0-9]{4})"
NAMED_MONTH = rf"{MONTH_NAME}\.?[-/.,\s]+'?([0-9]{{4}}|[0-9]{{2}})"
PIVOT = 69  # a year of two digits is 1969 to 2068

NO_DATE = Fault("not a date", "Write it as yyyy-mm-dd.")
ORDERS = ("day-first", "month-first")


class Days(NamedTuple):
    """What texts are as days, the faults of those that are none, how they were read, and the time zone of each."""

    days: np.ndarray
    faults: list[tuple[np.ndarray, Fault]]
    told: list[str]
    zones: pd.Series


def day_of_text(text: pd.Series, months: bool = False, order: str | None = None) -> Days:
    """Texts of one column as days.

    Parameters
    ----------
    text : Series of str
        Distinct texts; missing ones stay missing.
    months : bool
        Whether a month without a day is its first day.
    order : {"day-first", "month-first"}, optional
        How 03/04/2024 is meant; found, where nothing is given.

    Returns
    -------
    Days

    Raises
    ------
    Undecided
        Every such date can be read in both ways, or some in the one way alone and some in the other.

    Examples
    --------
    >>> day_of_text(pd.Series(["31.12.2024", "1.2.2025 10:15"], dtype="str")).days.astype("datetime64[D]").tolist()
    [datetime.date(2024, 12, 31), datetime.date(2025, 2, 1)]
    """
    import pyarrow as pa
    from pyarrow import compute

    stamp = compute.extract_regex(pa.chunked_array([text]), rf"^(?s:(?P<day>.*?)){TIME}$").combine_chunks()
    codes, days = pd.factorize(
        pd.Series(stamp.field("day"), dtype="str")
    )  # a day is read once, however many times of day it has
    parts = pd.DataFrame(np.nan, index=range(len(days)), columns=["year", "month", "day"])
    day = pd.Series(days, dtype="str")
    fill(parts, day, YEAR_FIRST, "ymd")
    fill(parts, day, DIGITS, "ymd")
    fill(parts, day, DAY_NAME, "dmy")
    fill(parts, day, NAME_DAY, "mdy")
    if months:
        fill(parts, day, MONTH, "ym")
        fill(parts, day, MONTH_LAST, "my")
        fill(parts, day, NAMED_MONTH, "my")
    numbers = day.str.extract(f"^{NUMBERS}$").astype("float64")
    told: list[str] = []
    if numbers[0].notna().any():
        first, how = first_number(numbers, day, order)
        told.append(how)
        fill(parts, day, NUMBERS, "dmy" if first == "day-first" else "mdy")
    serial = day.str.extract(f"^{SERIAL}$")[0].astype("float64")
    known = parts.notna().all(axis=1)
    short = parts["year"] < 100
    parts["year"] += np.where(short, np.where(parts["year"] < PIVOT, 2000, 1900), 0)
    if short.any():
        told.append("years of two digits are 1969 to 2068")
    read = pd.to_datetime(parts[known].astype("int64"), errors="coerce").reindex(parts.index)
    if serial.notna().any():
        counted = pd.Timestamp("1899-12-30") + pd.to_timedelta(serial.dropna(), unit="D")
        read = read.fillna(counted)
        told.append(f"Excel's numbers of days: {serial.dropna().iloc[0]:.0f} is {counted.iloc[0]:%Y-%m-%d}")
    values = np.append(read.to_numpy().astype("datetime64[us]"), np.datetime64("NaT"))[codes]
    written = np.append((known | serial.notna()).to_numpy(), False)[codes]
    given = text.notna().to_numpy()
    faults = [(given & ~written, NO_DATE), (given & written & np.isnat(values), NO_SUCH_DAY)]
    zone = pd.Series(stamp.field("zone"), dtype="str").replace(
        {"": "none", "Z": "+00:00", "UTC": "+00:00", "GMT": "+00:00"}
    )
    zone = zone.str.replace(r"^([+-]..)(..)$", r"\1:\2", regex=True)
    zones = zone.where(~np.isnat(values))
    return Days(values, faults, told, zones)


def fill(parts: pd.DataFrame, day: pd.Series, pattern: str, order: str) -> None:
    """Year, month and day of the texts of one form, where nothing has been read yet."""
    found = day.str.extract(f"^{pattern}$")
    new = found[0].notna() & parts["year"].isna()
    for place, part in enumerate(order):
        column = {"y": "year", "m": "month", "d": "day"}[part]
        number = pd.to_numeric(found[place], errors="coerce")
        if part == "m":
            folded = found[place].str.casefold()
            number = number.fillna(folded.str[:4].map(NAMES).fillna(folded.str[:3].map(NAMES)))
        parts.loc[new, column] = number[new].astype("float64")
    if "d" not in order:
        parts.loc[new, "day"] = 1.0


def first_number(numbers: pd.DataFrame, day: pd.Series, order: str | None) -> tuple[str, str]:
    """Whether the day or the month stands first in 03/04/2024, and what shows it."""
    if order is not None:
        return order, f"{order}, as given"
    first = day[(numbers[0] > 12) & (numbers[0] <= 31) & (numbers[1] <= 12)]
    second = day[(numbers[1] > 12) & (numbers[1] <= 31) & (numbers[0] <= 12)]
    if len(first) and len(second):
        raise Undecided(
            f"dates with the day first ({first.iloc[0]!r}) and with the month first ({second.iloc[0]!r}). Correct the "
            "fewer, or say which is right, so that the others are refused: --dates day-first or --dates month-first."
        )
    if not len(first) and not len(second):
        example = day[numbers[0].notna()].iloc[0]
        one, other, year = (f"{int(part):02d}" for part in numbers[numbers[0].notna()].iloc[0])
        year = year if len(year) == 4 else f"20{year}"
        raise Undecided(
            f"{example!r} is {year}-{other}-{one} with --dates day-first and {year}-{one}-{other} with --dates "
            "month-first, and no date in the column tells. Write one of them."
        )
    shown = numbers[2] < 100
    month_second = (numbers.loc[shown, 1] <= 12).all()  # else the year cannot stand first
    if (
        shown.any()
        and month_second
        and numbers.loc[shown, 2].nunique() >= numbers.loc[shown, 0].nunique()
        and numbers[2].max() <= 31
    ):
        example = day[shown].iloc[0]
        raise Undecided(
            f"in {example!r} the year may stand first or last. If it is last, say so by --dates day-first or "
            "--dates month-first; else write years with four digits."
        )
    found = first if len(first) else second
    return ("day-first" if len(first) else "month-first"), (
        f"{'day' if len(first) else 'month'} first, as {found.iloc[0]!r} shows"
    )
