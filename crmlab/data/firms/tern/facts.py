"""Tern Mobile: the planted facts, each with its size, reckoned from the truth of the draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crmlab.data.firms.story import Fact, facts_table
from crmlab.data.firms.tern.conditions import CAMPAIGNS, PLANS, WINDOW
from crmlab.data.firms.tern.course import Course
from crmlab.data.firms.tern.tables import agent_ids, record, web

Truth = Mapping[str, pd.DataFrame]


class Found(NamedTuple):
    """Whether a fact is planted, what it is about, and its size."""

    planted: bool
    where: str
    figure: float


def facts(course: Course, truth: Truth) -> pd.DataFrame:
    """The planted facts."""
    rows = ((name, chapter, *find(course, truth), unit, words) for name, (chapter, find, unit, words) in FACTS.items())
    return facts_table(Fact(*row) for row in rows)


def effects(course: Course, truth: Truth, campaign: str) -> pd.DataFrame:
    """The true effects of a campaign on the lines in its trial, with their plans, and whether they buy often."""
    table = truth["offer_effects"]
    table = table[table["campaign"] == campaign]
    places = table["line_id"].str[1:].astype("int64").to_numpy() - 1
    return table.assign(plan=np.array(PLANS)[course.lines.plan[places]], keen=course.lines.keen[places])


def mean(values: Any) -> float:
    """The mean, and 0 of nothing."""
    return float(np.mean(values)) if len(values) else 0.0


def points(values: Any) -> float:
    """The mean in hundredths, to two decimals."""
    return round(100 * mean(values), 2)


# --- one function a fact; FACTS says what it is about ---


def risk(course: Course, truth: Truth) -> Found:
    table = truth["offer_effects"]
    persuadable = table["line_id"].map(truth["lines"].set_index("line_id")["kind"]) == "persuadable"
    rank = table.groupby("campaign")["risk"].rank(pct=True)
    more = points(persuadable[rank > 0.9]) - points(persuadable[(rank > 0.4) & (rank <= 0.6)])
    return Found(course.c.hopeless, "", round(more, 2))


def harms(course: Course, truth: Truth) -> Found:
    campaign = CAMPAIGNS[course.c.harmful]
    return Found(
        course.c.story.plants("harms"), campaign, points(effects(course, truth, campaign)["effect_on_leaving"])
    )


def forward(course: Course, truth: Truth) -> Found:
    table = effects(course, truth, "upgrade")
    now, later = mean(table["effect_on_buying"]), mean(table["effect_on_buying_later"])
    return Found(course.c.forward, "upgrade", round(100 * (now + later) / now, 1) if now else 0.0)


def keen(course: Course, truth: Truth) -> Found:
    table = effects(course, truth, "upgrade")
    likely, others = (mean(table["effect_on_buying"][table["keen"] == flag]) for flag in (True, False))
    return Found(course.c.forward, "upgrade", round(likely - others, 2))


def tariff(course: Course, truth: Truth) -> Found:
    c, left_on = course.c, truth["leavers"]["left_on"]
    month = c.first_of[c.tariff_month]
    spike = truth["leavers"][(left_on >= month) & (left_on < c.first_of[c.tariff_month + WINDOW])]
    return Found(c.spiked and c.raised_by_tariff, f"{month:%Y-%m}", points(spike["cause"] == "tariff"))


def heterogeneity(course: Course, truth: Truth) -> Found:
    lines = course.lines
    new = (lines.joined >= 0) & (lines.joined < course.c.months // 2) & (lines.plan == 0)
    joined, left_over = mean(lines.theta[new]), mean(lines.theta[new & course.here])
    return Found(course.c.differ, "flex", round(100 * left_over / joined, 1) if joined else 100.0)


def fast_agent(course: Course, truth: Truth) -> Found:
    staff, planted = course.centre.staff, course.c.story.plants("fast_agent")
    place = staff.fast if planted else int(staff.speed.argmin())
    over_others = float(staff.resolves[place] - np.delete(staff.resolves, place).mean())
    return Found(planted, agent_ids([place])[0], round(100 * over_others, 1))


def luck(course: Course, truth: Truth) -> Found:
    staff, planted = course.centre.staff, course.c.story.plants("luck")
    calls = record(course, "calls")
    since = course.c.months - 1 if planted else 0
    last = calls[(calls["t"] >= since) & ~calls["abandoned"] & (calls["category"] < 4)]
    rate = last.groupby("agent")["resolved"].mean()
    rate = rate[np.isin(rate.index, np.flatnonzero(staff.alike))] if planted else rate
    pair = np.array(rate.sort_values(kind="stable").index)[[-1, 0]] if len(rate) else np.zeros(2, int)
    differ = float(staff.resolves[pair[0]] - staff.resolves[pair[1]])
    return Found(planted, " ".join(agent_ids(pair)), round(100 * differ, 1))


def self_service(course: Course, truth: Truth) -> Found:
    contacts = record(course, "contacts")
    return Found(course.c.contained < 1, "", points(~contacts["solved"][contacts["online"]]))


def overdispersion(course: Course, truth: Truth) -> Found:
    c = course.c
    return Found(c.uneven, "", round(100 * float(np.std([c.temper(t, 0) for t in range(c.months)])), 1))


def leak(course: Course, truth: Truth) -> Found:
    true, sound, page = web(course.c)
    return Found(bool(page), page, round(100 * float((true - sound)[:, -1].max()), 1))


def consent(course: Course, truth: Truth) -> Found:
    campaign = "check_up" if course.c.harmful == 1 else "upgrade"  # one without sleeping dogs
    table = effects(course, truth, campaign)
    effect, asked = table["effect_on_leaving"], table["consented"]
    return Found(course.c.uninvited > 0, campaign, round(points(effect[~asked]) - points(effect[asked]), 2))


def spend(course: Course, truth: Truth) -> Found:
    here, bills = np.flatnonzero(course.here), record(course, "bills")
    if not len(here):
        return Found(course.c.restless, "flex", 0.0)
    paid = bills[bills["t"] >= course.c.months - 3].groupby("who")["amount"].mean().reindex(here)
    fifth = np.ceil(paid.rank(method="first", pct=True).to_numpy() * 5)
    worth = truth["lines"]["value_to_infinity"].iloc[here].groupby(fifth).mean()
    return Found(course.c.restless, "flex", round(100 * float(worth.iloc[-1] / worth.max() - 1), 1))


def price(course: Course, truth: Truth) -> Found:
    table, pays = effects(course, truth, "loyalty"), PLANS[course.c.paying_plan]
    other = mean(table["effect_on_money"][table["plan"] != pays])
    return Found(course.c.story.plants("price"), pays, round(other, 2))


FACTS: dict[str, tuple[int, Callable[[Course, Truth], Found], str, str]] = {
    "risk is not persuadability": (
        2,
        risk,
        "points more persuadable lines in the riskiest tenth than in the middle fifth",
        "The riskiest lines are lost or moving, the persuadable are in the middle; it seems that who is likeliest to "
        "leave should be called.",
    ),
    "campaign harms": (
        9,
        harms,
        "points of leaving within three months, a line",
        "The campaign wakes more sleeping dogs than it keeps lines; it seems that a friendly word does no harm.",
    ),
    "campaign moves purchases forward": (
        9,
        forward,
        "percent of the added purchases that stay after six months",
        "What is bought more in three months is bought less in the next three; it seems that the campaign sells.",
    ),
    "likely buyers buy anyway": (
        9,
        keen,
        "of the currency within three months, a line",
        "How much more an offer sells to those who buy often than to others: below 0, they buy anyway; it seems that "
        "the likeliest buyers are those to mail.",
    ),
    "tariff causes the spike": (
        2,
        tariff,
        "percent of the leavers of three months from then",
        "The new tariff drives lines away; calls and complaints rise with it, so that service seems guilty.",
    ),
    "retention rises by selection": (
        8,
        heterogeneity,
        "percent: mean chance to leave of those still there, of that of all who joined with them",
        "No line's own chance to leave changes with age; the loyal are those who remain, and lines seem to grow loyal.",
    ),
    "fastest agent resolves least": (
        10,
        fast_agent,
        "points of calls settled, over the others' mean",
        "The agent with the most calls an hour settles the fewest, and they come again; it seems the most productive.",
    ),
    "two agents differ by luck": (
        10,
        luck,
        "points of calls settled, in truth",
        "The first settled the most of its calls of the last month, the second the fewest; the first seems better.",
    ),
    "self service returns calls": (
        10,
        self_service,
        "percent of the problems taken to self-service",
        "These come back as calls; it seems that each visit to self-service saves a call.",
    ),
    "complaints overdispersed": (
        10,
        overdispersion,
        "percent: standard deviation between months of the readiness to complain",
        "Months differ more than a Poisson count would, and nothing shifts; on a u-chart it seems that something did.",
    ),
    "web site leaks": (
        9,
        leak,
        "points more visitors who leave the site at this page than without the fault",
        "One step loses visitors who wanted to go on; by counts alone other pages seem to lose the most.",
    ),
    "contact without consent harms": (
        9,
        consent,
        "points of leaving within three months, over contacts with consent",
        "Who is contacted without consent objects and leaves more often; it seems that a wider mailing reaches more.",
    ),
    "top spenders are not worth most": (
        8,
        spend,
        "percent: value to infinity of the fifth with the highest bills, over that of the most valuable fifth",
        "High spenders on the flexible plan leave early; it seems that who pays most now is worth most.",
    ),
    "discount pays for one plan": (
        2,
        price,
        "of the currency, a contact on the other plan",
        "A discount pays on this plan and loses money on the other; it seems that loyalty can be bought everywhere.",
    ),
}
