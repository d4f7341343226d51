"""The perfect order: an order is perfect if everything about it was right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from crmlab.stats import shrunken_means, wilson

# The seven Rs and the documents: product, quantity, condition, place, customer, cost; time is reckoned from two dates.
COMPONENTS = (
    "on_time",
    "in_full",
    "right_item",
    "undamaged",
    "right_place",
    "right_customer",
    "right_invoice",
    "right_documents",
)
# An order that lacks a right, in a word.
FAULTS = {
    "on_time": "late",
    "in_full": "short",
    "right_item": "wrong item",
    "undamaged": "damaged",
    "right_place": "wrong place",
    "right_customer": "wrong customer",
    "right_invoice": "wrong invoice",
    "right_documents": "wrong documents",
}
LINE_FLAGS = ("right_item", "undamaged")
DAYS = ("promised_on", "delivered_on")


class PerfectOrder(NamedTuple):
    """How many orders were perfect, and what kept the others from it.

    Attributes
    ----------
    rate : float
        Share of orders in which nothing failed.
    product : float
        Product of the rates of the components: what the rate would be if they failed independently of each other.
    lower, upper : float
        Between which the rate must lie, whatever goes together (Fréchet): 1 less all shares that failed, but not below
        0; and the least rate of a component.
    rates : Series, one entry a component
        Share of orders in which it was right.
    causes : Series, one entry a component
        Its share in the imperfect orders, of all orders: an imperfect order is divided equally among what failed in it.
        They sum to 1 - rate.
    alone : Series, one entry a component
        Share of orders in which it alone failed: what the rate would win if it never failed and all else stayed.
    orders : int
        Delivered, and counted.
    open : int
        Not delivered, and not counted.
    overdue : int
        Of these, promised for before the last delivery in the table: imperfect already.
    """

    rate: float
    product: float
    lower: float
    upper: float
    rates: pd.Series
    causes: pd.Series
    alone: pd.Series
    orders: int
    open: int
    overdue: int


def order_flags(orders: pd.DataFrame, order_lines: pd.DataFrame) -> pd.DataFrame:
    """Orders with what their lines say of them: an order has a right if all its lines have it.

    Parameters
    ----------
    orders : DataFrame, one row an order
        `order_id`, each once.
    order_lines : DataFrame, one row a line
        `order_id`, `ordered` and `delivered` (units); `right_item` and `undamaged` (true or false) where they are
        known.

    Returns
    -------
    DataFrame
        `orders` with `in_full` (no line lacks a unit; a unit too much is no lack), and `right_item` and `undamaged`.

    Raises
    ------
    ValueError
        A column is missing, an order is in two rows or has no line, a line is of no order, a quantity is missing or
        negative, or a flag is neither true nor false.

    Examples
    --------
    >>> lines = pd.DataFrame({"order_id": ["O1", "O1", "O2"], "ordered": [5, 2, 1], "delivered": [5, 1, 1]})
    >>> order_flags(pd.DataFrame({"order_id": ["O1", "O2"]}), lines)["in_full"].tolist()
    [False, True]
    """
    _need(orders, "orders", "order_id")
    _check_ids(orders)
    _check_quantities(order_lines)
    if stray := sorted(set(order_lines["order_id"]) - set(orders["order_id"]), key=str):
        raise ValueError(f"order_lines has lines of {stray[0]!r}, which is not in orders")
    lines = pd.DataFrame({"in_full": order_lines["delivered"] >= order_lines["ordered"]})
    for name in LINE_FLAGS:
        if name in order_lines:
            lines[name] = _flag(order_lines[name], name)
    right = lines.groupby(order_lines["order_id"]).all()
    if not (known := orders["order_id"].isin(right.index)).all():
        raise ValueError(f"order {orders.loc[~known, 'order_id'].iloc[0]!r} has no lines in order_lines")
    return orders.assign(**{str(name): right[name].reindex(orders["order_id"]).to_numpy() for name in right})


def failures(orders: pd.DataFrame, components: Sequence[str] | None = None) -> pd.DataFrame:
    """What failed in each delivered order.

    Parameters
    ----------
    orders : DataFrame, one row an order
        The contract `orders`, or the columns of it that are held against an order: `promised_on` and `delivered_on`
        (days), and the flags (true where it was right).
    components : names, optional
        What is held against an order: "on_time", and names of flags; by default those of `COMPONENTS` that the columns
        tell of. A column `on_time` counts where the two days are not both there.

    Returns
    -------
    DataFrame of bool, one row an order, with the index of `orders`, one column a component
        True where it failed. Orders that are not delivered are in no row. An order is on time if it came on the day
        promised or before: DECISIONS.md, "On time".

    Raises
    ------
    ValueError
        There are no orders, or none delivered; a component is unknown or named twice, or no column tells of any; a day
        promised is missing, or a flag is neither true nor false; or an order is in two rows.

    Examples
    --------
    >>> orders = pd.DataFrame({"promised_on": pd.to_datetime(["2024-05-02", "2024-05-03"]),
    ...                        "delivered_on": pd.to_datetime(["2024-05-02", "2024-05-06"]), "in_full": [False, True]})
    >>> failures(orders)
       on_time  in_full
    0    False     True
    1     True    False
    """
    names = _components(orders, components)
    if "order_id" in orders:
        _check_ids(orders)
    delivered = _delivered(orders)
    if not delivered.any():
        raise ValueError("there are no orders" if orders.empty else f"none of the {len(orders)} orders is delivered")
    done = orders[delivered]
    return pd.DataFrame({name: ~(_on_time(done) if name == "on_time" else _flag(done[name], name)) for name in names})


def perfect_order(orders: pd.DataFrame, components: Sequence[str] | None = None) -> PerfectOrder:
    """The share of orders in which everything was right, beside the product of the rates, and the causes.

    Parameters
    ----------
    orders : DataFrame, one row an order
    components : names, optional
        Both as `failures` takes them.

    Returns
    -------
    PerfectOrder

    Raises
    ------
    ValueError
        As `failures` raises it.

    Notes
    -----
    The causes are Shapley's values of the game in which a set of components is worth the share of orders that fail in
    any of them; and of the game in which it is worth the share that mending the whole set would win. Both give the
    same. Orders not delivered: DECISIONS.md, "Open orders".

    References
    ----------
    SCOR, RL.1.1, perfect order fulfillment: an order counts as perfect only if each of its parts is. Fréchet (1935),
    Généralisation du théorème des probabilités totales, Fundamenta Mathematicae 25, 379-387, for the bounds. Shapley
    (1953), A value for n-person games, Contributions to the Theory of Games II, 307-317.

    Examples
    --------
    >>> orders = pd.DataFrame({"in_full": [False, False, True, True], "right_invoice": [False, True, True, True]})
    >>> result = perfect_order(orders)
    >>> result.rate, result.product, result.lower, result.upper
    (0.5, 0.375, 0.25, 0.5)
    >>> result.causes.to_dict()
    {'in_full': 0.375, 'right_invoice': 0.125}
    """
    failed = failures(orders, components)
    rates = 1 - failed.mean()
    blame, alone = _shares_of_blame(failed)
    waiting = orders[~_delivered(orders)]
    overdue = 0
    if "promised_on" in orders and len(waiting):
        overdue = int((waiting["promised_on"] < orders["delivered_on"].max()).sum())
    return PerfectOrder(
        rate=float(1 - failed.any(axis=1).mean()),
        product=float(np.prod(rates)),
        lower=float(max(0.0, 1 - failed.mean().sum())),
        upper=float(rates.min()),
        rates=rates,
        causes=blame.mean(),
        alone=alone.mean(),
        orders=len(failed),
        open=len(waiting),
        overdue=overdue,
    )


def perfect_by(orders: pd.DataFrame, by: str | pd.Series, components: Sequence[str] | None = None) -> pd.DataFrame:
    """The rate of perfect orders by group, with what chance alone does to small groups.

    Parameters
    ----------
    orders : DataFrame, one row an order
        As `failures` takes it.
    by : str or Series
        The column that names an order's group; or a Series of names with the index of `orders`.
    components : names, optional
        As `failures` takes them.

    Returns
    -------
    DataFrame, one row a group
        `n`, delivered orders; `rate`; `low` and `high`, Wilson's 90% interval; `shrunken`, the rate drawn to that of
        all as far as chance makes them differ (missing for fewer than four groups); `lower_95` to `upper_998`, limits
        within which a group of that size stays with 95 and 99.8% chance if its orders are as those of all; `outside`,
        0.95 or 0.998 where the rate lies beyond these limits, 0 elsewhere. Of a hundred alike, five lie outside the
        first.

    Raises
    ------
    ValueError
        As `failures` raises it; there is no such column, or an order has no group.

    References
    ----------
    Wilson (1927), Probable inference, Journal of the American Statistical Association 22, 209-212. Spiegelhalter
    (2005), Funnel plots for comparing institutional performance, Statistics in Medicine 24, 1185-1202.

    Examples
    --------
    >>> orders = pd.DataFrame({"depot": ["Hill"] * 20 + ["Port"] * 80, "in_full": [False] * 8 + [True] * 92})
    >>> perfect_by(orders, "depot").loc["Hill", ["n", "rate", "lower_95", "upper_95", "outside"]].to_dict()
    {'n': 20.0, 'rate': 0.6, 'lower_95': 0.8, 'upper_95': 1.0, 'outside': 0.998}
    """
    from scipy import stats

    if isinstance(by, str):
        _need(orders, "orders", by)
    perfect = ~failures(orders, components).any(axis=1)
    group = (orders[by] if isinstance(by, str) else by.reindex(orders.index))[_delivered(orders)]
    if (without := group.isna()).any():
        raise ValueError(f"{without.sum()} of {len(perfect)} orders have no group; the first is row {without.idxmax()}")
    table = perfect.groupby(group).agg(n="size", rate="mean")
    n, rate, mean = table["n"], table["rate"], perfect.mean()
    low, high = wilson(rate, n)
    table = table.assign(low=low, high=high, shrunken=np.nan)
    if len(table) >= 4 and (n > 1).any():
        variance = rate * (1 - rate) * n / (n - 1).where(n > 1)
        table["shrunken"] = shrunken_means(table.assign(variance=variance), mean="rate")["shrunken_mean"]
    outside = pd.Series(0.0, table.index)
    for share, name in ((0.95, "95"), (0.998, "998")):
        low, high = (stats.binom.ppf(end, n, mean) / n for end in ((1 - share) / 2, (1 + share) / 2))
        table[f"lower_{name}"], table[f"upper_{name}"] = low, high
        outside = outside.mask((rate < low) | (rate > high), share)
    return table.assign(outside=outside)


def cause_costs(orders: pd.DataFrame, cost: float | pd.Series, components: Sequence[str] | None = None) -> pd.DataFrame:
    """What imperfect orders cost, by cause.

    Parameters
    ----------
    orders : DataFrame, one row an order
        As `failures` takes it.
    cost : number or Series
        Of an imperfect order, money, 0 and above: one for all, or one for each with the index of `orders` (not read
        for perfect orders).
    components : names, optional
        As `failures` takes them.

    Returns
    -------
    DataFrame, one row a component
        `failed`, orders in which it failed; `blame`, imperfect orders divided equally among what failed in each;
        `alone`, orders in which it alone failed; `cost`, money by blame, in sum the cost of all imperfect orders;
        `saved`, the cost of those in which it alone failed: what is saved if it never fails and all else stays.

    Raises
    ------
    ValueError
        As `failures` raises it; or a cost is missing, negative, without end or no number.

    Examples
    --------
    >>> orders = pd.DataFrame({"in_full": [False, False, True], "right_invoice": [False, True, True]})
    >>> cause_costs(orders, 40.0)
                   failed  blame  alone  cost  saved
    in_full             2    1.5      1  60.0   40.0
    right_invoice       1    0.5      0  20.0    0.0
    """
    failed = failures(orders, components)
    imperfect = failed.any(axis=1)
    if not (pd.api.types.is_numeric_dtype(cost) if isinstance(cost, pd.Series) else isinstance(cost, int | float)):
        raise ValueError("cost must be a number, or a Series of numbers with the index of orders")
    each = cost.reindex(failed.index) if isinstance(cost, pd.Series) else pd.Series(float(cost), failed.index)
    if (wrong := imperfect & ~((each >= 0) & (each < np.inf))).any():
        raise ValueError(
            f"cost must be 0 and above for each imperfect order; row {wrong.idxmax()} has {each[wrong].iloc[0]}"
        )
    blame, alone = _shares_of_blame(failed)
    return pd.DataFrame(
        {
            "failed": failed.sum(),
            "blame": blame.sum(),
            "alone": alone.sum(),
            "cost": blame.mul(each, axis=0).sum(),
            "saved": alone.mul(each, axis=0).sum(),
        }
    )


def fill_rates(order_lines: pd.DataFrame) -> pd.Series:
    """How much of what was ordered came at once: by order, by line and by unit.

    Parameters
    ----------
    order_lines : DataFrame, one row a line
        `order_id`, `ordered` and `delivered` (units; more than was ordered counts as what was ordered).

    Returns
    -------
    Series
        `order`, share of orders of which nothing lacked; `line`, share of lines; `unit`, share of units.

    Raises
    ------
    ValueError
        There are no lines, a column is missing, a quantity is missing or negative, or no unit was ordered.

    Examples
    --------
    >>> lines = pd.DataFrame({"order_id": ["O1", "O1", "O2"], "ordered": [5, 2, 3], "delivered": [5, 1, 3]})
    >>> fill_rates(lines).round(2).to_dict()
    {'order': 0.5, 'line': 0.67, 'unit': 0.9}
    """
    _check_quantities(order_lines)
    ordered, delivered = order_lines["ordered"], order_lines["delivered"]
    if not ordered.sum() > 0:
        raise ValueError("no unit was ordered in order_lines")
    full = delivered >= ordered
    return pd.Series(
        {
            "order": full.groupby(order_lines["order_id"]).all().mean(),
            "line": full.mean(),
            "unit": np.minimum(delivered, ordered).sum() / ordered.sum(),
        }
    )


# --- what orders say ---


def _shares_of_blame(failed: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Of each order: the part of it that each component is to blame for, and whether it alone failed."""
    number = failed.sum(axis=1)
    return failed.div(number.clip(lower=1), axis=0), failed.mul(number == 1, axis=0)


def _components(orders: pd.DataFrame, components: Sequence[str] | None) -> list[str]:
    known = [name for name in COMPONENTS if name in orders]
    if set(DAYS) <= set(orders.columns):
        known = ["on_time", *(name for name in known if name != "on_time")]
    if components is None:
        if not known:
            raise ValueError(
                "nothing in orders tells whether one was right: it needs promised_on and delivered_on, or some of "
                f"{', '.join(COMPONENTS[1:])}"
            )
        return known
    names = [components] if isinstance(components, str) else list(components)
    if not names:
        raise ValueError("components is empty: name what an order is held against, or leave it out")
    for place, name in enumerate(names):
        if name in names[:place]:
            raise ValueError(f"the component {name!r} is named twice")
        if name == "on_time" and name not in known:
            raise ValueError("whether an order was on_time needs the columns promised_on and delivered_on")
        if name not in known and name not in orders:
            raise ValueError(
                f"there is no component {name!r}; the columns of orders tell of {', '.join(known) or 'none'}"
            )
    return names


def _delivered(orders: pd.DataFrame) -> pd.Series:
    for name in DAYS:
        if name in orders and not pd.api.types.is_datetime64_any_dtype(orders[name]):
            raise ValueError(f"{name} must hold days, not {orders[name].dtype}: read it with pd.to_datetime")
    return orders["delivered_on"].notna() if "delivered_on" in orders else pd.Series(True, orders.index)


def _on_time(orders: pd.DataFrame) -> pd.Series:
    if not set(DAYS) <= set(orders.columns):
        return _flag(orders["on_time"], "on_time")
    if (gaps := orders["promised_on"].isna()).any():
        raise ValueError(
            f"{gaps.sum()} of {len(orders)} delivered orders have no promised_on (the first is row {gaps.idxmax()}): "
            "give it, or leave these orders out and say so"
        )
    return orders["delivered_on"].dt.normalize() <= orders["promised_on"].dt.normalize()


def _flag(values: pd.Series, name: str) -> pd.Series:
    """True or false; 1 and 0 count as these."""
    if (bad := ~values.isin([True, False])).any():
        raise ValueError(
            f"{name} must be true or false in each row; row {bad.idxmax()} holds {values[bad].iloc[0]!r} "
            f"({bad.sum()} of {len(values)} rows)"
        )
    return values.astype(bool)


def _need(table: pd.DataFrame, what: str, *names: str) -> None:
    if missing := [name for name in names if name not in table]:
        raise ValueError(f"{what} has no column {missing[0]!r}; it has {', '.join(map(repr, table.columns))}")


def _check_ids(orders: pd.DataFrame) -> None:
    if (again := orders["order_id"].duplicated()).any():
        raise ValueError(f"order {orders.loc[again, 'order_id'].iloc[0]!r} is in two rows: keep one row for each order")


def _check_quantities(order_lines: pd.DataFrame) -> None:
    _need(order_lines, "order_lines", "order_id", "ordered", "delivered")
    if order_lines.empty:
        raise ValueError("order_lines has no rows")
    if (gaps := order_lines["order_id"].isna()).any():
        raise ValueError(f"order_id is missing in {gaps.sum()} rows of order_lines; the first is {gaps.idxmax()}")
    for name in ("ordered", "delivered"):
        if not pd.api.types.is_numeric_dtype(order_lines[name]):
            raise ValueError(f"{name} must be numbers, not {order_lines[name].dtype}: read it with pd.to_numeric")
        if (wrong := ~(order_lines[name] >= 0)).any():
            raise ValueError(
                f"{name} must be 0 and above; row {wrong.idxmax()} holds {order_lines.loc[wrong, name].iloc[0]}"
            )
