"""Tern Mobile: its tables, as any firm might have them, from what happened month by month."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from crmlab.data.firms.chance import choice, lognormal, normal, poisson
from crmlab.data.firms.tern.conditions import (
    CAMPAIGNS,
    CATEGORIES,
    COST_PER_CONTACT,
    NEVER,
    PER_GB,
    PERIOD,
    PLANS,
    REGIONS,
    UNIT_COST,
    WINDOW,
    Conditions,
)
from crmlab.data.firms.tern.course import Course
from crmlab.data.firms.tern.lines import CHANNELS, PATIENCE, Centre, ids

SURVEYED, ANSWERS = 0.12, (0.2, 0.4)  # of the lines a month that may be asked; those in between, and those with a mood
INTERVAL_MONTHS, CLICK_MONTHS = 6, 3  # the last months that the tables hold

PAGES = ("home", "account", "bill", "tariff", "help", "contact", "shop", "checkout", "order", "exit")
WEB = {  # where a visitor goes next: chances in percent, in the order of PAGES
    "home": (0, 36, 12, 12, 8, 3, 17, 0, 0, 12),
    "account": (5, 0, 34, 14, 9, 4, 6, 0, 0, 28),
    "bill": (3, 12, 0, 16, 14, 7, 2, 0, 0, 46),
    "tariff": (5, 8, 5, 0, 8, 5, 24, 0, 0, 45),
    "help": (6, 8, 6, 6, 0, 30, 2, 0, 0, 42),
    "contact": (5, 4, 0, 0, 10, 0, 0, 0, 0, 81),
    "shop": (8, 2, 0, 10, 2, 2, 0, 42, 0, 34),
    "checkout": (2, 2, 0, 2, 4, 2, 8, 0, 60, 20),
}
LEAK = 0.4  # of the visitors at the step with the leak leave the site there, beside those who would anyway
LEAKS = ("checkout", "shop", "tariff")
STEPS = 14


def web(c: Conditions) -> tuple[np.ndarray, np.ndarray, str]:
    """The chances of going from page to page, the same without the leak, and the page that leaks ("" for none)."""
    sound = np.zeros((len(PAGES), len(PAGES)))
    sound[: len(WEB)] = np.array(list(WEB.values())) / 100
    sound[len(WEB) :, -1] = 1
    leak = c.story.pick("leak", "checkout", LEAKS) if c.story.plants("leak") else ""
    true = sound.copy()
    if leak:
        row = PAGES.index(leak)
        true[row] *= 1 - LEAK
        true[row, -1] += LEAK
    return true, sound, leak


# --- what is asked and seen in passing ---


def survey(course: Course, t: int) -> None:
    """Answers of those who consented to research, are asked, and answer: rather those in a bad or a very good mood."""
    c = course.c
    who = np.flatnonzero(course.here & course.lines.researchable & (course.withdrawn > t))
    u = course.chance("survey", who, t)
    mood = 8.2 + 1.3 * normal(u[1]) - 3.2 * course.aggrieved[who] - 1.2 * (c.spike(t) == "tariff")
    satisfied = np.round(mood).clip(1, 10).astype(int)
    answers = (u[0] < SURVEYED) & (u[2] < np.where((satisfied >= 9) | (satisfied <= 5), *ANSWERS[::-1]))
    recommend = np.round(mood - 0.7 + normal(u[3])).clip(0, 10).astype(int)
    who = who[answers]
    course.note("satisfaction", t, who, satisfied=satisfied[answers], recommend=recommend[answers])


def visits(course: Course, t: int) -> None:
    """Sessions on the web site, page by page, of the lines whose clicks are kept."""
    who = np.flatnonzero(course.here & course.lines.clicks_kept)
    u = course.chance("visit", who, t)
    often = poisson(u[0], 0.9)
    who, day = np.repeat(who, often), np.repeat(u[1], often)
    which = np.arange(len(who)) - np.repeat(np.cumsum(often) - often, often)
    day = (day + which * 0.37) % 1
    next_page, page = web(course.c)[0], np.zeros(len(who), int)
    for step in range(STEPS):
        u = course.chance("click", who, t, which * STEPS + step)
        seconds = np.maximum(np.round(25 * lognormal(u[1], 0.8)), 1).astype(int)
        course.note("clicks", t, who, which=which, step=np.full(len(who), step), page=page, seconds=seconds, day=day)
        page = choice(u[0], next_page[page])
        stays = page < len(PAGES) - 1
        who, which, day, page = who[stays], which[stays], day[stays], page[stays]


# --- tables of lines ---


def line_tables(course: Course) -> dict[str, pd.DataFrame]:
    """The tables that hold rows of lines, each in the order of time and then of lines."""
    c, lines = course.c, course.lines
    line = ids(lines.number, c)
    tables = {
        "lines": _lines(course, line),
        "renewals": _renewals(course, line),
        "bills": _bills(course, line),
        "calls": _calls(course, line),
        "clicks": _clicks(course, line),
        "offers": _offers(course, line),
        "purchases": _purchases(course, line),
        "consent": _consent(course, line),
        "complaints": _complaints(course, line),
        "satisfaction": _satisfaction(course, line),
    }
    return {name: table.reset_index(drop=True) for name, table in tables.items()}


def record(course: Course, table: str) -> pd.DataFrame:
    """What was noted for a table."""
    parts = course.records[table]
    return pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def _month(c: Conditions, t: Any) -> Any:
    return c.first_of[np.asarray(t)].astype("datetime64[us]")


def _of(line: pd.Series, rows: pd.DataFrame) -> Any:
    """The lines that rows are about."""
    return line.array.take(rows["who"].to_numpy())


def _day(c: Conditions, t: Any, u: Any) -> Any:
    start = _month(c, t)
    return start + pd.to_timedelta((np.asarray(u) * start.days_in_month).astype(int), unit="D")


def text(words: Any, places: Any) -> pd.Series:
    """The words at these places."""
    return pd.Series(pd.array(words, dtype="str").take(np.asarray(places)))


def _id(letter: str, number: np.ndarray, most: int) -> pd.Series:
    return pd.Series(number).astype("str").str.zfill(len(str(most))).radd(letter)


def months(c: Conditions, month: np.ndarray) -> Any:
    """The first days of months, which may lie before the first of the tables."""
    return pd.DatetimeIndex((np.datetime64(c.first_of[0], "M") + month).astype("datetime64[us]"))


def _lines(course: Course, line: pd.Series) -> pd.DataFrame:
    lines, c = course.lines, course.c
    return pd.DataFrame(
        {
            "line_id": line,
            "plan": text(PLANS, lines.plan),
            "started_on": months(c, lines.joined),
            "region": text(REGIONS, lines.region),
            "device_months": lines.device,
            "autopay": lines.autopay,
            "preferred_channel": text(CHANNELS, lines.channel),
            "calls_kept": lines.calls_kept,
            "clicks_kept": lines.clicks_kept,
        }
    )


def _renewals(course: Course, line: pd.Series) -> pd.DataFrame:
    lines, c = course.lines, course.c
    left = course.left != NEVER
    due = (np.where(left, course.left + 1, c.months) - lines.joined) // PERIOD[lines.plan]
    return pd.DataFrame(
        {
            "customer_id": line,
            "renewals": due - left,
            "left": left,
            "plan": text(PLANS, lines.plan),
            "cohort": months(c, lines.joined),
            "left_on": pd.Series(months(c, course.left + 1) - pd.Timedelta(days=1)).where(left),
            "from_start": lines.joined >= 0,
        }
    )


def _bills(course: Course, line: pd.Series) -> pd.DataFrame:
    b = record(course, "bills")
    return pd.DataFrame(
        {
            "line_id": _of(line, b),
            "month": _month(course.c, b["t"]),
            "amount": b["amount"] / 100,
            "minutes": b["minutes"],
            "data_gb": b["data_gb"],
            "paid_late": b["paid_late"],
        }
    )


def _calls(course: Course, line: pd.Series) -> pd.DataFrame:
    c, b = course.c, record(course, "calls")
    number = ((course.lines.number[b["who"]] - 1) * c.months + b["t"].to_numpy("int64")) * 4 + b["place"].to_numpy()
    b = b.assign(call_id=_id("C", number, c.draw.customers * c.months * 4).array).sort_values(
        ["day", "slot", "who", "place"]
    )
    return pd.DataFrame(
        {
            "call_id": b["call_id"].array,
            "line_id": _of(line, b),
            "date": course.centre.days[b["day"]].astype("datetime64[us]"),
            "slot": b["slot"].array,
            "agent_id": agent_ids(b["agent"]).where(~b["abandoned"].to_numpy()),
            "category": text(CATEGORIES, b["category"]),
            "wait_seconds": b["wait"].array,
            "service_seconds": b["seconds"].array,
            "abandoned": b["abandoned"].array,
            "resolved": b["resolved"].array,
            "returned": b["returned"].array,
            "after_self_service": b["online"].array,
        }
    )


def _clicks(course: Course, line: pd.Series) -> pd.DataFrame:
    c, b = course.c, record(course, "clicks").sort_values(["t", "who", "which", "step"], kind="stable")
    number = ((course.lines.number[b["who"]] - 1) * c.months + b["t"].to_numpy("int64")) * 8 + b["which"].to_numpy()
    return pd.DataFrame(
        {
            "session_id": _id("S", number, c.draw.customers * c.months * 8),
            "line_id": _of(line, b),
            "date": _day(c, b["t"], b["day"]),
            "step": b["step"].array + 1,
            "page": text(PAGES, b["page"]),
            "seconds": b["seconds"].array,
        }
    )


def _offers(course: Course, line: pd.Series) -> pd.DataFrame:
    c, b = course.c, record(course, "offers")
    who, t, place = b["who"].to_numpy(), b["t"].to_numpy(), b["campaign"].to_numpy()
    bought = np.zeros(len(b))
    spent = record(course, "purchases")
    paid = np.zeros((len(course.left), c.months + 1))
    np.add.at(paid, (spent["who"].to_numpy(), spent["t"].to_numpy()), spent["amount"].to_numpy())
    for later in range(WINDOW):
        bought += paid[who, np.minimum(t + later, c.months)]
    left = (course.left[who] >= t) & (course.left[who] < t + WINDOW)
    u = course.c.chance.uniform("accepts", course.lines.number[who], t, place)
    takes = np.array([0.15, 0.05, 0.6])[place] + 0.15 * (course.lines.kind[who] == 0)
    accepts = b["offered"].to_numpy() & ((u < takes) | ((place == 1) & (bought > 0)))
    return pd.DataFrame(
        {
            "campaign": text(CAMPAIGNS, place),
            "line_id": _of(line, b),
            "month": _month(c, t),
            "channel": text(CHANNELS, course.lines.channel[who]),
            "offered": b["offered"].array,
            "accepted": accepts,
            "bought": bought / 100,
            "left": left,
        }
    )


def _purchases(course: Course, line: pd.Series) -> pd.DataFrame:
    b = record(course, "purchases")
    return pd.DataFrame(
        {
            "line_id": _of(line, b),
            "date": _day(course.c, b["t"], b["day"]),
            "amount": b["amount"] / 100,
        }
    )


def _consent(course: Course, line: pd.Series) -> pd.DataFrame:
    """The register: marketing on the channel preferred, on another, research by e-mail; objections of others."""
    c, lines = course.c, course.lines
    here = (course.left == NEVER) | (course.withdrawn <= course.left)
    withdrawn = (course.withdrawn < c.months) & (course.withdrawn >= 0) & here
    u = c.chance.uniforms("register", lines.number)
    other = (lines.channel + 1 + choice(u[0], [1 / 3] * 3)) % 4
    granted = {
        "marketing": (lines.channel, lines.reachable),
        "other": (other, u[1] < 0.2),
        "research": (np.ones(len(other), int), lines.researchable),
    }
    objected = course.objected & ~lines.reachable
    parts = []
    for purpose, (channel, given) in granted.items():
        kept = np.flatnonzero(given | (objected if purpose == "marketing" else False))
        parts.append(
            pd.DataFrame(
                {
                    "place": kept,
                    "channel": text(CHANNELS, channel[kept]),
                    "purpose": "research" if purpose == "research" else "marketing",
                    "given_on": pd.Series(months(c, lines.joined[kept])).where(given[kept]),
                    "withdrawn_on": pd.Series(_day(c, course.withdrawn[kept].clip(0, c.months), u[2][kept])).where(
                        withdrawn[kept]
                    ),
                    "preferred_time": text(("morning", "midday", "evening"), choice(u[3][kept], [0.2, 0.3, 0.5])),
                }
            )
        )
    table = pd.concat(parts).sort_values("place", kind="stable")
    return table.assign(line_id=line.array.take(table["place"].to_numpy()))[["line_id", *parts[0].columns[1:]]]


def _complaints(course: Course, line: pd.Series) -> pd.DataFrame:
    c, b = course.c, record(course, "complaints").sort_values(["day", "who"])
    number = (course.lines.number[b["who"]] - 1) * c.months + b["t"].to_numpy("int64")
    opened = course.centre.days[b["day"]].astype("datetime64[us]")
    closed = pd.Series(opened + pd.to_timedelta(b["days"].to_numpy(), unit="D"))
    known = b["closed"].to_numpy() & (closed <= c.today).to_numpy()
    return pd.DataFrame(
        {
            "complaint_id": _id("P", number, c.draw.customers * c.months),
            "line_id": _of(line, b),
            "opened_on": opened,
            "category": text(CATEGORIES, b["category"]),
            "resolved_on": closed.where(known),
            "recovered": b["good"].to_numpy() & known,
            "compensation": b["paid"].to_numpy() / 100,
        }
    )


def _satisfaction(course: Course, line: pd.Series) -> pd.DataFrame:
    b = record(course, "satisfaction")
    month = _month(course.c, b["t"])
    return (
        b[["satisfied", "recommend"]]
        .set_axis(range(len(b)))
        .assign(line_id=_of(line, b), month=month)[["line_id", "month", "satisfied", "recommend"]]
    )


# --- tables of the firm ---


def agent_ids(places: Any) -> pd.Series:
    """Ids of agents."""
    return pd.Series(np.asarray(places) + 1).astype("str").str.zfill(2).radd("A")


def firm_tables(c: Conditions, centre: Centre) -> dict[str, pd.DataFrame]:
    """The tables that hold no lines."""
    staff = centre.staff
    since = c.chance.uniform("hired", np.arange(len(staff.hours)))
    return {
        "plans": _plans(c),
        "campaigns": pd.DataFrame(
            {
                "campaign": CAMPAIGNS,
                "month": _month(c, c.campaign_months),
                "cost_per_contact": COST_PER_CONTACT / 100,
                "discount": [0.0, 0.0, c.discount],
                "discount_months": [0, 0, WINDOW],
            }
        ),
        "agents": pd.DataFrame(
            {
                "agent_id": agent_ids(np.arange(len(staff.hours))),
                "since": c.first_of[0].as_unit("us") - pd.to_timedelta((since * 2000).astype(int), unit="D"),
                "hours_a_week": staff.hours,
            }
        ),
        "call_intervals": _intervals(c, centre),
    }


def _plans(c: Conditions) -> pd.DataFrame:
    months = [0] + [t for t in range(1, c.months) if c.tariff(t) != c.tariff(t - 1)]
    rows = [
        (plan, c.first_of[t], int(PERIOD[place]), c.fee(place, t) / 100)
        for t in months
        for place, plan in enumerate(PLANS)
    ]
    table = pd.DataFrame(rows, columns=["plan", "from_month", "renewed_every", "fee"])
    cost = UNIT_COST[[PLANS.index(plan) for plan in table["plan"]]] / 100
    return table.assign(
        price_per_gb=PER_GB / 100, unit_cost=cost, from_month=table["from_month"].astype("datetime64[us]")
    )


def _intervals(c: Conditions, centre: Centre) -> pd.DataFrame:
    days = np.flatnonzero((centre.month >= c.months - INTERVAL_MONTHS) & (centre.month < c.months))
    day, slot = (part.ravel() for part in np.meshgrid(days, np.arange(centre.offered.shape[1]), indexing="ij"))
    u = c.chance.uniforms("interval", day, slot)
    offered = inverse_poisson(u[0], centre.offered[day, slot])
    abandoned = inverse_binomial(u[1], offered, centre.lost[day, slot])
    answered = offered - abandoned
    waits, faster = centre.waits[day, slot], centre.faster[day, slot]
    leaves = faster + 1 / PATIENCE  # the rate at which a wait ends, either way
    soon = np.round(((1 - waits) + waits * faster / leaves * -np.expm1(-20 * leaves)) / (1 - centre.lost[day, slot]), 9)
    noise = c.chance.uniforms("interval.means", day, slot)
    few = np.sqrt(np.maximum(answered, 1))
    wait = waits / leaves * lognormal(noise[0], np.round(1.2 / few, 6))
    handling = centre.seconds * lognormal(noise[1], np.round(0.5 / few, 6))
    return pd.DataFrame(
        {
            "date": centre.days[day].astype("datetime64[us]"),
            "slot": slot,
            "agents": centre.agents[day, slot],
            "offered": offered,
            "answered_within_20s": inverse_binomial(u[2], answered, soon.clip(0, 1)),
            "abandoned": abandoned,
            "mean_wait": pd.Series(np.round(wait, 1)).where(offered > 0),
            "mean_handling": pd.Series(np.round(handling)).where(answered > 0),
        }
    )


def inverse_poisson(u: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Poisson counts of any mean."""
    return np.ceil(np.round(special.pdtrik(u, np.round(mean, 9)), 6)).astype(int)


def inverse_binomial(u: np.ndarray, trials: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Binomial counts of any number of trials."""
    counts = np.ceil(np.round(special.bdtrik(u, np.maximum(trials, 1), chance), 6))
    return np.minimum(np.nan_to_num(counts), trials).astype(int)
