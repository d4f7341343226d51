"""What customers are worth: the margin of the purchases to expect of them, discounted to today."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtri

from crmlab.data import check
from crmlab.lifetime_value.arguments import check_level, check_number
from crmlab.lifetime_value.climbing import collapse
from crmlab.lifetime_value.gamma_gamma import GammaGamma
from crmlab.lifetime_value.purchase_model import NEW, PurchaseModel


def customer_lifetime_value(
    purchases: PurchaseModel,
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
    purchases : BetaGeoNBD, ModifiedBetaGeoNBD, ParetoNBD or BetaGeoBetaBinomial
        Fitted, or with known parameters.
    spend : GammaGamma
        Likewise.
    summary : DataFrame, one row a customer
        Contract `customer_summary`, with monetary_value; times in the unit of `purchases`.
    horizon : float
        How far ahead purchases count, in the unit of `purchases`; above 0. ``float("inf")``: all of them.
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
        "Intervals of customer value"). Where `horizon` is infinite also `share_beyond`: the share of the value that
        lies further ahead than any customer was observed (DECISIONS.md, "Value to infinity").

    Raises
    ------
    ContractError
        `summary` breaks its contract.
    ValueError
        An argument is out of its range, the units differ, the mean spend or the mean of all purchases does not exist,
        or an interval is asked of a model without covariance.

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
    >>> from crmlab.lifetime_value import BetaGeoNBD
    >>> purchases = BetaGeoNBD.from_params(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
    >>> spend = GammaGamma.from_params(p=6.25, q=3.74, v=15.44)
    >>> table = pd.DataFrame({"customer_id": ["a", "b"], "frequency": [0, 2], "recency": [0, 30.43],
    ...                       "T": [38.86, 38.86], "monetary_value": [0, 22.35]})
    >>> customer_lifetime_value(purchases, spend, table, horizon=52, gross_margin=0.3, discount_rate=0.1, level=None)
           value
    0   2.542224
    1  11.038590
    """
    if not (isinstance(purchases, PurchaseModel) and isinstance(spend, GammaGamma)):
        given = f"{type(purchases).__name__} and {type(spend).__name__}"
        raise TypeError(f"give the model of purchases, then that of spend: a BetaGeoNBD and a GammaGamma, not {given}")
    until, delta = _until(purchases, horizon), purchases._force_of_interest(discount_rate)
    margin = check_number("gross_margin", gross_margin, high=1)
    if level is not None:
        check_level(level)
    checked = check(summary, "customer_summary")
    money = spend._columns(checked)
    times, row = collapse(*purchases._columns(checked))  # customers alike in time buy alike

    mean = spend._expected_spend(*money)
    if level is None:
        number = purchases._discounted(times, until, delta)[row]
        table = pd.DataFrame({"value": margin * number * mean}, index=summary.index)
    else:
        number, slopes = purchases._discounted_with_slopes(times, until, delta)
        number, of_number = number[row], purchases._variance_of(slopes)[row]
        of_mean = spend._variance(lambda model: model._expected_spend(*money))
        table = pd.DataFrame({"value": margin * number * mean}, index=summary.index)
        half = ndtri((1 + level) / 2) * margin * np.sqrt(mean**2 * of_number + number**2 * of_mean)
        table = table.assign(low=np.maximum(table["value"] - half, 0), high=table["value"] + half)
    if np.isinf(until):
        table["share_beyond"] = purchases._share_beyond(times, delta)[row]
    return table


def new_customer_value(
    purchases: PurchaseModel, spend: GammaGamma | float, *, horizon: float, gross_margin: float, discount_rate: float
) -> float:
    """The value of a customer just won: the discounted margin of the *repeat* purchases to expect of it.

    Parameters
    ----------
    purchases : BetaGeoNBD, ModifiedBetaGeoNBD, ParetoNBD or BetaGeoBetaBinomial
        Fitted, or with known parameters.
    spend : GammaGamma or float
        A model, whose mean over customers is taken; or the mean spend a purchase, in currency. Where frequent buyers
        spend more or less a purchase than others, the mean over purchases is the right one for a sum.
    horizon : float
        How long after the first purchase purchases count, in the unit of `purchases`; above 0; ``float("inf")``: all.
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
    >>> from crmlab.lifetime_value import BetaGeoNBD
    >>> purchases = BetaGeoNBD.from_params(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
    >>> spend = GammaGamma.from_params(p=6.25, q=3.74, v=15.44)
    >>> round(new_customer_value(purchases, spend, horizon=52, gross_margin=0.3, discount_rate=0.1), 2)
    14.68
    """
    until, delta = _until(purchases, horizon), purchases._force_of_interest(discount_rate)
    margin = check_number("gross_margin", gross_margin, high=1)
    mean = spend.mean_spend() if isinstance(spend, GammaGamma) else check_number("spend", spend)
    return float(margin * purchases._discounted(NEW, until, delta)[0] * mean)


def _until(purchases: PurchaseModel, horizon: float) -> float:
    if isinstance(horizon, float) and np.isposinf(horizon):
        return horizon
    return float(purchases._times("horizon", check_number("horizon", horizon, above=0)))
