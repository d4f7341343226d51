"""How good the service is where it matters: importance derived from satisfaction, quadrants, gaps."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.service_needs.checks import (
    by_label,
    enough_to_draw,
    like,
    matched,
    number_column,
    numbers,
    refuse_gaps,
    same_labels,
    upper,
    warn_of_scales,
)
from crmlab.service_needs.correlation import Ratings, correlations, cronbach_alpha, factorable
from crmlab.stats import bootstrap, interval

# By whether importance and performance are above the mean.
QUADRANTS = {
    (True, False): "concentrate here",
    (True, True): "keep up the good work",
    (False, False): "low priority",
    (False, True): "possible overkill",
}


def derived_importance(answers: Ratings, outcome: str) -> pd.DataFrame:
    """How much of satisfaction goes with how each element performs.

    Parameters
    ----------
    answers : DataFrame, one row a respondent; or Correlations
        Performance, one column an element, and the outcome.
    outcome : str
        Column of satisfaction, or of whatever performance is to explain.

    Returns
    -------
    DataFrame, one row an element
        `correlation` with the outcome; `weight`, the part of the explained variance (R squared) that is due to the
        element; `share` of it.

    Raises
    ------
    ValueError
        There is no such column; or as `kmo`.

    Notes
    -----
    Elements that perform well together share their part: no regression can tell them apart. What goes with satisfaction
    need not make it.

    References
    ----------
    Johnson (2000), A heuristic method for estimating the relative weight of predictor variables in multiple regression,
    Multivariate Behavioral Research 35(1), 1-19.

    Examples
    --------
    >>> from crmlab.service_needs import Correlations
    >>> names = ["speed", "price", "satisfied"]
    >>> matrix = pd.DataFrame([[1, 0, 0.6], [0, 1, 0.3], [0.6, 0.3, 1]], names, names)
    >>> derived_importance(Correlations(matrix, 100), "satisfied").round(2)
           correlation  weight  share
    speed          0.6    0.36    0.8
    price          0.3    0.09    0.2
    """
    matrix = factorable(answers).matrix
    if outcome not in matrix:
        raise ValueError(f"answers have no column {outcome!r}")
    names = matrix.columns.drop(outcome)
    r, with_outcome = matrix.loc[names, names].to_numpy(), matrix.loc[names, outcome].to_numpy()
    values, vectors = np.linalg.eigh(r)
    root = (vectors * np.sqrt(values)) @ vectors.T  # of elements with their nearest uncorrelated stand-ins
    weight = root**2 @ np.linalg.solve(root, with_outcome) ** 2
    total = weight.sum()
    share = weight / total if total > 0 else np.full(len(names), np.nan)
    return pd.DataFrame({"correlation": with_outcome, "weight": weight, "share": share}, names)


def quadrants(importance: pd.Series, performance: pd.Series) -> pd.Series:
    """Where each element lies on the map of importance and performance, cut at the means of all.

    Parameters
    ----------
    importance, performance : Series, one entry an element
        In any unit each; matched by element.

    Returns
    -------
    Series, one entry an element
        "concentrate here" (important, performs below the mean), "keep up the good work", "low priority" or "possible
        overkill" (performs well, matters less). On the mean counts as above.

    Raises
    ------
    ValueError
        They are not of the same elements, or one is missing.

    References
    ----------
    Martilla and James (1977), Importance-performance analysis, Journal of Marketing 41(1), 77-79.

    Examples
    --------
    >>> quadrants(pd.Series({"speed": 6, "price": 3}), pd.Series({"speed": 4, "price": 5})).to_dict()
    {'speed': 'concentrate here', 'price': 'possible overkill'}
    """
    same_labels(importance.index, performance.index, "element")
    refuse_gaps(importance, "importance")
    performance = by_label(performance, importance.index, "performance")
    high = [_above_mean(one.to_numpy(dtype="float64")).tolist() for one in (importance, performance)]
    return pd.Series([QUADRANTS[pair] for pair in zip(*high, strict=True)], importance.index, name="quadrant")


def importance_performance(
    importance: pd.DataFrame | None,
    performance: pd.DataFrame,
    *,
    outcome: pd.Series | None = None,
    customers: pd.Series | None = None,
    resamples: int = 400,
    random_state: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """The map of importance and performance, and how sure each element's quadrant is.

    Parameters
    ----------
    importance : DataFrame, one row a respondent, one column an element; or None
        Ratings; None if importance is derived from `outcome`.
    performance : DataFrame, one row a respondent, one column an element
        Ratings of the same respondents and elements, in any order; gaps allowed in both.
    outcome : Series, optional
        Satisfaction of each respondent, matched by label: an element's importance is then the correlation of its
        performance with it, over those who rated it.
    customers : Series, optional
        Who gave each row, matched by label, where one may have given several: these are drawn together.
    resamples : int
        How often respondents are drawn anew.
    random_state : int, Generator or None

    Returns
    -------
    DataFrame, one row an element
        `importance`, a mean rating or a correlation; `low` and `high`, its 90% interval; `performance`, a mean rating;
        `quadrant`; `chance`, the share of resamples in which it lies there.

    Raises
    ------
    ValueError
        Importance is given twice or not at all, the tables are not of the same respondents and elements, a respondent
        has no outcome or no customer; an element does not vary, so that nothing can be derived of it, or has so few
        answers that a resample would be likely to have none.
    RuntimeError
        In a resample nobody rates an element.

    References
    ----------
    Martilla and James (1977), as `quadrants`.

    Examples
    --------
    >>> importance = pd.DataFrame({"speed": [6, 7, 6, 5], "price": [3, 4, 5, 4]})
    >>> performance = pd.DataFrame({"speed": [4, 3, 4, 4], "price": [5, 6, 4, 5]})
    >>> importance_performance(importance, performance, random_state=1)[["importance", "quadrant", "chance"]].round(2)
           importance           quadrant  chance
    speed         6.0   concentrate here    0.99
    price         4.0  possible overkill    1.00
    """
    if (importance is None) == (outcome is None):
        raise ValueError("importance is either rated or derived from an outcome: give one of the two")
    rated = numbers(performance)
    names, seen, there = rated.columns, rated.to_numpy(), rated.notna()
    if importance is not None:
        wanted = like(numbers(importance), rated)
        stated, there = wanted.to_numpy(), there & wanted.notna()
    elif outcome is not None:
        outcome = number_column(by_label(outcome, rated.index, "outcome"), "the outcomes")
        stated = outcome.to_numpy(dtype="float64")[:, None]
        if (constant := rated.nunique() < 2).any():
            raise ValueError(
                f"all rate the performance of {names[constant][0]!r} the same: nothing can be derived of it"
            )
    who = np.arange(len(seen)) if customers is None else pd.factorize(matched(customers, rated, "customer"))[0]
    rows_of = [np.flatnonzero(who == number) for number in range(who.max() + 1)]
    enough_to_draw(there.groupby(who).any().sum(), len(rows_of), resamples)

    def located(row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        matters = _means(stated[row]) if outcome is None else _correlations_with(stated[row], seen[row])
        return matters, _means(seen[row])

    own = located(np.arange(len(seen)))
    above = [_above_mean(one) for one in own]
    quadrant = quadrants(pd.Series(own[0], names), pd.Series(own[1], names))

    def drawn(table: pd.DataFrame) -> pd.Series:
        matters, does = located(np.concatenate([rows_of[number] for number in table["customer"]]))
        same = (_above_mean(matters) == above[0]) & (_above_mean(does) == above[1])
        return pd.Series(np.append(matters, same), pd.RangeIndex(2 * len(names)))

    table = pd.DataFrame({"customer": np.arange(len(rows_of))})
    draws = bootstrap(drawn, table, resamples=resamples, random_state=random_state)
    ends = interval(draws.iloc[:, : len(names)])
    return pd.DataFrame(
        {
            "importance": own[0],
            "low": ends["low"].to_numpy(),
            "high": ends["high"].to_numpy(),
            "performance": own[1],
            "quadrant": quadrant,
            "chance": draws.iloc[:, len(names) :].mean().to_numpy(),
        },
        names,
    )


def servqual(
    expectation: pd.DataFrame,
    performance: pd.DataFrame,
    dimensions: pd.Series,
    *,
    weights: pd.Series | None = None,
    level: float = 0.9,
) -> pd.DataFrame:
    """Gaps between what customers expect and what they get, by dimension of service.

    Parameters
    ----------
    expectation, performance : DataFrame, one row a respondent, one column an element
        Ratings on one scale, of the same respondents, in any order; gaps allowed.
    dimensions : Series
        The dimension of each element; none is called "overall".
    weights : Series, optional
        How much each dimension counts, above 0; all the same by default.
    level : float
        Of each interval, over respondents.

    Returns
    -------
    DataFrame, one row a dimension, and `overall`
        `n`, respondents; `expectation` and `performance`, the means over what a respondent rated in both; `gap`,
        performance less expectation, points; `low` and `high`, missing where all have the same gap; `weight`, adding up
        to 1; `alpha`, how far the performance ratings of the dimension measure one thing (missing for one element
        alone, or one that does not vary). Overall is the weighted sum, of those who rated every dimension.

    Raises
    ------
    ValueError
        The tables are not of the same respondents and elements, an element has no dimension, or a dimension no weight;
        fewer than two respondents rated a dimension; a dimension is called "overall".

    Warns
    -----
    UserWarning
        The two tables hardly have one scale.

    References
    ----------
    Parasuraman, Zeithaml and Berry (1988), SERVQUAL: a multiple-item scale for measuring consumer perceptions of
    service quality, Journal of Retailing 64(1), 12-40.

    Examples
    --------
    >>> expectation = pd.DataFrame({"on time": [7, 6, 7], "complete": [6, 6, 7], "advice": [5, 4, 5]})
    >>> performance = pd.DataFrame({"on time": [5, 5, 5], "complete": [5, 6, 5], "advice": [5, 5, 5]})
    >>> dimensions = pd.Series({"on time": "reliability", "complete": "reliability", "advice": "assurance"})
    >>> servqual(expectation, performance, dimensions)["gap"].round(2).to_dict()
    {'assurance': 0.33, 'reliability': -1.33, 'overall': -0.5}
    """
    from scipy import stats

    seen = numbers(performance)
    wanted, names = like(numbers(expectation), seen), seen.columns
    warn_of_scales(wanted, seen)
    dimension = by_label(dimensions, names, "dimension")
    groups = sorted(dimension.unique())
    if "overall" in groups:
        raise ValueError("a dimension is called 'overall', as the row of all together: give it another name")
    weight = pd.Series(1.0, groups) if weights is None else by_label(weights, pd.Index(groups), "weight").astype(float)
    if not (weight > 0).all():
        raise ValueError(f"dimension {weight.index[~(weight > 0)][0]!r} needs a weight above 0")
    weight = weight / weight.sum()
    wanted, seen = wanted.where(seen.notna()), seen.where(wanted.notna())
    parts = {
        what: pd.DataFrame({group: table[names[dimension == group]].mean(axis=1) for group in groups})
        for what, table in (("expectation", wanted), ("performance", seen))
    }
    for table in parts.values():
        table["overall"] = table[groups] @ weight  # missing where a dimension is
    gap = parts["performance"] - parts["expectation"]
    n = gap.count()
    if (n < 2).any():
        raise ValueError(f"{n.idxmin()!r} was rated by {n.min()} respondents: two are needed")
    reach = stats.t.ppf(upper(level), n - 1) * np.sqrt(gap.var().where(gap.max() - gap.min() > 1e-9) / n)
    alpha = {group: _alpha(seen[names[dimension == group]]) for group in groups}
    return pd.DataFrame(
        {
            "n": n,
            "expectation": parts["expectation"].mean(),
            "performance": parts["performance"].mean(),
            "gap": gap.mean(),
            "low": gap.mean() - reach,
            "high": gap.mean() + reach,
            "weight": weight.reindex(n.index, fill_value=1.0),
            "alpha": pd.Series(alpha).reindex(n.index),
        }
    )


def _alpha(ratings: pd.DataFrame) -> float:
    """Cronbach's alpha, where there is one."""
    if ratings.shape[1] < 2 or (ratings.nunique() < 2).any():
        return np.nan
    return cronbach_alpha(correlations(ratings, missing="em"))


def _above_mean(values: np.ndarray) -> np.ndarray:
    """Whether each is above the mean of all; on it counts as above."""
    return values >= values.mean() - 1e-12


def _means(table: np.ndarray) -> np.ndarray:
    """Column means over what is there; missing where nothing is."""
    there = ~np.isnan(table)
    with np.errstate(invalid="ignore"):
        return np.where(there, table, 0.0).sum(axis=0) / there.sum(axis=0)


def _correlations_with(outcome: np.ndarray, table: np.ndarray) -> np.ndarray:
    """The correlation of each column with the outcome, over the rows that have both."""
    there = ~np.isnan(table) & ~np.isnan(outcome)
    a, b = (np.where(there, one, np.nan) for one in np.broadcast_arrays(table, outcome))
    a, b = a - _means(a), b - _means(b)
    with np.errstate(invalid="ignore"):
        return _means(a * b) / np.sqrt(_means(a**2) * _means(b**2))
