"""Tern Mobile (simulated) as its shops, its service desk and its billing hold it, before anything goes wrong.

The firm's own tables know lines only. Here each line has a person, and some persons have several: those are several
records of one customer in every system.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.data.firms.chance import Chance, ranks_at_random
from crmlab.data.firms.dirt import words as w
from crmlab.data.firms.dirt.systems import Bookings, Register, Systems, as_days, as_text, codes_table, register
from crmlab.data.firms.dirt.words import Cell
from crmlab.data.firms.firm import Firm
from crmlab.data.firms.harbour.tables import FAMILIES, FIRST_NAMES

FURTHER = 0.12  # of the lines: a person's second, or third
INITIALS = "ABCDEFGHJKLMNOPRSTW"
CODES = {
    "plan": {
        "sales": {"flex": "flex", "steady": "steady"},
        "service": {"flex": "FX1", "steady": "ST3"},
        "billing": {"flex": "01", "steady": "03"},
    },
    "region": {
        "sales": {"coast": "coast", "city": "city", "hills": "hills", "north": "north"},
        "billing": {"coast": "01", "city": "02", "hills": "03", "north": "04"},
    },
}
NAME = Cell(missing=w.part_of_name, inconsistent=w.respelled)
PHONE = Cell(missing=w.one_of(w.NO_WORD), inconsistent=w.repunctuated)


def systems(firm: Firm) -> Systems:
    """The three systems, clean."""
    lines = firm.lines
    chance = Chance(firm.draw.seed, f"{firm.draw.firm}.systems")
    people = persons(lines, chance)
    place = pd.Series(np.arange(len(lines)), lines["line_id"])
    owner = lines["line_id"].to_numpy()[people["owner"]]
    accounts = pd.DataFrame({"account_id": lines["line_id"], "customer_id": owner})
    shown = people.drop(columns="owner")
    return Systems(
        accounts,
        people["name"].to_numpy(),
        (_sales(firm, chance, shown), _service(firm, chance, shown), _billing(firm, chance, shown)),
        (_bills(firm, place), _complaints(firm, place)),
        codes_table(CODES),
    )


def persons(lines: pd.DataFrame, chance: Chance) -> pd.DataFrame:
    """Whose each line is: the place of the person's first line, its name, its address and the line's number."""
    number = np.arange(len(lines))
    u = chance.uniforms("persons", number)
    owner = np.where(u[0] < FURTHER, np.floor(u[1] * number).astype(int), number)
    while (owner[owner] != owner).any():
        owner = owner[owner]
    names = chance.uniforms("persons.names", owner).T.tolist()
    places = chance.uniforms("persons.places", owner).T.tolist()
    phone = 2_000_000 + 37 * ranks_at_random(u[2]) + np.floor(u[3] * 37).astype(int)
    return pd.DataFrame(
        {
            "owner": owner,
            "name": [f"{w.one(FIRST_NAMES, a)} {w.one(INITIALS, b)}. {w.one(FAMILIES, c)}" for a, b, c, _ in names],
            "street": [w.moved("", luck) for luck in places],
            "phone": [f"555-{digits}" for digits in phone.tolist()],
        }
    )


# --- whose the lines are ---


def coded(column: str, system: str) -> Cell:
    """A code that may be another system's."""
    return Cell(inconsistent=w.recoded(CODES[column], system))


def plan(system: str) -> Cell:
    """A plan that may be the one of former times."""
    return coded("plan", system)._replace(stale=w.one_of(list(CODES["plan"][system].values())))


def _sales(firm: Firm, chance: Chance, people: pd.DataFrame) -> Register:
    lines = firm.lines
    table = people.assign(
        plan=lines["plan"],
        region=lines["region"],
        started_on=as_days(lines["started_on"]),
        device_months=lines["device_months"],
        preferred_channel=lines["preferred_channel"],
    )
    day = Cell(w.one_of(w.NO_DAY), w.impossible_day(firm.today), inconsistent=w.redated)
    cells = {
        "name": NAME,
        "street": Cell(inconsistent=w.short_road, stale=w.moved),
        "phone": PHONE,
        "plan": plan("sales"),
        "region": coded("region", "sales"),
        "started_on": day,
        "entered_on": day,
    }
    return register(chance, "sales", "S", "lines", table, cells, ("street", w.moved), firm.lines["started_on"])


def _service(firm: Firm, chance: Chance, people: pd.DataFrame) -> Register:
    table = pd.DataFrame(
        {
            "name": people["name"].str.upper(),
            "phone": people["phone"].str.replace("-", " "),
            "plan_code": firm.lines["plan"].map(CODES["plan"]["service"]),
        }
    )
    cells = {"name": NAME, "phone": PHONE, "plan_code": plan("service")}
    return register(chance, "service", "V", "lines", table, cells, ("phone", w.other_number), firm.lines["started_on"])


def _billing(firm: Firm, chance: Chance, people: pd.DataFrame) -> Register:
    surname_first = people["name"].str.replace(r"^(.*) (\S+)$", r"\2, \1", regex=True)
    table = pd.DataFrame(
        {
            "name": surname_first,
            "street": people["street"],
            "phone": people["phone"],
            "plan_code": firm.lines["plan"].map(CODES["plan"]["billing"]),
            "region_code": firm.lines["region"].map(CODES["region"]["billing"]),
            "autopay": firm.lines["autopay"],
        }
    )
    cells = {
        "name": NAME,
        "street": Cell(inconsistent=w.short_road, stale=w.moved),
        "phone": PHONE,
        "plan_code": plan("billing"),
        "region_code": coded("region", "billing"),
    }
    return register(chance, "billing", "B", "lines", table, cells, ("street", w.moved), firm.lines["started_on"])


# --- what is booked under them ---

AMOUNT = Cell(w.no_number, w.negative)


def _bills(firm: Firm, place: pd.Series) -> Bookings:
    b = firm.bills
    number = np.arange(len(b))
    table = pd.DataFrame(
        {
            "bill_id": [f"B{k + 1:07d}" for k in number],
            "month": b["month"],
            "amount": as_text(b["amount"]),
            "minutes": b["minutes"],
            "data_gb": as_text(b["data_gb"], "%.1f"),
            "paid_late": b["paid_late"],
        }
    )
    cells = {
        "amount": AMOUNT._replace(wrong_units=w.in_cents),
        "data_gb": Cell(w.no_number, wrong_units=w.times(1000)),
    }
    account = place[b["line_id"]].to_numpy()
    return Bookings(
        "billing", "billing_bills", "bill_id", table, account, number, cells, misbooked="bills", told="bills"
    )


def _complaints(firm: Firm, place: pd.Series) -> Bookings:
    q = firm.complaints
    table = q.drop(columns="line_id").assign(opened_on=as_days(q["opened_on"]), compensation=as_text(q["compensation"]))
    cells = {
        "category": Cell(inconsistent=w.renamed),
        "opened_on": Cell(w.one_of(w.NO_DAY), w.impossible_day(firm.today)),
        "compensation": AMOUNT._replace(wrong_units=w.in_cents),
    }
    account, number = place[q["line_id"]].to_numpy(), np.arange(len(q))
    return Bookings(
        "service", "service_complaints", "complaint_id", table, account, number, cells, misbooked="complaints"
    )
