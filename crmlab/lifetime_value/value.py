"""What customers are worth: the margin of the purchases to expect of them, discounted to today."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri
from sklearn.base import clone

from crmlab.data.transactions import DAYS
from crmlab.lifetime_value.beta_geo_nbd import BetaGeoNBD
from crmlab.lifetime_value.fitting import LikelihoodModel, check_number, collapse
from crmlab.lifetime_value.gamma_gamma import GammaGamma

NODES, SHARES = (np.polynomial.legendre.leggauss(16)[0] + 1) / 2, np.polynomial.legendre.leggauss(16)[1] / 2
NUDGE = 1e-4  # of the logarithm of a parameter, for central differences


def customer_lifetime_value(
    purchases: BetaGeoNBD,
    spend: GammaGamma,
    summary: pd.DataFrame,
    *,
    horizon: float,
    gross_margin: float,
    discount_rate: float,
    level: float | None = 0.9,
) -> pd.DataFrame:
    """The value of each customer: the discounted margin of its purchases to expect within a horizon.

    Parameters
    ----------
    purchases : BetaGeoNBD
        Fitted, or with known parameters.
    spend : GammaGamma
        Likewise.
    summary : DataFrame, one row a customer
        Contract `customer_summary`, with monetary_value; times in the unit of `purchases`.
    horizon : float
        How far ahead purchases count, in the unit of `purchases`; above 0.
    gross_margin : float
        The share of spend that is left after the cost of what was sold, from 0 to 1.
    discount_rate : float
        **A year**, as a share: 0.1 is 10% a year, whatever the unit of `purchases`.
    level : float or None
        The confidence of the interval, between 0 and 1. None: no interval, as for models made by from_params, whose
        parameters have no known error.

    Returns
    -------
    DataFrame, indexed as `summary`
        `value`, in currency, and `low` and `high` unless `level` is None. The interval is for the expected value: it
        covers the errors of the parameters, not the luck of a single customer, nor a wrong model (DECISIONS.md,
        "Intervals of customer value").

    Raises
    ------
    ContractError
        `summary` breaks its contract.
    ValueError
        An argument is out of its range, the units differ, the mean spend does not exist, or an interval is asked of a
        model without covariance.

    Notes
    -----
    A purchase at time t counts exp(-delta t), where exp(delta) is 1 + `discount_rate` a year (DECISIONS.md,
    "Discounting").

    References
    ----------
    Fader, Hardie and Lee (2005), RFM and CLV: using iso-value curves for customer base analysis, Journal of Marketing
    Research 42(4), 415-430: margin times spend times discounted purchases; here up to a horizon.

    Examples
    --------
    >>> purchases = BetaGeoNBD.from_params(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
    >>> spend = GammaGamma.from_params(p=6.25, q=3.74, v=15.44)
    >>> table = pd.DataFrame({"customer_id": ["a", "b"], "frequency": [0, 2], "recency": [0, 30.43],
    ...                       "T": [38.86, 38.86], "monetary_value": [0, 22.35]})
    >>> customer_lifetime_value(purchases, spend, table, horizon=52, gross_margin=0.3, discount_rate=0.1, level=None)
           value
    0   2.542224
    1  11.038590
    """
    check_number("horizon", horizon, above=0)
    if not (isinstance(purchases, BetaGeoNBD) and isinstance(spend, GammaGamma)):
        given = f"{type(purchases).__name__} and {type(spend).__name__}"
        raise TypeError(f"give the model of purchases, then that of spend: a BetaGeoNBD and a GammaGamma, not {given}")
    delta = _force_of_interest(purchases, discount_rate)
    margin = check_number("gross_margin", gross_margin, high=1)
    if level is not None and not 0 < check_number("level", level) < 1:
        raise ValueError(f"level must lie between 0 and 1, or be None for no interval, not {level!r}")
    money = spend._checked(summary)
    times, row = collapse(*purchases._checked(summary))  # customers alike in time buy alike

    def bought(model: BetaGeoNBD) -> np.ndarray:
        return _discounted(lambda t: model._conditional_expected_purchases(times, t), horizon, delta)

    def spent(model: GammaGamma) -> np.ndarray:
        return model._expected_spend(*money)

    number, mean = bought(purchases)[row], spent(spend)
    table = pd.DataFrame({"value": margin * number * mean}, index=summary.index)
    if level is None:
        return table
    variance = mean**2 * _variance(purchases, bought)[row] + number**2 * _variance(spend, spent)
    half = ndtri((1 + level) / 2) * margin * np.sqrt(variance)
    return table.assign(low=np.maximum(table["value"] - half, 0), high=table["value"] + half)


def new_customer_value(
    purchases: BetaGeoNBD, spend: GammaGamma | float, *, horizon: float, gross_margin: float, discount_rate: float
) -> float:
    """The value of a customer just won: the discounted margin of the *repeat* purchases to expect of it.

    Parameters
    ----------
    purchases : BetaGeoNBD
        Fitted, or with known parameters.
    spend : GammaGamma or float
        A model, whose mean over customers is taken; or the mean spend a purchase, in currency. Where frequent buyers
        spend more or less a purchase than others, the mean over purchases is the right one for a sum.
    horizon : float
        How long after the first purchase purchases count, in the unit of `purchases`; above 0.
    gross_margin : float
        The share of spend that is left after the cost of what was sold, from 0 to 1.
    discount_rate : float
        **A year**, as a share; discounted to the day of the first purchase.

    Returns
    -------
    float
        In currency. The first purchase itself is not in it: add its margin where it was not won anyway.

    Raises
    ------
    ValueError
        An argument is out of its range, or the mean spend does not exist (q <= 1).

    Examples
    --------
    >>> purchases = BetaGeoNBD.from_params(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
    >>> spend = GammaGamma.from_params(p=6.25, q=3.74, v=15.44)
    >>> round(new_customer_value(purchases, spend, horizon=52, gross_margin=0.3, discount_rate=0.1), 2)
    14.68
    """
    check_number("horizon", horizon, above=0)
    delta = _force_of_interest(purchases, discount_rate)
    margin = check_number("gross_margin", gross_margin, high=1)
    mean = spend.mean_spend() if isinstance(spend, GammaGamma) else check_number("spend", spend)
    return float(margin * _discounted(lambda t: np.asarray(purchases.expected_purchases(t)), horizon, delta) * mean)


def _force_of_interest(purchases: BetaGeoNBD, discount_rate: float) -> float:
    """The continuous rate, a unit of time, of a discount rate a year."""
    purchases._check_unit(None)
    return np.log1p(check_number("discount_rate", discount_rate)) * DAYS[purchases.unit] / DAYS["year"]


def _discounted(expected: Callable[[float], np.ndarray], horizon: float, delta: float) -> np.ndarray:
    """The integral of exp(-delta t) over the purchases expected until t, by parts.

    Gauss-Legendre in the cube root of t: purchases come thickest at first.
    """
    mean = sum(
        share * 3 * node**2 * np.exp(-delta * horizon * node**3) * expected(horizon * node**3)
        for node, share in zip(NODES, SHARES, strict=True)
    )
    return np.exp(-delta * horizon) * expected(horizon) + delta * horizon * mean


def _variance(model: LikelihoodModel, result: Callable[[Any], np.ndarray]) -> np.ndarray:
    """The variance of what follows from a model, by the delta method in the logarithms of its parameters."""
    params = model._known()
    if not hasattr(model, "covariance_"):
        raise ValueError(
            f"this {type(model).__name__} was made by from_params, and the errors of its parameters are not known: "
            "give level=None for values without an interval, or fit the model"
        )
    slopes = []
    for nudge in NUDGE * np.eye(len(params)):
        up, down = (result(clone(model)._know(params * np.exp(move))) for move in (nudge, -nudge))
        slopes.append((up - down) / (2 * NUDGE))
    covariance = model.covariance_ / np.outer(params, params)
    return np.einsum("in,ij,jn->n", slopes, covariance, slopes)
