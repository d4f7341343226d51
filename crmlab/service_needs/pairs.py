"""Comparisons of elements in pairs: matrices, priorities, and who contradicts himself (analytic hierarchy process)."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from crmlab.service_needs.checks import number_column, numbers, same_labels

# Mean consistency index of matrices filled at random from Saaty's scale, of 3, 4, ... things.
RANDOM_INDEX = {3: 0.58, 4: 0.90, 5: 1.12, 6: 1.24, 7: 1.32, 8: 1.41, 9: 1.45, 10: 1.49}
CONSISTENT = 0.10  # the largest consistency ratio that Saaty lets pass
LARGEST = 9  # of Saaty's scale, in either direction
ROUNDED = 0.05  # how far a preference and its reverse may be from reciprocal, as 8 and 0.12 are


def comparisons(
    pairs: pd.DataFrame,
    *,
    respondent: str = "respondent",
    a: str = "element_a",
    b: str = "element_b",
    preference: str = "preference",
) -> pd.DataFrame:
    """Comparisons in pairs as one row a respondent.

    Parameters
    ----------
    pairs : DataFrame, one row a comparison
    respondent, a, b : str
        Columns: who compares, and which two elements.
    preference : str
        Column: how many times as important a is as b, on Saaty's scale: 1/9 to 9.

    Returns
    -------
    DataFrame, one row a respondent, one column a pair
        Columns are pairs (a, b) of elements, a the one that is earlier in the table; values as `preference`.

    Raises
    ------
    ValueError
        A respondent left a pair out, compared an element with itself, or gave a pair two answers that are not
        reciprocal; a preference is not from 1/9 to 9, or something is missing.

    Examples
    --------
    >>> pairs = pd.DataFrame({"respondent": ["M1"] * 3, "element_a": ["speed", "speed", "advice"],
    ...                       "element_b": ["price", "advice", "price"], "preference": [2, 4, 0.5]})
    >>> comparisons(pairs).loc["M1"].to_dict()
    {('speed', 'price'): 2.0, ('speed', 'advice'): 4.0, ('price', 'advice'): 2.0}
    """
    for name in (respondent, a, b, preference):
        if name not in pairs:
            raise ValueError(f"pairs has no column {name!r}")
    told = pairs[[respondent, a, b, preference]].set_axis(["who", "a", "b", "times"], axis=1)
    if (gaps := told.isna()).any(axis=None):
        row, column = np.argwhere(gaps.to_numpy())[0]
        raise ValueError(f"{(respondent, a, b, preference)[column]!r} is missing in row {told.index[row]!r} of pairs")
    told["times"] = number_column(told["times"], f"the values of {preference!r}").astype("float64")
    beyond = ~told["times"].between(1 / LARGEST / (1 + ROUNDED), LARGEST * (1 + ROUNDED))
    if (bad := beyond | (told["a"] == told["b"])).any():
        row = told[bad].iloc[0]
        raise ValueError(
            f"{row['who']!r} compares {row['a']!r} with {row['b']!r} by {row['times']:g}: a preference is from 1/9 to "
            f"9, and between two elements ({int(bad.sum())} such rows)"
        )
    elements = pd.unique(told[["a", "b"]].to_numpy().ravel())
    who, people = pd.factorize(told["who"])
    first, second = (pd.Index(elements).get_indexer(told[side]) for side in ("a", "b"))
    logs = np.log(told["times"].to_numpy(dtype="float64")) * np.where(first < second, 1, -1)
    # Of each person and pair the least and the most that was said, where it was said twice.
    cell, shape = (who, np.minimum(first, second), np.maximum(first, second)), (len(people), *[len(elements)] * 2)
    least, most = np.full(shape, np.inf), np.full(shape, -np.inf)
    np.minimum.at(least, cell, logs)
    np.maximum.at(most, cell, logs)
    if (torn := np.argwhere(most - least > np.log1p(ROUNDED))).size:
        one, this, that = torn[0]
        raise ValueError(
            f"{people[one]!r} compares {elements[this]!r} with {elements[that]!r} twice, and not reciprocally "
            f"({len(torn)} such pairs): keep one answer of each"
        )
    i, j = np.triu_indices(len(elements), 1)
    if (absent := np.argwhere(np.isinf(least[:, i, j]))).size:
        one, pair = absent[0]
        raise ValueError(
            f"{people[one]!r} did not compare {elements[i[pair]]!r} with {elements[j[pair]]!r} "
            f"({len(np.unique(absent[:, 0]))} respondents left a pair out): ask again, or leave these respondents out"
        )
    wide = (least[:, i, j] + most[:, i, j]) / 2
    named = pd.MultiIndex.from_arrays([elements[i], elements[j]], names=["a", "b"])
    return pd.DataFrame(np.exp(wide), pd.Index(people, name=respondent), named)


def comparison_matrix(compared: pd.DataFrame) -> pd.DataFrame:
    """The matrix of comparisons of one respondent, or the geometric mean of several.

    Parameters
    ----------
    compared : DataFrame, one row a respondent
        As `comparisons` gives it.

    Returns
    -------
    DataFrame, one row and one column an element
        How many times as important the row is as the column; below the diagonal the reciprocals.

    Raises
    ------
    ValueError
        The columns are not the pairs of some elements.

    Examples
    --------
    >>> pairs = pd.MultiIndex.from_tuples([("speed", "price"), ("speed", "advice"), ("price", "advice")])
    >>> comparison_matrix(pd.DataFrame([[2.0, 8, 4], [8, 8, 1]], columns=pairs))
            speed  price  advice
    speed   1.000    4.0     8.0
    price   0.250    1.0     2.0
    advice  0.125    0.5     1.0
    """
    values, elements = pair_logs(compared)
    return pd.DataFrame(np.exp(log_matrix(values.mean(axis=0))).round(12), elements, elements)


class AHP(NamedTuple):
    """Priorities from comparisons in pairs (analytic hierarchy process).

    Attributes
    ----------
    weights : Series
        Of each element, adding up to 1.
    largest_eigenvalue : float
        As many as elements if the comparisons contradict each other nowhere, else more.
    consistency_index : float
        Its excess over that, for each other element.
    consistency_ratio : float
        The index over that of comparisons at random; up to 0.1 they are called consistent.
    """

    weights: pd.Series
    largest_eigenvalue: float
    consistency_index: float
    consistency_ratio: float


def ahp(matrix: pd.DataFrame, method: Literal["eigenvector", "geometric"] = "eigenvector") -> AHP:
    """The priorities of elements that were compared in pairs, and how far the comparisons agree among themselves.

    Parameters
    ----------
    matrix : DataFrame, one row and one column an element
        How many times as important the row is as the column; up to 10 elements, columns in any order. Two digits do
        for a reciprocal (0.12 for 1/8).
    method : {"eigenvector", "geometric"}
        Weights by the principal eigenvector, or by the geometric mean of each row.

    Returns
    -------
    AHP

    Raises
    ------
    ValueError
        The matrix is not reciprocal, has a gap, other columns than rows, or fewer than 2 or more than 10 elements; or
        there is no such method.

    Notes
    -----
    The random index is Saaty's of 1980: DECISIONS.md, "Random index of paired comparisons".

    References
    ----------
    Saaty (1980), The Analytic Hierarchy Process; geometric means: Crawford and Williams (1985), A note on the analysis
    of subjective judgment matrices, Journal of Mathematical Psychology 29(4), 387-405.

    Examples
    --------
    >>> matrix = pd.DataFrame([[1, 2, 8], [1 / 2, 1, 4], [1 / 8, 1 / 4, 1]], list("abc"), list("abc"))
    >>> found = ahp(matrix)
    >>> found.weights.round(3).tolist(), round(found.consistency_ratio, 3)
    ([0.615, 0.308, 0.077], 0.0)
    """
    if method not in ("eigenvector", "geometric"):
        raise ValueError(f"method must be 'eigenvector' or 'geometric', not {method!r}")
    table = numbers(matrix, "comparisons")
    if table.shape[0] != table.shape[1] or not 2 <= len(table) <= max(RANDOM_INDEX):
        raise ValueError(
            f"2 to {max(RANDOM_INDEX)} elements are compared with each other, not a table of shape {table.shape}"
        )
    names = table.index
    same_labels(names, table.columns, "element")
    a = table[names].to_numpy()
    torn = ~(np.abs(np.log(np.where(a > 0, a * a.T, np.nan))) < np.log1p(ROUNDED))
    if torn.any():
        i, j = np.unravel_index(torn.argmax(), torn.shape)
        raise ValueError(
            f"the matrix is not reciprocal: {names[i]!r} against {names[j]!r} is {a[i, j]:g}, the reverse {a[j, i]:g}; "
            "one must be 1 over the other, and the diagonal 1"
        )
    largest, vector = principal_eigenvector(a)
    if method == "geometric":
        vector = np.exp(np.log(a).mean(axis=1))
    n = len(a)
    index = max(largest - n, 0.0) / (n - 1)
    ratio = index / RANDOM_INDEX[n] if n > 2 else 0.0
    return AHP(pd.Series(vector / vector.sum(), names, name="weight"), largest, index, ratio)


def consistency(compared: pd.DataFrame) -> pd.DataFrame:
    """Whose comparisons contradict each other, and where most.

    Parameters
    ----------
    compared : DataFrame, one row a respondent
        As `comparisons` gives it.

    Returns
    -------
    DataFrame, one row a respondent
        `consistency_ratio`; `consistent`, whether it is 0.1 at most; `element_a` and `element_b`, the pair that fits
        the respondent's own weights least; `given`, how many times as important a was called; `fitting`, what would
        have fitted.

    Raises
    ------
    ValueError
        As `ahp`.

    References
    ----------
    Saaty (2003), Decision-making with the AHP: why is the principal eigenvector necessary, European Journal of
    Operational Research 145(1), 85-91: the comparison that differs most from the ratio of the weights.

    Examples
    --------
    >>> pairs = pd.MultiIndex.from_tuples([("speed", "price"), ("speed", "advice"), ("price", "advice")])
    >>> compared = pd.DataFrame([[2.0, 8, 4], [2, 1 / 4, 4]], index=["M1", "M2"], columns=pairs)
    >>> consistency(compared)[["consistency_ratio", "consistent"]].round(2)
        consistency_ratio  consistent
    M1               0.00        True
    M2               1.28       False
    """
    rows = {}
    for who in compared.index:
        row = compared.loc[[who]]
        found = ahp(comparison_matrix(row))
        a, b = (found.weights.reindex(row.columns.get_level_values(side)).to_numpy() for side in (0, 1))
        given = row.to_numpy(dtype="float64")[0]
        worst = int(np.abs(np.log(given * b / a)).round(9).argmax())
        pair = row.columns[worst]
        rows[who] = {
            "consistency_ratio": found.consistency_ratio,
            "consistent": found.consistency_ratio <= CONSISTENT,
            "element_a": pair[0],
            "element_b": pair[1],
            "given": given[worst],
            "fitting": a[worst] / b[worst],
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def pair_logs(compared: pd.DataFrame) -> tuple[np.ndarray, pd.Index]:
    """Checked comparisons as logarithms, and the elements that they compare."""
    table = numbers(compared, "comparisons")
    if table.columns.nlevels != 2:
        raise ValueError("comparisons have pairs of elements as columns: make them by comparisons(...)")
    elements = pd.unique(np.array(table.columns.tolist(), dtype=object).ravel())
    i, j = np.triu_indices(len(elements), 1)
    if not table.columns.equals(pd.MultiIndex.from_arrays([elements[i], elements[j]])):
        raise ValueError("comparisons need each pair of elements once, in order: make them by comparisons(...)")
    if not (table > 0).all(axis=None):
        raise ValueError("preferences must be above 0, none missing: make them by comparisons(...)")
    return np.log(table.to_numpy()), pd.Index(elements)


def log_matrix(logs: np.ndarray) -> np.ndarray:
    """Logarithms of a reciprocal matrix, from those above its diagonal."""
    n = round((1 + np.sqrt(1 + 8 * len(logs))) / 2)
    matrix = np.zeros((n, n))
    matrix[np.triu_indices(n, 1)] = logs
    return matrix - matrix.T


def principal_eigenvector(a: np.ndarray) -> tuple[float, np.ndarray]:
    """The largest eigenvalue of a positive matrix, and its eigenvector, adding up to 1."""
    values, vectors = np.linalg.eig(a)
    place = int(values.real.argmax())
    vector = np.abs(vectors[:, place].real)
    return float(values[place].real), vector / vector.sum()
