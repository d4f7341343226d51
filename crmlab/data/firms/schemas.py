"""What the contracts of the simulated firms share."""

from __future__ import annotations

from typing import Any

import pandera.pandas as pa

from crmlab.data.schemas import (
    FINITE,
    IN_OUR_TIME,
    Rule,
    between,
    column,
    contract,
    not_negative,
    one_of,
    whole,
)


def ident(meaning: str, of: str | None = None, **settings: Any) -> pa.Column:
    """A column of ids; `of` names the table whose key they are."""
    return column("id", meaning, "", of=of, **settings)


def day(meaning: str, **settings: Any) -> pa.Column:
    """A column of days."""
    return column("date", meaning, "day", IN_OUR_TIME, **settings)


def count(meaning: str, unit: str, low: float = 0, high: float | None = None) -> pa.Column:
    """A column of whole numbers."""
    return column("count", meaning, unit, not_negative() if high is None else between(low, high), whole())


def number(meaning: str, unit: str = "EUR", rule: Rule | None = None, **settings: Any) -> pa.Column:
    """A column of numbers, amounts above all: 0 and above where no other rule is given."""
    return column("number", meaning, unit, rule or not_negative(), **settings)


def flag(meaning: str) -> pa.Column:
    """A column of true and false."""
    return column("flag", meaning, "")


def word(meaning: str, *values: str, **settings: Any) -> pa.Column:
    """A column of text: one of a few words, where they are given."""
    return column("text", meaning, "", *([one_of(*values)] if values else []), **settings)


def facts(firm: str) -> pa.DataFrameSchema:
    """The contract of a firm's planted facts."""
    return contract(
        f"{firm}.truth.facts",
        "The facts planted in the firm, each with its size, reckoned from the truth of this draw.",
        {
            "fact": column("text", "its name", ""),
            "chapter": column("count", "the chapter that it is for", "", between(1, 12)),
            "planted": column("flag", "false: in this firm the obvious reading is right", ""),
            "where": column("text", "ids, depots, months or names that it is about", "", gaps=True),
            "figure": column("number", "its size", "see unit", FINITE, gaps=True),
            "unit": column("text", "the unit of figure", "", gaps=True),
            "words": column("text", "what is so, and what it seems to be", ""),
        },
        key=["fact"],
    )
