"""Service against cost: where a little more of it brings just what it costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

Money = Callable[[np.ndarray], Any]
POINT = 0.01


class OptimalLevel(NamedTuple):
    """The level of service with the largest profit.

    Attributes
    ----------
    level : float
        Of service, a share.
    profit : float
        Benefit less cost there, money.
    marginal_benefit, marginal_cost : float
        What a point more brings and costs there, at the rate of that place, money a point. Equal, unless `at_end`.
    point_less, point_more : float
        Profit lost by a point less or more, money; missing where that is beyond the range.
    at_end : bool
        Whether the best level is an end of the range: then it may lie beyond.
    """

    level: float
    profit: float
    marginal_benefit: float
    marginal_cost: float
    point_less: float
    point_more: float
    at_end: bool


def level_table(benefit: Money, cost: Money, levels: Sequence[float] | np.ndarray) -> pd.DataFrame:
    """What levels of service bring and cost, and what a point more would.

    Parameters
    ----------
    benefit, cost : functions of an array of levels
        Money, for the same time: contribution of the demand that such a level brings; and holding, say.
    levels : numbers
        Shares, between 0 and 1.

    Returns
    -------
    DataFrame, indexed by level
        `benefit`, `cost` and `profit`, money; `marginal_benefit`, `marginal_cost` and `marginal_profit`, money a point
        at the rate of that place.

    Raises
    ------
    ValueError
        There are no levels, one is not between 0 and 1, or a function gives no number for a level.

    Examples
    --------
    >>> level_table(lambda level: 400 * level, lambda level: 10 / (1 - level), [0.8, 0.9])["profit"].round(2).to_dict()
    {0.8: 270.0, 0.9: 260.0}
    """
    at = np.asarray(levels, dtype=float)
    if at.size == 0 or not ((at > 0) & (at < 1)).all():
        raise ValueError(f"levels must lie between 0 and 1 (0.95, not 95), and be one or more; they are {levels!r}")
    brings, costs = _values(benefit, "benefit", at), _values(cost, "cost", at)
    more, dearer = _slope(benefit, "benefit", at), _slope(cost, "cost", at)
    return pd.DataFrame(
        {
            "benefit": brings,
            "cost": costs,
            "profit": brings - costs,
            "marginal_benefit": more,
            "marginal_cost": dearer,
            "marginal_profit": more - dearer,
        },
        index=pd.Index(at, name="level"),
    )


def optimal_level(benefit: Money, cost: Money, low: float = 0.5, high: float = 0.999) -> OptimalLevel:
    """The level of service with the largest profit: where a point more brings what it costs.

    Parameters
    ----------
    benefit, cost : functions of an array of levels
        As for `level_table`; smooth.
    low, high : number
        The range that is searched, shares between 0 and 1.

    Returns
    -------
    OptimalLevel

    Raises
    ------
    ValueError
        The range does not lie between 0 and 1, or a function gives no number for a level.

    Notes
    -----
    A grid of 500 levels finds the highest peak where there are several. The newsvendor's critical ratio is the special
    case in which the benefit is the margin of what is sold and the cost that of what is left over.

    Examples
    --------
    >>> best = optimal_level(lambda level: 400 * level, lambda level: 10 / (1 - level))
    >>> round(best.level, 4), round(best.marginal_benefit, 4), round(best.point_more, 2)
    (0.8419, 4.0, 0.27)
    """
    from scipy.optimize import minimize_scalar

    if not 0 < low < high < 1:
        raise ValueError(f"low and high must lie between 0 and 1, low first (0.95, not 95); they are {low} and {high}")
    grid = np.linspace(low, high, 500)
    profits = _values(benefit, "benefit", grid) - _values(cost, "cost", grid)
    best = int(profits.argmax())

    def profit(level: float) -> float:
        at = np.array([level])
        return float((_values(benefit, "benefit", at) - _values(cost, "cost", at))[0])

    ends = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(lambda level: -profit(level), bounds=ends, method="bounded", options={"xatol": 1e-10})
    level = float(max((found.x, *ends), key=profit))
    at = np.array([level])
    return OptimalLevel(
        level=level,
        profit=profit(level),
        marginal_benefit=float(_slope(benefit, "benefit", at, low, high)[0]),
        marginal_cost=float(_slope(cost, "cost", at, low, high)[0]),
        point_less=profit(level) - profit(level - POINT) if level - POINT >= low else np.nan,
        point_more=profit(level) - profit(level + POINT) if level + POINT <= high else np.nan,
        at_end=level in (low, high),
    )


def _values(function: Money, name: str, levels: np.ndarray) -> np.ndarray:
    values = np.broadcast_to(np.asarray(function(levels), dtype=float), levels.shape)
    if not np.isfinite(values).all():
        raise ValueError(f"{name} gives no finite number at level {levels[~np.isfinite(values)][0]:g}")
    return values


def _slope(function: Money, name: str, levels: np.ndarray, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """Money a point, at the rate of that place; from one side where the range ends."""
    step = 1e-4 * np.minimum(levels, 1 - levels)
    above, below = np.minimum(levels + step, high), np.maximum(levels - step, low)
    return POINT * (_values(function, name, above) - _values(function, name, below)) / (above - below)
