"""What matters to whom, and how sure that is: by ratings, by points, by comparisons in pairs.

Answers are a table, one row a respondent. Ratings and points have one column an element; comparisons one column a pair.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from crmlab.service_needs.checks import enough_to_draw, like, numbers, weights_of
from crmlab.service_needs.pairs import log_matrix, pair_logs, principal_eigenvector
from crmlab.stats import bootstrap, interval

Method = Literal["rating", "points", "pairs"]


def importance(
    answers: pd.DataFrame,
    method: Method = "rating",
    *,
    weights: Any = None,
    level: float = 0.9,
    resamples: int = 400,
    random_state: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """How much each element matters, and its place among the others, with intervals.

    Parameters
    ----------
    answers, method, weights
        As for `importance_shares`.
    level : float
        Of the intervals.
    resamples : int
        How often respondents are drawn anew.
    random_state : int, Generator or None

    Returns
    -------
    DataFrame, one row an element
        `importance`, a share, adding up to 1; `low` and `high`; `rank`, 1 the most important, equals sharing the better
        place; `rank_low` and `rank_high`, between which the place lies in `level` of the resamples.

    Raises
    ------
    ValueError
        As `importance_shares`.

    Examples
    --------
    >>> points = pd.DataFrame({"speed": [60, 50, 70, 60], "price": [30, 40, 20, 35], "advice": [10, 10, 10, 5]})
    >>> importance(points, "points", random_state=1)[["importance", "rank", "rank_low", "rank_high"]].round(2)
            importance  rank  rank_low  rank_high
    speed         0.60     1         1          1
    price         0.31     2         2          2
    advice        0.09     3         3          3
    """
    share = importance_shares(answers, method, weights=weights)
    draws = importance_draws(answers, method, weights=weights, resamples=resamples, random_state=random_state)
    ends = interval(draws, level)
    ranks = _ranks(draws)
    tail = (1 - level) / 2
    return pd.DataFrame(
        {
            "importance": share,
            "low": ends["low"],
            "high": ends["high"],
            "rank": _ranks(share.to_frame().T).iloc[0].astype(int),
            "rank_low": ranks.quantile(tail, interpolation="lower").astype(int),
            "rank_high": ranks.quantile(1 - tail, interpolation="higher").astype(int),
        },
        index=share.index,
    )


def importance_shares(answers: pd.DataFrame, method: Method = "rating", *, weights: Any = None) -> pd.Series:
    """How much each element matters to all respondents together.

    Parameters
    ----------
    answers : DataFrame, one row a respondent
        Ratings on a scale that starts at 0 or above, gaps allowed; points that a respondent divides, as many as every
        other; or comparisons, as `comparisons` makes them.
    method : {"rating", "points", "pairs"}
        The weighted mean of the ratings; of the points; or the priorities of the (weighted) geometric mean of the
        respondents' comparisons.
    weights : array of numbers, optional
        How much each respondent counts, 0 and above: its revenue, say. A Series is matched by the respondents. By
        default all count the same.

    Returns
    -------
    Series, one entry an element
        Shares that add up to 1. With ratings an element that nobody wants has one, too: differences
        mean something.

    Raises
    ------
    ValueError
        There is no such method; a weight is negative or missing; an answer is no number; a rating is negative, or
        nobody rates an element; the points of a respondent have a gap or add up to another sum.

    References
    ----------
    Aczel and Saaty (1983), Procedures for synthesizing ratio judgements, Journal of Mathematical Psychology 27(1),
    93-102: the geometric mean is the one that keeps comparisons reciprocal.

    Examples
    --------
    >>> ratings = pd.DataFrame({"speed": [7, 5], "price": [5, 7], "advice": [4, 4]}, index=["A", "B"])
    >>> importance_shares(ratings, weights=pd.Series({"B": 1, "A": 3})).round(3).tolist()
    [0.406, 0.344, 0.25]
    """
    values, elements = _answers(answers, method)
    return _shares(values, weights_of(weights, answers), method, elements)


def importance_draws(
    answers: pd.DataFrame,
    method: Method = "rating",
    *,
    weights: Any = None,
    resamples: int = 400,
    random_state: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """What `importance_shares` would have been with other respondents of the same kind.

    Parameters
    ----------
    answers, method, weights
        As for `importance_shares`; a respondent keeps its weight.
    resamples : int
    random_state : int, Generator or None

    Returns
    -------
    DataFrame, one row a resample, one column an element
        Each row adds up to 1.

    Raises
    ------
    ValueError
        As `importance_shares`; an element has so few answers that a resample would be likely to have none.
    RuntimeError
        In a resample nobody rates an element.

    Examples
    --------
    >>> points = pd.DataFrame({"speed": [60, 50], "price": [40, 50]})
    >>> importance_draws(points, "points", resamples=3, random_state=1).round(2).values.tolist()
    [[0.55, 0.45], [0.5, 0.5], [0.6, 0.4]]
    """
    values, elements = _answers(answers, method)
    weight = weights_of(weights, answers)
    counted = pd.Series((~np.isnan(values[weight > 0])).sum(axis=0), answers.columns)
    enough_to_draw(counted, len(values), resamples)

    def drawn(table: pd.DataFrame) -> pd.Series:
        row = table["row"].to_numpy()
        return _shares(values[row], weight[row], method, elements)

    rows = pd.DataFrame({"row": np.arange(len(values))})
    return bootstrap(drawn, rows, resamples=resamples, random_state=random_state)


def rank_chances(draws: pd.DataFrame) -> pd.DataFrame:
    """The chance of each place for each element.

    Parameters
    ----------
    draws : DataFrame, one row a draw, one column an element
        The larger, the better the place; as `importance_draws` gives it.

    Returns
    -------
    DataFrame, one row an element, one column a place from 1, the best
        Rows add up to 1. Equals share the better place.

    Examples
    --------
    >>> rank_chances(pd.DataFrame({"speed": [0.6, 0.7, 0.4, 0.8], "price": [0.4, 0.3, 0.6, 0.2]})).values.tolist()
    [[0.75, 0.25], [0.25, 0.75]]
    """
    ranks = _ranks(draws)
    places = pd.RangeIndex(1, draws.shape[1] + 1, name="rank")
    return pd.DataFrame({place: (ranks == place).mean() for place in places}, index=draws.columns)


def pairs_in_order(worth: pd.DataFrame, order: pd.DataFrame) -> float:
    """How often what is worth more of two things is the one that is put first.

    Parameters
    ----------
    worth, order : DataFrame, one row a group or person, one column a thing
        The same rows and columns, in any order; in both the larger is the better.

    Returns
    -------
    float
        Share of all pairs in all rows, 0 to 1; a pair that is equal in one of the two is not in order.

    Raises
    ------
    ValueError
        The two tables are not of the same rows and things, a number is missing, or there are fewer than two things.

    Examples
    --------
    >>> worth, order = pd.DataFrame({"a": [3], "b": [2], "c": [1]}), pd.DataFrame({"a": [2], "b": [3], "c": [1]})
    >>> round(pairs_in_order(worth, order), 3)
    0.667
    """
    table = numbers(worth, "worths")
    a, b = table.to_numpy(), like(numbers(order, "orders"), table).to_numpy()
    if a.shape[1] < 2:
        raise ValueError("pairs are of two things or more")
    if np.isnan(a).any() or np.isnan(b).any():
        raise ValueError("a worth or an order is missing")
    i, j = np.triu_indices(a.shape[1], 1)
    return float(((a[:, i] - a[:, j]) * (b[:, i] - b[:, j]) > 0).mean())


# --- parts ------------------------------------------------------------------------------------------------------------


def _answers(answers: pd.DataFrame, method: str) -> tuple[np.ndarray, pd.Index]:
    """Checked answers as numbers, comparisons as logarithms; and what they are about."""
    if method == "pairs":
        return pair_logs(answers)
    values, elements = numbers(answers, "answers").to_numpy(), answers.columns
    if method == "rating":
        if (values < 0).any():
            raise ValueError("ratings must be 0 or above: shares of negative numbers mean nothing")
        return values, elements
    if method == "points":
        total = values.sum(axis=1)
        usual = np.nanquantile(total, 0.5, method="lower")
        bad = ~((values >= 0).all(axis=1) & np.isclose(total, usual) & (total > 0))
        if bad.any():
            raise ValueError(
                f"the points of {answers.index[bad][0]!r} have a gap, are negative, or do not add up to the same as "
                f"those of others ({int(bad.sum())} such respondents): put 0 where no points were given, and ask again"
            )
        return values, elements
    raise ValueError(f"method must be 'rating', 'points' or 'pairs', not {method!r}")


def _shares(values: np.ndarray, weight: np.ndarray, method: str, elements: pd.Index) -> pd.Series:
    """Shares from checked answers."""
    if method == "pairs":
        share = principal_eigenvector(np.exp(log_matrix(weight @ values / weight.sum())))[1]
        return pd.Series(share, elements, name="importance")
    there = ~np.isnan(values)
    if (counted := weight @ there).min() == 0:
        raise ValueError(f"nobody who counts rates {elements[counted.argmin()]!r}: leave it out")
    mean = weight @ np.where(there, values, 0.0) / counted
    if mean.sum() == 0:
        raise ValueError("every rating is 0: there are no shares of nothing")
    return pd.Series(mean / mean.sum(), elements, name="importance")


def _ranks(draws: pd.DataFrame) -> pd.DataFrame:
    return draws.round(12).rank(axis=1, ascending=False, method="min").astype(int)
