"""Practice questions: ungraded, on a public seed, told right or wrong at once."""

from __future__ import annotations

import math
import numbers
from typing import Any

SLACK = 0.01  # answers within 1% of the right number are right: rounding is no mistake


def check(question: str, value: Any, right: float) -> None:
    """Say whether the answer to a practice question is right, and what kind of mistake it may be.

    Parameters
    ----------
    question : str
        Its name, such as "practice 1".
    value : number or None
        The reader's answer; None while there is none.
    right : number
        What the folded solution computes.

    Examples
    --------
    >>> check("practice 1", None, 12.5)
    practice 1: no answer yet
    >>> check("practice 1", 12.46, 12.5)
    practice 1: right
    >>> check("practice 1", 1250, 12.5)
    practice 1: not yet; 100 times too large: is it a fraction or a percentage?
    """
    print(f"{question}: {verdict(value, right)}")


def verdict(value: Any, right: float) -> str:
    """What to tell about an answer."""
    if value is None:
        return "no answer yet"
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return f"not yet; one number is asked for, this is a {type(value).__name__}"
    value = float(value)
    if not math.isfinite(value):
        return "not yet; this is no finite number"
    if math.isclose(value, right, rel_tol=SLACK, abs_tol=1e-9):
        return "right"
    if math.isclose(-value, right, rel_tol=SLACK):
        return "not yet; the size is right, the sign is not"
    for factor, words in ((100, "100 times too large"), (0.01, "100 times too small")):
        if math.isclose(value, factor * right, rel_tol=SLACK):
            return f"not yet; {words}: is it a fraction or a percentage?"
    return "not yet; too large" if value > right else "not yet; too small"
