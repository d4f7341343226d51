"""How sure a customer's profit is, if the unit times behind its cost are not."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from crmlab.cost_to_serve.arguments import amount_table, amounts, number, same
from crmlab.stats import interval

MOST_CV = 3.0  # of a standard deviation over its mean; 20 is meant as percent


def profit_draws(
    margin: Any,
    costs: pd.DataFrame,
    *,
    activity_cv: Any = 0.2,
    customer_cv: Any = 0.2,
    draws: int = 2000,
    random_state: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """What customers may bring, if the minutes behind their costs are known so far only.

    Parameters
    ----------
    margin : Series by customer
        Revenue less cost of goods, money; taken as known.
    costs : DataFrame of customers x activities
        Money, 0 and above, as reckoned.
    activity_cv : number, or Series by activity
        Standard deviation of an activity's true unit time over what was reckoned (0.2 is 20%; 3 at most): one factor
        for all customers.
    customer_cv : number, or Series by activity
        The same of each customer's own time, before an activity's total is held. It moves cost between customers; who
        takes most of an activity varies less than this, and on average takes a little less than was reckoned.
    draws : int
        How many, 1 or more.
    random_state : int, Generator or None
        The same int gives the same draws.

    Returns
    -------
    DataFrame of draws x customers
        Profit, money.

    Raises
    ------
    ValueError
        A number is out of its range, or a customer is in one argument only.

    Notes
    -----
    Both factors are lognormal with mean 1: DECISIONS.md, "Unit times that are not sure". That good months and bad ones
    come by chance is not in it: draw months anew for that.

    Examples
    --------
    >>> costs = pd.DataFrame({"delivery": [80.0, 20.0]}, index=["A", "B"])
    >>> result = profit_draws(pd.Series({"A": 90.0, "B": 10.0}), costs, activity_cv=0, random_state=1)
    >>> bool((result.sum(axis=1).abs() < 1e-9).all()), bool((result["A"] < 0).any())
    (True, True)
    """
    brings, costs = amounts("margin", margin), amount_table("costs", costs, 0)
    same("costs", costs.index, "margin", brings.index)
    common, own = (
        _log_spread(name, cv, costs.columns)
        for name, cv in (("activity_cv", activity_cv), ("customer_cv", customer_cv))
    )
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 1:
        raise ValueError(f"draws must be a whole number, 1 or more, not {draws!r}")
    rng = np.random.default_rng(random_state)
    profit = np.tile(brings.to_numpy(), (draws, 1))
    for activity, cost in costs.reindex(brings.index).items():
        times = cost.to_numpy() * rng.lognormal(0, own[activity], profit.shape)
        total = cost.sum() * rng.lognormal(-(common[activity] ** 2) / 2, common[activity], (draws, 1))
        profit -= times * total / np.maximum(times.sum(axis=1, keepdims=True), 1e-300)  # of no cost: 0 / 1e-300
    return pd.DataFrame(profit, columns=brings.index)


def _log_spread(name: str, cv: Any, activities: pd.Index) -> dict[Hashable, float]:
    """By activity: the standard deviation of the logarithm of a lognormal factor."""
    by_name = isinstance(cv, pd.Series | Mapping)
    each = amounts(name, cv, 0, MOST_CV) if by_name else pd.Series(number(name, cv, high=MOST_CV), activities)
    same(name, each.index, "costs", activities)
    return {activity: float(np.sqrt(np.log1p(value**2))) for activity, value in each.items()}


def loser_chance(draws: pd.DataFrame, level: float = 0.9) -> pd.DataFrame:
    """The chance that a customer loses money, and the range of its profit and of its rank.

    Parameters
    ----------
    draws : DataFrame of draws x customers
        Profit, money: of `profit_draws`, or of months drawn anew.
    level : float
        Of the ranges.

    Returns
    -------
    DataFrame, one row a customer
        `mean`, `low` and `high`, money; `loses`, the share of draws below 0; `rank_low` and `rank_high`, 1 being the
        most profit.

    Raises
    ------
    ValueError
        There are no draws, one is missing, or `level` is not between 0 and 1.

    Examples
    --------
    >>> loser_chance(pd.DataFrame({"A": [5.0, -1.0, 4.0, 3.0], "B": [1.0, 2.0, 1.0, 2.0]}))["loses"].to_dict()
    {'A': 0.25, 'B': 0.0}
    """
    profit = amount_table("draws", draws)
    table = interval(profit, level)
    table.insert(0, "mean", profit.mean())
    ranks = interval(profit.rank(axis=1, ascending=False), level)
    return table.assign(loses=(profit < 0).mean(), rank_low=ranks["low"], rank_high=ranks["high"])


def drop_regret(draws: pd.DataFrame, rules: Mapping[str, Any]) -> pd.DataFrame:
    """What rules of dropping customers bring, and what they are expected to lose by error.

    Parameters
    ----------
    draws : DataFrame of draws x customers
        Contribution (margin less avoidable cost), money: what goes with the customer.
    rules : dict of Series of bool by customer
        Whom each rule drops.

    Returns
    -------
    DataFrame, one row a rule
        `dropped`, customers; `gain`, expected money against dropping nobody; `good_dropped`, expected money of good
        customers among the dropped; `bad_kept`, expected money that bad ones among the kept lose; `regret`, both: what
        the firm would win if it knew.

    Raises
    ------
    ValueError
        There are no draws or no rules, one is missing, or a rule does not say true or false of each customer.

    Examples
    --------
    >>> draws = pd.DataFrame({"A": [-9.0, 3.0], "B": [1.0, 2.0]})
    >>> drop_regret(draws, {"mean below 0": draws.mean() < 0}).iloc[0].to_dict()
    {'dropped': 1.0, 'gain': 3.0, 'good_dropped': 1.5, 'bad_kept': 0.0, 'regret': 1.5}
    """
    money, rows = amount_table("draws", draws), {}
    if not isinstance(rules, Mapping) or not rules:
        raise ValueError("rules must be a dict, not empty: name one, such as {'mean below 0': draws.mean() < 0}")
    good, bad = money.clip(lower=0).mean(), -money.clip(upper=0).mean()
    for name, given in rules.items():
        drops = pd.Series(given)
        same(f"the rule {name!r}", drops.index, "draws", money.columns)
        if not drops.isin([True, False]).all():
            raise ValueError(f"the rule {name!r} must say true or false of each customer")
        drops = drops.reindex(money.columns).astype(bool)
        wrong = {"good_dropped": good[drops].sum(), "bad_kept": bad[~drops].sum()}
        gain = -money.mean()[drops].sum()
        rows[name] = {"dropped": drops.sum(), "gain": gain, **wrong, "regret": sum(wrong.values())}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("rule")
