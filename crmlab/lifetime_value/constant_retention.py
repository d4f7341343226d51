"""Value where margin and retention stay the same: the margin multiple, and what a little more retention does to it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from crmlab.lifetime_value.arguments import check_rate

FIRST_MARGINS = ("period_end", "now")


def margin_multiple(retention: ArrayLike, discount_rate: float, first_margin: str = "period_end") -> float | np.ndarray:
    """What a customer is worth in margins of one period, where retention never changes.

    Parameters
    ----------
    retention : float or array
        The share of customers who stay from one period to the next, from 0 to 1.
    discount_rate : float
        **A period**, as a share: the same period as that of `retention`.
    first_margin : {"period_end", "now"}
        "period_end": the first margin comes at the end of the period, from those who stay: r / (1 + d - r). "now": it
        comes at once, and from all: (1 + d) / (1 + d - r), which is 1 more.

    Returns
    -------
    float or array, as `retention`
        Times the margin a period, it is the lifetime value.

    Raises
    ------
    ValueError
        A rate is out of its range, `first_margin` is neither, or nobody leaves and nothing is discounted.

    Notes
    -----
    The two conventions: DECISIONS.md, "Margin multiple".

    References
    ----------
    Gupta and Lehmann (2003), Customers as assets, Journal of Interactive Marketing 17(1), 9-24.

    Examples
    --------
    >>> margin_multiple([0.8, 0.9], discount_rate=0.1).round(2).tolist()
    [2.67, 4.5]
    >>> margin_multiple(0.8, discount_rate=0.1, first_margin="now").round(2)
    np.float64(3.67)
    """
    r, d = _rates(retention, discount_rate, first_margin)
    return ((r if first_margin == "period_end" else 1 + d) / (1 + d - r))[()]


def retention_elasticity(
    retention: ArrayLike, discount_rate: float, first_margin: str = "period_end"
) -> float | np.ndarray:
    """By how many percent the margin multiple rises when retention rises by one percent (of itself, not one point).

    Parameters
    ----------
    retention, discount_rate, first_margin
        As for `margin_multiple`.

    Returns
    -------
    float or array, as `retention`
        (1 + d) / (1 + d - r) where the first margin comes at the period's end, r / (1 + d - r) where it comes now.

    Raises
    ------
    ValueError
        As for `margin_multiple`.

    References
    ----------
    Gupta, Lehmann and Stuart (2004), Valuing customers, Journal of Marketing Research 41(1), 7-18: about 5% of firm
    value for 1% of retention.

    Examples
    --------
    >>> retention_elasticity([0.6, 0.7, 0.8, 0.9], discount_rate=0.12).round(2).tolist()
    [2.15, 2.67, 3.5, 5.09]
    """
    r, d = _rates(retention, discount_rate, first_margin)
    return ((1 + d if first_margin == "period_end" else r) / (1 + d - r))[()]


def _rates(retention: ArrayLike, discount_rate: float, first_margin: str) -> tuple[np.ndarray, float]:
    d = check_rate("discount_rate", discount_rate)
    if first_margin not in FIRST_MARGINS:
        raise ValueError(f"first_margin must be 'period_end' or 'now', not {first_margin!r}")
    try:
        r = np.asarray(retention, dtype=float)
        within = bool(((r >= 0) & (r <= 1)).all())
    except (TypeError, ValueError):
        within = False
    if not within:
        raise ValueError(f"retention must be a share from 0 to 1, not {retention!r}")
    if d == 0 and (r == 1).any():
        raise ValueError("where nobody leaves (retention 1) and nothing is discounted, value has no limit")
    return r, d
