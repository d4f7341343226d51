"""What to do about it: which case to answer, with what, as long as the next euro brings more than a euro."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def break_even_save_rate(cost: Any, value: Any, risk: Any = 1.0) -> Any:
    """Of those who would leave, the share that an action must keep so that it pays.

    Parameters
    ----------
    cost : number or array
        Of answering one customer, money; 0 and above.
    value : number or array
        Of a customer that is kept, money; above 0.
    risk : number or array
        The chance that a customer who is answered would leave; above 0, at most 1. 1: only leavers are answered.

    Returns
    -------
    float or array
        cost / (risk * value): above 1, nothing can make it pay.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Examples
    --------
    >>> break_even_save_rate(cost=100, value=2000, risk=0.2)
    0.25
    """
    cost, value, risk = (one if isinstance(one, pd.Series) else np.asarray(one) for one in (cost, value, risk))
    for what, values, holds in (
        ("cost must be 0 and above", cost, np.asarray(cost) >= 0),
        ("value must be above 0", value, np.asarray(value) > 0),
        ("risk must be above 0, and at most 1", risk, (np.asarray(risk) > 0) & (np.asarray(risk) <= 1)),
    ):
        if not np.all(holds):
            raise ValueError(f"{what}, not {np.asarray(values).ravel()[np.ravel(~holds)][0]}")
    needed = cost / (risk * value)
    return needed.item() if np.ndim(needed) == 0 else needed


def best_answers(risk: pd.DataFrame, value: pd.Series, effect: pd.DataFrame, cost: pd.DataFrame) -> pd.DataFrame:
    """For each customer the action that brings most, and what it brings.

    Parameters
    ----------
    risk : DataFrame, one row a customer, one column a cause
        The chance of leaving for that cause within the time that the action lasts; a row sums to 1 at most.
    value : Series, one row a customer
        What the customer is worth if it stays, money. What is below 0 is not worth keeping: it counts as 0.
    effect : DataFrame, one row an action, one column a cause
        The share of such leaving that the action prevents, 0 to 1.
    cost : DataFrame, one row a customer, one column an action
        Money, 0 and above, for the same time.

    Returns
    -------
    DataFrame, one row a customer, in the order of `risk`
        `action`; `saved`, the value that it is expected to keep; `cost`; `net`, saved less cost. Where no action brings
        more than it costs the action is missing and the others are 0. Of equals the first row of `effect` is taken.

    Raises
    ------
    ValueError
        The tables do not name the same customers, causes or actions, each once, or name none; a value is missing, or a
        risk, effect or cost is out of its range.

    Examples
    --------
    >>> risk = pd.DataFrame({"late": [0.2, 0.0], "price": [0.1, 0.1]}, index=["A", "B"])
    >>> effect = pd.DataFrame({"late": [0.5, 0.0], "price": [0.0, 0.5]}, index=["watch", "discount"])
    >>> cost = pd.DataFrame({"watch": [100, 100], "discount": [80, 80]}, index=["A", "B"])
    >>> best_answers(risk, pd.Series({"A": 2000, "B": 1000}), effect, cost)
      action  saved   cost    net
    A  watch  200.0  100.0  100.0
    B    NaN    0.0    0.0    0.0
    """
    customers, causes, actions = risk.index, risk.columns, effect.index
    _same_names("value: customers", value.index, customers)
    _same_names("cost: customers", cost.index, customers)
    _same_names("effect: causes", effect.columns, causes)
    _same_names("cost: actions", cost.columns, actions)
    chance, share = risk.to_numpy(dtype="float64"), effect[causes].to_numpy(dtype="float64")
    price = cost.reindex(index=customers, columns=actions).to_numpy(dtype="float64")
    worth = value.reindex(customers).to_numpy(dtype="float64")
    for what, numbers, top in (("risk", chance, 1.0), ("effect", share, 1.0), ("cost", price, np.inf)):
        if not ((numbers >= 0) & (numbers <= top)).all():
            raise ValueError(f"{what} must be numbers from 0" + (" to 1" if top == 1 else ""))
    if (chance.sum(axis=1) > 1 + 1e-9).any():
        raise ValueError(f"the risks of {customers[chance.sum(axis=1).argmax()]!r} sum to more than 1")
    if np.isnan(worth).any():
        raise ValueError(f"the value of {customers[np.isnan(worth).argmax()]!r} is missing")
    saved = chance @ share.T * np.maximum(worth, 0)[:, None]
    best = (saved - price).argmax(axis=1)
    saved, price = (np.take_along_axis(table, best[:, None], axis=1)[:, 0] for table in (saved, price))
    pays = saved > price
    table = {"saved": saved, "cost": price, "net": saved - price}
    return pd.DataFrame(
        {
            "action": pd.Series(actions.to_numpy()[best], customers).where(pays),
            **{name: np.where(pays, numbers, 0.0) for name, numbers in table.items()},
        },
        index=customers,
    )


def _same_names(what: str, given: pd.Index, wanted: pd.Index) -> None:
    odd = [*wanted.difference(given), *given.difference(wanted)]
    odd += [*given[given.duplicated()], *wanted[wanted.duplicated()]]
    if odd or not len(wanted):
        which = f"{odd[0]!r} is not" if odd else "there are none"
        raise ValueError(f"{what} must be the same as those of the other tables, each once; {which}")


def answer_queue(answers: pd.DataFrame, budget: float = np.inf) -> pd.DataFrame:
    """The cases in the order in which to answer them: what brings most for each euro first, while the budget lasts.

    Parameters
    ----------
    answers : DataFrame, one row a customer
        As `best_answers` gives it.
    budget : number
        Money, 0 and above.

    Returns
    -------
    DataFrame, one row a case that pays, best first
        The columns of `answers`, with `spent` and `brought`, the cost and net of this case and those before it, and
        `answered`, whether the budget reaches so far. Free cases come first; equals in the order of `answers`.

    Raises
    ------
    ValueError
        The budget is negative.

    Notes
    -----
    A case that is too dear for what is left ends the queue: nothing behind it is answered. Each customer stands in it
    with the action that brings most, not with a cheaper one: where the budget is short, the queue need not be its very
    best use.

    Examples
    --------
    >>> answers = pd.DataFrame({"action": ["call", "visit"], "saved": [300.0, 500], "cost": [100.0, 300],
    ...                         "net": [200.0, 200]}, index=["A", "B"])
    >>> answer_queue(answers, budget=150)[["spent", "brought", "answered"]]
       spent  brought  answered
    A  100.0    200.0      True
    B  400.0    400.0     False
    """
    if not budget >= 0:
        raise ValueError(f"budget must be a number, 0 and above, not {budget!r}")
    cases = answers[answers["action"].notna()]
    with np.errstate(divide="ignore"):
        a_euro = np.round(
            cases["net"].to_numpy() / cases["cost"].to_numpy(), 9
        )  # binary fractions must not part equals
    queue = cases.iloc[np.argsort(-a_euro, kind="stable")]
    spent = queue["cost"].cumsum()
    return queue.assign(spent=spent, brought=queue["net"].cumsum(), answered=spent <= budget)
