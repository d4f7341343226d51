"""The contracts of Harbour & Hill's tables, and of the truth about it. All of it is simulated."""

from __future__ import annotations

from crmlab.data.firms.harbour.people import CATEGORIES, CAUSE_NAMES, CAUSES, DEPOTS, GROUPS, REGIONS, TIMINGS
from crmlab.data.firms.harbour.policy import ANSWERS, FIXES
from crmlab.data.firms.harbour.survey_schemas import TABLES as SURVEYS
from crmlab.data.firms.harbour.tables import CALLS, ROLES, ROUTES
from crmlab.data.firms.harbour.trade import ACTIVITIES, KINDS
from crmlab.data.firms.schemas import count, day, facts, flag, ident, number, word
from crmlab.data.schemas import FINITE, Rule, between, column, contract, not_negative, whole

FIRM = "harbour_and_hill"
SHARE = between(0, 1)


OWN = (
    contract(
        f"{FIRM}.customers",
        "Simulated. Accounts: one row an account; two accounts may be one customer.",
        {
            "customer_id": ident("the account"),
            "name": word("as it was entered"),
            "group": word("what kind of customer", *GROUPS),
            "region": word("where it is", *REGIONS),
            "depot": word("which depot serves it", *DEPOTS),
            "street": word("address"),
            "phone": word("telephone"),
            "acquired_on": day("when it became a customer"),
            "acquisition_cost": number("what winning it cost"),
            "discount": column("number", "off the list price", "share", SHARE),
            "rating": word("how the firm ranks it when goods are short", "A", "B", "C"),
            "shares_forecasts": flag("whether it tells its needs ahead"),
        },
        key=["customer_id"],
    ),
    contract(
        f"{FIRM}.contact_persons",
        "Simulated. Whom the firm knows at each account.",
        {
            "person_id": ident("the person"),
            "customer_id": ident("the account", "customers"),
            "name": word("invented"),
            "role": word("at the customer", *ROLES),
            "since": day("known since"),
        },
        key=["person_id"],
    ),
    contract(
        f"{FIRM}.products",
        "Simulated. The range of goods.",
        {
            "product_id": ident("the item"),
            "category": word("kind of goods", *CATEGORIES),
            "abc": word("A: a quarter of the sales or more comes from these few; C: seldom asked for", "A", "B", "C"),
            "price": number("list price"),
            "unit_cost": number("what it costs the firm"),
            "principals": flag("whether the principal supplies it; told for class A"),
        },
        Rule(lambda s: s["unit_cost"] < s["price"], "not below the list price", "Correct it.", "unit_cost"),
        key=["product_id"],
    ),
    contract(
        f"{FIRM}.orders",
        "Simulated. One row an order.",
        {
            "order_id": ident("the order"),
            "customer_id": ident("the account it is booked under", "customers"),
            "ordered_on": day("when it came"),
            "promised_on": day("delivery promised for"),
            "delivered_on": day("delivered; missing while it is open", gaps=True),
            "urgent": flag("whether it had to be there the next working day"),
            "amount": number("invoiced for what was delivered, net of discount"),
            "right_place": flag("delivered to the right place"),
            "right_customer": flag("delivered to the right customer"),
            "right_invoice": flag("invoiced rightly (the right cost)"),
            "right_documents": flag("documents complete and right"),
        },
        Rule(lambda s: s["promised_on"] > s["ordered_on"], "not after ordered_on", "Correct it.", "promised_on"),
        key=["order_id"],
    ),
    contract(
        f"{FIRM}.order_lines",
        "Simulated. One row a line of an order; what was not delivered at once is not delivered later.",
        {
            "order_id": ident("the order", "orders"),
            "line": column("count", "its number in the order", "", between(1, 99), whole()),
            "product_id": ident("the item", "products"),
            "ordered": count("quantity ordered", "units"),
            "delivered": count("quantity delivered", "units"),
            "amount": number("invoiced for it, net of discount"),
            "right_item": flag("the right item came"),
            "undamaged": flag("it came in the right condition"),
        },
        Rule(lambda s: s["delivered"] <= s["ordered"], "more than was ordered", "Correct it.", "delivered"),
        key=["order_id", "line"],
    ),
    contract(
        f"{FIRM}.shipments",
        "Simulated. One row a drop; each order is delivered in one.",
        {
            "shipment_id": ident("the shipment"),
            "order_id": ident("the order", "orders"),
            "depot": word("from where", *DEPOTS),
            "route": word("a tour, an express run, or the way back of a lorry that goes anyway", *ROUTES),
            "shipped_on": day("when it left"),
            "drop_minutes": column("number", "what the drop took", "minutes", not_negative()),
        },
        key=["shipment_id"],
    ),
    contract(
        f"{FIRM}.stock",
        "Simulated. One row a week, depot and item of class A; short where less is delivered than asked for.",
        {
            "week": day("its Monday"),
            "depot": word("where", *DEPOTS),
            "product_id": ident("the item", "products"),
            "opening": count("there after the week's delivery by suppliers", "units"),
            "received": count("of these received this week", "units"),
            "demand": count("ordered by customers", "units"),
            "delivered": count("delivered to them", "units"),
        },
        key=["week", "depot", "product_id"],
    ),
    contract(
        f"{FIRM}.activities",
        "Simulated. What each activity takes for a unit of its driver, and how much of its cost can be saved.",
        {
            "activity": word("the activity", *ACTIVITIES),
            "driver": word("what it is counted by"),
            "minutes": column("number", "for a unit of the driver", "minutes", not_negative()),
            "cost_per_minute": number("of practical capacity", "EUR a minute"),
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
            "customer_id": ident("the account", "customers"),
            "month": day("its first day"),
            "activity": ident("the activity", "activities"),
            "units": count("of the driver", "see activities"),
            "minutes": column("number", "units at the standard", "minutes", not_negative()),
            "cost": number("minutes at the cost of a minute"),
        },
        key=["customer_id", "month", "activity"],
    ),
    contract(
        f"{FIRM}.activity_costs",
        "Simulated. One row a month and activity: what was there, and what of it was used.",
        {
            "month": day("its first day"),
            "activity": ident("the activity", "activities"),
            "capacity_minutes": column("number", "there", "minutes", not_negative()),
            "used_minutes": column("number", "used, as in the ledger", "minutes", not_negative()),
            "cost": number("of what was there"),
        },
        key=["month", "activity"],
    ),
    contract(
        f"{FIRM}.complaints",
        "Simulated. One row a complaint.",
        {
            "complaint_id": ident("the complaint"),
            "customer_id": ident("the account", "customers"),
            "order_id": ident("the order it is about", "orders"),
            "category": word("what went wrong", *KINDS[1:]),
            "opened_on": day("when it came"),
            "resolved_on": day("when it was closed; missing while it is open", gaps=True),
            "recovered": flag("whether it was made good"),
            "compensation": number("paid or credited"),
        },
        key=["complaint_id"],
    ),
    contract(
        f"{FIRM}.calls",
        "Simulated. One row a telephone call about an order.",
        {
            "call_id": ident("the call"),
            "customer_id": ident("the account", "customers"),
            "order_id": ident("the order it is about", "orders"),
            "called_on": day("when"),
            "category": word("what about", *CALLS),
            "minutes": column("number", "how long", "minutes", not_negative()),
            "resolved": flag("whether it was settled"),
        },
        key=["call_id"],
    ),
    contract(
        f"{FIRM}.defections",
        "Simulated. One row a customer that the firm counts as gone, a quarter after it left, and what it said.",
        {
            "customer_id": ident("the account", "customers"),
            "last_order_on": day("its last order; missing if that was before these tables begin", gaps=True),
            "noticed_on": day("when the firm noticed, and asked"),
            "interviewed": flag("whether it answered"),
            "stated_cause": word("what it said", *CAUSES, gaps=True),
        },
        key=["customer_id"],
    ),
    contract(
        f"{FIRM}.playbook",
        "Simulated. What the firm can do against leaving and against faults, and what it believes that this does.",
        {
            "action": word("what is done", *ANSWERS, *FIXES),
            "kind": word("against leaving, or against faults", "answer", "fix"),
            "trigger": word("when"),
            "owner": word("who does it"),
            "cost": number("see per"),
            "per": word("what the cost is for"),
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
            "customer_id": ident("the customer", "customers"),
            "orders_a_week": column("number", "while content", "orders a week", not_negative()),
            "timing": word("orders at random, announced, or seldom in projects", *TIMINGS),
            "urgent": column("number", "share of urgent orders", "share", SHARE),
            "temper": column("number", "chance that a failure that is not made good annoys it", "share", SHARE),
            "price_hazard": column("number", "of leaving for a price", "a week", SHARE),
            "neglect_hazard": column("number", "of leaving for neglect", "a week", SHARE),
            "closing_on": day("when it closes down, if within a year of the last day", gaps=True),
            "responds": column("number", "how far a euro a week of care calms it", "per EUR", not_negative()),
            "preference": column("count", "the order of service bundles it has in mind", "", between(0, 3)),
            "share_of_wallet": column("number", "of its needs bought here while content", "share", SHARE),
            "mood": word("on the last day", "content", "badly handled", "late", "short", gaps=True),
            "left_on": day("Monday of its last week as a customer; missing for those who still are", gaps=True),
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
            "account_id": ident("the account", "customers"),
            "customer_id": ident("the customer, under the first of its accounts", "customers"),
        },
        key=["account_id"],
    ),
    contract(
        f"{FIRM}.truth.leavers",
        "Who left, why, and whether it would have left without that.",
        {
            "customer_id": ident("the customer", "customers"),
            "left_on": day("Monday of its last week as a customer"),
            "cause": word("the hazard that fired", *CAUSE_NAMES),
            "would_have_left": flag("by the last day, with that hazard switched off and all other luck the same"),
            "would_have_left_on": day("when, if so", gaps=True),
        },
        key=["customer_id"],
    ),
    facts(FIRM),
)
TABLES = (*OWN, *SURVEYS, *TRUTH)
