"""What a pilot tells: the response to what was given to some, by lot, and not to others."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.service_needs.checks import matched

HUBER_STEPS = 15


def pilot_response(change: pd.Series, possible: pd.Series, before: pd.Series, *, near: float = 0.05) -> float:
    """The part of what could be won that came, where something was given.

    Parameters
    ----------
    change : Series, one entry a customer of the pilot
        Of what the pilot should raise, say the share of its needs that is bought here.
    possible : Series
        The most that what was given could have changed it, in the same unit; 0 for who got nothing.
    before : Series
        Where the customer stood before: the change may depend on it, as shares fall back to the mean.
    near : float
        In the unit of `change`: who is further off than this counts less.

    Returns
    -------
    float
        The slope of `change` on `possible`, beside `before`: 1 if all came, 0 if nothing.

    Raises
    ------
    ValueError
        A number is missing; fewer than two customers got something, or nothing.

    References
    ----------
    Huber (1964), Robust estimation of a location parameter, Annals of Mathematical Statistics 35, 73-101: squares of
    what is near, the size of what is far.

    Examples
    --------
    >>> before, possible = pd.Series([0.2, 0.4, 0.3, 0.5]), pd.Series([0.4, 0.3, 0.0, 0.0])
    >>> round(pilot_response(0.25 * possible, possible, before), 3)
    0.25
    """
    y = np.asarray(change, dtype="float64")
    most = matched(possible, change, "possible change").astype("float64")
    start = matched(before, change, "place before").astype("float64")
    if not np.isfinite([y, most, start]).all():
        raise ValueError("change, possible and before must have one number for each customer, none missing")
    got = most != 0
    if min(got.sum(), (~got).sum()) < 2:
        raise ValueError(
            f"{got.sum()} customers got something and {(~got).sum()} nothing: a pilot needs two of each or more"
        )
    parts = np.column_stack([np.ones(len(y)), start, most])
    weight = np.ones(len(y))
    for _ in range(HUBER_STEPS):
        root = np.sqrt(weight)
        slopes = np.linalg.lstsq(parts * root[:, None], y * root, rcond=None)[0]
        weight = np.minimum(1, near / np.maximum(np.abs(y - parts @ slopes), 1e-9))
    return float(slopes[-1])
