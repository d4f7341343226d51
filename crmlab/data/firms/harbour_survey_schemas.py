"""The contracts of Harbour & Hill's surveys, partners and plan, and of the truth about them. All of it is simulated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from crmlab.data.firms.harbour_partners import CRITERIA, ISSUES, KINDS, KPIS, MODES, TIES
from crmlab.data.firms.harbour_surveys import BUNDLES, FACTORS, MANAGERS, PHASES, SUPPLIERS
from crmlab.data.schemas import (
    CORRECT,
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

FIRM = "harbour_and_hill"


def _id(meaning: str, of: str | None = None, **settings: Any) -> Any:
    return column("id", meaning, "", of=of, **settings)


def _day(meaning: str, **settings: Any) -> Any:
    return column("date", meaning, "day", IN_OUR_TIME, **settings)


def _count(meaning: str, unit: str, low: int = 0, high: int | None = None) -> Any:
    return column("count", meaning, unit, not_negative() if high is None else between(low, high), whole())


def _number(meaning: str, unit: str = "EUR", rule: Rule | None = None, **settings: Any) -> Any:
    return column("number", meaning, unit, rule or not_negative(), **settings)


def _share(meaning: str, **settings: Any) -> Any:
    return _number(meaning, "share", between(0, 1), **settings)


def _flag(meaning: str) -> Any:
    return column("flag", meaning, "")


def _word(meaning: str, *values: str, **settings: Any) -> Any:
    return column("text", meaning, "", *([one_of(*values)] if values else []), **settings)


def _table(name: str, description: str, columns: dict[str, Any], *rules: Rule, key: Sequence[str] = ()) -> Any:
    return contract(f"{FIRM}.{name}", f"Simulated. {description}", columns, *rules, key=key)


def _not_before(later: str, earlier: str) -> Rule:
    """The first of two days is not before the second; where one is a gap, nothing is said."""
    return Rule(lambda t: ~(pd.Series(t[later]) < pd.Series(t[earlier])), f"before {earlier}", CORRECT, later)


def _customer(meaning: str, **settings: Any) -> Any:
    return _id(meaning, "customers", **settings)


def _element(meaning: str = "the element") -> Any:
    return _id(meaning, "elements")


def _partner() -> Any:
    return _id("the partner", "partners")


def _group() -> Any:
    return _count("the group of customers who prefer alike", "", 0, 3)


def _seven(meaning: str) -> Any:
    return _count(meaning, "of 7", 1, 7)


# fmt: off
SURVEYS = (
    _table("elements", "One row a service element.", {
        "element_id": _id("the element"), "phase": _word("when the customer meets it", *PHASES),
        "name": _word("what it is"), "yearly_cost": _number("what offering it costs the firm", "EUR a year"),
    }, key=["element_id"]),
    _table("survey", "Ratings: one row a wave, customer and element; none for an element that it does not know.", {
        "wave": _count("1 halfway through the months of these tables, 2 at their end", "", 1, 2),
        "customer_id": _customer("who answered"), "element_id": _element(),
        "importance": _seven("how important it is"), "performance": _seven("how well the firm does it"),
    }, key=["wave", "customer_id", "element_id"]),
    _table("supplier_view", "What the firm's managers believe that customers find important.", {
        "manager_id": _id("who was asked"), "role": _word("its post", *MANAGERS), "element_id": _element(),
        "importance": _seven("how important it is to customers, it believes"),
    }, key=["manager_id", "element_id"]),
    _table("constant_sum", "How each customer of wave 2 divides 100 points over the six most discussed elements.", {
        "customer_id": _customer("who answered"), "element_id": _element(),
        "points": _count("what it gives to the element", "points of 100", 0, 100),
    }, key=["customer_id", "element_id"]),
    _table("paired", "Comparisons of these six elements in pairs, by the managers and 30 customers.", {
        "respondent": _id("who compares: a manager_id or a customer_id"),
        "customer_id": _customer("the customer; missing for a manager", gaps=True),
        "element_a": _element("one element"), "element_b": _element("the other"),
        "preference": _number("how many times as important the first is: 1 to 9, or 1 over that", "", between(0.1, 9)),
    }, key=["respondent", "element_a", "element_b"]),
    _table("bundles", "Eight bundles of services that could be offered.", {
        "bundle_id": _id("the bundle"), "lead_days": _count("from order to delivery", "working days"),
        "fill_rate": _share("of what is ordered that is delivered at once"),
        "visits_a_month": _count("by a representative of the customer's own", "visits a month"),
        "returns_collected": _flag("whether returns are collected free of charge"),
        "price_level": _number("against today's prices", "share"),
        "weekly_cost": _number("what it costs the firm for a customer, lower prices included", "EUR a week"),
    }, key=["bundle_id"]),
    _table("rankings", "Each customer's ranking of the bundles; some tell only their best three.", {
        "customer_id": _customer("who answered"), "bundle_id": _id("the bundle", "bundles"),
        "rank": _count("its place, 1 the best", "", 1, len(BUNDLES)),
    }, key=["customer_id", "bundle_id"]),
    _table("category_spend", "What a customer spends on such goods, with us and with rivals. One that is booked under "
           "several accounts tells the sum of all under the first.", {
        "customer_id": _customer("who told"), "quarter": _day("its first day"),
        "supplier": _word("with whom: us, or one of three rivals", *SUPPLIERS), "spend": _number("net of discount"),
        "stated_rank": _count("its place in the customer's mind, 1 the best; equals share the better place", "", 1, 4),
    }, key=["customer_id", "quarter", "supplier"]),
    _table("satisfaction", "One row an answer, half a year apart.", {
        "customer_id": _customer("who answered"), "date": _day("when"),
        "satisfied": _count("how satisfied, 10 is best", "of 10", 1, 10),
        "recommend": _count("how likely to recommend us, 10 is best", "of 10", 0, 10),
        "buys_again": _count("how likely to buy again in a year, 10 is best", "of 10", 1, 10),
    }, key=["customer_id", "date"]),
)
PARTNERS = (
    _table("partners", "Whom we work with: our principal, other suppliers, carriers, and our five largest customers.", {
        "partner_id": _id("the partner"), "name": _word("invented; that of a customer is in customers", gaps=True),
        "kind": _word("what it is to us", *KINDS), "customer_id": _customer("the customer that it is", gaps=True),
        "our_share_of_their_sales": _share("of its sales, what it sells to us or with us"),
        "their_share_of_our_profit": _share("of our last year's margin, what comes by its goods, lorries or orders"),
        "months_to_replace_them": _count("until we had another", "months"),
        "months_to_replace_us": _count("until it had another", "months"),
        "exclusivity_ends": _day("where it gave notice of that", gaps=True),
    }, key=["partner_id"]),
    _table("partner_scores", "What the managers think of each partner.", {
        "partner_id": _partner(), "criterion": _word("what is scored", *CRITERIA),
        "score": _count("5 is best", "of 5", 1, 5), "weight": _share("of the criterion"),
    }, key=["partner_id", "criterion"]),
    _table("notices", "Letters from suppliers and carriers.", {
        "notice_id": _id("the letter"),
        "date": _day("of the letter"), "partner_id": _partner(), "subject": _word("its subject"),
        "text": _word("what it says"), "takes_effect": _day("from when it holds"),
    }, _not_before("takes_effect", "date"), key=["notice_id"]),
    _table("ties", "What binds us to each partner.", {
        "partner_id": _partner(), "type": _word("kind of tie", *TIES), "strength": _count("0 is none", "of 5", 0, 5),
        "both_sided": _flag("whether both sides feel bound"),
    }, key=["partner_id", "type"]),
    _table("contacts", "One row a contact.", {
        "contact_id": _id("the contact"),
        "date": _day("when"), "partner_id": _partner(), "our_person": _word("invented"),
        "their_person": _word("invented"), "mode": _word("how", *MODES), "minutes": _count("how long", "minutes"),
    }, key=["contact_id"]),
    _table("promises", "What one side promised the other.", {
        "promise_id": _id("the promise"), "partner_id": _partner(), "by": _word("who promised", "us", "them"),
        "made_on": _day("when"), "due_on": _day("by when"),
        "kept_on": _day("missing if it is not kept, or not yet", gaps=True),
    }, _not_before("due_on", "made_on"), _not_before("kept_on", "made_on"), key=["promise_id"]),
    _table("conflicts", "What was fought over.", {
        "conflict_id": _id("the conflict"), "partner_id": _partner(), "issue": _word("what about", *ISSUES),
        "opened_on": _day("when"), "resolved_on": _day("missing while it is open", gaps=True),
        "policy_changed": _flag("whether a policy or procedure was changed for it"),
        "recurred_on": _day("when it came up again; missing if not yet", gaps=True),
    }, _not_before("resolved_on", "opened_on"), _not_before("recurred_on", "resolved_on"), key=["conflict_id"]),
    _table("shared_forecasts", "Units that the forty largest customers order in a month: as forecast, and as it was.", {
        "customer_id": _customer("who orders"), "month": _day("its first day"),
        "shared": _flag("whether the customer made the forecast and shared it; else we did, the mean of three months"),
        "forecast": _count("before the month", "units"), "actual": _count("ordered", "units"),
    }, key=["customer_id", "month"]),
    _table("plan", "The plan of the last twelve months, and what came of it.", {
        "kpi": _word("what is measured", *KPIS), "month": _day("its first day"),
        "planned": _number("by the plan", "see unit"), "actual": _number("measured", "see unit"),
        "tolerance": _share("of what is planned; beyond it is an alarm"),
        "better": _word("which way is better", "up", "down"), "unit": _word("of planned and actual"),
    }, key=["kpi", "month"]),
)
TRUTH = (
    _table("truth.factors", "The four factors behind the ratings.", {
        "element_id": _element(), "factor": _word("the factor", *FACTORS),
        "loading": _number("of the element on it", "", between(-1, 1)),
    }, key=["element_id", "factor"]),
    _table("truth.importances", "How important each element is to each group: said, and in a trade-off.", {
        "preference": _group(), "element_id": _element(),
        "importance_1": _number("mean rating in wave 1, before the ends of the scale cut it", "of 7", FINITE),
        "importance_2": _number("the same in wave 2", "of 7", FINITE),
        "weight": _share("among the six elements of constant_sum; missing for others", gaps=True),
    }, key=["preference", "element_id"]),
    _table("truth.preferences", "What each customer wants; one row a customer, under the first of its accounts.", {
        "customer_id": _customer("the customer"), "preference": _group(),
        "theta": _number("how close its ranking is to its group's centre (Mallows)", ""),
        **{f"utility_{bundle}": _number(f"of bundle {bundle}", "share of all it could want, %") for bundle in BUNDLES},
    }, key=["customer_id"]),
    _table("truth.centres", "The ranking of bundles that each group scatters around.", {
        "preference": _group(), "bundle_id": _id("the bundle", "bundles"),
        "utility": _number("to the group", "share of all it could want, %"),
        "rank": _count("1 the best", "", 1, len(BUNDLES)),
    }, key=["preference", "bundle_id"]),
    _table("truth.shares", "The share of its needs that a customer was to buy from us in a quarter, luck apart.", {
        "customer_id": _customer("the customer"), "quarter": _day("its first day"), "share": _share("ours"),
    }, key=["customer_id", "quarter"]),
    _table("truth.dependence", "How far each side depends on the other: the share of its profit or sales, times the "
           "years (at most one) until the other is replaced; and how far each is true to its word.", {
        "partner_id": _partner(), "ours": _share("our dependence"), "theirs": _share("its dependence"),
        "we_keep": _share("chance that we keep a promise"), "they_keep": _share("chance that it does"),
    }, key=["partner_id"]),
    _table("truth.drifts", "What is behind the figures of the plan that are measured by themselves.", {
        "kpi": _word("what is measured", *KPIS), "month": _day("its first day"),
        "true_mean": _number("luck apart", "see plan"),
    }, key=["kpi", "month"]),
)
# fmt: on
TABLES = (*SURVEYS, *PARTNERS, *TRUTH)
