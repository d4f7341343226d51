"""What is asked of answers before anything is reckoned: numbers, matched by label."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd


def number_column(column: pd.Series, what: str) -> pd.Series:
    """Numbers, also where they are kept as objects, text or categories; gaps stay gaps."""
    plain = column if pd.api.types.is_numeric_dtype(column) else column.astype(object)
    found = pd.to_numeric(plain, errors="coerce")
    if len(bad := column[(found.isna() & column.notna()).to_numpy()]):
        value, row = bad.tolist()[0], bad.index.tolist()[0]
        raise ValueError(f"{what} are no numbers: {value!r} in row {row!r} ({len(bad)} such)")
    if np.isinf(found.to_numpy(dtype="float64", na_value=np.nan)).any():
        raise ValueError(f"{what} must be finite: one is infinite")
    return found


def numbers(table: pd.DataFrame, what: str = "ratings") -> pd.DataFrame:
    """Answers as floats, one row or more."""
    if not isinstance(table, pd.DataFrame):
        raise ValueError(f"the {what} must be a DataFrame, not of type {type(table).__name__}")
    if twice := table.columns[table.columns.duplicated()].tolist():
        raise ValueError(f"the {what} have two columns {twice[0]!r}")
    if len(table) == 0:
        raise ValueError("there are no answers")
    columns = [number_column(table[name], f"the {what} of {name!r}").astype("float64") for name in table]
    return pd.concat(columns, axis=1).set_axis(table.columns, axis=1) if columns else table


def refuse_gaps(values: pd.Series, what: str) -> None:
    """Says who has none."""
    if gaps := values.index[values.isna()].tolist():
        raise ValueError(f"{gaps[0]!r} has no {what} ({len(gaps)} such)")


def by_label(values: pd.Series, labels: pd.Index, what: str) -> pd.Series:
    """What each label has, none missing; a Series only, since by place it could be another's."""
    if not isinstance(values, pd.Series):
        raise ValueError(f"each {what} must be told by label, as a Series: these are of type {type(values).__name__}")
    if not values.index.equals(labels):
        if twice := values.index[values.index.duplicated()].tolist():
            raise ValueError(f"there is more than one {what} of {twice[0]!r}: give one")
        values = values.reindex(labels)
    refuse_gaps(values, what)
    return values


def matched(values: Any, answers: Any, what: str) -> np.ndarray:
    """What goes with each answer (or label), none missing: by label where both have labels, else in order."""
    answers = answers.index if isinstance(answers, pd.Series | pd.DataFrame) else answers
    labels = answers if isinstance(answers, pd.Index) else None
    if labels is not None and isinstance(values, pd.Series):
        return by_label(values, labels, what).to_numpy()
    found = np.asarray(values)
    if found.shape != (len(answers),):
        raise ValueError(f"there must be one {what} for each of {len(answers)}: these are of shape {found.shape}")
    refuse_gaps(pd.Series(found, labels), what)
    return found


def weights_of(weights: Any, answers: Any, what: str = "weight") -> np.ndarray:
    """How much each answer (or label) counts; all the same by default."""
    if weights is None:
        return np.ones(len(answers))
    found = number_column(pd.Series(matched(weights, answers, what)), f"the {what}s").to_numpy(dtype="float64")
    if (found < 0).any() or found.sum() == 0:
        raise ValueError(f"each {what} must be a number of 0 or more, and not all be 0")
    return found


def same_labels(one: pd.Index, other: pd.Index, what: str) -> None:
    """Refuses two sets of labels of which one has what the other has not, or has one twice."""
    if one.equals(other):
        return
    if apart := one.symmetric_difference(other, sort=False).tolist():
        raise ValueError(f"{what} {apart[0]!r} is on one of two sides only ({len(apart)} such): give both the same")
    for labels in (one, other):
        if twice := labels[labels.duplicated()].tolist():
            raise ValueError(f"{what} {twice[0]!r} is there twice: they cannot be matched")


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
    for element, count in answers.items():
        if count < least:
            raise ValueError(
                f"{element!r} has {int(count)} answers that count, of {respondents} respondents: {resamples} resamples "
                f"need {least}, or some would have none; leave it out"
            )
