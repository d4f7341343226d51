"""Correlations of ratings, gaps included, and whether there is anything in them to be factored.

Ratings are a table, one row a respondent, one column an element, without gaps; or the `Correlations` of such a table.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from crmlab.service_needs.checks import numbers

SINGULAR = 1e-8  # smallest eigenvalue of a correlation matrix that can be inverted
STEPS = 10_000  # of an iteration that should need some dozens


class Correlations(NamedTuple):
    """Correlations of ratings, where the ratings themselves are not at hand or have gaps.

    Attributes
    ----------
    matrix : DataFrame
        One row and one column an element.
    n : int
        Of how many respondents.
    left_out : int
        How many more there were, who are not in it.
    """

    matrix: pd.DataFrame
    n: int
    left_out: int = 0


Ratings = pd.DataFrame | Correlations


def correlations(ratings: pd.DataFrame, missing: Literal["refuse", "complete", "em"] = "refuse") -> Correlations:
    """The correlations of ratings, gaps included.

    Parameters
    ----------
    ratings : DataFrame, one row a respondent, one column an element
    missing : {"refuse", "complete", "em"}
        What to do with gaps: say where they are; use the respondents who rated everything; or use every answer, for
        which the ratings are taken as jointly normal and a gap as no more than what the answers make of it (missing at
        random).

    Returns
    -------
    Correlations
        `left_out` tells who was not used: with "complete", who left a gap; with "em", who rated nothing.

    Raises
    ------
    ValueError
        There are gaps and they are refused; a rating is no number; an element does not vary; two elements were rated
        together by fewer than three respondents; or there is no such way.

    Notes
    -----
    Correlations pair by pair are not offered: DECISIONS.md, "Gaps in ratings". After "em", a test that counts
    respondents counts those with gaps as whole ones: with few gaps it is a little too sure.

    References
    ----------
    Little and Rubin (2002), Statistical Analysis with Missing Data, 2nd ed., 11.2 (EM for the multivariate normal).

    Examples
    --------
    >>> ratings = pd.DataFrame({"speed": [1, 2, 3, 4, None], "price": [2, 1, 4, 3, 5], "advice": [1, 1, 2, 3, 3]})
    >>> found = correlations(ratings, missing="complete")
    >>> found.n, found.left_out, round(float(found.matrix.loc["speed", "price"]), 3)
    (4, 1, 0.6)
    """
    if missing not in ("refuse", "complete", "em"):
        raise ValueError(f"missing must be 'refuse', 'complete' or 'em', not {missing!r}")
    table = numbers(ratings)
    gaps = table.isna()
    if missing == "refuse" and gaps.any(axis=None):
        names = ", ".join(map(repr, table.columns[gaps.any()][:3]))
        raise ValueError(
            f"{int(gaps.any(axis=1).sum())} of {len(table)} respondents left a rating out, first of {names}: use "
            "correlations(ratings, missing='em'), which uses every answer, or missing='complete'"
        )
    used = table[~gaps.all(axis=1)] if missing == "em" else table.dropna()
    constant = used.nunique() < 2
    if constant.any():
        raise ValueError(
            f"all {len(used)} respondents give {table.columns[constant][0]!r} the same rating: leave the element out"
        )
    whole = used.notna().all(axis=None)
    matrix = np.corrcoef(used.to_numpy(), rowvar=False) if whole else _em_correlations(used)
    return Correlations(pd.DataFrame(matrix, used.columns, used.columns), len(used), len(table) - len(used))


class KMO(NamedTuple):
    """How much of the correlations is common to several elements, from 0 to 1.

    Attributes
    ----------
    overall : float
        Of all; Kaiser calls 0.8 meritorious, below 0.5 unacceptable.
    elements : Series
        Of each element (measure of sampling adequacy).
    """

    overall: float
    elements: pd.Series


def kmo(ratings: Ratings) -> KMO:
    """The Kaiser-Meyer-Olkin measure: whether the elements share enough to be factored.

    Parameters
    ----------
    ratings : DataFrame, one row a respondent, one column an element; or Correlations

    Returns
    -------
    KMO

    Raises
    ------
    ValueError
        There are gaps, no more answers than elements, elements that do not vary or repeat each other.

    References
    ----------
    Kaiser and Rice (1974), Little Jiffy, Mark IV, Educational and Psychological Measurement 34, 111-117: the sum of the
    squared correlations over that sum and the sum of the squared partial ones.

    Examples
    --------
    >>> matrix = pd.DataFrame(np.full((3, 3), 0.5) + 0.5 * np.eye(3), list("abc"), list("abc"))
    >>> round(kmo(Correlations(matrix, 100)).overall, 3)
    0.692
    """
    found = factorable(ratings)
    r, inverse = found.matrix.to_numpy(copy=True), np.linalg.inv(found.matrix.to_numpy())
    partial = inverse / np.sqrt(np.outer(np.diag(inverse), np.diag(inverse)))
    np.fill_diagonal(r, 0)
    np.fill_diagonal(partial, 0)
    common, own = (r**2).sum(axis=0), (partial**2).sum(axis=0)
    with np.errstate(invalid="ignore"):  # elements without any correlation have neither
        return KMO(
            float(common.sum() / (common.sum() + own.sum())), pd.Series(common / (common + own), found.matrix.columns)
        )


class ChiSquareTest(NamedTuple):
    """A test by chi-squared.

    Attributes
    ----------
    statistic : float
        Chi-squared.
    df : int
    pvalue : float
    """

    statistic: float
    df: int
    pvalue: float


def bartlett_sphericity(ratings: Ratings) -> ChiSquareTest:
    """Bartlett's test that no two elements are correlated.

    Parameters
    ----------
    ratings : DataFrame, one row a respondent, one column an element; or Correlations

    Returns
    -------
    ChiSquareTest

    Raises
    ------
    ValueError
        As `kmo`.

    References
    ----------
    Bartlett (1950), Tests of significance in factor analysis, British Journal of Psychology (Statistical Section) 3,
    77-85.

    Examples
    --------
    >>> matrix = pd.DataFrame(np.full((3, 3), 0.5) + 0.5 * np.eye(3), list("abc"), list("abc"))
    >>> test = bartlett_sphericity(Correlations(matrix, 100))
    >>> round(test.statistic, 2), test.df
    (67.35, 3)
    """
    from scipy import stats

    found = factorable(ratings)
    p = len(found.matrix)
    statistic = -(found.n - 1 - (2 * p + 5) / 6) * float(np.linalg.slogdet(found.matrix.to_numpy())[1])
    df = p * (p - 1) // 2
    return ChiSquareTest(statistic, df, float(stats.chi2.sf(statistic, df)))


def parallel_analysis(
    ratings: Ratings,
    *,
    simulations: int = 400,
    quantile: float = 0.95,
    random_state: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """How many factors there are: eigenvalues beside those of ratings that have nothing in common.

    Parameters
    ----------
    ratings : DataFrame, one row a respondent, one column an element; or Correlations
    simulations : int
        How many tables of unrelated normal numbers are drawn, as large as the ratings.
    quantile : float
        Of the eigenvalues by chance, between 0 and 1.
    random_state : int, Generator or None

    Returns
    -------
    DataFrame, one row a component, 1, 2, ...
        `eigenvalue` of the correlation matrix, `by_chance`, and `kept`: above chance, as all before it.

    Raises
    ------
    ValueError
        As `kmo`; `simulations` is not positive, or `quantile` not between 0 and 1.

    Notes
    -----
    Eigenvalues of the whole correlation matrix: DECISIONS.md, "Number of factors".

    References
    ----------
    Horn (1965), A rationale and test for the number of factors in factor analysis, Psychometrika 30, 179-185; the
    quantile: Glorfeld (1995), Educational and Psychological Measurement 55(3), 377-393.

    Examples
    --------
    >>> matrix = pd.DataFrame(np.full((3, 3), 0.5) + 0.5 * np.eye(3), list("abc"), list("abc"))
    >>> parallel_analysis(Correlations(matrix, 100), random_state=1)["kept"].tolist()
    [True, False, False]
    """
    if isinstance(simulations, bool) or simulations < 1 or not 0 < quantile < 1:
        raise ValueError("simulations must be a positive whole number, and quantile lie between 0 and 1")
    found = factorable(ratings)
    p, rng = len(found.matrix), np.random.default_rng(random_state)
    drawn = [np.corrcoef(rng.standard_normal((p, found.n))) for _ in range(simulations)]
    by_chance = np.quantile(np.linalg.eigvalsh(np.stack(drawn))[:, ::-1], quantile, axis=0)
    own = np.linalg.eigvalsh(found.matrix.to_numpy())[::-1]
    kept = np.logical_and.accumulate(own > by_chance)
    index = pd.RangeIndex(1, p + 1, name="component")
    return pd.DataFrame({"eigenvalue": own, "by_chance": by_chance, "kept": kept}, index)


def cronbach_alpha(ratings: Ratings) -> float:
    """How far elements measure one thing: Cronbach's alpha of standardised ratings.

    Parameters
    ----------
    ratings : DataFrame, one row a respondent, one column an element; or Correlations
        Of the elements of one dimension, two or more.

    Returns
    -------
    float
        k r / (1 + (k - 1) r), of k elements with a mean correlation of r; at most 1.

    Raises
    ------
    ValueError
        There are gaps, or fewer than two elements.

    References
    ----------
    Cronbach (1951), Coefficient alpha and the internal structure of tests, Psychometrika 16, 297-334.

    Examples
    --------
    >>> matrix = pd.DataFrame(np.full((3, 3), 0.5) + 0.5 * np.eye(3), list("abc"), list("abc"))
    >>> round(cronbach_alpha(Correlations(matrix, 100)), 3)
    0.75
    """
    matrix = (ratings if isinstance(ratings, Correlations) else correlations(ratings)).matrix.to_numpy()
    k = len(matrix)
    if k < 2:
        raise ValueError("alpha is of two elements or more")
    mean = (matrix.sum() - k) / (k * (k - 1))
    return float(k * mean / (1 + (k - 1) * mean))


def centred_by_respondent(ratings: pd.DataFrame, *, spread: bool = False) -> pd.DataFrame:
    """Ratings net of how each respondent uses the scale: against its own mean, in its own spread.

    Parameters
    ----------
    ratings : DataFrame, one row a respondent, one column an element
        Gaps stay gaps.
    spread : bool
        Whether to divide by the respondent's own standard deviation, too.

    Returns
    -------
    DataFrame
        Points above the respondent's mean; with `spread`, in its standard deviations, and 0 for one who rates
        everything the same.

    Raises
    ------
    ValueError
        There are fewer than two elements, or values that are no numbers.

    Notes
    -----
    For comparing persons and groups. Each row now adds up to 0 (it is ipsative): one element can be computed from the
    others, about half of the correlations turn negative whatever people want, and a factor analysis is refused.

    References
    ----------
    Cunningham, Cunningham and Green (1977), The ipsative process to reduce response set bias, Public Opinion Quarterly
    41(3), 379-384.

    Examples
    --------
    >>> centred_by_respondent(pd.DataFrame({"speed": [7, 3], "price": [5, 1]})).values.tolist()
    [[1.0, -1.0], [1.0, -1.0]]
    """
    table = numbers(ratings)
    if table.shape[1] < 2:
        raise ValueError("a respondent's mean is of two elements or more")
    net = table.sub(table.mean(axis=1), axis=0)
    if not spread:
        return net
    own = table.std(axis=1)
    return net.div(own.where(own > 0, 1.0), axis=0)


# --- what can be factored ---------------------------------------------------------------------------------------------


def factorable(ratings: Ratings) -> Correlations:
    """Correlations that can be inverted, of more respondents than elements."""
    if isinstance(ratings, Correlations):
        found = ratings
    else:
        table = numbers(ratings)
        if len(table) <= table.shape[1]:
            raise ValueError(_too_few(len(table), table.shape[1]))
        found = correlations(table)
    matrix = pd.DataFrame(found.matrix)
    r = matrix.to_numpy(dtype="float64")
    if r.ndim != 2 or r.shape[0] != r.shape[1] or len(r) < 3:
        raise ValueError(f"three elements or more can be factored; the correlations are of shape {r.shape}")
    if found.n <= len(r):
        raise ValueError(_too_few(found.n, len(r)))
    if (
        not np.allclose(r, r.T, atol=1e-8)
        or not np.allclose(np.diag(r), 1, atol=1e-8)
        or not (np.abs(r) < 1 + 1e-8).all()
    ):
        raise ValueError(
            "a correlation matrix is symmetric, with ones on its diagonal and nothing beyond 1: this is not"
        )
    values, vectors = np.linalg.eigh(r)
    if values[0] < -SINGULAR:
        raise ValueError(
            f"the correlation matrix is not positive definite (smallest eigenvalue {values[0]:.3g}), as one made "
            "pair by pair from answers with gaps may be: use correlations(ratings, missing='em')"
        )
    if values[0] < SINGULAR:
        raise ValueError(_repeating(vectors[:, values < SINGULAR], matrix.columns))
    return Correlations(pd.DataFrame(r, matrix.columns, matrix.columns), found.n, found.left_out)


def _too_few(answers: int, elements: int) -> str:
    return (
        f"{answers} respondents are too few for {elements} elements: there must be more respondents than elements, and "
        "five times as many to rely on it; ask more, or analyse fewer elements"
    )


def _repeating(null: np.ndarray, names: pd.Index) -> str:
    """Which elements can be computed from each other: those with a part in what has no variance."""
    which = names[np.abs(null).max(axis=1) > 1e-4]
    if null.shape[1] == 1 and (np.sign(null) * np.sign(null[0]) > 0).all():
        return (
            "the correlation matrix is singular: the ratings of each respondent add up to the same, as points and "
            "ratings net of the respondent's mean do. Analyse the ratings as they were given"
        )
    return (
        f"the correlation matrix is singular: {', '.join(map(repr, which))} repeat each other (one can be computed "
        "from the others). Leave one of them out"
    )


def patterns(there: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows with the same gaps, and the columns that they have; rows without any are left out."""
    kinds, kind = np.unique(there, axis=0, return_inverse=True)
    return [
        (np.flatnonzero(kind.ravel() == number), np.flatnonzero(columns))
        for number, columns in enumerate(kinds)
        if columns.any()
    ]


def _em_correlations(table: pd.DataFrame) -> np.ndarray:
    """Correlations of the normal distribution that makes the answers most likely, gaps at random."""
    there = table.notna().to_numpy()
    together = there.T.astype(int) @ there
    if together.min() < 3:
        i, j = np.unravel_index(together.argmin(), together.shape)
        raise ValueError(
            f"only {together.min()} respondents rated both {table.columns[i]!r} and {table.columns[j]!r}: three are "
            "needed; leave one of them out"
        )
    z = ((table - table.mean()) / table.std()).to_numpy()
    kinds, n, p = patterns(there), len(z), z.shape[1]
    mean, cov = np.zeros(p), np.eye(p)
    for _ in range(STEPS):
        filled, spread = np.where(there, z, 0.0), np.zeros((p, p))
        for rows, known in kinds:
            gap = np.setdiff1d(np.arange(p), known)
            if len(gap):
                slope = np.linalg.solve(cov[np.ix_(known, known)], cov[np.ix_(known, gap)])
                filled[np.ix_(rows, gap)] = mean[gap] + (z[np.ix_(rows, known)] - mean[known]) @ slope
                spread[np.ix_(gap, gap)] += len(rows) * (cov[np.ix_(gap, gap)] - cov[np.ix_(gap, known)] @ slope)
        before, mean = cov, filled.mean(axis=0)
        cov = ((filled - mean).T @ (filled - mean) + spread) / n
        if np.abs(cov - before).max() < 1e-9:
            size = np.sqrt(np.diag(cov))
            return cov / np.outer(size, size)
    raise RuntimeError("the correlations of ratings with gaps do not settle: there are too many gaps; use 'complete'")
