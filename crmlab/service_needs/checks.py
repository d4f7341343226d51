"""What is asked of answers before anything is reckoned: numbers, matched by label."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd


def number_column(column: pd.Series, what: str) -> pd.Series:
    """Numbers, also where they are kept as objects or text; gaps stay gaps."""
    kept = pd.api.types.is_numeric_dtype(column) or column.dtype == object or pd.api.types.is_string_dtype(column)
    found = pd.to_numeric(column, errors="coerce") if kept else pd.Series(np.nan, column.index)
    bad = (found.isna() & column.notna()).to_numpy()
    if bad.any():
        raise ValueError(
            f"{what} are no numbers: {column[bad].iloc[0]!r} in row {column.index[bad][0]!r} ({int(bad.sum())} such)"
        )
    if np.isinf(found.to_numpy(dtype="float64", na_value=np.nan)).any():
        raise ValueError(f"{what} must be finite: one is infinite")
    return found


def numbers(table: pd.DataFrame, what: str = "ratings") -> pd.DataFrame:
    """Answers as floats, one row or more."""
    if not isinstance(table, pd.DataFrame):
        raise ValueError(f"the {what} must be a DataFrame, not of type {type(table).__name__}")
    if not table.columns.is_unique:
        raise ValueError(f"the {what} have two columns {table.columns[table.columns.duplicated()][0]!r}")
    if len(table) == 0:
        raise ValueError("there are no answers")
    columns = [number_column(table[name], f"the {what} of {name!r}").astype("float64") for name in table]
    return pd.concat(columns, axis=1).set_axis(table.columns, axis=1) if columns else table


def by_label(values: pd.Series, labels: pd.Index, what: str) -> pd.Series:
    """What each label has; a Series only, since by place it could be another's."""
    if not isinstance(values, pd.Series):
        raise ValueError(f"each {what} must be told by label, as a Series: these are of type {type(values).__name__}")
    if values.index.equals(labels):
        return values
    if not values.index.is_unique:
        raise ValueError(f"there is more than one {what} of {values.index[values.index.duplicated()][0]!r}: give one")
    return values.reindex(labels)


def refuse_gaps(values: pd.Series, what: str) -> None:
    """Says who has none."""
    if (gap := values.isna().to_numpy()).any():
        raise ValueError(f"{values.index[gap][0]!r} has no {what} ({int(gap.sum())} such)")


def matched(values: Any, answers: Any, what: str) -> np.ndarray:
    """What goes with each answer (or label), none missing: by label where both have labels, else in order."""
    answers = answers.index if isinstance(answers, pd.Series | pd.DataFrame) else answers
    labels = answers if isinstance(answers, pd.Index) else None
    if labels is not None and isinstance(values, pd.Series):
        values = by_label(values, labels, what)
    found = np.asarray(values)
    if found.shape != (len(answers),):
        raise ValueError(f"there must be one {what} for each of {len(answers)}: these are of shape {found.shape}")
    refuse_gaps(pd.Series(found, labels), what)
    return found


def weights_of(weights: Any, answers: Any, what: str = "weight") -> np.ndarray:
    """How much each answer (or label) counts; all the same by default."""
    if weights is None:
        return np.ones(len(answers))
    found = matched(weights, answers, what).astype("float64")
    if not ((found >= 0) & np.isfinite(found)).all() or found.sum() == 0:
        raise ValueError(f"each {what} must be a number of 0 or more, and not all be 0")
    return found


def same_labels(one: pd.Index, other: pd.Index, what: str) -> None:
    """Refuses two sets of labels of which one has what the other has not, or has one twice."""
    if one.equals(other):
        return
    if len(apart := one.symmetric_difference(other, sort=False)):
        raise ValueError(f"{what} {apart[0]!r} is on one of two sides only ({len(apart)} such): give both the same")
    for labels in (one, other):
        if not labels.is_unique:
            raise ValueError(f"{what} {labels[labels.duplicated()][0]!r} is there twice: they cannot be matched")


def like(table: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """A table with respondents and elements in the order of another, which must have the same."""
    same_labels(table.index, other.index, "respondent")
    same_labels(table.columns, other.columns, "element")
    return table[other.columns] if table.index.equals(other.index) else table.loc[other.index, other.columns]


def warn_of_scales(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Says so where two tables of ratings hardly have one scale."""
    a, b = (float(np.nanmax(np.abs(table.to_numpy()), initial=0)) for table in (one, other))
    if max(a, b) > 2 * min(a, b):
        warnings.warn(f"the largest ratings are {a:g} and {b:g}: see that both are on one scale", stacklevel=3)


def upper(level: float) -> float:
    """The part of a distribution below the upper end of an interval."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level!r}")
    return (1 + level) / 2


def enough_to_draw(answers: pd.Series, respondents: int, resamples: int) -> None:
    """Refuses an element with so few answers that about one resample or more would have none of them."""
    least = max(1, int(np.ceil(respondents * (1 - max(resamples, 1) ** (-1 / respondents)))))
    few = answers < least
    if few.any():
        raise ValueError(
            f"{answers.index[few][0]!r} has {int(answers[few].iloc[0])} answers that count, of {respondents} "
            f"respondents: {resamples} resamples need {least}, or some would have none; leave it out"
        )
