"""What callers give: numbers by customer or activity, refused by the argument's name and the row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def number(name: str, value: Any, low: float = 0.0, *, above: bool = False, high: float = np.inf) -> float:
    """A finite number from `low` (or above it) to `high`."""
    real = isinstance(value, int | float | np.number) and not isinstance(value, bool) and np.isfinite(value)
    if not real or not low <= value <= high or (above and value == low):
        allowed = f"a number above {low:g}" if above else f"a number from {low:g} on"
        raise ValueError(
            f"{name} must be {allowed if high == np.inf else f'between {low:g} and {high:g}'}, not {value!r}"
        )
    return float(value)


def amounts(name: str, values: Any, low: float = -np.inf, high: float = np.inf) -> pd.Series:
    """Finite numbers from `low` to `high`, each under a name of its own."""
    if isinstance(values, pd.DataFrame):
        raise ValueError(f"{name} must be a Series, a number a name, not a DataFrame: choose a column")
    found = values if isinstance(values, pd.Series) else pd.Series(values)
    if found.empty:
        raise ValueError(f"{name} is empty")
    if (again := found.index.duplicated()).any():
        raise ValueError(f"{name} has {found.index[again][0]!r} twice: sum its rows, or leave one out")
    if not pd.api.types.is_numeric_dtype(found) or pd.api.types.is_bool_dtype(found):
        raise ValueError(f"{name} must be numbers, not {found.dtype}: read them with pd.to_numeric")
    found = found.astype("float64")
    if (bad := ~(found.between(low, high) & np.isfinite(found))).any():
        where = f"{found.index.name} " * (found.index.name is not None)
        wanted = "numbers" if low == -np.inf else f"{low:g} or more" if high == np.inf else f"from {low:g} to {high:g}"
        raise ValueError(
            f"{name} must be {wanted}, none missing; that of {where}{bad.idxmax()!r} is {found[bad].iloc[0]}"
        )
    return found


def amount_table(name: str, table: Any, low: float = -np.inf, high: float = np.inf) -> pd.DataFrame:
    """A table of finite numbers, each row and column under a name of its own."""
    if not isinstance(table, pd.DataFrame) or table.empty:
        raise ValueError(f"{name} must be a DataFrame with rows and columns")
    if (again := table.columns.duplicated()).any():
        raise ValueError(f"{name} has the column {table.columns[again][0]!r} twice")
    kinds = pd.api.types
    sound = np.array([kinds.is_numeric_dtype(each) and not kinds.is_bool_dtype(each) for each in table.dtypes])
    if sound.all():
        values = table.to_numpy("float64", na_value=np.nan)
        sound = (np.isfinite(values) & (values >= low) & (values <= high)).all(axis=0)
    for key in [table.columns[0], *table.columns[~sound]]:  # the rest need no look of their own: there may be thousands
        amounts(f"{name}, {key}", table[key], low, high)
    return table.astype("float64")


def same(name: str, given: pd.Index, other: str, wanted: pd.Index) -> None:
    """Refuse what is in one of two and not in the other."""
    if len(lacks := wanted.difference(given, sort=False)):
        raise ValueError(f"{name} has no {lacks[0]!r}, which is in {other}")
    if len(beyond := given.difference(wanted, sort=False)):
        raise ValueError(f"{name} has {beyond[0]!r}, which is not in {other}")
