"""The words that contracts are written in, and the contracts of tables that users bring.

A contract is one pandera schema: columns with their type, meaning, unit and allowed values; the key, which no two rows
share; and for each id that stands for a row of another table, the name of that table. This module loads pandera, a
third of a second: it is imported when something is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
import pandera.pandas as pa

from crmlab.data.reading import TYPES

LARGEST = 1e12  # an amount beyond a trillion is infinite, a stand-in for "unknown", or in the wrong unit
CORRECT = "Correct it."


class Rule(NamedTuple):
    """What must hold in each row of a column, or of the table, where it is about two columns."""

    holds: Callable[[Any], Any]
    problem: str
    remedy: str
    about: str | None = None  # the column that is told, where the rule is about two
    allows: str = ""  # what it leaves, in the dictionary's words


def column(kind: str, meaning: str, unit: str, *rules: Rule, of: str | None = None, **settings: Any) -> pa.Column:
    """One column; `of` names the table whose key it holds, `optional` columns may be missing, `gaps` may be in it."""
    if settings.pop("optional", False):
        settings |= {"required": False, "nullable": True}
    if settings.pop("gaps", False):
        settings |= {"nullable": True}
    metadata = {"type": kind, "unit": unit, "rules": rules, "of": of}
    return pa.Column(TYPES[kind].pandas, _checks(rules), description=meaning, metadata=metadata, **settings)


def contract(
    name: str,
    description: str,
    columns: Mapping[str, pa.Column],
    *rules: Rule,
    key: Sequence[str] = (),
) -> pa.DataFrameSchema:
    """One table: its columns, the rules about several of them, and the columns that no two rows share together."""
    if len(key) == 1:
        columns[key[0]].unique = True
    elif key:
        rules = (*rules, _no_two_alike(key))
    metadata = {"rules": rules, "key": tuple(key)}
    return pa.DataFrameSchema(
        columns=dict(columns), checks=_checks(rules), name=name, description=description, metadata=metadata
    )


def _checks(rules: Sequence[Rule]) -> list[pa.Check]:
    return [pa.Check(rule.holds, name=rule.about, error=rule.problem, description=rule.remedy) for rule in rules]


def _no_two_alike(key: Sequence[str]) -> Rule:
    def holds(table: Any) -> Any:
        return ~pd.DataFrame({name: table[name] for name in key}).duplicated()

    return Rule(holds, f"{' and '.join(key)} as in an earlier row", "Keep one row for each.", key[-1])


def between(low: float, high: float, remedy: str = CORRECT) -> Rule:
    """Numbers from `low` to `high`."""
    words = f"{low:,g} to {high:,g}"
    return Rule(lambda x: (x >= low) & (x <= high), f"not within {words}", remedy, allows=words)


def one_of(*values: str) -> Rule:
    """One of a few words."""
    words = ", ".join(values)
    return Rule(lambda x: x.isin(values), f"none of: {words}", CORRECT, allows=words)


def whole(remedy: str = CORRECT) -> Rule:
    """Whole numbers."""
    return Rule(lambda x: x % 1 == 0, "not a whole number", remedy)


def not_negative(remedy: str = CORRECT) -> Rule:
    """Zero and above."""
    return Rule(lambda x: (x >= 0) & (x <= LARGEST), "negative or not finite", remedy, allows="0 and above")


FINITE = Rule(
    lambda x: (x >= -LARGEST) & (x <= LARGEST),
    "not a finite number within a trillion",
    "Correct it; amounts that large are better stated in thousands.",
)
IN_OUR_TIME = Rule(
    lambda day: day.dt.year.between(1900, 2100),
    "before 1900 or after 2100",
    "Correct it; a day that stands for 'unknown' is no day.",
)


# --- the tables that users bring ---

REMAKE = "Correct the rows, or make the table from purchases: crmlab.data.summarize(transactions)."

TRANSACTIONS = contract(
    "transactions",
    "A purchase log: one row a purchase, a line of one, or a refund.",
    {
        "customer_id": column("id", "who bought", ""),
        "date": column(
            "date", "calendar day of the purchase, where it was made; a time of day is left off", "day", IN_OUR_TIME
        ),
        "amount": column(
            "number", "what was paid: negative for a refund, 0 for a free order", "the data's currency", FINITE
        ),
        "order_id": column("id", "the order that the row belongs to", "", optional=True),
        "product_id": column("id", "what was bought", "", optional=True),
        "quantity": column(
            "number", "how much of it: negative for a return", "the product's unit", FINITE, optional=True
        ),
    },
)
CUSTOMER_SUMMARY = contract(
    "customer_summary",
    "A customer's purchases in four numbers: one row a customer who bought by the day observed until. "
    "A purchase day is a day whose amounts, added up, are not negative.",
    {
        "customer_id": column("id", "who bought; each customer once", ""),
        "frequency": column(
            "count", "purchase days after the first", "purchase days", not_negative(REMAKE), whole(REMAKE)
        ),
        "recency": column(
            "number", "from the first purchase day to the last", "the table's unit of time", not_negative(REMAKE)
        ),
        "T": column(
            "number",
            "from the first purchase day to the day observed until",
            "the table's unit of time",
            not_negative(REMAKE),
        ),
        "monetary_value": column(
            "number",
            "mean of the day totals over the purchase days after the first; 0 without any",
            "the data's currency, a purchase day",
            not_negative(REMAKE),
            required=False,
        ),
    },
    Rule(lambda s: ~(s["recency"] > s["T"]), "longer than T", REMAKE, "recency"),
    Rule(
        lambda s: (s["frequency"] == 0) == (s["recency"] == 0),
        "0 with repeat purchases, or above 0 without any",
        REMAKE,
        "recency",
    ),
    Rule(
        lambda s: (s["frequency"] > 0) | (s.get("monetary_value", 0) == 0),
        "above 0 without a repeat purchase",
        REMAKE + " The first purchase does not count in it.",
        "monetary_value",
    ),
    key=["customer_id"],
)
RENEWALS = contract(
    "renewals",
    "Contracts that are renewed: one row a customer, how often it renewed, and whether it left then.",
    {
        "customer_id": column("id", "whose contract; each customer once", ""),
        "renewals": column("count", "how often the customer renewed", "renewals", not_negative(), whole()),
        "left": column("flag", "whether it left when the next renewal was due; false: under contract still", ""),
    },
    key=["customer_id"],
)
GENERAL = (TRANSACTIONS, CUSTOMER_SUMMARY, RENEWALS)
