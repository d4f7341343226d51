"""From a purchase log to what the models of buying need: one row a customer.

All arithmetic is on whole days. Wherever the log lies (`engines.py`), its amounts are added up by customer and day, the
days by customer; here that becomes frequency, recency, T and monetary value.
"""

from __future__ import annotations

import warnings
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crmlab.data.engines import purchase_log
from crmlab.data.reading import read_dates
from crmlab.data.rows import Customers

DAYS = {"day": 1.0, "week": 7.0, "month": 365.25 / 12, "year": 365.25}  # DECISIONS.md, "Units of time"

Day = str | date | pd.Timestamp | np.datetime64


def summarize(transactions: Any, observed_until: Day | None = None, unit: str = "week") -> pd.DataFrame:
    """Frequency, recency, T and monetary value of each customer.

    Parameters
    ----------
    transactions : data frame or path, one row a purchase
        Contract `transactions`. A pandas or polars frame, a pyarrow table; or one that stays where it lies: a DuckDB
        relation, a polars LazyFrame, a Spark DataFrame; or the path or glob of CSV (.csv, .csv.gz) or Parquet files,
        which DuckDB reads, in as much memory as `duckdb.sql("SET memory_limit = '1GB'")` gives it. Ids may be text or
        whole numbers.
    observed_until : date, optional
        The last day of the observation, the whole day; the last date of the log if not given.
    unit : {"week", "day", "month", "year"}
        The unit of recency and T: 7 days, 1 day, 365.25 / 12 days, 365.25 days.

    Returns
    -------
    DataFrame, one row a customer, in the order of customer_id
        Contract `customer_summary`: customer_id; frequency, the purchase days after the first; recency, from the first
        purchase day to the last, in `unit`; T, from the first purchase day to `observed_until`, in `unit`;
        monetary_value, the mean of the day totals over the days that frequency counts, in the currency of the log, 0
        without any. `attrs` holds `unit`, `observed_until` and `left_out` (see Notes).

    Raises
    ------
    ContractError
        The log breaks its contract. Every row is held against it, wherever it lies.
    ValueError
        The log is empty, has no purchase, or goes on after `observed_until`; or the unit or the day is none; or a file
        is not what its name says.
    OSError
        There is no such file, it is a folder, or it may not be read.
    TypeError
        `transactions` is no data frame and no path.

    Warns
    -----
    UserWarning
        Refund days were left out; or `observed_until` is not given and the last day lies far from all others.

    Notes
    -----
    Amounts of one customer on one day are added up; the day is a purchase day if the total is not negative, and a
    refund day otherwise. Refund days are left out, and counted in `attrs["left_out"]`: DECISIONS.md, "What a purchase
    is". The lengths of month and year: DECISIONS.md, "Units of time". Every engine gives the same table: DECISIONS.md,
    "Sums of money" and "Files of any size".

    References
    ----------
    Fader, Hardie and Lee (2005), "Counting your customers" the easy way, Marketing Science 24(2), 275-284: (x, t_x, T).

    Examples
    --------
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "date": ["2024-01-01", "2024-01-15", "2024-01-08"],
    ...                     "amount": [20.0, 30.0, 10.0]})
    >>> summarize(log, observed_until="2024-01-29")
      customer_id  frequency  recency    T  monetary_value
    0           a          1      2.0  4.0            30.0
    1           b          0      0.0  3.0             0.0

    The same of a DuckDB relation, of which one row a customer comes back:

    >>> import duckdb
    >>> summarize(duckdb.from_df(log), observed_until="2024-01-29")["frequency"].tolist()
    [1, 0]
    """
    seen = _observe(transactions, observed_until, unit)
    table = _summary(seen.customers.table, seen.until, unit)
    table.attrs = {"unit": unit, "observed_until": _iso(seen.until), "left_out": seen.left_out}
    return table


def split(
    transactions: Any, calibration_end: Day, observed_until: Day | None = None, unit: str = "week"
) -> pd.DataFrame:
    """The summary up to a day, and what each customer bought after it.

    Parameters
    ----------
    transactions : data frame or path, one row a purchase
        Contract `transactions`, held by anything that `summarize` takes.
    calibration_end : date
        The last day of the calibration, the whole day; the hold-out begins on the next.
    observed_until : date, optional
        The last day of the hold-out, the whole day; the last date of the log if not given.
    unit : {"week", "day", "month", "year"}
        The unit of recency, T and duration_holdout, as in `summarize`.

    Returns
    -------
    DataFrame, one row a customer who bought by `calibration_end`, in the order of customer_id
        The columns of `summarize` for the rows up to `calibration_end`, and: frequency_holdout, the purchase days after
        it; monetary_value_holdout, the mean of their day totals, in the currency of the log, 0 without any;
        duration_holdout, from `calibration_end` to `observed_until`, in `unit`. `attrs` holds `unit`,
        `calibration_end`, `observed_until` and `left_out`, with the customers who first bought after `calibration_end`
        and are in no row.

    Raises
    ------
    ContractError, OSError, TypeError
        As in `summarize`.
    ValueError
        As in `summarize`, or `calibration_end` is not within the log, or nobody bought by then.

    Warns
    -----
    UserWarning
        Refund days were left out, as in `summarize`.

    Notes
    -----
    The hold-out counts and averages by the definitions of the calibration: DECISIONS.md, "What a purchase is" and
    "Hold-out".

    References
    ----------
    Fader, Hardie and Lee (2005), "Counting your customers" the easy way, Marketing Science 24(2), 275-284: 39 weeks to
    calibrate, 39 weeks to predict.

    Examples
    --------
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "date": ["2024-01-01", "2024-01-15", "2024-01-08"],
    ...                     "amount": [20.0, 30.0, 10.0]})
    >>> table = split(log, "2024-01-08", observed_until="2024-01-29")
    >>> table[["frequency", "T", "frequency_holdout", "monetary_value_holdout", "duration_holdout"]].to_dict("index")[0]
    {'frequency': 0, 'T': 1.0, 'frequency_holdout': 1, 'monetary_value_holdout': 30.0, 'duration_holdout': 3.0}
    """
    seen = _observe(transactions, observed_until, unit, calibration_end)
    customers = seen.customers.table
    known = customers[customers["days"] > 0].reset_index(drop=True)
    if known.empty:
        raise ValueError(
            f"nobody bought by {_iso(seen.end)}, the calibration_end; the first purchase is on "
            f"{_iso(int(customers['first'].min()))}."
        )
    table = _summary(known, seen.end, unit).assign(
        frequency_holdout=known["days_after"],
        monetary_value_holdout=known["spend_after"] / known["days_after"].clip(lower=1),
        duration_holdout=(seen.until - seen.end) / DAYS[unit],
    )
    table.attrs = {
        "unit": unit,
        "calibration_end": _iso(seen.end),
        "observed_until": _iso(seen.until),
        "left_out": seen.left_out | {"customers_after_calibration": len(customers) - len(known)},
    }
    return table


class Observed(NamedTuple):
    """The customers of a log, and the days that bound what is seen of them."""

    customers: Customers
    end: int  # of the calibration
    until: int
    left_out: dict[str, int | float]


def _observe(transactions: Any, observed_until: Day | None, unit: str, calibration_end: Day | None = None) -> Observed:
    if unit not in DAYS:
        raise ValueError(f"unit must be one of {', '.join(DAYS)}, not {unit!r}")
    with purchase_log(transactions) as log:
        days, rows = log.days()
        since, last = int(days[0]), int(days[-1])
        until = last if observed_until is None else _day(observed_until, "observed_until")
        if observed_until is None:
            _warn_of_a_lonely_end(days)
        if late := int(rows[days > until].sum()):
            raise ValueError(
                f"transactions has {_count(late, 'row')} after {_iso(until)}, the day observed until; the last is on "
                f"{_iso(last)}. Observe until then, take these rows out, or let split use them as the hold-out."
            )
        end = until if calibration_end is None else _day(calibration_end, "calibration_end")
        if calibration_end is not None and not since <= end < until:
            raise ValueError(
                f"calibration_end is {_iso(end)}, but the log is observed from {_iso(since)} to {_iso(until)}: "
                f"choose a day from {_iso(since)} to {_iso(until - 1)}."
            )
        customers = log.customers(end)
    if customers.table.empty:
        raise ValueError("transactions has no purchase: on every day the amounts of a customer add up to less than 0.")
    if customers.refund_days:
        warnings.warn(
            f"{_count(customers.refund_days, 'refund day')} (together {customers.refund_amount:,.2f}) left out, and "
            f"{_count(customers.without_purchase, 'customer')} with no other day. To net a refund against its "
            "purchase, give it the date of the purchase.",
            stacklevel=3,
        )
    left_out = {
        "refund_days": customers.refund_days,
        "refund_amount": customers.refund_amount,
        "customers_without_purchase": customers.without_purchase,
    }
    return Observed(customers, end, until, left_out)


def _warn_of_a_lonely_end(days: np.ndarray) -> None:
    """A mistyped year, 2035 for 2025, would lengthen the observation of every customer without a word."""
    if days.size < 20:
        return
    first, before, last = days[[0, -2, -1]].tolist()
    if last - before > max(90, (before - first) / 2):
        warnings.warn(
            f"the last day of the log, {_iso(last)}, is {last - before:,} days after the one before, and each customer "
            "counts as observed until then. If it is mistyped, correct it; if not, say so by observed_until.",
            stacklevel=4,
        )


def _summary(customers: pd.DataFrame, until: int, unit: str) -> pd.DataFrame:
    frequency = customers["days"] - 1
    return pd.DataFrame(
        {
            "customer_id": customers["customer_id"],
            "frequency": frequency,
            "recency": (customers["last"] - customers["first"]) / DAYS[unit],
            "T": (until - customers["first"]) / DAYS[unit],
            "monetary_value": customers["repeat_spend"] / frequency.clip(lower=1),
        }
    )


def _day(value: Any, name: str) -> int:
    dates, _ = read_dates(pd.Series([value], dtype="object"))
    if dates.isna().any():
        raise ValueError(f"{name} must be a day, such as '1997-09-30', not {value!r}")
    return int(dates.to_numpy("datetime64[D]").astype(np.int64)[0])


def _iso(day: int) -> str:
    return str(np.datetime64(day, "D"))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
