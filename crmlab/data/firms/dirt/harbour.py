"""Harbour & Hill (simulated) as sales force, service desk and accountants hold it, before anything goes wrong."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from crmlab.data.firms.chance import Chance
from crmlab.data.firms.dirt import words as w
from crmlab.data.firms.dirt.systems import Bookings, Register, Systems, as_days, as_text, codes_table, register
from crmlab.data.firms.dirt.words import Cell
from crmlab.data.firms.firm import Firm
from crmlab.data.firms.harbour.people import DEPOTS, GROUPS, REGIONS

LIMITS = {"A": 20_000, "B": 10_000, "C": 5_000}  # credit by rating, EUR
TERMS = (14, 30, 60)  # days to pay


def _coded(words: tuple[str, ...], *codes: str) -> dict[str, str]:
    return dict(zip(words, codes or words, strict=True))


# The same code stands for another thing in the next column: HI is a depot and a region, 01 a depot and a group.
CODES = {
    "depot": {
        "sales": _coded(DEPOTS),
        "service": _coded(DEPOTS, "HB", "HI", "MI"),
        "finance": _coded(DEPOTS, "01", "02", "03"),
    },
    "region": {"sales": _coded(REGIONS), "service": _coded(REGIONS, "PT", "OT", "HI", "VY", "MI", "MO")},
    "group": {"sales": _coded(GROUPS, "PB", "ID", "PW", "RT"), "finance": _coded(GROUPS, "01", "02", "03", "04")},
}


def service_name(name: str) -> str:
    """The service desk's habit: capitals, no sign for and."""
    return name.upper().replace("&", "AND")


def legal_name(name: str) -> str:
    """The accountants' habit: the legal form in full."""
    return re.sub(r"\bLtd\b", "Limited", name).replace("& Co", "and Company").replace("& Sons", "and Sons")


def coded(column: str, system: str) -> Cell:
    """A code that may be another system's."""
    return Cell(inconsistent=w.recoded(CODES[column], system))


def depot(system: str) -> Cell:
    """A depot that may be the one of former times."""
    return coded("depot", system)._replace(stale=w.one_of(list(CODES["depot"][system].values())))


def systems(firm: Firm) -> Systems:
    """The three systems, clean."""
    c = firm.customers
    accounts = firm.truth.accounts.set_index("account_id").loc[c["customer_id"]].rename_axis("account_id").reset_index()
    place = pd.Series(np.arange(len(c)), c["customer_id"])
    chance = Chance(firm.draw.seed, f"{firm.draw.firm}.systems")
    return Systems(
        accounts,
        c["name"].to_numpy(),
        (_sales(firm, chance), _service(firm, chance), _finance(firm, chance)),
        tuple(book(firm, place) for book in (_orders, _invoices, _complaints, _calls, _costs)),
        codes_table(CODES),
    )


# --- who the customers are ---


def _sales(firm: Firm, chance: Chance) -> Register:
    c = firm.customers
    table = pd.DataFrame(
        {
            "name": c["name"],
            "street": c["street"],
            "region": c["region"].map(CODES["region"]["sales"]),
            "depot": c["depot"].map(CODES["depot"]["sales"]),
            "phone": c["phone"],
            "group": c["group"].map(CODES["group"]["sales"]),
            "contact_name": c["customer_id"].map(firm.contact_persons.groupby("customer_id")["name"].first()),
            "customer_since": as_days(c["acquired_on"]),
            "rating": c["rating"],
            "shares_forecasts": c["shares_forecasts"],
        }
    )
    cells = {
        "name": Cell(missing=w.part_of_name, inconsistent=w.respelled),
        "street": Cell(inconsistent=w.short_road, stale=w.moved),
        "region": coded("region", "sales"),
        "depot": depot("sales"),
        "phone": Cell(missing=w.one_of(w.NO_WORD), inconsistent=w.repunctuated),
        "group": coded("group", "sales"),
        "contact_name": Cell(missing=w.one_of(w.NO_WORD), stale=w.successor),
        "customer_since": Cell(w.one_of(w.NO_DAY), w.impossible_day(firm.today), inconsistent=w.redated),
        "entered_on": Cell(w.one_of(w.NO_DAY), w.impossible_day(firm.today), inconsistent=w.redated),
    }
    return register(chance, "sales", "S", "customers", table, cells, ("street", w.moved), firm.customers["acquired_on"])


def _service(firm: Firm, chance: Chance) -> Register:
    c = firm.customers
    table = pd.DataFrame(
        {
            "name": c["name"].map(service_name),
            "phone": c["phone"].str.replace("-", " "),
            "depot_code": c["depot"].map(CODES["depot"]["service"]),
            "region_code": c["region"].map(CODES["region"]["service"]),
        }
    )
    cells = {
        "name": Cell(missing=w.part_of_name, inconsistent=w.respelled),
        "phone": Cell(missing=w.one_of(w.NO_WORD), inconsistent=w.repunctuated),
        "depot_code": depot("service"),
        "region_code": coded("region", "service"),
    }
    return register(
        chance, "service", "V", "customers", table, cells, ("phone", w.other_number), firm.customers["acquired_on"]
    )


def _finance(firm: Firm, chance: Chance) -> Register:
    c = firm.customers
    u = chance.uniforms("credit", np.arange(len(c)))
    limit = c["rating"].map(LIMITS) * (1 + np.floor(u[0] * 4))
    table = pd.DataFrame(
        {
            "legal_name": c["name"].map(legal_name),
            "street": c["street"],
            "depot_code": c["depot"].map(CODES["depot"]["finance"]),
            "group_code": c["group"].map(CODES["group"]["finance"]),
            "discount_percent": as_text(c["discount"] * 100, "%.1f"),
            "credit_limit": as_text(limit, "%d"),
            "payment_days": np.array(TERMS)[(u[1] * 3).astype(int)],
            "acquisition_cost": as_text(c["acquisition_cost"]),
        }
    )
    cells = {
        "legal_name": Cell(missing=w.part_of_name, inconsistent=w.respelled),
        "street": Cell(inconsistent=w.short_road, stale=w.moved),
        "depot_code": depot("finance"),
        "group_code": coded("group", "finance"),
        "discount_percent": Cell(w.no_number, lambda value, luck: "900", wrong_units=w.as_share),
        "credit_limit": Cell(w.no_number, w.negative, wrong_units=w.in_thousands),
        "acquisition_cost": Cell(w.no_number, w.negative, wrong_units=w.in_cents),
    }
    return register(
        chance, "finance", "D", "customers", table, cells, ("street", w.moved), firm.customers["acquired_on"]
    )


# --- what is booked under them ---

AMOUNT = Cell(w.no_number, w.negative)


def _orders(firm: Firm, place: pd.Series) -> Bookings:
    o = firm.orders
    table = pd.DataFrame(
        {"order_id": o["order_id"], "ordered_on": as_days(o["ordered_on"]), "amount": as_text(o["amount"])}
    )
    cells = {
        "ordered_on": Cell(w.one_of(w.NO_DAY), w.impossible_day(firm.today), inconsistent=w.redated),
        "amount": AMOUNT,
    }
    account, number = place[o["customer_id"]].to_numpy(), np.arange(len(o))
    return Bookings(
        "sales", "sales_orders", "order_id", table, account, number, cells, misbooked="orders", told="orders"
    )


def _invoices(firm: Firm, place: pd.Series) -> Bookings:
    number = np.flatnonzero(firm.orders["delivered_on"].notna())
    o = firm.orders.iloc[number]
    table = pd.DataFrame(
        {
            "invoice_id": o["order_id"].str.replace("O", "I"),
            "order_id": o["order_id"],
            "invoiced_on": as_days(o["delivered_on"]),
            "amount": as_text(o["amount"]),
        }
    ).reset_index(drop=True)
    cells = {
        "invoiced_on": Cell(w.one_of(w.NO_DAY), w.impossible_day(firm.today)),
        "amount": AMOUNT._replace(wrong_units=w.in_cents_or_thousands),
    }
    account = place[o["customer_id"]].to_numpy()
    return Bookings(
        "finance", "finance_invoices", "invoice_id", table, account, number, cells, misbooked="orders", follows=0.5
    )


def _complaints(firm: Firm, place: pd.Series) -> Bookings:
    q = firm.complaints
    table = q.drop(columns="customer_id").assign(
        opened_on=as_days(q["opened_on"]), compensation=as_text(q["compensation"])
    )
    cells = {
        "category": Cell(inconsistent=w.renamed),
        "opened_on": Cell(w.one_of(w.NO_DAY), w.impossible_day(firm.today)),
        "compensation": AMOUNT._replace(wrong_units=w.in_cents),
    }
    account, number = place[q["customer_id"]].to_numpy(), np.arange(len(q))
    return Bookings(
        "service", "service_complaints", "complaint_id", table, account, number, cells, misbooked="complaints"
    )


def _calls(firm: Firm, place: pd.Series) -> Bookings:
    t = firm.calls
    minutes = as_text(t["minutes"], "%.1f")
    table = t.drop(columns="customer_id").assign(called_on=as_days(t["called_on"]), minutes=minutes)
    cells = {
        "called_on": Cell(w.one_of(w.NO_DAY), w.impossible_day(firm.today)),
        "category": Cell(inconsistent=w.renamed),
        "minutes": Cell(w.no_number, wrong_units=w.times(60)),
    }
    account, number = place[t["customer_id"]].to_numpy(), np.arange(len(t))
    return Bookings("service", "service_calls", "call_id", table, account, number, cells)


def _costs(firm: Firm, place: pd.Series) -> Bookings:
    e = firm.ledger
    number = np.arange(len(e))
    table = e.drop(columns="customer_id").assign(cost=as_text(e["cost"]))
    table.insert(0, "cost_id", [f"E{k + 1:06d}" for k in number])
    account = place[e["customer_id"]].to_numpy()
    cells = {"cost": AMOUNT._replace(wrong_units=w.in_cents)}
    return Bookings("finance", "finance_costs", "cost_id", table, account, number, cells)
