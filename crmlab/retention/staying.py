"""Who stays, and how long."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd


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
