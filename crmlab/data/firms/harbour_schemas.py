"""The contracts of Harbour & Hill's tables, and of the truth about it. All of it is simulated."""

from __future__ import annotations

from typing import Any

import pandera.pandas as pa

from crmlab.data.firms.harbour import ACTIVITIES, KINDS
from crmlab.data.firms.harbour_people import CATEGORIES, CAUSES, DEPOTS, GROUPS, REGIONS, TIMINGS
from crmlab.data.firms.harbour_policy import ANSWERS, FIXES
from crmlab.data.firms.harbour_survey_schemas import TABLES as SURVEYS
from crmlab.data.firms.harbour_tables import CALLS, ROLES, ROUTES
from crmlab.data.firms.harbour_truth import CAUSE_NAMES
from crmlab.data.firms.schemas import facts
from crmlab.data.schemas import FINITE, IN_OUR_TIME, Rule, between, column, contract, not_negative, one_of, whole

FIRM = "harbour_and_hill"
SHARE = between(0, 1)


def _id(meaning: str, of: str | None = None, **settings: Any) -> pa.Column:
    return column("id", meaning, "", of=of, **settings)


def _day(meaning: str, **settings: Any) -> pa.Column:
    return column("date", meaning, "day", IN_OUR_TIME, **settings)


def _count(meaning: str, unit: str) -> pa.Column:
    return column("count", meaning, unit, not_negative(), whole())


def _money(meaning: str, unit: str = "EUR") -> pa.Column:
    return column("number", meaning, unit, not_negative())


def _flag(meaning: str) -> pa.Column:
    return column("flag", meaning, "")


def _word(meaning: str, *values: str, **settings: Any) -> pa.Column:
    return column("text", meaning, "", *([one_of(*values)] if values else []), **settings)


OWN = (
    contract(
        f"{FIRM}.customers",
        "Simulated. Accounts: one row an account; two accounts may be one customer.",
        {
            "customer_id": _id("the account"),
            "name": _word("as it was entered"),
            "group": _word("what kind of customer", *GROUPS),
            "region": _word("where it is", *REGIONS),
            "depot": _word("which depot serves it", *DEPOTS),
            "street": _word("address"),
            "phone": _word("telephone"),
            "acquired_on": _day("when it became a customer"),
            "acquisition_cost": _money("what winning it cost"),
            "discount": column("number", "off the list price", "share", SHARE),
            "rating": _word("how the firm ranks it when goods are short", "A", "B", "C"),
            "shares_forecasts": _flag("whether it tells its needs ahead"),
        },
        key=["customer_id"],
    ),
    contract(
        f"{FIRM}.contact_persons",
        "Simulated. Whom the firm knows at each account.",
        {
            "person_id": _id("the person"),
            "customer_id": _id("the account", "customers"),
            "name": _word("invented"),
            "role": _word("at the customer", *ROLES),
            "since": _day("known since"),
        },
        key=["person_id"],
    ),
    contract(
        f"{FIRM}.products",
        "Simulated. The range of goods.",
        {
            "product_id": _id("the item"),
            "category": _word("kind of goods", *CATEGORIES),
            "abc": _word("A: a quarter of the sales or more comes from these few; C: seldom asked for", "A", "B", "C"),
            "price": _money("list price"),
            "unit_cost": _money("what it costs the firm"),
            "principals": _flag("whether the principal supplies it; told for class A"),
        },
        Rule(lambda s: s["unit_cost"] < s["price"], "not below the list price", "Correct it.", "unit_cost"),
        key=["product_id"],
    ),
    contract(
        f"{FIRM}.orders",
        "Simulated. One row an order.",
        {
            "order_id": _id("the order"),
            "customer_id": _id("the account it is booked under", "customers"),
            "ordered_on": _day("when it came"),
            "promised_on": _day("delivery promised for"),
            "delivered_on": _day("delivered; missing while it is open", gaps=True),
            "urgent": _flag("whether it had to be there the next working day"),
            "amount": _money("invoiced for what was delivered, net of discount"),
            "right_place": _flag("delivered to the right place"),
            "right_customer": _flag("delivered to the right customer"),
            "right_invoice": _flag("invoiced rightly (the right cost)"),
            "right_documents": _flag("documents complete and right"),
        },
        Rule(lambda s: s["promised_on"] > s["ordered_on"], "not after ordered_on", "Correct it.", "promised_on"),
        key=["order_id"],
    ),
    contract(
        f"{FIRM}.order_lines",
        "Simulated. One row a line of an order; what was not delivered at once is not delivered later.",
        {
            "order_id": _id("the order", "orders"),
            "line": column("count", "its number in the order", "", between(1, 99), whole()),
            "product_id": _id("the item", "products"),
            "ordered": _count("quantity ordered", "units"),
            "delivered": _count("quantity delivered", "units"),
            "amount": _money("invoiced for it, net of discount"),
            "right_item": _flag("the right item came"),
            "undamaged": _flag("it came in the right condition"),
        },
        Rule(lambda s: s["delivered"] <= s["ordered"], "more than was ordered", "Correct it.", "delivered"),
        key=["order_id", "line"],
    ),
    contract(
        f"{FIRM}.shipments",
        "Simulated. One row a drop; each order is delivered in one.",
        {
            "shipment_id": _id("the shipment"),
            "order_id": _id("the order", "orders"),
            "depot": _word("from where", *DEPOTS),
            "route": _word("a tour, an express run, or the way back of a lorry that goes anyway", *ROUTES),
            "shipped_on": _day("when it left"),
            "drop_minutes": column("number", "what the drop took", "minutes", not_negative()),
        },
        key=["shipment_id"],
    ),
    contract(
        f"{FIRM}.stock",
        "Simulated. One row a week, depot and item of class A; short where less is delivered than asked for.",
        {
            "week": _day("its Monday"),
            "depot": _word("where", *DEPOTS),
            "product_id": _id("the item", "products"),
            "opening": _count("there after the week's delivery by suppliers", "units"),
            "received": _count("of these received this week", "units"),
            "demand": _count("ordered by customers", "units"),
            "delivered": _count("delivered to them", "units"),
        },
        key=["week", "depot", "product_id"],
    ),
    contract(
        f"{FIRM}.activities",
        "Simulated. What each activity takes for a unit of its driver, and how much of its cost can be saved.",
        {
            "activity": _word("the activity", *ACTIVITIES),
            "driver": _word("what it is counted by"),
            "minutes": column("number", "for a unit of the driver", "minutes", not_negative()),
            "cost_per_minute": _money("of practical capacity", "EUR a minute"),
            **{
                f"avoidable_{months}_months": column("number", f"saved within {months} months", "share", SHARE)
                for months in (3, 12, 36)
            },
        },
        key=["activity"],
    ),
    contract(
        f"{FIRM}.ledger",
        "Simulated. One row a customer, month and activity, at standard minutes.",
        {
            "customer_id": _id("the account", "customers"),
            "month": _day("its first day"),
            "activity": _id("the activity", "activities"),
            "units": _count("of the driver", "see activities"),
            "minutes": column("number", "units at the standard", "minutes", not_negative()),
            "cost": _money("minutes at the cost of a minute"),
        },
        key=["customer_id", "month", "activity"],
    ),
    contract(
        f"{FIRM}.activity_costs",
        "Simulated. One row a month and activity: what was there, and what of it was used.",
        {
            "month": _day("its first day"),
            "activity": _id("the activity", "activities"),
            "capacity_minutes": column("number", "there", "minutes", not_negative()),
            "used_minutes": column("number", "used, as in the ledger", "minutes", not_negative()),
            "cost": _money("of what was there"),
        },
        key=["month", "activity"],
    ),
    contract(
        f"{FIRM}.complaints",
        "Simulated. One row a complaint.",
        {
            "complaint_id": _id("the complaint"),
            "customer_id": _id("the account", "customers"),
            "order_id": _id("the order it is about", "orders"),
            "category": _word("what went wrong", *KINDS[1:]),
            "opened_on": _day("when it came"),
            "resolved_on": _day("when it was closed; missing while it is open", gaps=True),
            "recovered": _flag("whether it was made good"),
            "compensation": _money("paid or credited"),
        },
        key=["complaint_id"],
    ),
    contract(
        f"{FIRM}.calls",
        "Simulated. One row a telephone call about an order.",
        {
            "call_id": _id("the call"),
            "customer_id": _id("the account", "customers"),
            "order_id": _id("the order it is about", "orders"),
            "called_on": _day("when"),
            "category": _word("what about", *CALLS),
            "minutes": column("number", "how long", "minutes", not_negative()),
            "resolved": _flag("whether it was settled"),
        },
        key=["call_id"],
    ),
    contract(
        f"{FIRM}.defections",
        "Simulated. One row a customer that the firm counts as gone, a quarter after it left, and what it said.",
        {
            "customer_id": _id("the account", "customers"),
            "last_order_on": _day("its last order; missing if that was before these tables begin", gaps=True),
            "noticed_on": _day("when the firm noticed, and asked"),
            "interviewed": _flag("whether it answered"),
            "stated_cause": _word("what it said", *CAUSES, gaps=True),
        },
        key=["customer_id"],
    ),
    contract(
        f"{FIRM}.playbook",
        "Simulated. What the firm can do against leaving and against faults, and what it believes that this does.",
        {
            "action": _word("what is done", *ANSWERS, *FIXES),
            "kind": _word("against leaving, or against faults", "answer", "fix"),
            "trigger": _word("when"),
            "owner": _word("who does it"),
            "cost": _money("see per"),
            "per": _word("what the cost is for"),
            "believed_success": column(
                "number", "share of cases in which the firm believes that it helps", "share", SHARE
            ),
        },
        key=["action"],
    ),
)
TRUTH = (
    contract(
        f"{FIRM}.truth.customers",
        "The truth about each customer; one row a customer, under the first of its accounts.",
        {
            "customer_id": _id("the customer", "customers"),
            "orders_a_week": column("number", "while content", "orders a week", not_negative()),
            "timing": _word("orders at random, announced, or seldom in projects", *TIMINGS),
            "urgent": column("number", "share of urgent orders", "share", SHARE),
            "temper": column("number", "chance that a failure that is not made good annoys it", "share", SHARE),
            "price_hazard": column("number", "of leaving for a price", "a week", SHARE),
            "neglect_hazard": column("number", "of leaving for neglect", "a week", SHARE),
            "closing_on": _day("when it closes down, if within a year of the last day", gaps=True),
            "responds": column("number", "how far a euro a week of care calms it", "per EUR", not_negative()),
            "preference": column("count", "the order of service bundles it has in mind", "", between(0, 3)),
            "share_of_wallet": column("number", "of its needs bought here while content", "share", SHARE),
            "mood": _word("on the last day", "content", "badly handled", "late", "short", gaps=True),
            "left_on": _day("Monday of its last week as a customer; missing for those who still are", gaps=True),
            "contribution": column("number", "over these months, after costs saved within a year", "EUR", FINITE),
            "true_cost": column("number", "to serve over these months, all of it", "EUR", not_negative()),
            "value_to_infinity": column(
                "number",
                "expected discounted contribution from the last day on, 10% a year; 0 for those who left",
                "EUR",
                FINITE,
            ),
        },
        key=["customer_id"],
    ),
    contract(
        f"{FIRM}.truth.accounts",
        "Which customer each account belongs to.",
        {
            "account_id": _id("the account", "customers"),
            "customer_id": _id("the customer, under the first of its accounts", "customers"),
        },
        key=["account_id"],
    ),
    contract(
        f"{FIRM}.truth.leavers",
        "Who left, why, and whether it would have left without that.",
        {
            "customer_id": _id("the customer", "customers"),
            "left_on": _day("Monday of its last week as a customer"),
            "cause": _word("the hazard that fired", *CAUSE_NAMES),
            "would_have_left": _flag("by the last day, with that hazard switched off and all other luck the same"),
            "would_have_left_on": _day("when, if so", gaps=True),
        },
        key=["customer_id"],
    ),
    facts(FIRM),
)
TABLES = (*OWN, *SURVEYS, *TRUTH)
