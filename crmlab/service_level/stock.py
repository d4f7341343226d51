"""Stock: how much to have so that little is lacking, and what two service levels that are often confused say of it.

Everywhere demand, or the error of its forecast, is normal; `sd` is that of one period, and lead time counts periods.
Where stock is reviewed every so often, the time to cover is lead time and review period together: give their sum.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd


class Newsvendor(NamedTuple):
    """What to order once, before demand is known.

    Attributes
    ----------
    critical_ratio : float
        The chance that demand does not exceed the best quantity: the service level that pays best.
    quantity : float
        That brings the largest expected profit, units; 0 and above.
    expected_profit : float
        Money.
    """

    critical_ratio: float
    quantity: float
    expected_profit: float


def newsvendor(price: float, cost: float, salvage: float, mean: float, sd: float) -> Newsvendor:
    """How much to order once of what is worth less afterwards, if demand is normal.

    Parameters
    ----------
    price, cost, salvage : number
        Of a unit, money: sold; bought; and left over. salvage < cost < price; cost is 0 and above.
    mean, sd : number
        Of demand, units; 0 and above.

    Returns
    -------
    Newsvendor
        Where the best quantity of the normal law is below 0, nothing is ordered and nothing earned; or where the
        normal law, which allows a demand below 0, expects less than that. Do not use it where sd is above four
        tenths of mean: a demand below 0 has then a chance of 1% or more.

    Raises
    ------
    ValueError
        A number is missing, cost is negative, or salvage, cost and price do not rise.

    References
    ----------
    Arrow, Harris and Marschak (1951), Optimal inventory policy, Econometrica 19(3), 250-272; Porteus (2002),
    Foundations of Stochastic Inventory Theory, chapter 1.

    Examples
    --------
    >>> result = newsvendor(price=5, cost=1.25, salvage=0, mean=9000, sd=2000)
    >>> result.critical_ratio, round(result.quantity, 2)
    (0.75, 10348.98)
    """
    from scipy import special

    for name, value in (("price", price), ("cost", cost), ("mean", mean), ("sd", sd)):
        _check(name, value)
    _check("salvage", salvage, low=-np.inf)
    if not salvage < price:
        raise ValueError(f"salvage must be below price ({price}), not {salvage}")
    if not cost < price:
        raise ValueError(f"cost must be below price ({price}), or nothing is worth ordering; it is {cost}")
    if not salvage < cost:
        raise ValueError(f"salvage must be below cost ({cost}), or what is left over costs nothing; it is {salvage}")
    ratio = (price - cost) / (price - salvage)
    z = float(special.ndtri(ratio))
    quantity = mean + z * sd
    if quantity <= 0:
        return Newsvendor(ratio, 0.0, 0.0)
    profit = (price - cost) * mean - (price - salvage) * sd * float(_density(z))
    if profit < 0:
        return Newsvendor(ratio, 0.0, 0.0)
    return Newsvendor(ratio, quantity, profit)


def safety_stock(service_level: Any, sd: Any, lead_time: Any, lead_time_sd: Any = 0, mean: Any = None) -> Any:
    """The stock beyond expected demand that leaves no gap in a cycle with the given chance.

    Parameters
    ----------
    service_level : number, array or Series
        Cycle service: the chance that nothing lacks between one delivery and the next, between 0 and 1.
    sd : number, array or Series
        Standard deviation of the forecast error of one period, units; 0 and above. Not of demand: what is foreseen
        needs no stock.
    lead_time : number, array or Series
        Periods to cover, above 0.
    lead_time_sd : number, array or Series
        Standard deviation of the lead time, periods.
    mean : number, array or Series, optional
        Demand of a period, units; needed where the lead time varies.

    Returns
    -------
    float, array or Series
        Units: z * sqrt(lead_time * sd**2 + mean**2 * lead_time_sd**2). Below 0 for a service level below 0.5.

    Raises
    ------
    ValueError
        An argument is out of its range, or `mean` is missing.

    References
    ----------
    Silver, Pyke and Thomas (2017), Inventory and Production Management in Supply Chains, 4th ed., chapters 6 and 7.

    Examples
    --------
    >>> round(safety_stock(0.95, sd=20, lead_time=4), 3)
    65.794
    """
    from scipy import special

    _check_level("service_level", service_level)
    _check("sd", sd)
    _check("lead_time", lead_time, above=True)
    _check("lead_time_sd", lead_time_sd)
    if mean is None and np.any(np.asarray(lead_time_sd) > 0):
        raise ValueError("where lead_time_sd is above 0, mean is needed: the demand of a period, in units")
    if mean is not None:
        _check("mean", mean)
    level, sd, time, time_sd, mean = _arrays(service_level, sd, lead_time, lead_time_sd, 0 if mean is None else mean)
    return _plain(special.ndtri(level) * np.sqrt(time * sd**2 + (mean * time_sd) ** 2))


def cycle_service(safety_stock: Any, sd: Any, lead_time: Any) -> Any:
    """The chance that nothing lacks between one delivery and the next.

    Parameters
    ----------
    safety_stock : number, array or Series
        Units beyond expected demand; may be below 0.
    sd, lead_time : number, array or Series
        As for `safety_stock`; sd above 0.

    Returns
    -------
    float, array or Series
        Between 0 and 1.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Examples
    --------
    >>> round(cycle_service(65.794, sd=20, lead_time=4), 4)
    0.95
    """
    from scipy import special

    stock, spread = _standard(safety_stock, sd, lead_time)
    return _plain(special.ndtr(stock / spread))


def expected_short(safety_stock: Any, sd: Any, lead_time: Any) -> Any:
    """How many units lack in a cycle, on average over cycles with and without a gap.

    Parameters
    ----------
    safety_stock, sd, lead_time : number, array or Series
        As for `cycle_service`.

    Returns
    -------
    float, array or Series
        Units a cycle, above 0.

    Raises
    ------
    ValueError
        An argument is out of its range.

    References
    ----------
    Silver, Pyke and Thomas (2017), chapter 6: the unit normal loss function times the standard deviation.

    Examples
    --------
    >>> round(expected_short(65.794, sd=20, lead_time=4), 4)
    0.8357
    """
    stock, spread = _standard(safety_stock, sd, lead_time)
    return _plain(spread * _loss(stock / spread))


def fill_rate(safety_stock: Any, sd: Any, lead_time: Any, order_quantity: Any) -> Any:
    """The share of units that are there when they are asked for.

    Parameters
    ----------
    safety_stock, sd, lead_time : number, array or Series
        As for `cycle_service`.
    order_quantity : number, array or Series
        Units that a delivery brings, above 0: what is sold in a cycle.

    Returns
    -------
    float, array or Series
        Between 0 and 1. It is 1 - expected_short / order_quantity, but what still lacked from the cycle before is not
        counted twice: DECISIONS.md, "Fill rate of small quantities".

    Raises
    ------
    ValueError
        An argument is out of its range.

    References
    ----------
    Hadley and Whitin (1963), Analysis of Inventory Systems, chapter 4; Silver, Pyke and Thomas (2017), chapter 6.

    Examples
    --------
    >>> [round(fill_rate(65.794, sd=20, lead_time=4, order_quantity=q), 5) for q in (100, 200, 400)]
    [0.99164, 0.99582, 0.99791]
    """
    _check("order_quantity", order_quantity, above=True)
    stock, spread, quantity = _standard(safety_stock, sd, lead_time, order_quantity)
    k = stock / spread
    return _plain(np.clip(1 - spread * (_loss(k) - _loss(k + quantity / spread)) / quantity, 0, 1))


def stock_for_fill(fill: Any, sd: Any, lead_time: Any, order_quantity: Any) -> Any:
    """The safety stock with which a share of units is there when asked for.

    Parameters
    ----------
    fill : number, array or Series
        Between 0 and 1.
    sd, lead_time, order_quantity : number, array or Series
        As for `fill_rate`.

    Returns
    -------
    float, array or Series
        Units. Below 0 where the fill is reached although stock ends, on average, before the delivery comes: the
        quantity is so large that what lacks then is a small part of it.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Examples
    --------
    >>> round(stock_for_fill(0.95, sd=20, lead_time=4, order_quantity=200), 3)
    13.795
    """
    from scipy.optimize import elementwise

    _check_level("fill", fill)
    _check("order_quantity", order_quantity, above=True)
    _, spread, quantity, fill = _standard(0.0, sd, lead_time, order_quantity, fill)

    def lack(k: np.ndarray, fill: np.ndarray, ratio: np.ndarray) -> np.ndarray:
        return (_loss(k) - _loss(k + ratio)) / ratio - (1 - fill)

    share, ratio = np.broadcast_arrays(np.asarray(fill), np.asarray(quantity / spread))
    k = elementwise.find_root(lack, (-ratio - 40, np.full(ratio.shape, 40.0)), args=(share, ratio)).x
    return _plain(k * spread + 0 * (fill + quantity))  # of their shape and index, too


def pooled_sd(sd: Any, correlation: Any = 0.0) -> float:
    """Standard deviation of several demands together.

    Parameters
    ----------
    sd : array or Series
        Of each, units; 0 and above.
    correlation : number or square array
        One for every two of them, or a matrix; from -1 to 1.

    Returns
    -------
    float
        Units: at most the sum, which is reached where all are perfectly correlated.

    Raises
    ------
    ValueError
        There is no sd, or one is negative; labels differ; the correlations are out of range or of another shape, or
        no demands can be so correlated.

    References
    ----------
    Eppen (1979), Effects of centralization on expected costs in a multi-location newsboy problem, Management Science
    25(5), 498-501.

    Examples
    --------
    >>> pooled_sd([30.0, 40.0]), pooled_sd([30.0, 40.0], correlation=1)
    (50.0, 70.0)
    """
    _check("sd", sd)
    each = np.atleast_1d(np.asarray(sd, float))
    if each.size == 0:
        raise ValueError("sd is empty: there is nothing to pool")
    labelled = isinstance(sd, pd.Series) and isinstance(correlation, pd.DataFrame)
    if labelled and not (sd.index.equals(correlation.index) and sd.index.equals(correlation.columns)):
        raise ValueError("sd and correlation are not of the same demands in the same order: give them one index")
    given = np.asarray(correlation, float)
    if given.ndim and given.shape != (len(each), len(each)):
        raise ValueError(f"correlation must be one number or of shape {(len(each), len(each))}, not {given.shape}")
    if not (np.abs(given) <= 1).all():
        raise ValueError(f"correlation must lie between -1 and 1, not {correlation!r}")
    matrix = given if given.ndim else np.where(np.eye(len(each), dtype=bool), 1.0, given)
    if not np.allclose(matrix, matrix.T) or not np.allclose(np.diag(matrix), 1):
        raise ValueError("correlation must be symmetric, with 1 on its diagonal")
    if np.linalg.eigvalsh(matrix).min() < -1e-9:
        raise ValueError(
            f"no {len(each)} demands can have the correlations {correlation!r}: they contradict each other"
        )
    return float(np.sqrt(max(each @ matrix @ each, 0.0)))


def least_cost_stock(
    fill: float, holding_cost: Any, demand: Any, sd: Any, lead_time: Any, order_quantity: Any
) -> pd.DataFrame:
    """The safety stocks of several items that give a share of all units at the least cost of holding them.

    Parameters
    ----------
    fill : number
        Share of the units of all items that are there when asked for, between 0 and 1.
    holding_cost : Series or array, one entry an item
        Money for a unit held a period, above 0.
    demand : Series or array
        Units a period, above 0.
    sd, lead_time, order_quantity : number, Series or array
        As for `fill_rate`.

    Returns
    -------
    DataFrame, one row an item
        `stock`, units, 0 and above; `fill`, its share of units; `cost`, money a period. Where even without any stock
        more than `fill` is there, all stocks are 0.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    At the optimum one more euro of holding wins the same units whatever item it is spent on (Lagrange); where it wins
    too few, an item has no stock.

    References
    ----------
    Silver, Pyke and Thomas (2017), chapter 6, on exchange curves.

    Examples
    --------
    >>> least_cost_stock(0.98, [0.1, 1.0], demand=50, sd=20, lead_time=4, order_quantity=100).round(2)
       stock  fill   cost
    0  84.42  1.00   8.44
    1  37.48  0.96  37.48
    """
    from scipy import special
    from scipy.optimize import brentq, elementwise

    _check_level("fill", fill)
    _check("holding_cost", holding_cost, above=True)
    _check("demand", demand, above=True)
    _check("order_quantity", order_quantity, above=True)
    _, *given = _standard(0.0, sd, lead_time, order_quantity, holding_cost, demand)
    spread, quantity, holding, units = np.broadcast_arrays(*np.atleast_1d(*given))
    ratio = quantity / spread

    def won(k: np.ndarray, ratio: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """Chance that a unit more of stock is missed before the next delivery, less what it must be."""
        return special.ndtr(-k) - special.ndtr(-k - ratio) - wanted

    def stocks(price: float) -> np.ndarray:
        """The best if a unit that lacks costs `price`."""
        wanted = holding * quantity / (price * units)
        ends = np.zeros(len(units)), np.full(len(units), 40.0)
        root = elementwise.find_root(won, ends, args=(ratio, wanted)).x
        return spread * np.where(won(ends[0], ratio, wanted) > 0, root, 0.0)

    def beyond(log_price: float) -> float:
        return float(units @ fill_rate(stocks(np.exp(log_price)), spread, 1, quantity) / units.sum()) - fill

    dear = np.log(holding * quantity / units).max()
    low, high = dear - 40, dear + 40
    stock = np.zeros(len(units)) if beyond(low) >= 0 else stocks(np.exp(brentq(beyond, low, high, xtol=1e-12)))
    table = {"stock": stock, "fill": fill_rate(stock, spread, 1, quantity), "cost": holding * stock}
    return pd.DataFrame(table, index=next((one.index for one in given if isinstance(one, pd.Series)), None))


# --- the normal law, and what callers say ---


def _density(z: Any) -> Any:
    return np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)


def _loss(k: Any) -> Any:
    """By how much a standard normal value exceeds k, on average (unit normal loss)."""
    from scipy import special

    return _density(k) - k * special.ndtr(-k)


def _standard(safety_stock: Any, sd: Any, lead_time: Any, *others: Any) -> list[Any]:
    """Safety stock, the standard deviation over the lead time, both in units, and what else is given."""
    _check("safety_stock", safety_stock, low=-np.inf)
    _check("sd", sd, above=True)
    _check("lead_time", lead_time, above=True)
    stock, sd, lead_time, *rest = _arrays(safety_stock, sd, lead_time, *others)
    return [stock, sd * np.sqrt(lead_time), *rest]


def _arrays(*values: Any) -> list[Any]:
    """Series as they are, which keeps their index; all else as arrays."""
    indexes = [one.index for one in values if isinstance(one, pd.Series)]
    if any(not index.equals(indexes[0]) for index in indexes):
        raise ValueError("the Series are not of the same items in the same order: give them one index")
    return [one if isinstance(one, pd.Series) else np.asarray(one, dtype=float) for one in values]


def _plain(result: Any) -> Any:
    return result.item() if np.ndim(result) == 0 else result


def _check(name: str, value: Any, *, low: float = 0, above: bool = False) -> None:
    """Numbers, 0 and above or above 0; refused by the argument's name otherwise."""
    values = np.asarray(value)
    allowed = "a number above 0" if above else "a number" if low < 0 else "a number, 0 and above"
    if values.dtype.kind not in "iuf":
        raise ValueError(f"{name} must be {allowed}, not {value!r}")
    if wrong := [one for one in values.ravel() if not (np.isfinite(one) and (one > 0 if above else one >= low))]:
        raise ValueError(f"{name} must be {allowed}, not {wrong[0]}")


def _check_level(name: str, value: Any) -> None:
    """Shares between 0 and 1; a percentage is told from them."""
    _check(name, value, low=-np.inf)
    if wrong := [one for one in np.ravel(value) if not 0 < one < 1]:
        hint = f": did you mean {wrong[0] / 100:g}?" if 1 < wrong[0] < 100 else ""
        raise ValueError(f"{name} must lie between 0 and 1, not {wrong[0]:g}{hint}")
