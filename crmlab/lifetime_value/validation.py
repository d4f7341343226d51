"""Forecasts held against what came: week by week, from several days on, and for one customer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from crmlab.data import check, split
from crmlab.data.transactions import DAYS
from crmlab.lifetime_value.purchase_model import PurchaseModel

Day = str | date | pd.Timestamp | np.datetime64


def tracking(model: PurchaseModel, transactions: pd.DataFrame, calibration_end: Day) -> pd.DataFrame:
    """Repeat purchases week by week, as they came and as a model expects them.

    Parameters
    ----------
    model : BetaGeoNBD, ModifiedBetaGeoNBD or ParetoNBD
        Fitted to the time until `calibration_end`.
    transactions : DataFrame, one row a purchase
        Contract `transactions`.
    calibration_end : date
        Customers who first bought later are left out.

    Returns
    -------
    DataFrame, one row a whole week from the first day of the log on
        Indexed by the first day of the week: `actual` and `expected`, repeat purchase days in the week. The model
        knows of each customer only the day of its first purchase.

    Raises
    ------
    ContractError
        The log breaks its contract.
    ValueError
        Nobody bought by `calibration_end`, or the log is shorter than a week.

    References
    ----------
    Fader, Hardie and Lee (2005), figures 2 and 3.

    Examples
    --------
    >>> from crmlab.data import load_cdnow
    >>> from crmlab.lifetime_value import BetaGeoNBD
    >>> model = BetaGeoNBD.from_params(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
    >>> tracking(model, load_cdnow(), "1997-09-30").sum().round(0).to_dict()
    {'actual': 4339.0, 'expected': 4166.0}
    """
    days = _purchase_days(transactions)
    first = days.groupby("customer_id")["day"].transform("min")
    known = first <= pd.Timestamp(calibration_end)
    days, first = days[known], first[known]
    if days.empty:
        raise ValueError(f"nobody bought by {calibration_end}, the calibration_end")
    start, end = days["day"].min(), check(transactions, "transactions")["date"].max()
    weeks = ((end - start).days + 1) // 7
    if not weeks:
        raise ValueError("the log is shorter than a week")
    again = (days.loc[days["day"] > first, "day"] - start).dt.days // 7
    joined = (first.groupby(days["customer_id"]).first() - start).dt.days.value_counts()
    elapsed = np.maximum(np.arange(weeks + 1) * 7 - joined.index.to_numpy()[:, None], 0) / DAYS[model.unit]
    bought = joined.to_numpy() @ np.asarray(model.expected_purchases(elapsed))
    return pd.DataFrame(
        {"actual": np.bincount(again, minlength=weeks)[:weeks], "expected": np.diff(bought)},
        index=pd.DatetimeIndex(start + pd.to_timedelta(7 * np.arange(weeks), unit="D"), name="week"),
    )


def rolling_origin(
    transactions: pd.DataFrame,
    ends: Sequence[Day],
    weeks: int,
    forecasts: Mapping[str, Callable[[pd.DataFrame, pd.DataFrame], pd.Series]],
) -> pd.DataFrame:
    """Forecasts made on several days, each held against the weeks that followed it.

    Parameters
    ----------
    transactions : DataFrame, one row a purchase
        Contract `transactions`.
    ends : list of dates
        The last days that a forecast may see.
    weeks : int
        The weeks after it that are forecast.
    forecasts : mapping from names to functions
        A function receives the summary up to that day, in weeks (contract `customer_summary`), and the log up to that
        day; it gives the purchases to expect of each customer, indexed as the summary. Nothing later is in either.

    Returns
    -------
    DataFrame, one row a day and forecast
        Indexed by `end` and `forecast`: `actual` and `total` purchase days of all customers; `off_by`, the relative
        error of the total; `error`, the root mean squared error a customer.

    Raises
    ------
    ContractError
        The log breaks its contract.
    ValueError
        The log does not reach `weeks` after one of the days.

    References
    ----------
    Tashman (2000), Out-of-sample tests of forecasting accuracy, International Journal of Forecasting 16(4), 437-450.

    Examples
    --------
    >>> from crmlab.data import load_cdnow
    >>> rate = lambda customers, log: customers["frequency"] / customers["T"] * 13
    >>> rolling_origin(load_cdnow(), ["1997-12-31"], 13, {"own rate": rate}).round(2).reset_index().iloc[0].to_dict()
    {'end': '1997-12-31', 'forecast': 'own rate', 'actual': 660, 'total': 905.1, 'off_by': 0.37, 'error': 0.75}
    """
    log = check(transactions, "transactions")
    last, rows = log["date"].max(), []
    for end in ends:
        until = pd.Timestamp(end) + pd.Timedelta(weeks=weeks)
        if until > last:
            raise ValueError(f"{weeks} weeks after {end} are not over when the log ends, {last:%Y-%m-%d}")
        both = split(log[log["date"] <= until], end, observed_until=until)
        summary, actual = both.loc[:, :"monetary_value"], both["frequency_holdout"]
        seen = log[log["date"] <= pd.Timestamp(end)]
        for name, forecast in forecasts.items():
            expected = forecast(summary, seen)
            off, error = expected.sum() / actual.sum() - 1, np.sqrt(((expected - actual) ** 2).mean())
            rows.append((end, name, actual.sum(), expected.sum(), off, error))
    return pd.DataFrame(rows, columns=["end", "forecast", "actual", "total", "off_by", "error"]).set_index(
        ["end", "forecast"]
    )


def alive_path(model: PurchaseModel, transactions: pd.DataFrame, until: Day) -> pd.DataFrame:
    """One customer's probability of being alive, day by day, as it would have been told then.

    Parameters
    ----------
    model : BetaGeoNBD, ModifiedBetaGeoNBD or ParetoNBD
        Fitted, or with known parameters.
    transactions : DataFrame, one row a purchase
        Contract `transactions`: the purchases of one customer.
    until : date
        The last day.

    Returns
    -------
    DataFrame, one row a day from the first purchase on
        Indexed by the day: `probability_alive` at its end, and `purchase`, whether the customer bought on it.

    Raises
    ------
    ContractError
        The purchases break their contract.
    ValueError
        They are of several customers, or begin after `until`.

    Examples
    --------
    >>> from crmlab.lifetime_value import BetaGeoNBD
    >>> model = BetaGeoNBD.from_params(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
    >>> days = ["2024-01-01", "2024-01-15", "2024-01-22"]
    >>> path = alive_path(model, pd.DataFrame({"customer_id": "a", "date": days, "amount": 20.0}), "2024-03-01")
    >>> path["probability_alive"].iloc[[0, 14, -1]].round(2).tolist()
    [1.0, 0.75, 0.55]
    """
    days = _purchase_days(transactions)
    if len(customers := days["customer_id"].unique()) != 1:
        raise ValueError(f"give the purchases of one customer, not of {len(customers)}")
    bought = days["day"].sort_values()
    first, last = bought.iloc[0], pd.Timestamp(until)
    if last < first:
        raise ValueError(f"the first purchase, {first:%Y-%m-%d}, comes after {until}")
    calendar = pd.date_range(first, last, name="day")
    number = bought.searchsorted(calendar, side="right") - 1
    unit = DAYS[model.unit]
    history = pd.DataFrame(
        {
            "customer_id": np.arange(len(calendar)),
            "frequency": number,
            "recency": (bought.to_numpy()[number] - first.to_numpy()) / np.timedelta64(1, "D") / unit,
            "T": np.arange(len(calendar)) / unit,
        }
    )
    alive = model.probability_alive(history).to_numpy()
    return pd.DataFrame({"probability_alive": alive, "purchase": calendar.isin(bought)}, index=calendar)


def _purchase_days(transactions: pd.DataFrame) -> pd.DataFrame:
    """Customers and their purchase days: days whose amounts, added up, are not negative."""
    log: Any = check(transactions, "transactions")
    total = log.groupby(["customer_id", "date"])["amount"].sum().round(6)
    return total[total >= 0].reset_index().rename(columns={"date": "day"})
