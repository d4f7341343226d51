"""A rule of reordering, run again: what it would have ordered, and what would have been short at other levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

START_SPREAD = 12  # variance of the first error, by the first forecast: a guess, forgotten within months


class Replay(NamedTuple):
    """What a rule would have led to, by level, period and item.

    Attributes
    ----------
    short : array of levels x periods x items
        Units asked for and not there.
    stock : array of the same shape
        Units left at the end of the period.
    """

    short: np.ndarray
    stock: np.ndarray


def reorders(
    level: float,
    demand: np.ndarray,
    stock: np.ndarray,
    *,
    lead_time: int = 2,
    smoothing: float = 0.08,
    warm_up: int = 26,
) -> np.ndarray:
    """What the rule of `replay` had ordered for each period, from the demand and the stock that a firm had.

    Parameters
    ----------
    level : float
        Cycle service by which was ordered, between 0 and 1.
    demand, stock : array of periods x items
        Units asked for, and left at the end of the period; 0 and above.
    lead_time : int
        Periods from order to delivery, 1 or more.
    smoothing, warm_up
        As for `replay`.

    Returns
    -------
    array of periods x items
        Units due in the period; the first `lead_time` rows are a guess.

    Raises
    ------
    ValueError
        An argument is out of its range, or `stock` is of another shape than `demand`.

    Examples
    --------
    >>> demand = np.full((40, 1), 5)
    >>> reorders(0.95, demand, np.full((40, 1), 30))[-1]
    array([0.])
    """
    z, demand = _checked([level], demand, lead_time, smoothing, warm_up)
    if np.shape(stock) != demand.shape:
        raise ValueError(f"stock must be of the shape of demand, {demand.shape}, not {np.shape(stock)}")
    rule, due = _Rule(z, demand[:warm_up].mean(axis=0)[None], lead_time, smoothing), []
    for wanted, left in zip(demand, np.asarray(stock, dtype=float), strict=True):
        due.append(rule.coming.pop(0)[0])
        rule.order(wanted, left[None])
    return np.array(due)


def replay(
    levels: Sequence[float],
    demand: np.ndarray,
    supply: Any = 1.0,
    *,
    lead_time: int = 2,
    smoothing: float = 0.08,
    warm_up: int = 26,
) -> Replay:
    """Run demand through a periodic order-up-to rule again, at several levels of service.

    Each period is reviewed: the forecast and the mean size of its error are smoothed exponentially, and an order brings
    what is in stock and on its way up to (lead_time + 1) * forecast + z * 1.25 * error * sqrt(lead_time + 1); 1.25
    times the mean size is the standard deviation, if errors are normal. What is short is lost, not delivered later.

    Parameters
    ----------
    levels : numbers
        Cycle service by which is ordered, between 0 and 1.
    demand : array of periods x items
        Units, 0 and above, one row a period in the order of time.
    supply : array that broadcasts to the shape of `demand`
        The part of what was ordered that the supplier delivers in the period, between 0 and 1; whole units come.
    lead_time : int
        Periods from order to delivery, 1 or more.
    smoothing : float
        Weight of the newest period, above 0, at most 1.
    warm_up : int
        Periods whose mean demand is the first forecast.

    Returns
    -------
    Replay

    Raises
    ------
    ValueError
        An argument is out of its range, or demand is missing, negative or no table.

    References
    ----------
    Brown (1959), Statistical Forecasting for Inventory Control; Silver, Pyke and Thomas (2017), Inventory and
    Production Management in Supply Chains, 4th ed., chapters 3 and 7.

    Examples
    --------
    >>> demand = np.tile([[0], [0], [9], [0]], (30, 1))
    >>> result = replay([0.8, 0.99], demand)
    >>> result.short[:, -52:].sum(axis=(1, 2)), result.stock[:, -52:].mean(axis=(1, 2)).round(1)
    (array([0., 0.]), array([10.7, 21.7]))
    """
    z, demand = _checked(levels, demand, lead_time, smoothing, warm_up)
    supply = np.broadcast_to(np.asarray(supply, dtype=float), demand.shape)
    if not ((supply >= 0) & (supply <= 1)).all():
        raise ValueError("supply must lie between 0 and 1: the part of what was ordered that comes")
    rule = _Rule(z, np.tile(demand[:warm_up].mean(axis=0), (len(z), 1)), lead_time, smoothing)
    stock, weeks = (lead_time + 1) * rule.forecast, []
    for wanted, arrives in zip(demand, supply, strict=True):
        opening = stock + np.floor(rule.coming.pop(0) * arrives)
        stock = np.maximum(opening - wanted, 0)
        weeks.append((np.maximum(wanted - opening, 0), stock))
        rule.order(wanted, stock)
    short, left = (np.array(one).swapaxes(0, 1) for one in zip(*weeks, strict=True))
    return Replay(short, left)


class _Rule:
    """The state of the rule: forecast, error and what is on its way, one row a level."""

    def __init__(self, z: np.ndarray, forecast: np.ndarray, lead_time: int, smoothing: float) -> None:
        self.z, self.cover, self.smoothing = z, lead_time + 1, smoothing
        self.forecast, self.error = forecast, np.sqrt(START_SPREAD * forecast)
        self.coming = [forecast] * lead_time

    def order(self, wanted: np.ndarray, stock: np.ndarray) -> None:
        self.error = self.error + self.smoothing * (np.abs(wanted - self.forecast) - self.error)
        self.forecast = self.forecast + self.smoothing * (wanted - self.forecast)
        target = self.cover * self.forecast + self.z * 1.25 * self.error * np.sqrt(self.cover)
        # rounded first: a unit more must not hang on the last bit
        self.coming.append(np.ceil(np.maximum(np.round(target - stock - sum(self.coming), 6), 0)))


def _checked(
    levels: Sequence[float], demand: np.ndarray, lead_time: int, smoothing: float, warm_up: int
) -> tuple[np.ndarray, np.ndarray]:
    """z of each level, as a column, and demand as numbers."""
    from scipy import special

    at, units = np.asarray(levels, dtype=float), np.asarray(demand, dtype=float)
    if at.ndim != 1 or at.size == 0 or not ((at > 0) & (at < 1)).all():
        raise ValueError(f"levels must lie between 0 and 1 (0.95, not 95), and be one or more; they are {levels!r}")
    if units.ndim != 2 or not (np.isfinite(units) & (units >= 0)).all():
        raise ValueError("demand must be a table of periods and items, its units numbers, 0 and above")
    if lead_time < 1 or not 0 < smoothing <= 1:
        raise ValueError("lead_time must be 1 or more, and smoothing above 0 and at most 1")
    if not 1 <= warm_up <= len(units):
        raise ValueError(f"warm_up must be 1 or more, and at most the {len(units)} periods of demand, not {warm_up}")
    return special.ndtri(at)[:, None], units
