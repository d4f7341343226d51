"""Tern Mobile: the contracts of its tables and of its truth. Everything in them is simulated."""

from __future__ import annotations

from typing import Any

import pandas as pd

from crmlab.data.firms.schemas import count, day, facts, flag
from crmlab.data.schemas import FINITE, Rule, between, column, contract, not_before, not_negative, one_of

PLAN = one_of("flex", "steady")
CHANNEL = one_of("mail", "e-mail", "sms", "phone")
CATEGORY = one_of("billing", "tariff", "coverage", "device", "cancellation")
CAUSE = one_of("own", "tariff", "service", "moved", "woken")
PAGE = ("home", "account", "bill", "tariff", "help", "contact", "shop", "checkout", "order")
MONEY = "the firm's currency"


def line(meaning: str = "the line") -> Any:
    """The column of a line's id."""
    return column("id", meaning, "", of="lines")


def share(meaning: str) -> Any:
    """A column of shares or chances."""
    return column("number", meaning, "", between(0, 1))


def money(meaning: str, *rules: Rule, unit: str = MONEY) -> Any:
    """A column of amounts."""
    return column("number", meaning, unit, *(rules or (not_negative(),)))


def table(name: str, description: str, columns: dict[str, Any], *rules: Rule, key: tuple[str, ...] = ()) -> Any:
    """The contract of a table of the firm."""
    return contract(f"tern_mobile.{name}", f"Simulated. {description}", columns, *rules, key=key)


LINES = table(
    "lines",
    "One row a line, that is a contract for one mobile phone. Ids rise with the start of the contract; 40% were there "
    "when the tables begin. The lines are one in ten of the firm's.",
    {
        "line_id": column("id", "the line", ""),
        "plan": column("text", "its plan", "", PLAN, of="plans"),
        "started_on": day("first day of the contract, the first of a month"),
        "region": column("text", "where it is used", "", one_of("coast", "city", "hills", "north")),
        "device_months": count("age of the device when the contract began", "months", 0, 60),
        "autopay": flag("whether bills are debited"),
        "preferred_channel": column("text", "how it wants to be written to or called", "", CHANNEL),
        "calls_kept": flag("whether `calls` holds its calls"),
        "clicks_kept": flag("whether `clicks` holds its sessions"),
    },
    key=("line_id",),
)
PLANS = table(
    "plans",
    "One row a plan and tariff: the terms from a month on.",
    {
        "plan": column("text", "flex is renewed each month, steady each quarter", "", PLAN),
        "from_month": day("first day of the tariff"),
        "renewed_every": count("from one renewal to the next", "months", 1, 3),
        "fee": money("fee of a month, before a discount"),
        "price_per_gb": money("price of data", unit="the firm's currency a gigabyte"),
        "unit_cost": money(
            "what a line costs the firm, data and calls to the centre apart", unit="the firm's currency a month"
        ),
    },
    key=("plan", "from_month"),
)
RENEWALS = table(
    "renewals",
    "Contracts as they are renewed, one row a line: the contract `renewals`, and more. A line that was there at the "
    "start has outlived the renewals before the tables begin, which are counted from its true start: it would not be "
    "here otherwise, and only lines with `from_start` show how many of a cohort leave early.",
    {
        "customer_id": line(),
        "renewals": count("how often it renewed", "renewals", 0, 1000),
        "left": flag("whether it left when the next renewal was due; false: under contract still"),
        "plan": column("text", "its plan", "", PLAN, of="plans"),
        "cohort": day("month in which the contract began"),
        "left_on": day("last day of the contract", gaps=True),
        "from_start": flag("whether the tables cover the contract from its first day"),
    },
    not_before("left_on", "cohort"),
    Rule(
        lambda t: pd.Series(t["left"]) == pd.Series(t["left_on"]).notna(),
        "without a day, or a day without it",
        "Correct it.",
        "left",
    ),
    key=("customer_id",),
)
BILLS = table(
    "bills",
    "One row a line and month under contract: the fee, less a discount, and the data.",
    {
        "line_id": line(),
        "month": day("first day of the month"),
        "amount": money("what is billed"),
        "minutes": count("minutes called", "minutes", 0, 1e5),
        "data_gb": column("number", "data used, priced by the gigabyte", "gigabyte", not_negative()),
        "paid_late": flag("whether it was paid late"),
    },
    key=("line_id", "month"),
)
INTERVALS = table(
    "call_intervals",
    "The call centre by half-hours, Monday to Saturday, 8 to 20, over the last six months. It answers the whole firm, "
    "of whose lines those in `lines` are one in ten.",
    {
        "date": day("the day"),
        "slot": count("half-hour of the day: 0 begins at 8:00, 23 at 19:30", "", 0, 23),
        "agents": count("agents at the phones", "agents", 0, 1e6),
        "offered": count("calls that came in", "calls", 0, 1e7),
        "answered_within_20s": count("calls answered within 20 seconds", "calls", 0, 1e7),
        "abandoned": count("calls whose callers gave up waiting", "calls", 0, 1e7),
        "mean_wait": column("number", "mean wait of the calls offered", "seconds", not_negative(), gaps=True),
        "mean_handling": column(
            "number", "mean handling time of the calls answered", "seconds", not_negative(), gaps=True
        ),
    },
    Rule(
        lambda t: t["answered_within_20s"] + t["abandoned"] <= t["offered"],
        "fewer than were answered or lost",
        "Correct it.",
        "offered",
    ),
    key=("date", "slot"),
)
CALLS = table(
    "calls",
    "One row a call of a line whose calls are kept.",
    {
        "call_id": column("id", "the call", ""),
        "line_id": line("who called"),
        "date": day("day of the call"),
        "slot": count("half-hour of the day: 0 begins at 8:00, 23 at 19:30", "", 0, 23),
        "agent_id": column("id", "who answered", "", of="agents", gaps=True),
        "category": column("text", "what the call was about", "", CATEGORY),
        "wait_seconds": count("wait until it was answered or given up", "seconds", 0, 1e5),
        "service_seconds": count("time with the agent", "seconds", 0, 1e5),
        "abandoned": flag("whether the caller gave up waiting"),
        "resolved": flag("whether the call settled the matter"),
        "returned": flag("whether it repeats a call that did not settle the matter"),
        "after_self_service": flag("whether the problem was taken to self-service before, and not solved there"),
    },
    Rule(
        lambda t: pd.Series(t["agent_id"]).isna() == pd.Series(t["abandoned"]),
        "given up, yet with an agent, or answered by none",
        "Correct it.",
        "abandoned",
    ),
    key=("call_id",),
)
AGENTS = table(
    "agents",
    "One row an agent of the call centre.",
    {
        "agent_id": column("id", "the agent", ""),
        "since": day("first day at the firm"),
        "hours_a_week": count("hours paid", "hours a week", 1, 60),
    },
    key=("agent_id",),
)
CLICKS = table(
    "clicks",
    "One row a page of a session on the web site, over the last three months, of the lines whose clicks are kept. "
    "After the last page of a session the visitor left the site.",
    {
        "session_id": column("id", "the session", ""),
        "line_id": line("who was logged in"),
        "date": day("day of the session"),
        "step": count("place of the page in the session", "", 1, 100),
        "page": column("text", "the page; order is an order placed", "", one_of(*PAGE)),
        "seconds": count("time on the page", "seconds", 0, 1e5),
    },
    key=("session_id", "step"),
)
CAMPAIGNS = table(
    "campaigns",
    "One row a campaign, as the firm ran it: a word about the contract, an offer of a new device, a discount.",
    {
        "campaign": column("text", "its name", "", one_of("check_up", "upgrade", "loyalty")),
        "month": day("first day of the month in which it went out"),
        "cost_per_contact": money("cost of one contact"),
        "discount": share("taken off the fee"),
        "discount_months": count("for how long", "months", 0, 12),
    },
    key=("campaign",),
)
OFFERS = table(
    "offers",
    "One row a line in the trial of a campaign: 35% of the lines under contract, of whom 30% were held out at random. "
    "What came of it is counted in three months, that of the contact included.",
    {
        "campaign": column("text", "the campaign", "", of="campaigns"),
        "line_id": line(),
        "month": day("first day of the month of the contact"),
        "channel": column("text", "how it was contacted, or would have been", "", CHANNEL),
        "offered": flag("whether it was contacted; false: held out"),
        "accepted": flag("whether it said yes"),
        "bought": money("what it bought in the three months"),
        "left": flag("whether it left in the three months"),
    },
    key=("campaign", "line_id"),
)
PURCHASES = table(
    "purchases",
    "One row a device or accessory bought beside the contract.",
    {
        "line_id": line("who bought"),
        "date": day("day of the purchase"),
        "amount": money("what was paid; a fifth of it is margin"),
    },
    key=("line_id", "date"),
)
CONSENT = table(
    "consent",
    "The register of consent: one row a line, channel and purpose. Withdrawing is for all at once; one who had never "
    "given consent to marketing, and objected after a contact, has a row without `given_on`.",
    {
        "line_id": line(),
        "channel": column("text", "how the line may be reached", "", CHANNEL),
        "purpose": column("text", "what for", "", one_of("marketing", "research")),
        "given_on": day("day of the consent", gaps=True),
        "withdrawn_on": day("day of the withdrawal or objection", gaps=True),
        "preferred_time": column("text", "when it wants to be reached", "", one_of("morning", "midday", "evening")),
    },
    not_before("withdrawn_on", "given_on"),
    key=("line_id", "channel", "purpose"),
)
COMPLAINTS = table(
    "complaints",
    "One row a complaint.",
    {
        "complaint_id": column("id", "the complaint", ""),
        "line_id": line("who complained"),
        "opened_on": day("day of the complaint"),
        "category": column("text", "what it was about", "", CATEGORY),
        "resolved_on": day("day on which it was settled; a gap: not by the last day", gaps=True),
        "recovered": flag("whether it was settled to the customer's satisfaction"),
        "compensation": money("what was paid"),
    },
    not_before("resolved_on", "opened_on"),
    key=("complaint_id",),
)
SATISFACTION = table(
    "satisfaction",
    "One row an answer to the monthly survey. Lines with consent to research are asked at random; who is angry or "
    "delighted answers more often.",
    {
        "line_id": line("who answered"),
        "month": day("first day of the month"),
        "satisfied": count("how satisfied, 10 is best", "", 1, 10),
        "recommend": count("how likely to recommend, 10 is best", "", 0, 10),
    },
    key=("line_id", "month"),
)

TRUE_LINES = table(
    "truth.lines",
    "What each line truly is. Chances are those of a month, but for theta.",
    {
        "line_id": line(),
        "theta": share("chance to leave at a renewal for reasons of its own, the same at each"),
        "moves": share("chance to move away or die, which no offer prevents"),
        "minds_tariff": share("chance to leave over the new tariff, in each of its first three months"),
        "leaves_aggrieved": share("chance to leave while aggrieved"),
        "kind": column(
            "text", "how it answers to a campaign", "", one_of("persuadable", "sure", "lost", "sleeping_dog")
        ),
        "keen_buyer": flag("whether it buys often, whatever is offered"),
        "proneness": column("number", "its rate of problems, 1 is the mean", "", not_negative()),
        "contribution": money(
            "expected contribution under the last month's conditions", FINITE, unit="the firm's currency a month"
        ),
        "here": flag("whether it is under contract on the last day"),
        "aggrieved": flag("whether it is aggrieved on the last day by a complaint that was not made good"),
        "value_to_infinity": money(
            "expected contribution from the last day on, discounted at 10% a year, if conditions last", FINITE
        ),
    },
    key=("line_id",),
)
LEAVERS = table(
    "truth.leavers",
    "One row a line that left: why, and what would have happened without that cause, all other luck the same.",
    {
        "line_id": line(),
        "left_on": day("last day of the contract"),
        "cause": column("text", "the cause that fired", "", CAUSE),
        "would_have_left": flag("whether it would have left anyway by the last day of the tables"),
        "would_have_left_on": day("when", gaps=True),
    },
    not_before("would_have_left_on", "left_on"),
    key=("line_id",),
)
EFFECTS = table(
    "truth.offer_effects",
    "What a contact changes for each line in a campaign, contacted or held out, from its state at that time.",
    {
        "campaign": column("text", "the campaign", "", of="campaigns"),
        "line_id": line(),
        "consented": flag("whether it had consented to be contacted so"),
        "risk": share("chance to leave within three months if not contacted"),
        "effect_on_leaving": column("number", "change of that chance by a contact", "", between(-1, 1)),
        "effect_on_buying": money("change of what it is expected to buy in three months if it stays", FINITE),
        "effect_on_buying_later": money("the same in the three months after", FINITE),
        "effect_on_money": money(
            "change of the expected discounted contribution to infinity, less the contact's cost", FINITE
        ),
    },
    key=("campaign", "line_id"),
)
TRUE_AGENTS = table(
    "truth.agents",
    "What each agent truly does.",
    {
        "agent_id": column("id", "the agent", "", of="agents"),
        "speed": column("number", "length of the calls, 1 is the norm", "", between(0.1, 10)),
        "resolves": share("share of calls that settle the matter, over four categories of equal weight"),
        "seconds": column("number", "mean handling time of an average category", "seconds", not_negative()),
    },
    key=("agent_id",),
)
TRUE_PAGES = table(
    "truth.pages",
    "Where a visitor of the web site goes next: an absorbing Markov chain that begins at home and ends at exit.",
    {
        "page": column("text", "the page", "", one_of(*PAGE, "exit")),
        "next_page": column("text", "the next page", "", one_of(*PAGE, "exit")),
        "probability": share("chance of going there"),
        "without_leak": share("the same, if no step leaked"),
    },
    key=("page", "next_page"),
)

TABLES = (
    *(
        LINES,
        PLANS,
        RENEWALS,
        BILLS,
        INTERVALS,
        CALLS,
        AGENTS,
        CLICKS,
        CAMPAIGNS,
        OFFERS,
        PURCHASES,
        CONSENT,
        COMPLAINTS,
    ),
    *(SATISFACTION, TRUE_LINES, LEAVERS, EFFECTS, TRUE_AGENTS, TRUE_PAGES, facts("tern_mobile")),
)
