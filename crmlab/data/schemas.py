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
        present = [name for name in key if name in table]  # a column of the key may be optional
        return ~pd.DataFrame({name: table[name] for name in present}).duplicated()

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


def not_before(later: str, earlier: str) -> Rule:
    """The first of two days is not before the second; where one is missing, nothing is said."""
    return Rule(
        lambda t: ~(pd.Series(t[later]) < pd.Series(t[earlier])), f"before {earlier}", "Correct one of them.", later
    )


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


def _id(meaning: str, **settings: Any) -> pa.Column:
    return column("id", meaning, "", **settings)


def _day(meaning: str, **settings: Any) -> pa.Column:
    return column("date", meaning, "day", IN_OUR_TIME, **settings)


def _number(meaning: str, unit: str, rule: Rule, **settings: Any) -> pa.Column:
    return column("number", meaning, unit, rule, **settings)


def _count(meaning: str, low: float, high: float, unit: str = "", **settings: Any) -> pa.Column:
    return column("count", meaning, unit, between(low, high), whole(), **settings)


def _flag(meaning: str) -> pa.Column:
    return column("flag", meaning, "", required=False)  # where the column is there, every row says it


CURRENCY = "the data's currency"
MANY = 99_999  # more grades, waves or ranks than anybody gives

# fmt: off
ORDERS = contract(
    "orders",
    "Orders and how they were fulfilled: one row an order. An order is perfect if everything about it was right; which "
    "rights are held against it follows from the columns that are there.",
    {
        "order_id": _id("the order"), "customer_id": _id("who ordered"),
        "ordered_on": _day("when it came"), "promised_on": _day("delivery promised for"),
        "delivered_on": _day("delivered; missing while it is open", gaps=True),
        "amount": _number("invoiced for what was delivered", CURRENCY, FINITE, optional=True),
        "urgent": _flag("whether it could not wait"),
        "right_item": _flag("whether the right items came"),
        "in_full": _flag("whether all that was ordered came at once"),
        "undamaged": _flag("whether it came in the right condition"),
        "right_place": _flag("whether it came to the right place"),
        "right_customer": _flag("whether it came to the right customer"),
        "right_invoice": _flag("whether it was invoiced rightly (the right cost)"),
        "right_documents": _flag("whether the documents were complete and right"),
        "region": column("text", "where the customer is", "", optional=True),
        "depot": column("text", "from where it was delivered", "", optional=True),
    },
    not_before("promised_on", "ordered_on"), not_before("delivered_on", "ordered_on"), key=["order_id"],
)
PRODUCTS = contract(
    "products",
    "Products and what a delay of them costs: one row a product. The textbook's rule takes margin_grade and "
    "importance; the rule in money takes price, unit_cost, units and lost_if_delayed.",
    {
        "product_id": _id("the product"), "category": column("text", "kind of goods", "", optional=True),
        "margin_grade": _count("grade of its profit margin, 1 is the best", 1, MANY, required=False),
        "importance": _count(
            "1 a delay loses the sale, 2 a slight delay is acceptable, 3 a longer one is", 1, 3, required=False),
        "price": _number("what it sells for", CURRENCY, not_negative(), optional=True),
        "unit_cost": _number("what it costs the firm", CURRENCY, not_negative(), optional=True),
        "units": _number("asked for", "units a period", not_negative(), optional=True),
        "lost_if_delayed": _number("chance that a delay loses the sale", "share", between(0, 1), optional=True),
    },
    key=["product_id"],
)
LEDGER = contract(
    "ledger",
    "What each customer took of each activity, month by month: one row a customer, month and activity.",
    {
        "customer_id": _id("who was served"), "month": column("date", "its first day", "month", IN_OUR_TIME),
        "activity": _id("what was done"),
        "units": _number("how much of it", "of the activity's driver", not_negative(), optional=True),
        "minutes": _number("what that took", "minutes", not_negative(), optional=True),
        "cost": _number("what that cost", CURRENCY, not_negative()),
    },
    key=["customer_id", "month", "activity"],
)
RATINGS = contract(
    "ratings",
    "What customers say of service elements: one row a respondent and element, and a wave if there are several. A "
    "rating that was not given is missing.",
    {
        "wave": _count("which survey, in order", 1, MANY, required=False),
        "customer_id": _id("who answered"), "element_id": _id("what was rated"),
        "importance": _number("how important it is", "of the scale", FINITE, gaps=True),
        "performance": _number("how well the firm does it", "of the scale", FINITE, optional=True),
    },
    key=["wave", "customer_id", "element_id"],
)
RANKINGS = contract(
    "rankings",
    "Customers' rankings of things: one row a customer and item. Some may rank their best few alone.",
    {
        "customer_id": _id("who ranked"), "item_id": _id("what was ranked"),
        "rank": _count("its place, 1 the best", 1, MANY),
    },
    key=["customer_id", "item_id"],
)
CALLS = contract(
    "calls",
    "Calls, or other requests, to a contact centre: one row a call.",
    {
        "call_id": _id("the call"), "date": _day("day of the call"),
        "minute": _count("when it came in", 0, 1439, "minutes after midnight", required=False),
        "slot": _count("interval of the day, counted from 0", 0, 1439, required=False),
        "customer_id": _id("who called", optional=True),
        "agent_id": _id("who answered; missing where nobody did", optional=True),
        "category": column("text", "what it was about", "", optional=True),
        "wait_seconds": _number("wait until it was answered or given up", "seconds", not_negative(), optional=True),
        "service_seconds": _number("time with the agent", "seconds", not_negative(), optional=True),
        "resolution_minutes": _number(
            "from opening until it was settled; missing while it is open", "minutes", not_negative(), optional=True),
        "abandoned": _flag("whether the caller gave up waiting"),
        "resolved": _flag("whether the call settled the matter"),
        "after_self_service": _flag("whether self-service was tried before, in vain"),
    },
    key=["call_id"],
)
# fmt: on
GENERAL = (TRANSACTIONS, CUSTOMER_SUMMARY, RENEWALS, ORDERS, PRODUCTS, LEDGER, RATINGS, RANKINGS, CALLS)
