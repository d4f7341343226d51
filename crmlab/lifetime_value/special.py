"""Special functions where the libraries' own break, and what stands in for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import zeta

GAP = 1e-3  # how near to a point where a formula breaks it is not used
PANEL, KNOTS = 0.5, 12  # width of a panel, and points on it, of an interpolation
BLOCK = 4096  # rows at a time: small enough for the processor's cache


def blocks(n: int, size: int = BLOCK) -> Iterator[slice]:
    """Slices that go through n rows, few enough at a time for the processor's cache."""
    return (slice(start, start + size) for start in range(0, n, size))


def trigamma(x: ArrayLike) -> np.ndarray:
    """The second derivative of the log of the gamma function, at positive `x`."""
    return zeta(2, x)


def bridge(beside: Callable[[float], np.ndarray], off: float | np.ndarray) -> np.ndarray:
    """A smooth function `off` the point where its formula breaks, by the cubic through four of its values beside it."""
    s = off / GAP
    return (
        (s - 1) * (s - 3) * (3 * (s + 3) * beside(-GAP) - (s + 1) * beside(-3 * GAP))
        + (s + 1) * (s + 3) * (3 * (3 - s) * beside(GAP) + (s - 1) * beside(3 * GAP))
    ) / 48


def interpolated(
    function: Callable[[np.ndarray, np.ndarray], np.ndarray], x: np.ndarray, T: np.ndarray, before: float
) -> np.ndarray:
    """A costly function of a few distinct `x` and of many times `T`, reckoned at fewer times where that is less work.

    The function gives one row or several, a column a point. In T it must be smooth: analytic, and of modest size, where
    T + `before` has a positive real part. Then on panels of width 1/2 of log(T + `before`) the polynomial through 12
    Chebyshev points errs by at most 3e-13 times that size: there the function is analytic on the ellipse around the
    panel whose half axes add up to 12.6 times its half width.

    References
    ----------
    Trefethen (2013), Approximation Theory and Approximation Practice, theorem 8.2.
    """
    if len(x) < KNOTS:
        return function(x, T)
    place = np.log(T + before)
    low = place.min()
    panels = int((place.max() - low) / PANEL) + 1
    place = (place - low) / PANEL
    code, values = pd.factorize(x)
    panel = place.astype(np.int64)
    cell, cells = pd.factorize(code * panels + panel)
    if len(cells) * KNOTS >= len(x):
        return function(x, T)

    angle = np.pi * (np.arange(KNOTS) + 0.5) / KNOTS
    of_x, of_panel = np.divmod(cells, panels)
    times = np.exp(low + PANEL * (of_panel[:, None] + (1 + np.cos(angle)) / 2)) - before
    known = np.atleast_2d(function(np.repeat(values[of_x], KNOTS), np.maximum(times, 0).ravel()))
    waves = np.cos(np.outer(angle, np.arange(KNOTS))) * np.where(np.arange(KNOTS) > 0, 2, 1) / KNOTS
    coefficients = (known.reshape(-1, KNOTS) @ waves).reshape(len(known), len(cells), KNOTS)

    place = 2 * (place - panel) - 1
    found = np.empty((len(known), len(x)))
    order = np.argsort(cell.astype(np.min_scalar_type(len(cells))), kind="stable")
    ends = np.cumsum(np.bincount(cell))
    for each, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
        for block in blocks(end - start):
            rows = order[start:end][block]
            found[:, rows] = coefficients[:, each] @ np.polynomial.chebyshev.chebvander(place[rows], KNOTS - 1).T
    return found


def discounted_sum(b: ArrayLike, c: ArrayLike, z: float) -> np.ndarray:
    """2F1(1, b; c; z), the sum over j from 0 on of z^j (b)_j / (c)_j.

    For 0 < `b` < `c`, 1 < `c`, and `z` from 0 to below 1. By Gauss' continued fraction, where every
    term is positive and nothing overflows.

    References
    ----------
    Abramowitz and Stegun (1964), chapter 15, for 2F1; Wall (1948), Analytic theory of continued fractions, chapter 18.
    """
    b, c = np.broadcast_arrays(np.asarray(b, dtype=float), np.asarray(c, dtype=float))
    fraction = np.ones(b.shape)
    for m in range(int(20 / np.sqrt(1 - z)) + 2, 0, -1):
        fraction = 1 - m * (c - b + m - 1) / ((c + 2 * m - 2) * (c + 2 * m - 1)) * z / fraction
        odd = m - 1
        fraction = 1 - (b + odd) * (c - 1 + odd) / ((c + 2 * odd - 1) * (c + 2 * odd)) * z / fraction
    return 1 / fraction


def scaled_exponential_integral(s: float, z: ArrayLike) -> np.ndarray:
    """exp(z) E_s(z), the integral over u from 0 to infinity of exp(-z u) (1 + u)^-s, for `s` > 0 and `z` > 0.

    By the trapezoidal rule in the logarithm of u, which converges exponentially: to 10 digits with this step.
    """
    z = np.asarray(z, dtype=float)
    if not z.size:
        return z
    step = 0.4
    total = np.zeros(z.shape)
    for log in np.arange(-30 - np.log(z.max() + s), np.log(40 / z.min()), step):
        u = np.exp(log)
        total += np.exp(log - z * u - s * np.log1p(u))
    return step * total
