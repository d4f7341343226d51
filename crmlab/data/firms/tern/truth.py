"""Tern Mobile: what no firm knows. Values in closed form, true effects, true causes, and the planted facts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crmlab.data.firms.chance import DIGITS
from crmlab.data.firms.tern.conditions import (
    ATTEMPTS,
    CAMPAIGNS,
    CAUSES,
    COMPLAINS,
    COST_OF_GB,
    COST_PER_CONTACT,
    DISCOUNTING,
    FORGETS,
    GRUMBLES,
    NEVER,
    PER_GB,
    PERIOD,
    RETURNS,
    SERVICE,
    UNIT_COST,
    WINDOW,
    Conditions,
)
from crmlab.data.firms.tern.course import PULLED, Course, discounted, due, hazards, tempted, within
from crmlab.data.firms.tern.lines import BUYS, EASE, KINDS, MARGIN, PRICE, SERVICE_SECONDS, Centre, Lines, ids
from crmlab.data.firms.tern.tables import PAGES, agent_ids, months, record, text, web

HORIZON = 2 * WINDOW  # months for which a contact changes anything but whether the line is there


# --- what a line can expect ---


def earnings(c: Conditions, lines: Lines, t: int, contacted: np.ndarray) -> np.ndarray:
    """Expected contribution of each line in a month, cents: the bill less its cost, and the margin of purchases."""
    fee = c.fee(lines.plan, t) * (1 - c.discount * discounted(contacted, t))
    service = lines.spend * (1 - COST_OF_GB / PER_GB) - UNIT_COST[lines.plan]
    return fee + service + MARGIN * PRICE * buys(c, lines, t, contacted)


def buys(c: Conditions, lines: Lines, t: int, contacted: np.ndarray) -> np.ndarray:
    """Expected purchases of each line in a month."""
    rate, offered = np.where(lines.keen, *BUYS[::-1]), within(contacted[1], t)
    if not c.forward:
        return rate + offered * tempted(c, lines)
    moves = rate * np.where(lines.keen, 0, PULLED)
    moved = within(contacted[1], t - WINDOW) * c.on_one_side(t - WINDOW, t) * moves
    return rate + offered * c.on_one_side(t, t + WINDOW) * moves * (1 - rate) - moved


def gets_aggrieved(c: Conditions, lines: Lines, centre: Centre, t: int) -> np.ndarray:
    """The chance of each line to become aggrieved in a month: a complaint that is not made good."""
    rates = c.rates(t)
    total = rates.sum(axis=1)
    ease = EASE[: rates.shape[1]]
    resolves = (np.minimum(np.outer(centre.staff.resolves, ease), 1) * centre.staff.share[:, None]).sum(axis=0)
    fails = 1 - (1 - centre.gives_up[min(t, len(centre.gives_up) - 1)]) * resolves
    never = sum(fails**k * RETURNS ** (k - 1) * (1 - RETURNS if k < ATTEMPTS else 1) for k in range(1, ATTEMPTS + 1))
    share, good = c.recovers(t)
    calls = 1 - c.decided("self_service", t) * c.contained
    bad = calls * (never * COMPLAINS + (1 - never) * GRUMBLES) * (1 - share * good)
    return -np.expm1(-total[lines.region] * lines.prone) * (rates @ bad / total)[lines.region]


def back(
    c: Conditions,
    lines: Lines,
    centre: Centre,
    t: int,
    state: tuple[np.ndarray, np.ndarray],
    v: np.ndarray,
    earn: Any,
    keep: float = DISCOUNTING,
) -> np.ndarray:
    """What content and aggrieved lines (rows) are worth at the start of a month, from their worth at its end."""
    chances = hazards(c, lines, t, *state)
    content = np.prod([1 - chances[cause] for cause in CAUSES if cause != "service"], axis=0)
    remains = np.where(due(lines, t), [content, content * (1 - chances["service"])], 1.0)
    return keep * (earn + moods(c, lines, centre, t, remains * v))


def moods(c: Conditions, lines: Lines, centre: Centre, t: int, v: np.ndarray) -> np.ndarray:
    """The mean over the moods at the end of a month, by the mood at its start (rows: content, aggrieved)."""
    worse = gets_aggrieved(c, lines, centre, t)
    remains = 1 - (1 - worse) * FORGETS
    return np.stack([(1 - worse) * v[0] + worse * v[1], (1 - remains) * v[0] + remains * v[1]])


def steady(c: Conditions, lines: Lines, centre: Centre, t: int) -> np.ndarray:
    """What content and aggrieved lines (rows) are worth at the start of a month, if its conditions last for ever.

    From one renewal to the next the value is an affine function of itself: V = e + M V, two equations for two unknowns.
    """
    n = len(lines.number)
    never = np.full((len(CAMPAIGNS), n), NEVER), np.zeros((len(CAMPAIGNS), n), bool)
    calm = max(t, c.tariff_month + WINDOW)  # no spike
    chances = hazards(c, lines, calm, *never)
    content = (1 - chances["own"]) * (1 - chances["moved"])
    remain = np.stack([content, content * (1 - chances["service"])])
    earn = earnings(c, lines, t, never[0])

    def period(v: np.ndarray, earn: Any) -> np.ndarray:
        for k in range(3):
            before = DISCOUNTING * (earn + moods(c, lines, centre, t, remain * v if k == 0 else v))
            v = np.where(k < PERIOD[lines.plan], before, v)
        return v

    e = period(np.zeros((2, n)), earn)
    first, second = period(np.stack([np.ones(n), np.zeros(n)]), 0), period(np.stack([np.zeros(n), np.ones(n)]), 0)
    det = (1 - first[0]) * (1 - second[1]) - second[0] * first[1]
    v = np.stack([(1 - second[1]) * e[0] + second[0] * e[1], first[1] * e[0] + (1 - first[0]) * e[1]]) / det
    left = -(t - lines.joined) % PERIOD[lines.plan]  # months to the next renewal, 0 for a whole period
    value = v
    for k in range(1, 3):
        v = DISCOUNTING * (earn + moods(c, lines, centre, t, remain * v if k == 1 else v))
        value = np.where(left == k, v, value)
    return value


def value(
    c: Conditions, lines: Lines, centre: Centre, t: int, contacted: np.ndarray, uninvited: np.ndarray
) -> np.ndarray:
    """Expected discounted contribution of content and aggrieved lines (rows) from the start of a month on, cents.

    Each month's contribution comes at its end. All that is planted and decided has its effects; what holds in the last
    month, or when the last effect of a contact is over, then lasts for ever.
    """
    end = max(t + HORIZON, c.months)
    v = steady(c, lines, centre, end)
    for s in reversed(range(t, end)):
        v = back(c, lines, centre, s, (contacted, uninvited), v, earnings(c, lines, s, contacted))
    return v


def stays(
    c: Conditions, lines: Lines, centre: Centre, t: int, contacted: np.ndarray, uninvited: np.ndarray
) -> np.ndarray:
    """The chance of content and aggrieved lines (rows) to be there after the months in which a campaign has effects."""
    v = np.ones((2, len(lines.number)))
    for s in reversed(range(t, t + WINDOW)):
        v = back(c, lines, centre, s, (contacted, uninvited), v, 0.0, 1.0)
    return v


# --- the tables of the truth ---


def truth_tables(course: Course) -> dict[str, pd.DataFrame]:
    """The truth about lines."""
    return {"lines": _lines(course), "leavers": _leavers(course), "offer_effects": offer_effects(course)}


def _lines(course: Course) -> pd.DataFrame:
    c, lines = course.c, course.lines
    worth = value(c, lines, course.centre, c.months, course.contacted, course.uninvited)
    worth = np.where(course.aggrieved, worth[1], worth[0]) * course.here
    earns = earnings(c, lines, c.months, np.full_like(course.contacted, NEVER))
    return pd.DataFrame(
        {
            "line_id": ids(lines.number, c),
            "theta": lines.theta,
            "moves": lines.moves,
            "minds_tariff": lines.minds,
            "leaves_aggrieved": SERVICE,
            "kind": text(KINDS, lines.kind),
            "keen_buyer": lines.keen,
            "proneness": lines.prone,
            "contribution": np.round(earns / 100, 2),
            "here": course.here,
            "aggrieved": course.aggrieved & course.here,
            "value_to_infinity": np.round(worth / 100, 2),
        }
    )


def _leavers(course: Course) -> pd.DataFrame:
    c = course.c
    who = np.flatnonzero(course.left != NEVER)
    anyway = course.anyway[who] != NEVER
    last = pd.Timedelta(days=1)
    return pd.DataFrame(
        {
            "line_id": ids(course.lines.number[who], c),
            "left_on": months(c, course.left[who] + 1) - last,
            "cause": text(CAUSES, course.cause[who]),
            "would_have_left": anyway,
            "would_have_left_on": pd.Series(months(c, course.anyway[who] + 1) - last).where(anyway),
        }
    )


def offer_effects(course: Course) -> pd.DataFrame:
    """What being contacted changes for each line in a campaign, whether it was contacted or held out."""
    offers = record(course, "offers")
    parts = [_effects(course, place, offers[offers["campaign"] == place]) for place in range(len(CAMPAIGNS))]
    return pd.concat(parts, ignore_index=True)


def _effects(course: Course, place: int, offers: pd.DataFrame) -> pd.DataFrame:
    c, lines = course.c, course.lines.some(offers["who"].to_numpy())
    n, t = len(offers), int(offers["t"].iloc[0]) if len(offers) else 0
    without = np.full((len(CAMPAIGNS), n), NEVER), np.zeros((len(CAMPAIGNS), n), bool)
    contact = without[0].copy(), without[1].copy()
    contact[0][place], contact[1][place] = t, ~offers["consent"].to_numpy()
    mood = offers["aggrieved"].to_numpy().astype(int), np.arange(n)
    there = [stays(c, lines, course.centre, t, *state)[mood] for state in (contact, without)]
    worth = [value(c, lines, course.centre, t, *state)[mood] for state in (contact, without)]
    more = [buys(c, lines, s, contact[0]) - buys(c, lines, s, without[0]) for s in range(t, t + HORIZON)]
    return pd.DataFrame(
        {
            "campaign": CAMPAIGNS[place],
            "line_id": ids(lines.number, c).array,
            "consented": offers["consent"].to_numpy(),
            "risk": np.round(1 - there[1], DIGITS),
            "effect_on_leaving": np.round(there[1] - there[0], DIGITS),
            "effect_on_buying": np.round(sum(more[:WINDOW]) * PRICE / 100, 4),
            "effect_on_buying_later": np.round(sum(more[WINDOW:]) * PRICE / 100, 4),
            "effect_on_money": np.round((worth[0] - worth[1] - COST_PER_CONTACT[place]) / 100, 2),
        }
    )


def firm_truth(c: Conditions, centre: Centre) -> dict[str, pd.DataFrame]:
    """The truth about what all lines share."""
    staff, (true, sound, _) = centre.staff, web(c)
    rows, columns = (part.ravel() for part in np.indices(true.shape))
    able = np.minimum(np.outer(staff.resolves, EASE[:4]), 1).mean(axis=1)
    return {
        "agents": pd.DataFrame(
            {
                "agent_id": agent_ids(np.arange(len(staff.speed))),
                "speed": staff.speed,
                "resolves": np.round(able, 4),
                "seconds": np.round(SERVICE_SECONDS * staff.speed, 1),
            }
        ),
        "pages": pd.DataFrame(
            {
                "page": text(PAGES, rows),
                "next_page": text(PAGES, columns),
                "probability": np.round(true.ravel(), DIGITS),
                "without_leak": np.round(sound.ravel(), DIGITS),
            }
        ),
    }
