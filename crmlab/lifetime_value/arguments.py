"""What the models are told by their callers: numbers that are refused by the argument's name, in the user's words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

LEAST_RATE = 1e-6  # a smaller discount rate leaves no sum to infinity that could be told from its limit


def check_number(name: str, value: Any, *, above: float | None = None, low: float = 0, high: float = np.inf) -> float:
    """A finite number within `low` and `high`, or above a bound; refused by the argument's name otherwise."""
    allowed = f"a number above {above:g}" if above is not None else f"a number from {low:g} on"
    if above is None and high < np.inf:
        allowed = f"a number from {low:g} to {high:g}"
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool) and np.isfinite(value)
    if not number or not (low <= value <= high if above is None else value > above):
        raise ValueError(f"{name} must be {allowed}, not {value!r}")
    return float(value)


def whole_numbers(name: str, values: ArrayLike, low: int = 0) -> np.ndarray:
    """Whole numbers from `low` on, refused by the argument's name otherwise."""
    try:
        numbers = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        numbers = np.array(np.nan)
    if not (np.isfinite(numbers) & (numbers >= low) & (numbers == np.floor(numbers))).all():
        raise ValueError(f"{name} must be whole numbers, {low} or more, not {values!r}")
    return numbers


def check_level(level: Any) -> float:
    """The confidence of an interval."""
    if isinstance(level, bool) or not isinstance(level, int | float | np.number) or not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level!r}")
    return float(level)


def check_rate(name: str, rate: Any) -> float:
    """A discount rate: 0, or so large that sums to infinity can be told from it."""
    number = isinstance(rate, int | float | np.number) and not isinstance(rate, bool)
    if not number or not (rate == 0 or LEAST_RATE <= rate <= 1):
        raise ValueError(f"{name} must be 0, or from {LEAST_RATE:f} to 1 (0.1 is 10%), not {rate!r}")
    return float(rate)


def row_weights(weights: ArrayLike | None, summary: pd.DataFrame) -> np.ndarray:
    if weights is None:
        return np.ones(len(summary))
    if isinstance(weights, pd.Series) and not weights.index.equals(summary.index):
        raise ValueError("weights and summary have different indexes: use weights.reindex(summary.index)")
    try:
        weight = np.asarray(weights, dtype=float)
    except (TypeError, ValueError):
        raise ValueError("weights must be numbers, finite and 0 or more") from None
    if weight.shape != (len(summary),):
        raise ValueError(f"weights must have one entry for each of the {len(summary)} rows, not shape {weight.shape}")
    if not (np.isfinite(weight) & (weight >= 0)).all():
        raise ValueError("weights must be finite and 0 or more")
    return weight
