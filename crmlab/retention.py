"""Who leaves, why, and what to do about it: the arithmetic of retention planning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

# --- who stays, and how long ---


def kaplan_meier(duration: Any, left: Any, level: float = 0.9) -> pd.DataFrame:
    """The share that stays so long, of customers of whom some are still there.

    Parameters
    ----------
    duration : array of numbers
        How long each customer was watched, until it left or until now; in any unit of time, 0 and above.
    left : array of bool
        Whether it left then; false: it is still there (censored).
    level : float
        Of the interval at each time.

    Returns
    -------
    DataFrame, indexed by `duration`: the times at which somebody left
        `at_risk`, who were still there just before; `left`, who left; `survival`, the share that stays longer; `low`
        and `high`, its interval (on the scale of log(-log), so that it lies between 0 and 1; missing where all have
        left).

    Raises
    ------
    ValueError
        The two are of different lengths, empty, or a duration is missing, negative or not finite.

    References
    ----------
    Kaplan and Meier (1958), Nonparametric estimation from incomplete observations, Journal of the American Statistical
    Association 53(282), 457-481. Greenwood's variance; the interval after Kalbfleisch and Prentice, The Statistical
    Analysis of Failure Time Data, section 1.4.

    Examples
    --------
    >>> kaplan_meier([1, 2, 2, 4], [True, True, False, True])["survival"].to_dict()
    {1.0: 0.75, 2.0: 0.5, 4.0: 0.0}
    """
    from scipy import stats

    time, gone = _watched(duration, left)
    times, number = np.unique(time[gone], return_counts=True)
    there = np.array([(time >= when).sum() for when in times], dtype="int64")
    stays = 1 - number / there
    survival = np.cumprod(stays)
    within = stays > 0  # beyond it all have left
    greenwood = np.sqrt(np.cumsum(number[within] / (there[within] * (there[within] - number[within]))))
    away = stats.norm.ppf((1 + level) / 2) * greenwood / np.log(survival[within])
    low, high = np.full(len(times), np.nan), np.full(len(times), np.nan)
    low[within], high[within] = (survival[within] ** np.exp(sign * away) for sign in (-1, 1))
    table = {"at_risk": there, "left": number, "survival": survival, "low": low, "high": high}
    return pd.DataFrame(table, index=pd.Index(times, name="duration"))


class LogRank(NamedTuple):
    """Whether groups stay equally long.

    Attributes
    ----------
    table : DataFrame, indexed by group
        `customers`, `left` (who left) and `expected` (who would have left if all groups stayed equally long).
    statistic : float
        Chi-squared, with as many degrees of freedom as groups less one.
    pvalue : float
    """

    table: pd.DataFrame
    statistic: float
    pvalue: float


def logrank(duration: Any, left: Any, group: Any) -> LogRank:
    """Log-rank test: whether customers of several groups stay equally long.

    Parameters
    ----------
    duration, left : arrays
        As `kaplan_meier` takes them.
    group : array
        Of each customer.

    Returns
    -------
    LogRank

    Raises
    ------
    ValueError
        As `kaplan_meier`; or there are fewer than two groups, or nobody left.

    References
    ----------
    Mantel (1966), Evaluation of survival data and two new rank order statistics arising in its consideration, Cancer
    Chemotherapy Reports 50(3), 163-170.

    Examples
    --------
    >>> result = logrank([1, 2, 3, 4, 5, 6], [True] * 6, ["a", "a", "a", "b", "b", "b"])
    >>> round(result.statistic, 2)
    5.05
    """
    from scipy import stats

    time, gone = _watched(duration, left)
    code, groups = pd.factorize(np.asarray(group), sort=True)
    if len(code) != len(time) or (code < 0).any():
        raise ValueError("group must name one group for each customer")
    if len(groups) < 2 or not gone.any():
        raise ValueError("log-rank compares two groups or more, in which somebody left")
    member = np.eye(len(groups))[code]
    observed, expected = member[gone].sum(axis=0), np.zeros(len(groups))
    covariance = np.zeros((len(groups), len(groups)))
    for when in np.unique(time[gone]):
        there = member[time >= when].sum(axis=0)
        share, number = there / there.sum(), (gone & (time == when)).sum()
        expected += number * share
        spread = number * (there.sum() - number) / max(there.sum() - 1, 1)
        covariance += spread * (np.diag(share) - np.outer(share, share))
    away = (observed - expected)[1:]
    statistic = float(away @ np.linalg.pinv(covariance[1:, 1:]) @ away)
    table = {"customers": member.sum(axis=0).astype(int), "left": observed.astype(int), "expected": expected}
    pvalue = float(stats.chi2.sf(statistic, len(groups) - 1))
    return LogRank(pd.DataFrame(table, index=pd.Index(groups, name="group")), statistic, pvalue)


def _watched(duration: Any, left: Any) -> tuple[np.ndarray, np.ndarray]:
    time, gone = np.asarray(duration, dtype="float64"), np.asarray(left)
    if time.ndim != 1 or len(time) != len(gone) or not len(time):
        raise ValueError(f"duration and left must be of the same customers, one or more: {len(time)} and {len(gone)}")
    if gone.dtype != bool:
        raise ValueError("left must be true or false for each customer")
    if not (np.isfinite(time) & (time >= 0)).all():
        row = int(np.flatnonzero(~(np.isfinite(time) & (time >= 0)))[0])
        raise ValueError(f"duration must be a number, 0 and above; row {row + 1} holds {time[row]}")
    return time, gone


# --- share of the customer's business ---


def wallet_allocation_rule(rank: Any, brands: Any) -> Any:
    """The share of a customer's spend that a brand's place in its mind suggests.

    Parameters
    ----------
    rank : number or array
        The brand's place among those that the customer uses, 1 the best; equals share the mean of their places.
    brands : number or array
        How many brands the customer uses, 1 or more.

    Returns
    -------
    float, array or Series
        (1 - rank / (brands + 1)) times 2 / brands: from 0 to 1, over the brands of a customer they sum to 1.

    Raises
    ------
    ValueError
        A rank is below 1 or beyond the number of brands.

    References
    ----------
    Keiningham, Aksoy, Buoye and Cooil (2011), Customer loyalty isn't enough, grow your share of wallet, Harvard
    Business Review 89(10), 29-31.

    Examples
    --------
    >>> [round(wallet_allocation_rule(rank, 3), 2) for rank in (1, 2, 3)]
    [0.5, 0.33, 0.17]
    """
    if not (np.all(np.asarray(rank) >= 1) and np.all(np.asarray(rank) <= np.asarray(brands))):
        raise ValueError("rank must be from 1 to the number of brands")
    return (1 - rank / (brands + 1)) * (2 / brands)


# --- complaints and service data as trends ---

Kind = Literal["c", "u", "p", "u'", "p'"]
MOVING_RANGE = 1.128  # mean range of two normal values, in standard deviations (d2 of two)


def control_chart(counts: Any, exposure: Any = None, kind: Kind = "c", phase: Any = None) -> pd.DataFrame:
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

    Returns
    -------
    DataFrame, one row a row of `counts`, with its index if it is a Series
        `value`; `centre`, the mean of the phase; `lower` (not below 0) and `upper`, three standard deviations away;
        `out`, whether the value lies beyond them.

    Raises
    ------
    ValueError
        There is no such kind; exposure is missing, not of the same rows, or not above 0; a count is negative, not
        whole, or above its exposure in a "p" chart.

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
    value = number / size
    centre, deviation = np.empty(len(number)), np.empty(len(number))
    for one in np.unique(label):
        rows = label == one
        mean = number[rows].sum() / size[rows].sum()
        chance = np.sqrt((mean * (1 - mean) if kind[0] == "p" else mean) / size[rows])
        centre[rows], deviation[rows] = mean, chance * (_laney(value[rows], mean, chance) if kind[1:] else 1)
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
    if wrong := [row for row, one in enumerate(number, 1) if not (one >= 0 and one % 1 == 0)]:
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
