"""A budget over winning, keeping and growing customers, where each has diminishing returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from crmlab.lifetime_value.arguments import check_number


def saturating_response(spend: ArrayLike, ceiling: float, rate: float) -> float | np.ndarray:
    """A response that rises with spend, ever more slowly, towards a ceiling.

    Parameters
    ----------
    spend : float or array
        A customer or prospect, in currency; 0 or more.
    ceiling : float
        What no spend exceeds: the share of prospects who can be won, the share of customers who can be kept.
    rate : float
        How fast the ceiling is neared, a unit of currency.

    Returns
    -------
    float or array, as `spend`
        ceiling x (1 - exp(-rate x spend)).

    Raises
    ------
    ValueError
        A number is negative or not finite.

    References
    ----------
    Blattberg and Deighton (1996), Manage marketing by the customer equity test, Harvard Business Review 74(4), 136-144.

    Examples
    --------
    >>> saturating_response([0, 10, 20], ceiling=0.4, rate=0.1).round(3).tolist()
    [0.0, 0.253, 0.346]
    """
    check_number("ceiling", ceiling)
    check_number("rate", rate)
    money = np.asarray(spend, dtype=float)
    if not (np.isfinite(money) & (money >= 0)).all():
        raise ValueError(f"spend must be finite and 0 or more, not {spend!r}")
    return (-ceiling * np.expm1(-rate * money))[()]


def best_split(budget: float, responses: Mapping[str, Callable[[float], float]]) -> pd.DataFrame:
    """How to split a budget so that the sum of the responses is largest.

    Parameters
    ----------
    budget : float
        In currency; above 0. It is spent whole.
    responses : mapping from names to functions
        What an amount brings, in currency: rising, with diminishing returns (concave).

    Returns
    -------
    DataFrame, one row a name
        `amount`, and `brings`, in currency; `next_unit`, what one more unit of currency would bring. Where an amount is
        neither 0 nor all, `next_unit` is the same: else money would better go elsewhere.

    Raises
    ------
    ValueError
        `budget` is not a number above 0, there is no response, or one has increasing returns.

    Notes
    -----
    Money goes in small steps to where the next step brings most, which is the best split if returns diminish.

    References
    ----------
    Blattberg and Deighton (1996). Fox (1966), Discrete optimization via marginal analysis, Management Science 13(3).

    Examples
    --------
    >>> responses = {"winning": lambda money: 30 * money**0.5, "keeping": lambda money: 40 * money**0.5}
    >>> best_split(1000, responses)["amount"].round(0).to_dict()
    {'winning': 360.0, 'keeping': 640.0}
    """
    check_number("budget", budget, above=0)
    if not responses:
        raise ValueError("responses has no entry: name at least one use of the budget")
    steps = 1000
    step = budget / steps
    grid = np.arange(steps + 2) * step
    brings = {name: np.array([float(response(amount)) for amount in grid]) for name, response in responses.items()}
    for name, values in brings.items():
        if (np.diff(values, 2) > 1e-9 * np.abs(values).max()).any():
            raise ValueError(f"the response {name!r} has increasing returns somewhere: no split by the margin is best")
    gains = pd.concat({name: pd.Series(np.diff(values)[:steps]) for name, values in brings.items()})
    chosen = gains.sort_values(ascending=False, kind="stable").iloc[:steps].groupby(level=0).size()
    taken = chosen.reindex(list(responses), fill_value=0)
    parts = list(zip(brings.values(), taken, strict=True))
    return pd.DataFrame(
        {
            "amount": taken * step,
            "brings": [values[number] - values[0] for values, number in parts],
            "next_unit": [(values[number + 1] - values[number]) / step for values, number in parts],
        }
    )
