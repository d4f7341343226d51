"""Who stays, and how long."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

ALIASES = {"year": "Y", "quarter": "Q", "month": "M"}  # of pandas


def kaplan_meier(duration: Any, left: Any, level: float = 0.9, entered: Any = None) -> pd.DataFrame:
    """The share that stays so long, of customers of whom some are still there.

    Parameters
    ----------
    duration : array of numbers
        How long each customer was watched, until it left or until now; in any unit of time, 0 and above.
    left : array of bool
        Whether it left then; false: it is still there (censored).
    level : float
        Of the interval at each time.
    entered : array of numbers, optional
        How long each had been a customer when watching it began (delayed entry), less than its duration; 0 by default.
        Who was a customer before the records begin, and is in them because it stayed, counts from then on only.

    Returns
    -------
    DataFrame, indexed by `duration`: the times at which somebody left
        `at_risk`, who were still there just before; `left`, who left; `survival`, the share that stays longer; `low`
        and `high`, its interval (on the scale of log(-log), so that it lies between 0 and 1; missing where all have
        left).

    Raises
    ------
    ValueError
        The arrays are of different lengths, empty, or a duration is missing, negative or not finite; a customer was
        watched from a time that is not before its end; or `level` is not between 0 and 1.

    Notes
    -----
    With delayed entry there may be a time, mostly early, at which all of the few who were watched leave: the estimate
    is 0 from then on. Then start from a later time.

    References
    ----------
    Kaplan and Meier (1958), Nonparametric estimation from incomplete observations, Journal of the American Statistical
    Association 53(282), 457-481. Greenwood's variance; the interval after Kalbfleisch and Prentice, The Statistical
    Analysis of Failure Time Data, section 1.4. Delayed entry: Klein and Moeschberger, Survival Analysis, section 4.6.

    Examples
    --------
    >>> kaplan_meier([1, 2, 2, 4], [True, True, False, True])["survival"].to_dict()
    {1.0: 0.75, 2.0: 0.5, 4.0: 0.0}
    """
    from scipy import stats

    _check_level(level)
    time, gone, since = _watched(duration, left, entered)
    times, number = np.unique(time[gone], return_counts=True)
    there = np.array([((time >= when) & (since < when)).sum() for when in times], dtype="int64")
    stays = 1 - number / there
    survival = np.cumprod(stays)
    within = survival > 0  # beyond it all have left
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


def logrank(duration: Any, left: Any, group: Any, entered: Any = None) -> LogRank:
    """Log-rank test: whether customers of several groups stay equally long.

    Parameters
    ----------
    duration, left, entered : arrays
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

    time, gone, since = _watched(duration, left, entered)
    code, groups = pd.factorize(np.asarray(group), sort=True)
    if len(code) != len(time) or (code < 0).any():
        raise ValueError("group must name one group for each customer")
    if len(groups) < 2 or not gone.any():
        raise ValueError("log-rank compares two groups or more, in which somebody left")
    member = np.eye(len(groups))[code]
    observed, expected = member[gone].sum(axis=0), np.zeros(len(groups))
    covariance = np.zeros((len(groups), len(groups)))
    for when in np.unique(time[gone]):
        there = member[(time >= when) & (since < when)].sum(axis=0)
        share, number = there / there.sum(), (gone & (time == when)).sum()
        expected += number * share
        spread = number * (there.sum() - number) / max(there.sum() - 1, 1)
        covariance += spread * (np.diag(share) - np.outer(share, share))
    away = (observed - expected)[1:]
    statistic = float(away @ np.linalg.pinv(covariance[1:, 1:]) @ away)
    table = {"customers": member.sum(axis=0).astype(int), "left": observed.astype(int), "expected": expected}
    pvalue = float(stats.chi2.sf(statistic, len(groups) - 1))
    return LogRank(pd.DataFrame(table, index=pd.Index(groups, name="group")), statistic, pvalue)


def hazard_by_tenure(duration: Any, left: Any, edges: Any, level: float = 0.9, entered: Any = None) -> pd.DataFrame:
    """How many leave a unit of time, by how long they have been customers.

    Parameters
    ----------
    duration, left, entered : arrays
        As `kaplan_meier` takes them.
    edges : increasing numbers
        Of the classes of tenure, in the unit of `duration`; a class holds its upper end.
    level : float
        Of the interval of each rate.

    Returns
    -------
    DataFrame, indexed by class
        `watched`, the time that customers of this tenure were watched, added up; `left`; `hazard`, left a unit of time;
        `low` and `high`, the exact interval if they leave by chance (Poisson); missing where nobody was watched.

    Raises
    ------
    ValueError
        As `kaplan_meier`; or the edges do not increase.

    Notes
    -----
    Time and leavers outside the edges are in no class.

    References
    ----------
    Garwood (1936), Fiducial limits for the Poisson distribution, Biometrika 28(3/4), 437-442.

    Examples
    --------
    >>> hazard_by_tenure([1, 2, 4], [True, False, True], [0, 2, 4])["hazard"].tolist()
    [0.2, 0.5]
    """
    from scipy import stats

    _check_level(level)
    time, gone, since = _watched(duration, left, entered)
    edges = np.asarray(edges, dtype="float64")
    if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise ValueError("edges must be two numbers or more, each larger than the one before")
    classes = pd.IntervalIndex.from_breaks(edges, name="tenure")
    watched = np.array(
        [np.maximum(np.minimum(time, one.right) - np.maximum(since, one.left), 0).sum() for one in classes]
    )
    number = np.array([(gone & (time > one.left) & (time <= one.right)).sum() for one in classes], dtype="int64")
    shown = np.where(watched > 0, watched, np.nan)
    away = (1 - level) / 2
    table = {
        "watched": watched,
        "left": number,
        "hazard": number / shown,
        "low": np.where(number > 0, stats.chi2.ppf(away, 2 * np.maximum(number, 1)) / 2, 0) / shown,
        "high": stats.chi2.isf(away, 2 * number + 2) / 2 / shown,
    }
    return pd.DataFrame(table, index=classes)


def cohort_triangle(
    joined: Any, gone: Any, today: Any, unit: Literal["year", "quarter", "month"] = "year", since: Any = None
) -> pd.DataFrame:
    """The share of each cohort that is still there, period after period.

    Parameters
    ----------
    joined : Series of dates
        When each customer was won; its period is the cohort.
    gone : Series of dates, the same rows
        When it left; missing: it is still there.
    today : date
        The last day that is known. A period that has not ended by then is not observed yet.
    unit : {"year", "quarter", "month"}
        The length of a period.
    since : date, optional
        The first day that is known. Of those who joined before, only they are known who were there then: the shares
        are of them (who left before is taken off), and the periods before are not observed.

    Returns
    -------
    DataFrame, one row a cohort, one column an age: 0, 1, ... periods after that of joining
        The share still there when the period ended; missing, never 0, where the period was not observed.
        `attrs["customers"]` has the size of each cohort.

    Raises
    ------
    ValueError
        The rows differ, there are none, today or a date of joining is missing, somebody left before joining or joined
        after today.

    Examples
    --------
    >>> joined = pd.Series(pd.to_datetime(["2023-03-01", "2023-05-01", "2024-02-01"]))
    >>> gone = pd.Series(pd.to_datetime(["2024-06-01", None, None]))
    >>> cohort_triangle(joined, gone, "2024-12-31").to_numpy().tolist()
    [[1.0, 0.5], [1.0, nan]]
    """
    joined, gone = pd.Series(pd.to_datetime(joined)), pd.Series(pd.to_datetime(gone))
    if unit not in ALIASES:
        raise ValueError(f"unit must be one of {', '.join(map(repr, ALIASES))}, not {unit!r}")
    if not len(joined) or len(joined) != len(gone):
        raise ValueError(f"joined and gone must be of the same customers, one or more: {len(joined)} and {len(gone)}")
    last = pd.Timestamp(today)
    if pd.isna(last):
        raise ValueError("today must be a date: the last day that is known")
    days = pd.DataFrame({"joined": joined.to_numpy(), "gone": gone.to_numpy()})
    for wrong, what in (
        (days["joined"].isna(), "has no date of joining"),
        (days["joined"] > last, f"joined after today ({last:%Y-%m-%d})"),
        (days["gone"] < days["joined"], "left before it joined"),
    ):
        if wrong.any():
            raise ValueError(f"{int(wrong.sum())} customers: the one in row {int(wrong.argmax()) + 1} {what}")
    alias = ALIASES[unit]
    if since is not None:
        days = days[~(days["gone"] < pd.Timestamp(since))]
        if not len(days):
            raise ValueError(f"all had left before {since}: nobody was watched")
    cohort, left = days["joined"].dt.to_period(alias), days["gone"].dt.to_period(alias)
    now = pd.Period(last, alias)
    ended = now if last.normalize() == now.end_time.normalize() else now - 1
    begun = cohort.min() if since is None else pd.Period(pd.Timestamp(since), alias)
    sizes = cohort.value_counts().sort_index()
    ages = range(int((max(ended, cohort.min()) - cohort.min()).n) + 1)

    def still_there(one: pd.Period, age: int) -> float:
        here = ~(left[cohort == one] <= one + age)
        return float(here.mean()) if begun <= one + age <= ended else np.nan

    table = pd.DataFrame(
        [[still_there(one, age) for age in ages] for one in sizes.index],
        index=sizes.index.rename("cohort"),
        columns=pd.RangeIndex(len(ages), name="age"),
    )
    table.attrs["customers"] = sizes
    return table


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level!r}")


def _watched(duration: Any, left: Any, entered: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    time = np.asarray(duration, dtype="float64")
    gone = np.asarray(left)
    if gone.dtype == object and all(isinstance(one, bool | np.bool_) for one in gone):  # such as come from files
        gone = gone.astype(bool)
    since = np.full(len(time), -np.inf) if entered is None else np.asarray(entered, dtype="float64")
    if time.ndim != 1 or not len(time) == len(gone) == len(since) or not len(time):
        rows = " and ".join(str(len(one)) for one in ([time, gone] if entered is None else [time, gone, since]))
        raise ValueError(f"duration, left and entered must be of the same customers, one or more: {rows}")
    if gone.dtype != bool:
        raise ValueError("left must be true or false for each customer")
    if not (np.isfinite(time) & (time >= 0)).all():
        row = int(np.flatnonzero(~(np.isfinite(time) & (time >= 0)))[0])
        raise ValueError(f"duration must be a number, 0 and above; row {row + 1} holds {time[row]}")
    if entered is not None and not (since < time).all():
        row = int(np.flatnonzero(~(since < time))[0])
        raise ValueError(f"who is watched from {since[row]} on cannot end at {time[row]} (row {row + 1}): leave it out")
    return time, gone, since
