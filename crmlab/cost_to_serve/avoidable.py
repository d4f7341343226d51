"""What is saved if a customer goes, and what becomes of the rest if idle cost is charged to those who stay."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crmlab.cost_to_serve.arguments import amount_table, amounts, number, same


def avoidable_cost(costs: pd.DataFrame, shares: Any) -> Any:
    """What of a customer's cost is saved if it goes.

    Parameters
    ----------
    costs : DataFrame of customers x activities
        Money, 0 and above.
    shares : Series by activity, or DataFrame of activities x horizons
        Of an activity's cost that falls away with its units, between 0 and 1. Shares of other activities are not used.

    Returns
    -------
    Series by customer, or DataFrame of customers x horizons
        Money. Margin less this is the contribution: what the firm loses with the customer.

    Raises
    ------
    ValueError
        A cost is negative or missing, a share is not between 0 and 1, or an activity has no share.

    Examples
    --------
    >>> costs = pd.DataFrame({"delivery": [100.0, 40.0], "visits": [0.0, 20.0]}, index=["A", "B"])
    >>> avoidable_cost(costs, {"delivery": 0.05, "visits": 0.9}).to_dict()
    {'A': 5.0, 'B': 20.0}
    """
    money = amount_table("costs", costs, 0)
    falls = (
        amount_table("shares", shares, 0, 1) if isinstance(shares, pd.DataFrame) else amounts("shares", shares, 0, 1)
    )
    if len(lacks := money.columns.difference(falls.index, sort=False)):
        raise ValueError(f"shares has no activity {lacks[0]!r}, which is in costs")
    return money @ falls.reindex(money.columns)


class DeathSpiral(NamedTuple):
    """What happens if each round drops those who do not bear the cost that they are charged.

    Attributes
    ----------
    rounds : DataFrame, one row a round, from 1
        `customers` that are charged; `rate`, money a unit of the key; `dropped`, those whose charged profit is below
        0; `firm_profit`, money that the firm makes with the customers of this round. The last round drops nobody, or
        has nobody left.
    dropped_in : Series by customer
        The round that drops it; missing for those who stay.
    """

    rounds: pd.DataFrame
    dropped_in: pd.Series


def death_spiral(contribution: Any, fixed: float, key: Any) -> DeathSpiral:
    """Round by round: a cost that goes with nobody is charged to those who are left, and who cannot bear it is dropped.

    Parameters
    ----------
    contribution : Series by customer
        Margin less avoidable cost, money: what goes with the customer.
    fixed : number
        Cost that stays whoever goes (unavoidable, or of idle capacity), money, 0 and above.
    key : Series by customer
        What the fixed cost is charged by (revenue, minutes), 0 and above; who has 0 is charged nothing.

    Returns
    -------
    DeathSpiral

    Raises
    ------
    ValueError
        A number is out of its range or missing, a customer is in one argument only, or no key is above 0.

    Examples
    --------
    >>> contribution = pd.Series({"A": 60.0, "B": 30.0, "C": 5.0})
    >>> death_spiral(contribution, 75, {"A": 1, "B": 1, "C": 1}).rounds["firm_profit"].to_dict()
    {1: 20.0, 2: 15.0, 3: -15.0, 4: -75.0}
    """
    brings, by, fixed = amounts("contribution", contribution), amounts("key", key, 0), number("fixed", fixed)
    same("key", by.index, "contribution", brings.index)
    if fixed and not by.sum() > 0:
        raise ValueError("no key is above 0: there is nothing to charge the fixed cost by")
    by, left, dropped_in, rows = by.reindex(brings.index), brings, pd.Series(pd.NA, brings.index, dtype="Int64"), []
    while True:
        charged_by = by[left.index]
        rate = fixed / charged_by.sum() if charged_by.sum() > 0 else np.nan
        charged = left - (charged_by * rate).fillna(0.0)
        losers = left.index[charged.round(6) < 0]  # nobody is dropped for the last bit
        rows.append((len(left), rate, len(losers), left.sum() - fixed))
        if losers.empty:
            break
        dropped_in[losers] = len(rows)
        left = left.drop(losers)
    rounds = pd.DataFrame(rows, columns=["customers", "rate", "dropped", "firm_profit"])
    return DeathSpiral(rounds.set_index(pd.RangeIndex(1, len(rows) + 1, name="round")), dropped_in)
