"""Newton's method over distinct rows: the way up a likelihood, and when the top is reached."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

STEEPEST = 1e-8  # at a maximum: the largest gradient norm, a customer, in log parameters
SHORT = 1e-5  # the last step before a maximum is at most this long, in log parameters
LONG = 2.0  # no step is longer: each parameter may change about sevenfold
FLAT = 1e-10  # a direction of less curvature, a customer, is flat to the accuracy of the arithmetic
FAR = np.log(1e6)  # a parameter a million times its start is running off
MOST_STEPS = 100


class Climb(NamedTuple):
    """Where Newton's method came to rest; all in log parameters, a unit of weight."""

    point: np.ndarray
    value: float
    gradient_norm: float
    curvature: np.ndarray  # of the information matrix: eigenvalues, the smallest first
    axes: np.ndarray  # and its eigenvectors, as columns
    n_iter: int
    top: bool  # whether this is a maximum
    near: np.ndarray  # the first point on the way that was as high to a millionth


def climb(
    derivatives: Callable[[np.ndarray], tuple[float, np.ndarray, np.ndarray]],
    start: np.ndarray,
    first: np.ndarray | None = None,
) -> Climb:
    """Maximize a function of few variables by Newton steps from `start`, or from a point `first` that is known better.

    Where the function is not concave, a step still leads uphill, by the absolute curvature; a step that gains too
    little is halved. A maximum has a small gradient *and* curvature in all directions *and* was reached by a short
    step: on the way to a maximum at infinity the gradient fades too, but the steps keep their length.
    """
    point, length = start if first is None else first, np.inf
    value, gradient, hessian = derivatives(point)
    way = [(value, point)]
    for n_iter in range(MOST_STEPS + 1):
        curvature, axes = np.linalg.eigh(-hessian)
        gradient_norm = float(np.linalg.norm(gradient))
        rounding = 64 * np.finfo(float).eps * abs(value)
        top = bool(gradient_norm <= STEEPEST + rounding and length <= SHORT and curvature[0] > FLAT)
        if top or length == 0 or n_iter == MOST_STEPS or np.abs(point - start).max() > FAR:
            break
        step = axes @ (axes.T @ gradient / np.maximum(np.abs(curvature), FLAT))
        step *= min(1, LONG / max(float(np.linalg.norm(step)), SHORT))
        for halving in 0.5 ** np.arange(50):
            ahead = derivatives(point + halving * step)
            if ahead[0] >= value + 1e-4 * halving * (step @ gradient) - rounding:
                break
        else:
            halving, ahead = 0.0, (value, gradient, hessian)  # nothing to gain along the way uphill
        point, length = point + halving * step, halving * np.linalg.norm(step)
        value, gradient, hessian = ahead
        way.append((value, point))
    near = next(passed for height, passed in way if height >= value - 1e-6)
    return Climb(point, value, gradient_norm, curvature, axes, n_iter, top, near)


def collapse(*columns: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """The distinct rows of some columns, and which of them each row is: where time is in whole days they are few."""
    row, distinct = np.zeros(len(columns[0]), dtype=np.int64), list[np.ndarray]()
    if (np.diff(np.sort(columns[-1])) > 0).all():  # sorting is the fastest way to see that time is continuous
        return list(columns), np.arange(len(row))
    for column in reversed(columns):  # T, the last, tells most
        code, values = pd.factorize(column)
        row, pairs = pd.factorize(row * len(values) + code) if distinct else (code, np.arange(len(values)))
        if len(pairs) == len(row):
            return list(columns), row
        before, last = np.divmod(pairs, len(values))
        distinct = [values[last]] + [known[before] for known in distinct]
    return distinct, row
