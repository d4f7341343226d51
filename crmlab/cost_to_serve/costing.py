"""What an activity costs: by where people say their time goes, and by the minutes that it takes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crmlab.cost_to_serve.arguments import amount_table, amounts, number, same


def activity_based_costing(cost: Any, shares: Any, volumes: Any) -> pd.DataFrame:
    """What a unit of each activity costs, from a survey of where the time goes: all cost is assigned.

    Parameters
    ----------
    cost : number, or Series by pool of cost
        Money, for a time: of a department; or of each pool (wages, lorries, rooms).
    shares : Series by activity, or DataFrame of pools x activities
        Parts of the cost, between 0 and 1; those of a pool add up to 1.
    volumes : Series by activity
        Units of its driver (orders, inquiries, ...) in that time, above 0.

    Returns
    -------
    DataFrame, one row an activity
        `share` of all cost, `cost` (money), `volume` (units) and `rate` (money a unit). The costs add up to `cost`.

    Raises
    ------
    ValueError
        A cost or a share is out of its range, the shares of a pool do not add up to 1, a volume is not above 0, or an
        activity or a pool is named in one argument and lacks in another.

    References
    ----------
    Cooper and Kaplan (1988), Measure costs right: make the right decisions, Harvard Business Review 66(5), 96-103.

    Examples
    --------
    >>> activity_based_costing(560_000, {"orders": 0.7, "inquiries": 0.1, "credit checks": 0.2},
    ...                        {"orders": 49_000, "inquiries": 1_400, "credit checks": 2_500})["rate"].to_dict()
    {'orders': 8.0, 'inquiries': 40.0, 'credit checks': 44.8}
    """
    if not isinstance(shares, pd.DataFrame):
        shares = amounts("shares", shares, 0, 1).to_frame("cost").T
        cost = {"cost": number("cost", cost)}
    parts, pools = amount_table("shares", shares, 0, 1), amounts("cost", cost, 0)
    same("cost", pools.index, "shares", parts.index)
    units = amounts("volumes", volumes, 0)
    same("volumes", units.index, "shares", parts.columns)
    if (unused := units == 0).any():
        raise ValueError(f"volumes of {unused.idxmax()!r} is 0: there is no unit to charge; give its share to others")
    if (off := (parts.sum(axis=1) - 1).abs() > 1e-9).any():
        raise ValueError(
            f"shares of {off.idxmax()} add up to {parts.sum(axis=1)[off].iloc[0]:.6g}, not 1: all cost is assigned; "
            "divide them by their sum, or add what lacks as an activity"
        )
    each = parts.mul(pools, axis=0).sum()
    units = units.reindex(each.index)
    table = {"share": each / each.sum() if each.any() else each, "cost": each, "volume": units, "rate": each / units}
    return pd.DataFrame(table).rename_axis("activity")


class TimeDriven(NamedTuple):
    """What activities cost by the minutes that they take, and what of the capacity nobody used.

    Attributes
    ----------
    table : DataFrame, one row an activity
        `minutes` a unit, `volume` (units), `used` (minutes), `rate` (money a unit) and `cost` (money).
    rate : float
        Of capacity, money a minute.
    used : float
        Minutes.
    utilisation : float
        Share of the capacity that was used.
    assigned : float
        Money; with `unused_cost` it makes up the cost of the capacity.
    unused : float
        Minutes.
    unused_cost : float
        Money.
    """

    table: pd.DataFrame
    rate: float
    used: float
    utilisation: float
    assigned: float
    unused: float
    unused_cost: float


def time_driven_costing(cost: float, capacity: float, minutes: Any, volumes: Any) -> TimeDriven:
    """What a unit of each activity costs by the minutes that it takes, and what is not used.

    Parameters
    ----------
    cost : number
        Of the capacity supplied, money, for a time.
    capacity : number
        Minutes that people, or lorries, can work in that time (practical capacity), above 0.
    minutes : Series by activity
        A unit takes, 0 and above; from a time equation, say, the mean of what it says.
    volumes : Series by activity
        Units in that time, 0 and above.

    Returns
    -------
    TimeDriven

    Raises
    ------
    ValueError
        A number is out of its range, an activity has no minutes or no volume, or more minutes are used than there are.

    Notes
    -----
    What nobody used is no customer's cost. More used than there is has no cost in the ledger, and is refused:
    DECISIONS.md, "Minutes beyond capacity".

    References
    ----------
    Kaplan and Anderson (2004), Time-driven activity-based costing, Harvard Business Review 82(11), 131-138.

    Examples
    --------
    >>> result = time_driven_costing(560_000, 700_000, {"orders": 8, "inquiries": 44, "credit checks": 50},
    ...                              {"orders": 49_000, "inquiries": 1_400, "credit checks": 2_500})
    >>> result.table["rate"].round(2).to_dict()
    {'orders': 6.4, 'inquiries': 35.2, 'credit checks': 40.0}
    >>> result.unused, round(result.unused_cost, 2)
    (121400.0, 97120.0)
    """
    cost, capacity = number("cost", cost), number("capacity", capacity, above=True)
    each, units = amounts("minutes", minutes, 0), amounts("volumes", volumes, 0)
    same("volumes", units.index, "minutes", each.index)
    used = each * units.reindex(each.index)
    total, rate = float(used.sum()), cost / capacity
    if total > capacity * (1 + 1e-9):
        raise ValueError(
            f"{total:,.0f} minutes are used of {capacity:,.0f}: unit times are too long, or overtime was worked, whose "
            "minutes belong to capacity and whose pay to cost"
        )
    table = {"minutes": each, "volume": units.reindex(each.index), "used": used, "rate": each * rate}
    return TimeDriven(
        table=pd.DataFrame({**table, "cost": used * rate}).rename_axis("activity"),
        rate=rate,
        used=total,
        utilisation=total / capacity,
        assigned=total * rate,
        unused=capacity - total,
        unused_cost=cost - total * rate,
    )


def time_equation(cases: pd.DataFrame, minutes: Any, groups: Any = None, level: float = 0.9) -> pd.DataFrame:
    """What a case takes by its attributes, from measured times: base + sum of minutes x attribute.

    Parameters
    ----------
    cases : DataFrame, one row a case (an order, a drop)
        Its attributes, numbers; true and false count as 1 and 0.
    minutes : Series with the index of `cases`
        Measured, 0 and above.
    groups : Series with the index of `cases`, optional
        Whose case it is, where the cases of one customer are alike; by default each stands alone.
    level : float
        Of the intervals.

    Returns
    -------
    DataFrame, one row a term: `base`, then the attributes
        `minutes` that the base takes and that a unit of each attribute adds, by least squares; `low` and `high`, an
        interval from what leaving out each group changes. Long cases may vary more than short ones.

    Raises
    ------
    ValueError
        A number or a group is missing, a case is in one argument only, there are too few cases or groups, an attribute
        says what others say already, one group alone decides a term, or `level` is not between 0 and 1.

    References
    ----------
    Kaplan and Anderson (2007), Time-Driven Activity-Based Costing, chapter 2. MacKinnon and White (1985), Some
    heteroskedasticity-consistent covariance matrix estimators, Journal of Econometrics 29(3), 305-325: HC3; by groups
    Bell and McCaffrey (2002), Survey Methodology 28(2), 169-181: the jackknife.

    Examples
    --------
    >>> orders = pd.DataFrame({"lines": [1, 2, 3, 4, 5, 6], "urgent": [False, False, True, False, True, True]})
    >>> time_equation(orders, 5 + 2 * orders["lines"] + 9 * orders["urgent"])["minutes"].round(6).to_dict()
    {'base': 5.0, 'lines': 2.0, 'urgent': 9.0}
    """
    from scipy import stats

    if not 0 < number("level", level, high=1) < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level!r}")
    flags = cases.select_dtypes("bool").columns
    given, time = amount_table("cases", cases.astype(dict.fromkeys(flags, float))), amounts("minutes", minutes, 0)
    same("minutes", time.index, "cases", given.index)
    x, y = np.column_stack([np.ones(len(given)), given]), time.reindex(given.index).to_numpy()
    if len(x) <= x.shape[1] or np.linalg.matrix_rank(x) < x.shape[1]:
        raise ValueError(
            f"{len(x)} cases cannot tell {x.shape[1]} terms apart: an attribute says what others say already, does not "
            "vary, or there are too few cases"
        )
    code, names = pd.factorize(given.index if groups is None else pd.Series(groups).reindex(given.index))
    if (code < 0).any():
        raise ValueError(f"groups says nothing of the case {given.index[code < 0][0]!r}")
    products = np.zeros((len(names), x.shape[1], x.shape[1] + 1))
    np.add.at(products, code, x[:, :, None] * np.column_stack([x, y])[:, None, :])
    without = products.sum(axis=0) - products
    if (alone := np.linalg.matrix_rank(without[..., :-1]) < x.shape[1]).any():
        raise ValueError(f"{names[alone][0]!r} alone decides a term: leave out the attribute that only it has")
    each = np.linalg.lstsq(x, y)[0]
    moves = np.linalg.solve(without[..., :-1], without[..., -1:])[..., 0] - each
    reach = stats.t.ppf((1 + level) / 2, min(len(x) - x.shape[1], len(names) - 1)) * np.sqrt((moves**2).sum(axis=0))
    terms = pd.Index(["base", *given.columns], name="term")
    return pd.DataFrame({"minutes": each, "low": each - reach, "high": each + reach}, index=terms)
