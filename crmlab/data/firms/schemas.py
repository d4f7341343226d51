"""What the contracts of the simulated firms share."""

from __future__ import annotations

import pandera.pandas as pa

from crmlab.data.schemas import FINITE, between, column, contract


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
