"""Complaints and service data as trends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pandas as pd

Kind = Literal["c", "u", "p", "u'", "p'"]
MOVING_RANGE = 1.128  # mean range of two normal values, in standard deviations (d2 of two)


def control_chart(
    counts: Any, exposure: Any = None, kind: Kind = "c", phase: Any = None, base: Any = None
) -> pd.DataFrame:
    """Counts over time with the limits within which chance alone would keep them.

    Parameters
    ----------
    counts : array of whole numbers
        Complaints, say, of each week; 0 and above.
    exposure : array of numbers, optional
        What they were counted among, above 0: for "u" such as orders or weeks; for "p" how many could have failed,
        which no count exceeds. Not for "c".
    kind : {"c", "u", "p", "u'", "p'"}
        Of the value: "c", the count; "u", counts for a unit of exposure; "p", the share that failed. With a stroke the
        limits are Laney's, for counts that vary more (or less) than by chance.
    phase : array, optional
        A label of each row: each phase gets a centre and limits of its own.
    base : array of bool, optional
        From which rows of its phase a centre and its spread are learned; from all by default. Rows that are not in it
        are watched with what was known before them. A base with no counts gives limits of 0: any count is then out.

    Returns
    -------
    DataFrame, one row a row of `counts`, with its index if it is a Series
        `value`; `centre`, the mean of the phase's base; `lower` (not below 0) and `upper`, three standard deviations
        away; `out`, whether the value lies beyond them.

    Raises
    ------
    ValueError
        There is no such kind; exposure is missing, not of the same rows, or not above 0; a count is negative, not
        whole, or above its exposure in a "p" chart; `phase` or `base` is of other rows, or a phase has no base.

    References
    ----------
    Montgomery, Introduction to Statistical Quality Control, chapter on control charts for attributes; Laney (2002),
    Improved control charts for attributes, Quality Engineering 14(4), 531-537.

    Examples
    --------
    >>> control_chart([4, 6, 5, 20, 5]).round(2).iloc[2:]
       value  centre  lower  upper    out
    2    5.0     8.0    0.0  16.49  False
    3   20.0     8.0    0.0  16.49   True
    4    5.0     8.0    0.0  16.49  False
    """
    index = counts.index if isinstance(counts, pd.Series) else pd.RangeIndex(len(counts))
    number = np.asarray(counts, dtype="float64")
    size = _exposure(number, exposure, kind)
    label = np.zeros(len(number)) if phase is None else pd.factorize(np.asarray(phase))[0]
    known = np.ones(len(number), bool) if base is None else np.asarray(base)
    if not len(label) == len(known) == len(number) or known.dtype != bool:
        raise ValueError(f"phase and base (true or false) must be of the {len(number)} rows of counts")
    value = number / size
    centre, deviation = np.empty(len(number)), np.empty(len(number))
    for one in np.unique(label):
        rows, learned = label == one, (label == one) & known
        if not learned.any():
            raise ValueError(f"the phase that begins in row {int(rows.argmax()) + 1} has no row in base")
        mean = number[learned].sum() / size[learned].sum()
        chance = np.sqrt((mean * (1 - mean) if kind[0] == "p" else mean) / size)
        spread = _laney(value[learned], mean, chance[learned]) if kind[1:] else 1
        centre[rows], deviation[rows] = mean, chance[rows] * spread
    lower, upper = np.maximum(centre - 3 * deviation, 0), centre + 3 * deviation
    table = {"value": value, "centre": centre, "lower": lower, "upper": upper}
    return pd.DataFrame({**table, "out": (value < lower) | (value > upper)}, index=index)


def _laney(value: np.ndarray, mean: float, chance: np.ndarray) -> float:
    """How many times the spread that chance explains the values have, from one to the next."""
    if len(value) < 2 or not chance.all():
        return 1.0
    return float(np.abs(np.diff((value - mean) / chance)).mean() / MOVING_RANGE)


def _exposure(number: np.ndarray, exposure: Any, kind: str) -> np.ndarray:
    if kind not in ("c", "u", "p", "u'", "p'"):
        raise ValueError(f"""kind must be one of "c", "u", "p", "u'", "p'", not {kind!r}""")
    if not len(number):
        raise ValueError("there are no counts")
    if wrong := [row for row, one in enumerate(number, 1) if not (0 <= one < np.inf and abs(one - round(one)) < 1e-9)]:
        raise ValueError(f"counts must be whole numbers, 0 and above; row {wrong[0]} holds {number[wrong[0] - 1]}")
    if (exposure is None) != (kind == "c"):
        raise ValueError(f"a {kind} chart needs {'no exposure' if kind == 'c' else 'the exposure of each count'}")
    if exposure is None:
        return np.ones(len(number))
    size = np.asarray(exposure, dtype="float64")
    size = np.full(len(number), float(size)) if size.ndim == 0 else size
    if size.shape != number.shape:
        raise ValueError(f"there are {len(number)} counts, but {len(size)} exposures")
    if not ((size > 0) & np.isfinite(size)).all():
        row = int(np.flatnonzero(~((size > 0) & np.isfinite(size)))[0])
        raise ValueError(f"exposure must be above 0; row {row + 1} holds {size[row]}")
    if kind[0] == "p" and (number > size).any():
        row = int(np.flatnonzero(number > size)[0])
        raise ValueError(
            f"in a p chart no count exceeds its exposure; row {row + 1} holds {number[row]} of {size[row]}"
        )
    return size


def run_rules(chart: pd.DataFrame) -> pd.DataFrame:
    """Which points of a control chart tell of a change, by four rules.

    Parameters
    ----------
    chart : DataFrame
        As `control_chart` gives it, in the order of time.

    Returns
    -------
    DataFrame of bool, one row a point
        `beyond 3 sigma`; `2 of 3 beyond 2 sigma` and `4 of 5 beyond 1 sigma`, on one side, the point itself among them;
        `8 on one side`, the point the last of them.

    Notes
    -----
    Each rule raises false alarms of its own. With nothing but chance (normal values) the first comes after 370 points
    on average by the limits alone, by all four rules after 92 (Champ and Woodall, 1987).

    References
    ----------
    Western Electric (1956), Statistical Quality Control Handbook; Champ and Woodall (1987), Exact results for Shewhart
    control charts with supplementary runs rules, Technometrics 29(4), 393-399.

    Examples
    --------
    >>> run_rules(control_chart([9, 8, 9, 2, 1, 2, 1, 2, 2, 1, 2]))["8 on one side"].tolist()[-2:]
    [False, True]
    """
    deviation = (chart["upper"] - chart["centre"]) / 3
    z = ((chart["value"] - chart["centre"]) / deviation.where(deviation > 0)).fillna(0)

    def some(beyond: float, least: int, of: int) -> pd.Series:
        return _either_side(z, lambda side: (side > beyond) & ((side > beyond).rolling(of, 1).sum() >= least))

    return pd.DataFrame(
        {
            "beyond 3 sigma": chart["out"],
            "2 of 3 beyond 2 sigma": some(2, 2, 3),
            "4 of 5 beyond 1 sigma": some(1, 4, 5),
            "8 on one side": some(0, 8, 8),
        }
    )


def _either_side(z: pd.Series, found: Callable[[pd.Series], pd.Series]) -> pd.Series:
    return found(z) | found(-z)
