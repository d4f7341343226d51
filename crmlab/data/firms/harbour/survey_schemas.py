"""The contracts of Harbour & Hill's surveys, partners and plan, and of the truth about them. All of it is simulated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmlab.data.firms.harbour.partners import CRITERIA, ISSUES, KINDS, KPIS, MODES, TIES
from crmlab.data.firms.harbour.surveys import MANAGERS, SUPPLIERS
from crmlab.data.firms.harbour.wants import BUNDLES, FACTORS, PHASES
from crmlab.data.firms.schemas import count, day, flag, ident, number, word
from crmlab.data.schemas import (
    FINITE,
    Rule,
    between,
    contract,
    not_before,
)

FIRM = "harbour_and_hill"


def _share(meaning: str, **settings: Any) -> Any:
    return number(meaning, "share", between(0, 1), **settings)


def _table(name: str, description: str, columns: dict[str, Any], *rules: Rule, key: Sequence[str] = ()) -> Any:
    return contract(f"{FIRM}.{name}", f"Simulated. {description}", columns, *rules, key=key)


def _customer(meaning: str, **settings: Any) -> Any:
    return ident(meaning, "customers", **settings)


def _element(meaning: str = "the element") -> Any:
    return ident(meaning, "elements")


def _partner() -> Any:
    return ident("the partner", "partners")


def _group() -> Any:
    return count("the group of customers who prefer alike", "", 0, 3)


def _seven(meaning: str) -> Any:
    return count(meaning, "of 7", 1, 7)


# fmt: off
SURVEYS = (
    _table("elements", "One row a service element.", {
        "element_id": ident("the element"), "phase": word("when the customer meets it", *PHASES),
        "name": word("what it is"), "yearly_cost": number("what offering it costs the firm", "EUR a year"),
    }, key=["element_id"]),
    _table("survey", "Ratings: one row a wave, customer and element; none for an element that it does not know.", {
        "wave": count("1 halfway through the months of these tables, 2 at their end", "", 1, 2),
        "customer_id": _customer("who answered"), "element_id": _element(),
        "importance": _seven("how important it is"), "performance": _seven("how well the firm does it"),
    }, key=["wave", "customer_id", "element_id"]),
    _table("supplier_view", "What the firm's managers believe that customers find important.", {
        "manager_id": ident("who was asked"), "role": word("its post", *MANAGERS), "element_id": _element(),
        "importance": _seven("how important it is to customers, it believes"),
    }, key=["manager_id", "element_id"]),
    _table("constant_sum", "How each customer of wave 2 divides 100 points over the six most discussed elements.", {
        "customer_id": _customer("who answered"), "element_id": _element(),
        "points": count("what it gives to the element", "points of 100", 0, 100),
    }, key=["customer_id", "element_id"]),
    _table("paired", "Comparisons of these six elements in pairs, by the managers and 30 customers.", {
        "respondent": ident("who compares: a manager_id or a customer_id"),
        "customer_id": _customer("the customer; missing for a manager", gaps=True),
        "element_a": _element("one element"), "element_b": _element("the other"),
        "preference": number("how many times as important the first is: 1 to 9, or 1 over that", "", between(0.1, 9)),
    }, key=["respondent", "element_a", "element_b"]),
    _table("bundles", "Eight bundles of services that could be offered.", {
        "bundle_id": ident("the bundle"), "lead_days": count("from order to delivery", "working days"),
        "fill_rate": _share("of what is ordered that is delivered at once"),
        "visits_a_month": count("by a representative of the customer's own", "visits a month"),
        "returns_collected": flag("whether returns are collected free of charge"),
        "price_level": number("against today's prices", "share"),
        "weekly_cost": number("what it costs the firm for a customer, lower prices included", "EUR a week"),
    }, key=["bundle_id"]),
    _table("rankings", "Each customer's ranking of the bundles; some tell only their best three.", {
        "customer_id": _customer("who answered"), "bundle_id": ident("the bundle", "bundles"),
        "rank": count("its place, 1 the best", "", 1, len(BUNDLES)),
    }, key=["customer_id", "bundle_id"]),
    _table("category_spend", "What a customer spends on such goods, with us and with rivals. One that is booked under "
           "several accounts tells the sum of all under the first.", {
        "customer_id": _customer("who told"), "quarter": day("its first day"),
        "supplier": word("with whom: us, or one of three rivals", *SUPPLIERS), "spend": number("net of discount"),
        "stated_rank": count("its place in the customer's mind, 1 the best; equals share the better place", "", 1, 4),
    }, key=["customer_id", "quarter", "supplier"]),
    _table("satisfaction", "One row an answer, half a year apart.", {
        "customer_id": _customer("who answered"), "date": day("when"),
        "satisfied": count("how satisfied, 10 is best", "of 10", 1, 10),
        "recommend": count("how likely to recommend us, 10 is best", "of 10", 0, 10),
        "buys_again": count("how likely to buy again in a year, 10 is best", "of 10", 1, 10),
    }, key=["customer_id", "date"]),
)
PARTNERS = (
    _table("partners", "Whom we work with: our principal, other suppliers, carriers, and our five largest customers.", {
        "partner_id": ident("the partner"), "name": word("invented; that of a customer is in customers", gaps=True),
        "kind": word("what it is to us", *KINDS), "customer_id": _customer("the customer that it is", gaps=True),
        "our_share_of_their_sales": _share("of its sales, what it sells to us or with us"),
        "their_share_of_our_profit": _share("of our last year's margin, what comes by its goods, lorries or orders"),
        "months_to_replace_them": count("until we had another", "months"),
        "months_to_replace_us": count("until it had another", "months"),
        "exclusivity_ends": day("where it gave notice of that", gaps=True),
    }, key=["partner_id"]),
    _table("partner_scores", "What the managers think of each partner.", {
        "partner_id": _partner(), "criterion": word("what is scored", *CRITERIA),
        "score": count("5 is best", "of 5", 1, 5), "weight": _share("of the criterion"),
    }, key=["partner_id", "criterion"]),
    _table("notices", "Letters from suppliers and carriers.", {
        "notice_id": ident("the letter"),
        "date": day("of the letter"), "partner_id": _partner(), "subject": word("its subject"),
        "text": word("what it says"), "takes_effect": day("from when it holds"),
    }, not_before("takes_effect", "date"), key=["notice_id"]),
    _table("ties", "What binds us to each partner.", {
        "partner_id": _partner(), "type": word("kind of tie", *TIES), "strength": count("0 is none", "of 5", 0, 5),
        "both_sided": flag("whether both sides feel bound"),
    }, key=["partner_id", "type"]),
    _table("contacts", "One row a contact.", {
        "contact_id": ident("the contact"),
        "date": day("when"), "partner_id": _partner(), "our_person": word("invented"),
        "their_person": word("invented"), "mode": word("how", *MODES), "minutes": count("how long", "minutes"),
    }, key=["contact_id"]),
    _table("promises", "What one side promised the other.", {
        "promise_id": ident("the promise"), "partner_id": _partner(), "by": word("who promised", "us", "them"),
        "made_on": day("when"), "due_on": day("by when"),
        "kept_on": day("missing if it is not kept, or not yet", gaps=True),
    }, not_before("due_on", "made_on"), not_before("kept_on", "made_on"), key=["promise_id"]),
    _table("conflicts", "What was fought over.", {
        "conflict_id": ident("the conflict"), "partner_id": _partner(), "issue": word("what about", *ISSUES),
        "opened_on": day("when"), "resolved_on": day("missing while it is open", gaps=True),
        "policy_changed": flag("whether a policy or procedure was changed for it"),
        "recurred_on": day("when it came up again; missing if not yet", gaps=True),
    }, not_before("resolved_on", "opened_on"), not_before("recurred_on", "resolved_on"), key=["conflict_id"]),
    _table("shared_forecasts", "Units that the forty largest customers order in a month: as forecast, and as it was.", {
        "customer_id": _customer("who orders"), "month": day("its first day"),
        "shared": flag("whether the customer made the forecast and shared it; else we did, the mean of three months"),
        "forecast": count("before the month", "units"), "actual": count("ordered", "units"),
    }, key=["customer_id", "month"]),
    _table("plan", "The plan of the last twelve months, and what came of it.", {
        "kpi": word("what is measured", *KPIS), "month": day("its first day"),
        "planned": number("by the plan", "see unit"), "actual": number("measured", "see unit"),
        "tolerance": _share("of what is planned; beyond it is an alarm"),
        "better": word("which way is better", "up", "down"), "unit": word("of planned and actual"),
    }, key=["kpi", "month"]),
)
TRUTH = (
    _table("truth.factors", "The four factors behind the ratings.", {
        "element_id": _element(), "factor": word("the factor", *FACTORS),
        "loading": number("of the element on it", "", between(-1, 1)),
    }, key=["element_id", "factor"]),
    _table("truth.importances", "How important each element is to each group: said, and in a trade-off.", {
        "preference": _group(), "element_id": _element(),
        "importance_1": number("mean rating in wave 1, before the ends of the scale cut it", "of 7", FINITE),
        "importance_2": number("the same in wave 2", "of 7", FINITE),
        "weight": _share("among the six elements of constant_sum; missing for others", gaps=True),
    }, key=["preference", "element_id"]),
    _table("truth.preferences", "What each customer wants; one row a customer, under the first of its accounts.", {
        "customer_id": _customer("the customer"), "preference": _group(),
        "theta": number("how close its ranking is to its group's centre (Mallows)", ""),
        **{f"utility_{bundle}": number(f"of bundle {bundle}", "share of all it could want, %") for bundle in BUNDLES},
    }, key=["customer_id"]),
    _table("truth.centres", "The ranking of bundles that each group scatters around.", {
        "preference": _group(), "bundle_id": ident("the bundle", "bundles"),
        "utility": number("to the group", "share of all it could want, %"),
        "rank": count("1 the best", "", 1, len(BUNDLES)),
    }, key=["preference", "bundle_id"]),
    _table("truth.shares", "The share of its needs that a customer was to buy from us in a quarter, luck apart.", {
        "customer_id": _customer("the customer"), "quarter": day("its first day"), "share": _share("ours"),
    }, key=["customer_id", "quarter"]),
    _table("truth.dependence", "How far each side depends on the other: the share of its profit or sales, times the "
           "years (at most one) until the other is replaced; and how far each is true to its word.", {
        "partner_id": _partner(), "ours": _share("our dependence"), "theirs": _share("its dependence"),
        "we_keep": _share("chance that we keep a promise"), "they_keep": _share("chance that it does"),
    }, key=["partner_id"]),
    _table("truth.drifts", "What is behind the figures of the plan that are measured by themselves.", {
        "kpi": word("what is measured", *KPIS), "month": day("its first day"),
        "true_mean": number("luck apart", "see plan"),
    }, key=["kpi", "month"]),
)
# fmt: on
TABLES = (*SURVEYS, *PARTNERS, *TRUTH)
