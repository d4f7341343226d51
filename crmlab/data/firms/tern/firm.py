"""Tern Mobile: a simulated contract telecom with known truth.

`tern_schemas` tells its tables. `tern_conditions` says what holds in each month, as the story plants it and a decision
changes it; `tern_lines` who the lines are, and the call centre; `tern_course` moves the lines on, month by month;
`tern_tables`, `tern_truth` and `tern_facts` write down what happened, and why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from crmlab.data.firms.firm import Draw, Tables
from crmlab.data.firms.tern.conditions import CAMPAIGNS, COST_OF_GB, COST_PER_CONTACT, UNIT_COST, Conditions
from crmlab.data.firms.tern.course import Course
from crmlab.data.firms.tern.facts import facts
from crmlab.data.firms.tern.lines import MARGIN, Centre, agents, lines
from crmlab.data.firms.tern.tables import CLICK_MONTHS, firm_tables, line_tables, survey, visits
from crmlab.data.firms.tern.truth import firm_truth, truth_tables, value

Frames = dict[str, pd.DataFrame]

SELF_SERVICE_COST = 20  # cents a contact

LISTED: dict[str, dict[str, dict[str, Any]]] = {
    "offers": {"nobody": {}}
    | {f"{campaign}, all": {"offers": {campaign: {"lines": "all", "consent": False}}} for campaign in CAMPAIGNS}
    | {f"{campaign}, with consent": {"offers": {campaign: {"lines": "all"}}} for campaign in CAMPAIGNS},
    "staffing": {"as now": {}, "a fifth less": {"staffing": 0.8}, "a fifth more": {"staffing": 1.2}},
    "self_service": {"as now": {}, "none": {"self_service": 0.0}, "twice as much": {"self_service": 0.6}},
    "recovery": {
        "as now": {},
        "none": {"recovery": {"share": 0.0, "compensation": 0}},
        "all complaints": {"recovery": {"share": 1.0, "compensation": 10}},
        "all, with 30": {"recovery": {"share": 1.0, "compensation": 30}},
    },
    "tariff": {"as now": {}, "the old one": {"tariff_change": False}},
}
"""Decisions by kind and name; the first of each kind is what the firm does today."""


def listed(firm: Tables) -> dict[str, dict[str, dict[str, Any]]]:
    """The rules that a decision is held against: kind of decision, name of the rule, decision."""
    return LISTED


def last_day(draw: Draw) -> pd.Timestamp:
    """The last day that the tables of a draw cover."""
    return Conditions(draw).today


def run(draw: Draw, do: Mapping[str, Any] | None = None) -> tuple[Frames, Frames, pd.Timestamp]:
    """The firm of a draw, under a decision.

    Parameters
    ----------
    draw : Draw
        40 lines and 6 months, or more.
    do : dict, optional
        `offers`: a campaign's name -> {"lines": "all", "none" or a list of ids, "month": .., "consent": whether
        those without consent are left out (the default)}; `tariff_change`: False keeps the old tariff;
        `recovery`: {"share": of complaints taken up, "compensation": paid for each}; `staffing`: a factor;
        `self_service`: the share of problems tried there first; `off`: a cause of leaving that is switched off;
        `from_month`: the month from which all this holds. Months are counted from 0.

    Returns
    -------
    tables, truth : dicts of DataFrame
    today : Timestamp
        The last day.

    Raises
    ------
    ValueError
        The draw is too small, or `do` holds something unknown or out of range.
    """
    c = Conditions(draw, do)
    centre = Centre(c, agents(c))
    course = watched(c, centre, 1, draw.customers)
    truth = truth_tables(course) | firm_truth(c, centre)
    truth["facts"] = facts(course, truth)
    return line_tables(course) | firm_tables(c, centre), truth, c.today


def pieces(draw: Draw, lines_per_piece: int = 50_000) -> Iterator[tuple[Frames, Frames]]:
    """The tables and the truth of `run`, for some lines after the other; tables without lines come with the first.

    The facts, which need all lines, are not there.
    """
    c = Conditions(draw)
    centre = Centre(c, agents(c))
    for first in range(1, draw.customers + 1, lines_per_piece):
        course = watched(c, centre, first, min(first + lines_per_piece - 1, draw.customers))
        tables, truth = line_tables(course), truth_tables(course)
        yield (tables | firm_tables(c, centre), truth | firm_truth(c, centre)) if first == 1 else (tables, truth)


def watched(c: Conditions, centre: Centre, first: int, last: int) -> Course:
    """Some lines through all months of the draw."""
    course = Course(c, lines(c, first, last), centre)
    for t in range(c.months):
        course.month(t)
        survey(course, t)
        if t >= c.months - CLICK_MONTHS:
            visits(course, t)
    return course


# --- possible futures ---


def played(draw: Draw, do: Mapping[str, Any] | None = None, *, ahead: int, worlds: int) -> pd.DataFrame:
    """What a decision brings in several possible futures, which differ in their luck after the last day alone.

    Parameters
    ----------
    draw : Draw
    do : dict
        As in `run`. It holds for the months ahead, then the firm does what it does today; a campaign goes out in the
        first of these months, if no other is named.
    ahead, worlds : int
        Months after the last day, and futures. The same future has the same luck under any decision; how busy each day
        of the call centre is, is the same in all.

    Returns
    -------
    DataFrame, one row a future
        `money`: contribution of those months from the lines there on the last day, with what contacts, compensation,
        agents and self-service cost taken off. `future`: the expected contribution after them, discounted at 10% a
        year, of the lines still there.
    """
    if ahead < 1 or worlds < 1:
        raise ValueError(f"ahead and worlds must be 1 or more; they are {ahead} and {worlds}")
    rows = []
    for course, later in goes_on(draw, do, ahead=ahead, worlds=worlds):
        agents_paid = sum(course.centre.cost(t) for t in range(draw.months, draw.months + ahead))
        rows.append(((contribution(course) - agents_paid) / 100, later.sum()))
    return pd.DataFrame(rows, columns=["money", "future"]).round(2)


def goes_on(
    draw: Draw, do: Mapping[str, Any] | None, *, ahead: int, worlds: int
) -> Iterator[tuple[Course, np.ndarray]]:
    """In each future the lines of the last day, with what they did since, and what each is expected to bring then."""
    later, today = Conditions(draw, do, ahead), Conditions(draw)
    centre = Centre(today, agents(today))
    start = Course(today, lines(today, 1, draw.customers), centre)
    for t in range(draw.months):
        start.month(t)
    then = Centre(later, centre.staff)
    for world in range(1, worlds + 1):
        course = start.those_here(later, then)
        for t in range(draw.months, draw.months + ahead):
            course.month(t, world)
        worth = value(today, course.lines, centre, draw.months + ahead, course.contacted, course.uninvited)
        yield course, np.where(course.aggrieved, worth[1], worth[0]) * course.here / 100


def contribution(course: Course) -> float:
    """What the lines brought, less what they and the decision cost but for the agents, cents."""

    def total(table: str, column: str) -> float:
        return float(sum(part[column].sum() for part in course.records[table]))

    units = sum(UNIT_COST[course.lines.plan[part["who"]]].sum() for part in course.records["bills"])
    contacts = sum((COST_PER_CONTACT[part["campaign"]] * part["offered"]).sum() for part in course.records["offers"])
    extras = MARGIN * total("purchases", "amount") - total("complaints", "paid")
    bills = total("bills", "amount") - COST_OF_GB * total("bills", "data_gb")
    return float(bills - units - contacts + extras - SELF_SERVICE_COST * total("contacts", "online"))
