"""Whether customers are satisfied, would recommend, and stay: figures with intervals."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crmlab.service_needs.checks import by_label, matched, number_column, numbers, refuse_gaps, upper, weights_of
from crmlab.service_needs.correlation import ChiSquareTest
from crmlab.stats import bootstrap, interval, wilson

PROMOTER, DETRACTOR = 9, 6  # the least score of a promoter, the highest of a detractor


class Estimate(NamedTuple):
    """A figure with its interval.

    Attributes
    ----------
    value, low, high : float
    n : int
        Answers.
    effective_n : float
        How many answers of as many customers, of equal weight, would tell as much.
    """

    value: float
    low: float
    high: float
    n: int
    effective_n: float


def csat(
    satisfied: Any,
    *,
    top: float = 8,
    scale: tuple[float, float] = (1, 10),
    weights: Any = None,
    customers: Any = None,
    level: float = 0.9,
) -> Estimate:
    """The share of answers that are satisfied.

    Parameters
    ----------
    satisfied : array of numbers
        Scores, none missing.
    top : number
        The least score that counts as satisfied: above the least of the scale.
    scale : two numbers
        The least and the highest score there is.
    weights : array of numbers, optional
        How much each answer counts, as `response_weights` gives it.
    customers : array, optional
        Who gave each answer, where one may have given several.
    level : float
        Of the interval.

    Returns
    -------
    Estimate
        A share, 0 to 1.

    Raises
    ------
    ValueError
        There are no answers, one is missing or outside the scale, `top` is, or a weight is negative.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference, Journal of the American
    Statistical Association 22, 209-212; with the effective number of answers: Korn and Graubard (1998), Confidence
    intervals for proportions with small expected number of positive counts estimated from survey data, Survey
    Methodology 24(2), 193-201.

    Examples
    --------
    >>> [round(number, 3) for number in csat([9, 8, 10, 5, 7, 8, 9, 3])[:3]]
    [0.625, 0.348, 0.839]
    """
    if not scale[0] < top <= scale[1]:
        raise ValueError(
            f"top must lie above {scale[0]:g} and not above {scale[1]:g}, the ends of the scale, not be {top:g}: on a "
            "scale of 1 to 5, say, csat(answers, scale=(1, 5), top=4)"
        )
    scores = _scores(satisfied, scale)
    mean, n = _mean((scores >= top).astype(float), weights, customers, satisfied)
    low, high = wilson(mean, n, level)
    return _estimate(mean, low, high, (0, 1), len(scores), n)


def nps(recommend: Any, *, weights: Any = None, customers: Any = None, level: float = 0.9) -> Estimate:
    """The net promoter score, with the interval that it truly has.

    Parameters
    ----------
    recommend : array of whole numbers from 0 to 10
        "How likely is it that you recommend us?", none missing.
    weights, customers, level
        As for `csat`.

    Returns
    -------
    Estimate
        Points: the percentage of 9 and 10 less that of 0 to 6, from -100 to 100.

    Raises
    ------
    ValueError
        There are no answers, one is not a whole number from 0 to 10, or a weight is negative.

    Notes
    -----
    One answer varies by p + d - (p - d)^2, with the shares p of promoters and d of detractors. The interval takes them
    as if 3/4 of an answer of each of the two kinds, and 3/2 of the kind between, had come besides; it always holds the
    score itself: DECISIONS.md, "Interval of the net promoter score".

    References
    ----------
    Rocks (2016), Interval estimation for the net promoter score, The American Statistician 70(4), 365-372 (adjusted
    Wald).

    Examples
    --------
    >>> [round(number, 1) for number in nps([10, 9, 9, 8, 7, 10, 6, 3, 9, 8])[:3]]
    [30.0, -12.3, 58.4]
    """
    scores = _scores(recommend, (0, 10))
    if (scores % 1 != 0).any():
        raise ValueError(f"an answer must be a whole number from 0 to 10, not {scores[scores % 1 != 0][0]:g}")
    promoter = (scores >= PROMOTER).astype(float)
    net, n = _mean(promoter - (scores <= DETRACTOR), weights, customers, recommend)
    promoters, _ = _mean(promoter, weights, None, recommend)
    p, d = ((share * n + 0.75) / (n + 3) for share in (promoters, promoters - net))
    reach = _z(level) * np.sqrt((p + d - (p - d) ** 2) / (n + 3))
    low, high = min(p - d - reach, net), max(p - d + reach, net)
    return _estimate(100 * net, 100 * low, 100 * high, (-100, 100), len(scores), n)


def acsi(
    answers: pd.DataFrame,
    *,
    item_weights: Any = None,
    weights: Any = None,
    customers: Any = None,
    scale: tuple[float, float] = (1, 10),
    level: float = 0.9,
) -> Estimate:
    """A satisfaction index of several questions, as the American Customer Satisfaction Index makes it.

    Parameters
    ----------
    answers : DataFrame, one row an answer, one column a question
        The ACSI asks three: satisfied in all, against expectations, against the ideal. None missing.
    item_weights : array of numbers, optional
        How much each question counts, 0 and above; all the same by default. The ACSI's own are not published. A Series
        is matched by question.
    weights, customers, level
        As for `csat`.
    scale : two numbers
        The least and the highest answer there is.

    Returns
    -------
    Estimate
        From 0, all at the least, to 100. Without an interval where all answers are the same.

    Raises
    ------
    ValueError
        There are no answers, or only of one customer; one is missing or outside the scale; a weight is negative.

    Warns
    -----
    UserWarning
        All answers are the same.

    References
    ----------
    Fornell, Johnson, Anderson, Cha and Bryant (1996), The American Customer Satisfaction Index: nature, purpose, and
    findings, Journal of Marketing 60(4), 7-18.

    Examples
    --------
    >>> answers = pd.DataFrame({"overall": [8, 7, 9], "expected": [7, 7, 8], "ideal": [6, 5, 8]})
    >>> round(acsi(answers, item_weights=[0.5, 0.3, 0.2]).value, 2)
    71.85
    """
    from scipy import stats

    low, high = scale
    table = numbers(answers, "answers")
    if table.shape[1] == 0:
        raise ValueError("there are no questions")
    each = np.column_stack([_scores(table[name], scale) for name in table])
    share = weights_of(item_weights, table.columns, "item weight")
    index = (each - low) @ (share / share.sum()) / (high - low) * 100
    mean, n = _mean(index, weights, customers, answers)
    if n < 1 + 1e-9:
        raise ValueError("the index of one customer has no interval: two or more are needed")
    weight = weights_of(weights, answers)
    spread = np.sqrt(weight @ (index - mean) ** 2 / weight.sum())
    if spread < 1e-9:
        warnings.warn("all answers are the same: how others would differ cannot be told, no interval", stacklevel=2)
        spread = np.nan
    reach = stats.t.ppf(upper(level), n - 1) * spread / np.sqrt(n - 1)
    return _estimate(mean, mean - reach, mean + reach, (0, 100), len(index), n)


def response_weights(answered: pd.Series, classes: pd.Series) -> pd.Series:
    """How much each answer counts so that classes count as among all who were asked.

    Parameters
    ----------
    answered : Series of bool (or 1 and 0), one entry a customer asked, none missing
    classes : Series
        The class of each, matched by label, known of those who did not answer, too: small classes of about the same
        inclination.

    Returns
    -------
    Series, one entry a customer who answered
        Weights with a mean of 1.

    Raises
    ------
    ValueError
        A customer has no class, or nobody of a class answered; `answered` is neither true nor false.

    Notes
    -----
    It corrects what differs between classes. Where the annoyed of each class keep silent, it does not help.

    References
    ----------
    Little and Rubin (2002), Statistical Analysis with Missing Data, 2nd ed., 3.3 (weighting classes).

    Examples
    --------
    >>> answered = pd.Series([True, True, True, False, True, False], index=list("ABCDEF"))
    >>> classes = pd.Series(["big"] * 2 + ["small"] * 4, index=list("ABCDEF"))
    >>> response_weights(answered, classes).round(2).to_dict()
    {'A': 0.67, 'B': 0.67, 'C': 1.33, 'E': 1.33}
    """
    if len(bad := answered[~answered.isin([True, False])]):
        raise ValueError(
            f"answered must be True or False (or 1 and 0): that of {bad.index.tolist()[0]!r} is {bad.tolist()[0]!r} "
            f"({len(bad)} such)"
        )
    group = by_label(classes, answered.index, "class")
    told = answered.astype(bool)
    rate = told.groupby(group).mean()
    if (rate == 0).any():
        raise ValueError(f"nobody of class {rate.index[rate == 0][0]!r} answered: join it with a class like it")
    weight = 1 / group[told].map(rate).astype("float64")
    return (weight / weight.mean()).rename("weight")


def loyalty_curve(
    satisfied: Any,
    loyal: Any,
    *,
    customers: Any = None,
    level: float = 0.9,
    resamples: int = 400,
    random_state: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """How loyalty goes with satisfaction, score by score: as it is, never falling, and as a straight line.

    Parameters
    ----------
    satisfied : array of numbers
        Scores, one an answer.
    loyal : array of numbers or bool, as long
        Whether the customer stayed, say, or what it then spent.
    customers : array, optional
        Who gave each answer, where one may have given several: these are drawn together. Series are matched by label.
    level : float
        Of the interval of `fitted`.
    resamples : int
    random_state : int, Generator or None

    Returns
    -------
    DataFrame, one row a score that was given
        `n`, answers; `mean` of loyalty; `fitted`, the best curve that never falls (isotonic regression); `low` and
        `high`; `line`, the straight line of least squares. In the unit of `loyal`.

    Raises
    ------
    ValueError
        The two are not as long, one is missing, or there are fewer than two scores.

    References
    ----------
    Barlow, Bartholomew, Bremner and Brunk (1972), Statistical Inference under Order Restrictions, chapter 1.

    Examples
    --------
    >>> curve = loyalty_curve([3, 3, 6, 6, 7, 7, 9, 9], [0, 0, 1, 0, 0, 0, 1, 1], random_state=1)
    >>> curve[["mean", "fitted", "line"]].round(2).T.rename_axis(columns=None)
               3     6     7     9
    mean    0.00  0.50  0.00  1.00
    fitted  0.00  0.25  0.25  1.00
    line   -0.08  0.34  0.48  0.76
    """
    x, y, who = _link(satisfied, loyal, customers)
    scores, place = np.unique(x, return_inverse=True)
    # Sums by customer and score: drawing a customer draws all its answers.
    firms, number = np.unique(who, return_inverse=True)
    cells = np.zeros((2, len(firms), len(scores)))
    np.add.at(cells[0], (number, place), 1)
    np.add.at(cells[1], (number, place), y)

    def fitted(table: pd.DataFrame) -> pd.Series:
        n, total = cells[:, table["row"].to_numpy()].sum(axis=1)
        return pd.Series(_never_falling(n, total), scores)

    own = fitted(rows := pd.DataFrame({"row": np.arange(len(firms))}))
    ends = interval(bootstrap(fitted, rows, resamples=resamples, random_state=random_state), level)
    n, total = cells.sum(axis=1)
    slope = ((x - x.mean()) @ y) / ((x - x.mean()) @ x)
    return pd.DataFrame(
        {
            "n": n.astype(int),
            "mean": total / n,
            "fitted": own.to_numpy(),
            "low": ends["low"].to_numpy(),
            "high": ends["high"].to_numpy(),
            "line": y.mean() + slope * (scores - x.mean()),
        },
        index=pd.Index(scores, name="satisfied"),
    )


def straight_line_test(satisfied: Any, loyal: Any, *, customers: Any = None) -> ChiSquareTest:
    """A test that loyalty goes with satisfaction in a straight line, against a curve of third degree.

    Parameters
    ----------
    satisfied, loyal, customers
        As for `loyalty_curve`.

    Returns
    -------
    ChiSquareTest
        Wald's, of the square and the cube; its covariance allows for several answers of a customer, and for a spread
        that differs with the score.

    Raises
    ------
    ValueError
        As `loyalty_curve`; there are fewer than four scores, or fewer than ten customers.

    References
    ----------
    Liang and Zeger (1986), Longitudinal data analysis using generalized linear models, Biometrika 73, 13-22 (the
    covariance).

    Examples
    --------
    >>> satisfied = np.tile([2, 4, 6, 8, 10], 20)
    >>> straight_line_test(satisfied, (satisfied > 5) + np.arange(100) % 7 / 10).pvalue < 0.001
    True
    """
    from scipy import stats

    x, y, who = _link(satisfied, loyal, customers)
    firms, number = np.unique(who, return_inverse=True)
    if len(np.unique(x)) < 4 or len(firms) < 10:
        raise ValueError("a curve needs four scores or more, and ten customers")
    z = (x - x.mean()) / x.std()
    design, _ = np.linalg.qr(np.column_stack([z**power for power in range(4)]))
    coefficients = design.T @ y
    rest = design * (y - design @ coefficients)[:, None]
    sums = np.zeros((len(firms), 4))
    np.add.at(sums, number, rest)
    bent, covariance = coefficients[2:], (sums.T @ sums * len(firms) / (len(firms) - 1))[2:, 2:]
    statistic = float(bent @ np.linalg.pinv(covariance) @ bent)
    return ChiSquareTest(statistic, 2, float(stats.chi2.sf(statistic, 2)))


# --- parts ------------------------------------------------------------------------------------------------------------


def _estimate(value: float, low: float, high: float, ends: tuple[float, float], n: int, effective_n: float) -> Estimate:
    """A figure whose interval stays on its scale."""
    return Estimate(float(value), max(float(low), ends[0]), min(float(high), ends[1]), n, float(effective_n))


def _z(level: float) -> float:
    from scipy import stats

    return float(stats.norm.ppf(upper(level)))


def _scores(answers: Any, scale: tuple[float, float]) -> np.ndarray:
    values = number_column(pd.Series(answers), "the answers").to_numpy(dtype="float64", na_value=np.nan)
    if len(values) == 0:
        raise ValueError("there are no answers")
    if np.isnan(values).any():
        raise ValueError(
            f"{int(np.isnan(values).sum())} of {len(values)} answers are missing: leave them out, and say so"
        )
    beyond = (values < scale[0]) | (values > scale[1])
    if beyond.any():
        raise ValueError(
            f"{int(beyond.sum())} of {len(values)} answers are outside the scale of {scale[0]:g} to {scale[1]:g}, the "
            f"first {values[beyond][0]:g}"
        )
    return values


def _who(customers: Any, answers: Any) -> np.ndarray:
    """The number of the customer who gave each answer; each another by default."""
    if customers is None:
        return np.arange(len(answers))
    return pd.factorize(pd.Series(matched(customers, answers, "customer")))[0]


def _mean(values: np.ndarray, weights: Any, customers: Any, answers: Any) -> tuple[float, float]:
    """The weighted mean, and the number of independent answers of equal weight that would be as sure."""
    weight = weights_of(weights, answers)
    weight = weight / weight.sum()
    mean = float(weight @ values)
    who = _who(customers, answers)
    together = np.bincount(who, weight * (values - mean))
    variance, spread = float(together @ together), float(weight @ (values - mean) ** 2)
    # Where all say the same, how much answers of one customer agree cannot be told: they count as one.
    n = spread / variance if variance > 1e-15 else 1 / float((np.bincount(who, weight) ** 2).sum())
    return mean, min(n, float(len(values)))


def _link(satisfied: Any, loyal: Any, customers: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, loyalty and the number of the customer of each answer."""
    x = number_column(pd.Series(satisfied), "the scores of satisfied")
    refuse_gaps(x, "score of satisfied")
    y = number_column(pd.Series(matched(loyal, satisfied, "entry of loyal")), "the entries of loyal")
    if x.nunique() < 2:
        raise ValueError("a curve needs two scores or more")
    return x.to_numpy(), y.to_numpy(dtype="float64"), _who(customers, satisfied)


def _never_falling(n: np.ndarray, total: np.ndarray) -> np.ndarray:
    """The isotonic means; a score that nobody gave has that of its neighbours, on a straight line."""
    from scipy.optimize import isotonic_regression

    there = n > 0
    fit = isotonic_regression(total[there] / n[there], weights=n[there]).x
    places = np.arange(len(n))
    return np.interp(places, places[there], fit)
