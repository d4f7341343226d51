"""Which customers make money: profit by customer, the whale curve, and what other rankings lose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from crmlab.cost_to_serve.arguments import amount_table, amounts, number, same
from crmlab.data import check
from crmlab.data.reading import read_ids

TINY_TOTAL = 0.05  # of the sum of absolute values: below it percent of the total says nothing


class CustomerProfit(NamedTuple):
    """Profit and loss by customer.

    Attributes
    ----------
    table : DataFrame, one row a customer
        Money: `list_value` and `discount` where the sales tell the former; `revenue`, `cost_of_goods`, `margin`,
        `cost_to_serve`, `unused` (what is charged of capacity that nobody used) and `profit`.
    costs : DataFrame, one row a customer, one column an activity
        Money; in sum `cost_to_serve`.
    without_sales : list
        Customers that cost something and bought nothing; they are in the tables.
    without_costs : list
        Customers that bought and are not in the ledger; they are in the tables.
    """

    table: pd.DataFrame
    costs: pd.DataFrame
    without_sales: list[str]
    without_costs: list[str]


def customer_profit(
    sales: pd.DataFrame,
    ledger: pd.DataFrame,
    *,
    unused: float = 0.0,
    key: Literal["revenue", "cost_to_serve"] = "cost_to_serve",
) -> CustomerProfit:
    """What each customer brings, from its list price to its profit.

    Parameters
    ----------
    sales : DataFrame, one row a sale (an order, a line, a year)
        `customer_id`, `revenue` (money, net of discounts) and `cost_of_goods`; `list_value` (money, before discounts)
        where it is known. A credit note is a row with negative numbers. All rows count: keep both tables to the same
        months.
    ledger : DataFrame
        The contract `ledger`: the cost of each activity by customer and month.
    unused : number
        Cost of capacity that nobody used, money, that is charged to customers; by default nothing.
    key : {"revenue", "cost_to_serve"}
        In proportion to what it is charged; below 0 counts as 0.

    Returns
    -------
    CustomerProfit
        By customer in the order of their names. Its sums are those of `sales`, of `ledger`, and `unused`.

    Raises
    ------
    ContractError
        The ledger breaks its contract.
    ValueError
        A column is missing, a number or a customer is, a table has no rows, or there is nothing to charge `unused` by.

    Notes
    -----
    What nobody used is no customer's by default: DECISIONS.md, "Whose capacity that nobody used is".

    Examples
    --------
    >>> sales = pd.DataFrame({"customer_id": ["A", "B"], "revenue": [900.0, 100.0], "cost_of_goods": [700.0, 60.0]})
    >>> ledger = pd.DataFrame({"customer_id": ["A", "A", "C"], "month": "2025-01-01",
    ...                        "activity": ["delivery", "visits", "visits"], "cost": [250.0, 10.0, 10.0]})
    >>> result = customer_profit(sales, ledger)
    >>> result.table["profit"].to_dict(), result.without_sales, result.without_costs
    ({'A': -60.0, 'B': 40.0, 'C': -10.0}, ['C'], ['B'])
    """
    sold, booked = _sold(sales), check(ledger, "ledger")
    if booked.empty:
        raise ValueError("ledger has no rows")
    costs = booked.pivot_table(index="customer_id", columns="activity", values="cost", aggfunc="sum", fill_value=0.0)
    everybody = sold.index.union(costs.index).rename("customer_id")
    table, costs = (part.reindex(everybody, fill_value=0.0) for part in (sold, costs))
    table["margin"] = table["revenue"] - table["cost_of_goods"]
    table["cost_to_serve"] = costs.sum(axis=1)
    if key not in ("revenue", "cost_to_serve"):
        raise ValueError(f"key must be 'revenue' or 'cost_to_serve', not {key!r}")
    weight = table[key].clip(lower=0)
    if number("unused", unused) and not weight.sum() > 0:
        raise ValueError(f"there is no {key} to charge {unused:,.2f} of unused capacity by")
    table["unused"] = unused * weight / weight.sum() if unused else 0.0
    table["profit"] = table["margin"] - table["cost_to_serve"] - table["unused"]
    without_costs = list(everybody.difference(pd.Index(booked["customer_id"])))
    return CustomerProfit(table, costs, list(everybody.difference(sold.index)), without_costs)


def _sold(sales: pd.DataFrame) -> pd.DataFrame:
    """Sums of the sales by customer."""
    if not isinstance(sales, pd.DataFrame):
        raise ValueError(f"sales must be a DataFrame, one row a sale, not {type(sales).__name__}")
    if missing := [name for name in ("customer_id", "revenue", "cost_of_goods") if name not in sales]:
        raise ValueError(f"sales has no column {missing[0]!r}; it has {', '.join(map(repr, sales.columns))}")
    rows = sales.set_axis(pd.RangeIndex(1, len(sales) + 1, name="row"))
    customer = read_ids(rows["customer_id"])[0]
    if (gaps := customer.isna()).any():
        raise ValueError(f"customer_id of sales must be text, none missing; {gaps.sum()} of {len(rows)} rows are not")
    names = ["list_value", "revenue", "cost_of_goods"] if "list_value" in rows else ["revenue", "cost_of_goods"]
    sums = amount_table("sales", rows[names]).groupby(customer).sum()
    if "list_value" in sums:
        sums.insert(1, "discount", sums["list_value"] - sums["revenue"])
    return sums


def price_waterfall(result: CustomerProfit, customers: str | Sequence[str] | None = None) -> pd.DataFrame:
    """The steps from list price to profit.

    Parameters
    ----------
    result : CustomerProfit
    customers : str, or several, optional
        Of whom; by default of all.

    Returns
    -------
    DataFrame, one row a step
        `amount`, money, below 0 where it takes; `start` and `end` of its bar, money; `total`, whether the step is a sum
        (list_value, revenue, margin, profit), whose bar begins at 0. Activities come by what they cost.

    Raises
    ------
    ValueError
        A customer is not in the result, there is none, or the result is not of `customer_profit`.

    Examples
    --------
    >>> sales = pd.DataFrame({"customer_id": ["A"], "revenue": [900.0], "cost_of_goods": [700.0]})
    >>> ledger = pd.DataFrame({"customer_id": ["A"], "month": "2025-01-01", "activity": "visits", "cost": [50.0]})
    >>> price_waterfall(customer_profit(sales, ledger))["amount"].to_dict()
    {'revenue': 900.0, 'cost_of_goods': -700.0, 'margin': 200.0, 'visits': -50.0, 'profit': 150.0}
    """
    if not isinstance(result, CustomerProfit):
        raise ValueError(f"result must be what customer_profit gives, not {type(result).__name__}")
    everybody = result.table.index
    who = (
        everybody if customers is None else pd.Index([customers] if isinstance(customers, str) else customers).unique()
    )
    if len(unknown := who.difference(everybody)) or who.empty:
        raise ValueError(f"there is no customer {unknown[0]!r}" if len(unknown) else "customers is empty")
    sums, costs = result.table.loc[who].sum(), result.costs.loc[who].sum().sort_values(ascending=False, kind="stable")
    signs = {"list_value": 0, "discount": -1, "revenue": 0, "cost_of_goods": -1, "margin": 0}  # 0: a sum
    steps = [(name, sums[name], sign) for name, sign in signs.items() if name in sums]
    steps += [(str(name), cost, -1) for name, cost in costs.items()]
    steps += [("unused", sums["unused"], -1)] * bool(sums["unused"]) + [("profit", sums["profit"], 0)]
    rows, end = [], 0.0
    for _, money, sign in steps:
        amount = 0.0 - money if sign else money
        start, end = (end, end + amount) if sign else (0.0, money)
        rows.append((amount, start, end, not sign))
    index = pd.Index([name for name, _, _ in steps], name="step")
    return pd.DataFrame(rows, index=index, columns=["amount", "start", "end", "total"])


class WhaleCurve(NamedTuple):
    """Profit, cumulated from the best customer to the worst.

    Attributes
    ----------
    table : DataFrame, one row a customer
        By profit, the highest first: `profit` and `cumulative`, money; `share_of_customers`, so far; `share_of_profit`,
        the cumulative of the total (missing where that says nothing).
    total : float
        Money: where the curve ends.
    peak : float
        Money: all profits above 0.
    peak_at : int
        The number of customers that make it.
    peak_share : float
        `peak` of the total: 2.25 is 225%. Missing as above.
    """

    table: pd.DataFrame
    total: float
    peak: float
    peak_at: int
    peak_share: float


def whale_curve(profit: Any) -> WhaleCurve:
    """How much of the profit the best customers make, and how much of it the worst take back.

    Parameters
    ----------
    profit : Series by customer
        Money.

    Returns
    -------
    WhaleCurve
        Equals stay in the order given. Shares are missing where the total is not above 5% of the sum of absolute
        values: DECISIONS.md, "Percent of a total near zero".

    Raises
    ------
    ValueError
        There is no customer, one is there twice, or a profit is missing or no number.

    References
    ----------
    Kaplan and Narayanan (2001), Measuring and managing customer profitability, Journal of Cost Management 15(5), 5-15.

    Examples
    --------
    >>> curve = whale_curve({"A": -125.0, "B": 225.0, "C": 0.0})
    >>> curve.table["cumulative"].to_dict(), curve.peak_at, curve.peak_share
    ({'B': 225.0, 'C': 225.0, 'A': 100.0}, 1, 2.25)
    """
    ordered = amounts("profit", profit).sort_values(ascending=False, kind="stable")
    cumulative = ordered.cumsum()
    total = float(cumulative.iloc[-1])
    base = total if total > TINY_TOTAL * ordered.abs().sum() else np.nan
    peak_at = int((ordered > 0).sum())
    peak = float(cumulative.iloc[peak_at - 1]) if peak_at else 0.0
    table = {
        "profit": ordered,
        "cumulative": cumulative,
        "share_of_customers": np.arange(1, len(ordered) + 1) / len(ordered),
        "share_of_profit": cumulative / base,
    }
    return WhaleCurve(pd.DataFrame(table), total, peak, peak_at, peak / base)


def ranking_loss(profit: Any, scores: pd.DataFrame, k: int) -> pd.DataFrame:
    """What is lost if the best k customers are chosen by something else than their profit.

    Parameters
    ----------
    profit : Series by customer
        Money.
    scores : DataFrame of customers x scores
        By which they might be chosen (revenue, margin rate, ...), the highest first.
    k : int
        How many are chosen, 1 or more.

    Returns
    -------
    DataFrame, one row a score
        `tau`, Kendall's tau-b with profit (missing where all scores are equal); `shared`, how many of the k are among
        the k best by profit; `profit`, money that the chosen make; `lost`, money by which that is less than what the k
        best make. Who ties at the border is chosen in part.

    Raises
    ------
    ValueError
        A number is missing, a customer is in one argument only, or k is not between 1 and the number of customers.

    Examples
    --------
    >>> profit = pd.Series({"A": -50.0, "B": 40.0, "C": 5.0})
    >>> scores = pd.DataFrame({"revenue": [900, 400, 10], "rate": [0.1, 0.2, 0.5]}, index=["A", "B", "C"])
    >>> ranking_loss(profit, scores, k=1)[["profit", "lost"]].to_dict("index")
    {'revenue': {'profit': -50.0, 'lost': 90.0}, 'rate': {'profit': 5.0, 'lost': 35.0}}
    """
    from scipy import stats

    money, by = amounts("profit", profit), amount_table("scores", scores)
    same("scores", by.index, "profit", money.index)
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k <= len(money):
        raise ValueError(f"k must be a whole number from 1 to the {len(money)} customers, not {k!r}")
    by, best, rows = by.reindex(money.index), _chosen(money, k), {}
    for name, score in by.items():
        chosen = _chosen(score, k)
        rows[name] = {
            "tau": stats.kendalltau(money, score).statistic,
            "shared": np.minimum(chosen, best).sum(),
            "profit": float(money @ chosen),
            "lost": float(money @ (best - chosen)),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("score")


def _chosen(score: pd.Series, k: int) -> np.ndarray:
    """How far each is among the k highest: 1, 0, or a part where equals share the last places."""
    values = score.to_numpy()
    border = np.sort(values)[-k]
    above, at = values > border, values == border
    return np.where(above, 1.0, at * (k - above.sum()) / at.sum())
