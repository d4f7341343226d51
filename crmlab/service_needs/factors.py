"""Few factors behind many ratings: principal factors and maximum likelihood, varimax and oblimin."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from crmlab.service_needs.checks import matched, numbers, same_labels
from crmlab.service_needs.correlation import STEPS, Correlations, Ratings, factorable, kmo, patterns

UNACCEPTABLE = 0.5  # the measure of sampling adequacy below which Kaiser would factor nothing
LEAST_UNIQUE = 0.005  # share of an element's variance that maximum likelihood must leave it, as in R's factanal


@dataclass(frozen=True)
class FactorAnalysis:
    """What a factor analysis found.

    Attributes
    ----------
    loadings : DataFrame, one row an element, one column a factor
        What one standard deviation of the factor adds to the element, in its standard deviations. Factors by the
        variance that they explain; each with a positive sum of loadings.
    factor_correlation : DataFrame
        Of the factors with each other; the identity unless the rotation is oblique.
    correlations : Correlations
        What was analysed.
    statistic, df, pvalue : float
        Of the test that so many factors are enough (maximum likelihood only; else missing).
    """

    loadings: pd.DataFrame
    factor_correlation: pd.DataFrame
    correlations: Correlations
    statistic: float = np.nan
    df: float = np.nan
    pvalue: float = np.nan

    @cached_property
    def structure(self) -> pd.DataFrame:
        """Correlations of elements with factors; the loadings unless the rotation is oblique."""
        return self.loadings @ self.factor_correlation

    @cached_property
    def communalities(self) -> pd.Series:
        """The share of each element's variance that it has in common with others."""
        return (self.loadings * self.structure).sum(axis=1)

    @cached_property
    def uniquenesses(self) -> pd.Series:
        """The share of each element's variance that is its own."""
        return 1 - self.communalities

    @cached_property
    def variance(self) -> pd.DataFrame:
        """What each factor explains: `sum_of_squares`, in elements; its `share` of all elements, `cumulative`."""
        own = (self.loadings * self.structure).sum()
        share = own / len(self.loadings)
        return pd.DataFrame({"sum_of_squares": own, "share": share, "cumulative": share.cumsum()})

    @cached_property
    def weights(self) -> pd.DataFrame:
        """What makes a factor's score from standardised ratings (Thurstone's regression weights)."""
        inverse = np.linalg.inv(self.correlations.matrix.to_numpy())
        return pd.DataFrame(inverse @ self.structure.to_numpy(), self.loadings.index, self.loadings.columns)

    @cached_property
    def reproduced(self) -> pd.DataFrame:
        """The correlations that the factors alone would make; communalities on the diagonal."""
        return self.structure @ self.loadings.T

    def scores(self, ratings: pd.DataFrame) -> pd.DataFrame:
        """How each respondent stands on each factor, in standard deviations around the mean of these respondents.

        Parameters
        ----------
        ratings : DataFrame, one row a respondent, one column an element
            Gaps may be there: a score is then made of what was rated.

        Returns
        -------
        DataFrame, one row a respondent, one column a factor
            Scores of the regression method: their spread is below 1, the less, the less was rated.

        Raises
        ------
        ValueError
            An element is missing, or does not vary.
        """
        names = self.loadings.index
        if len(absent := names.difference(ratings.columns)):
            raise ValueError(f"the ratings have no column {absent[0]!r}, which the factors were found with")
        table = numbers(ratings[names])
        z = ((table - table.mean()) / table.std()).to_numpy()
        if np.isnan(z).all(axis=0).any():
            raise ValueError(f"{names[np.isnan(z).all(axis=0)][0]!r} does not vary: it has no scores")
        r, structure = self.correlations.matrix.to_numpy(), self.structure.to_numpy()
        scores = np.zeros((len(z), structure.shape[1]))
        for rows, there in patterns(~np.isnan(z)):
            weights = np.linalg.solve(r[np.ix_(there, there)], structure[there])
            scores[rows] = z[np.ix_(rows, there)] @ weights
        return pd.DataFrame(scores, ratings.index, self.loadings.columns)


def factor_analysis(
    ratings: Ratings,
    n_factors: int,
    method: Literal["principal", "ml"] = "principal",
    rotation: Literal["varimax", "oblimin"] | None = None,
    *,
    communalities: Any = None,
) -> FactorAnalysis:
    """Few factors behind many ratings.

    Parameters
    ----------
    ratings : DataFrame, one row a respondent, one column an element; or Correlations
    n_factors : int
        From 1 up; see `parallel_analysis`.
    method : {"principal", "ml"}
        Principal factors, with communalities that are iterated from the squared multiple correlations until they agree
        with the loadings; or maximum likelihood, which comes with a test.
    rotation : {None, "varimax", "oblimin"}
        Varimax with Kaiser's normalisation; direct oblimin with parameter 0 (quartimin), which lets factors correlate.
    communalities : array of numbers, optional
        For principal factors: these are taken as they are, and nothing is iterated. A Series is matched by element.

    Returns
    -------
    FactorAnalysis

    Raises
    ------
    ValueError
        As `kmo`; there are more factors than the elements can tell, or iterated communalities pass 1 (a Heywood case).
    RuntimeError
        An iteration does not come to an end.

    Warns
    -----
    UserWarning
        Maximum likelihood leaves an element no variance of its own (a Heywood case); or the elements share so little
        (`kmo` below 0.5) that what is found may be chance.

    Notes
    -----
    Signs and order are fixed so that any processor gives the same: DECISIONS.md, "Signs and order of factors". A use of
    the scale that differs from person to person raises all correlations alike; it shows in the first factor before
    rotation, and in correlated factors after oblimin. Do not take it out by `centred_by_respondent` here.

    References
    ----------
    Harman (1976), Modern Factor Analysis, 3rd ed., chapters 8 (principal factors) and 10 (maximum likelihood, after
    Lawley and Joreskog); Kaiser (1958), The varimax criterion, Psychometrika 23, 187-200; Jennrich and Sampson (1966),
    Rotation for simple loadings, Psychometrika 31, 313-323 (direct oblimin), by the gradient projection of Jennrich
    (2002), A simple general method for oblique rotation, Psychometrika 67, 7-19; the test: Bartlett (1951), The effect
    of standardization on a chi-squared approximation in factor analysis, Biometrika 38, 337-344.

    Examples
    --------
    >>> one = np.array([0.9, 0.8, 0.7, 0.6])
    >>> matrix = pd.DataFrame(np.outer(one, one), list("abcd"), list("abcd"))
    >>> matrix = matrix.mask(np.eye(4, dtype=bool), 1.0)
    >>> factor_analysis(Correlations(matrix, 100), 1).loadings["F1"].round(3).tolist()
    [0.9, 0.8, 0.7, 0.6]
    """
    found = factorable(ratings)
    r, names = found.matrix.to_numpy(), found.matrix.columns
    if method not in ("principal", "ml") or rotation not in (None, "varimax", "oblimin"):
        raise ValueError(
            f"method must be 'principal' or 'ml', rotation None, 'varimax' or 'oblimin'; not {method!r}, {rotation!r}"
        )
    if method == "ml" and communalities is not None:
        raise ValueError("maximum likelihood finds the communalities itself: give them to method='principal' only")
    most = _most_factors(len(r), method)
    if isinstance(n_factors, bool) or n_factors not in range(1, most + 1):
        raise ValueError(
            f"{len(r)} elements can tell 1 to {most} factors with method={method!r}, not n_factors={n_factors!r}"
        )
    if (adequacy := kmo(found).overall) < UNACCEPTABLE:
        warnings.warn(
            f"the elements share too little to be factored (KMO {adequacy:.3f}, below {UNACCEPTABLE}): what is found "
            "may be chance; see parallel_analysis",
            stacklevel=2,
        )
    n_factors, test = int(n_factors), dict[str, float]()
    if method == "ml":
        raw, discrepancy = _maximum_likelihood(r, n_factors, names)
        test = _enough_factors(discrepancy, found.n, len(r), n_factors)
    elif communalities is None:
        raw = _iterated_principal(r, n_factors, names)
    else:
        raw = _principal(r, _given(communalities, names), n_factors)
    loadings, phi = in_order(*_rotated(raw, rotation))
    factors = [f"F{number}" for number in range(1, n_factors + 1)]
    return FactorAnalysis(pd.DataFrame(loadings, names, factors), pd.DataFrame(phi, factors, factors), found, **test)


def congruence(loadings: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """How alike factors are: Tucker's coefficient, the cosine between two columns of loadings.

    Parameters
    ----------
    loadings, others : DataFrame, one row an element, one column a factor
        Of the same elements, in any order.

    Returns
    -------
    DataFrame, one row a factor of `loadings`, one column a factor of `others`
        From -1 to 1; from 0.85 on factors are called fairly alike, from 0.95 on the same.

    Raises
    ------
    ValueError
        The elements are not the same, or a factor has no loadings.

    References
    ----------
    Tucker (1951); the limits: Lorenzo-Seva and ten Berge (2006), Tucker's congruence coefficient as a meaningful index
    of factor similarity, Methodology 2(2), 57-64.

    Examples
    --------
    >>> one, other = pd.DataFrame({"F1": [0.8, 0.6, 0.0]}), pd.DataFrame({"truth": [0.6, 0.8, 0.0]})
    >>> congruence(one, other).round(2)
        truth
    F1   0.96
    """
    same_labels(loadings.index, others.index, "element")
    a, b = loadings.to_numpy(dtype="float64"), others.reindex(loadings.index).to_numpy(dtype="float64")
    sizes = np.outer(np.linalg.norm(a, axis=0), np.linalg.norm(b, axis=0))
    if (sizes == 0).any():
        raise ValueError("a factor without any loading is like no other")
    return pd.DataFrame(a.T @ b / sizes, loadings.columns, others.columns)


# --- loadings ---------------------------------------------------------------------------------------------------------


def _most_factors(p: int, method: str) -> int:
    """How many factors p elements can tell: for maximum likelihood, without negative degrees of freedom."""
    if method == "principal":
        return p - 1
    return max(m for m in range(p) if (p - m) ** 2 >= p + m)


def _given(communalities: Any, names: pd.Index) -> np.ndarray:
    values = matched(communalities, names, "communality").astype("float64")
    if not ((values > 0) & (values <= 1)).all():
        raise ValueError("communalities must be one number for each element, above 0 and at most 1")
    return values


def _principal(r: np.ndarray, communalities: np.ndarray, n_factors: int) -> np.ndarray:
    """The loadings that explain most of the correlations with these communalities on the diagonal."""
    reduced = r.copy()
    np.fill_diagonal(reduced, communalities)
    values, vectors = np.linalg.eigh(reduced)
    values, vectors = values[::-1][:n_factors], vectors[:, ::-1][:, :n_factors]
    if values[-1] <= 0:
        raise ValueError(f"there is no variance left for factor {int((values > 0).sum()) + 1}: ask for fewer factors")
    return vectors * np.sqrt(values)


def _iterated_principal(r: np.ndarray, n_factors: int, names: pd.Index) -> np.ndarray:
    communalities = 1 - 1 / np.diag(np.linalg.inv(r))
    for _ in range(STEPS):
        loadings = _principal(r, communalities, n_factors)
        now = (loadings**2).sum(axis=1)
        if (now > 1).any():
            raise ValueError(_heywood(names[now > 1], n_factors) + "; or use method='ml', which keeps within bounds")
        if np.abs(now - communalities).max() < 1e-9:
            return loadings
        communalities = now
    raise RuntimeError("the communalities do not settle: ask for fewer factors, or use method='ml'")


def _heywood(names: pd.Index, n_factors: int) -> str:
    return (
        f"{n_factors} factors leave {', '.join(map(repr, names))} no variance of its own, which no rating is without "
        "(a Heywood case): there are too many factors, too few respondents, or too few elements like it. Ask for fewer "
        "factors, or leave it out"
    )


def _maximum_likelihood(r: np.ndarray, n_factors: int, names: pd.Index) -> tuple[np.ndarray, float]:
    """Loadings of maximum likelihood, and twice the log-likelihood lost against no model, for one respondent."""
    from scipy.optimize import minimize

    p = len(r)

    def parts(unique: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scale = np.sqrt(unique)
        values, vectors = np.linalg.eigh(r / np.outer(scale, scale))
        loadings = (
            scale[:, None] * vectors[:, ::-1][:, :n_factors] * np.sqrt(np.maximum(values[::-1][:n_factors] - 1, 0))
        )
        return values[: p - n_factors], loadings

    def lost(unique: np.ndarray) -> tuple[float, np.ndarray]:
        rest, loadings = parts(unique)
        gradient = ((loadings**2).sum(axis=1) + unique - np.diag(r)) / unique**2
        return float((rest - np.log(rest) - 1).sum()), gradient

    start = (1 - 0.5 * n_factors / p) / np.diag(np.linalg.inv(r))
    end = minimize(
        lost,
        np.clip(start, LEAST_UNIQUE, 1),
        jac=True,
        method="L-BFGS-B",
        bounds=[(LEAST_UNIQUE, 1.0)] * p,
        options={"ftol": 1e-15, "gtol": 1e-9, "maxiter": STEPS, "maxfun": STEPS},
    )
    at_bound = end.x <= LEAST_UNIQUE * (1 + 1e-6)
    if at_bound.any():
        warnings.warn(_heywood(names[at_bound], n_factors), UserWarning, stacklevel=3)
    return parts(end.x)[1], float(end.fun)


def _enough_factors(discrepancy: float, n: int, p: int, m: int) -> dict[str, float]:
    """Bartlett's test that m factors are enough."""
    from scipy import stats

    df = ((p - m) ** 2 - p - m) // 2
    statistic = (n - 1 - (2 * p + 5) / 6 - 2 * m / 3) * discrepancy
    return {"statistic": statistic, "df": df, "pvalue": float(stats.chi2.sf(statistic, df)) if df else np.nan}


# --- rotations --------------------------------------------------------------------------------------------------------


def _rotated(loadings: np.ndarray, rotation: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Loadings after rotation, and the correlations of the factors."""
    identity = np.eye(loadings.shape[1])
    if rotation is None or loadings.shape[1] == 1:
        return loadings, identity
    # Rotations start from one order and sign, so that they end in one.
    turned = varimax(in_order(loadings, identity)[0])
    return (turned, identity) if rotation == "varimax" else oblimin(turned)


def varimax(loadings: np.ndarray) -> np.ndarray:
    """Each pair of factors turned to the angle at which the squared loadings vary most, until none turns any more."""
    size = np.sqrt((loadings**2).sum(axis=1))
    table = loadings / np.where(size > 0, size, 1)[:, None]
    p, m = table.shape
    for _ in range(STEPS):
        turned = 0.0
        for i in range(m):
            for j in range(i + 1, m):
                u, v = table[:, i] ** 2 - table[:, j] ** 2, 2 * table[:, i] * table[:, j]
                numerator = 2 * (u @ v - u.sum() * v.sum() / p)
                denominator = u @ u - v @ v - (u.sum() ** 2 - v.sum() ** 2) / p
                angle = np.arctan2(numerator, denominator) / 4
                cos, sin = np.cos(angle), np.sin(angle)
                table[:, [i, j]] = table[:, [i, j]] @ np.array([[cos, -sin], [sin, cos]])
                turned = max(turned, abs(angle))
        if turned < 1e-9:
            return table * size[:, None]
    raise RuntimeError("varimax does not settle: two factors may be alike; ask for fewer")


def oblimin(start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least sum of products of squared loadings, down the gradient with factors kept at variance 1."""

    def at(turn: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
        inverse = np.linalg.inv(turn)
        table = start @ inverse.T
        others = (table**2) @ (1 - np.eye(table.shape[1]))
        gradient = -(table.T @ (table * others) @ inverse).T
        return table, float((table**2 * others).sum() / 4), gradient

    turn, step = np.eye(start.shape[1]), 1.0
    table, value, gradient = at(turn)
    for _ in range(STEPS):
        slope = gradient - turn * (turn * gradient).sum(axis=0)
        if (steepness := float(np.linalg.norm(slope))) < 1e-6:
            return table, turn.T @ turn
        step *= 2
        while True:
            new = turn - step * slope
            new /= np.linalg.norm(new, axis=0)
            after = at(new)
            if after[1] < value - 0.5 * steepness**2 * step or step < 1e-12:
                break
            step /= 2
        turn, (table, value, gradient) = new, after
    raise RuntimeError("oblimin does not settle: two factors may be alike; ask for fewer, or use varimax")


def in_order(loadings: np.ndarray, phi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Factors by the variance that they explain, each with a positive sum of loadings; a sum of 0: the largest."""
    explained = np.round((loadings * (loadings @ phi)).sum(axis=0), 8)
    order = np.argsort(-explained, kind="stable")
    loadings, phi = loadings[:, order], phi[np.ix_(order, order)]
    total = np.round(loadings.sum(axis=0), 8)
    largest = loadings[np.abs(np.round(loadings, 8)).argmax(axis=0), range(loadings.shape[1])]
    sign = np.where(np.where(total != 0, total, largest) < 0, -1.0, 1.0)
    return loadings * sign, phi * np.outer(sign, sign)
