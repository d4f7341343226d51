"""Errors put into the clean tables of three systems, each told as it is made.

Where an error falls and what it looks like is looked up by table, column and record, as all chance in the firms. In a
cell there is one error at most: its kinds take their shares of one and the same number, each from a start of its own
(two kinds from 0 and 1/2, three from 0, 1/3 and 2/3). So each has exactly its share, and raising one leaves the others
where they are, as long as no share is above 1/2 or 1/3; beyond that the first in `Cell.kinds` goes before.

References
----------
Tran, Vatsalan and Christen (2013), GeCo: an online personal data generator and corruptor, Proceedings of CIKM: from
clean records to corrupted ones, the truth kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from crmlab.data.firms.chance import DIGITS, Chance
from crmlab.data.firms.dirt import words
from crmlab.data.firms.dirt.systems import Bookings, Register, Systems
from crmlab.data.firms.dirt.words import BLANK, Cell

NAMES = {"wrong_units": "wrong unit"}  # of kinds, where they are not the share's
IMPOSSIBLE = 0.3  # of the missing values, where something impossible can stand: that stands there
LOOKED_UP = 0.4  # of what a customer entered twice orders, pays or complains of: booked under its second record
NAME_AGAIN = (words.mistyped, words.swapped, words.abbreviated, words.other_form)


@dataclass(frozen=True)
class Dirt:
    """The luck and the shares of the errors, what they befall, and the last day of the firm."""

    chance: Chance
    shares: Mapping[str, float]
    clean: Systems
    today: pd.Timestamp


class Error(NamedTuple):
    """A value that is not the right one; missing where nothing is held."""

    system: str
    table: str
    record_id: str
    column: str
    kind: str
    held: str | None
    right: str


class Entered(NamedTuple):
    """A register with its errors, whose its records are, and the first and the second id of each account."""

    table: pd.DataFrame
    errors: list[Error]
    records: pd.DataFrame
    first: np.ndarray
    second: np.ndarray  # the first where there is no second


class Booked(NamedTuple):
    """Bookings with their errors, and who was booked and who was meant."""

    table: pd.DataFrame
    errors: list[Error]
    truth: pd.DataFrame


# --- one system's list of its customers ---


def entered(dirt: Dirt, register: Register) -> Entered:
    """A register with customers entered twice and errors in its cells, by id."""
    system, name, accounts = register.system, register.name, np.arange(len(register.table))
    again = np.flatnonzero(dirt.chance.happens(dirt.shares["duplicates"], f"{name}.again", accounts))
    account = np.concatenate([accounts, again])
    number = np.concatenate([accounts, len(accounts) + again])
    first, second, ids = register.ids[: len(accounts)], register.ids[len(accounts) :], register.ids[number]
    right = register.table.iloc[account].set_axis(ids)
    right["entered_on"] = entry_days(dirt, register, account, number)
    twice = [Error(system, name, second[i], register.key, "duplicate", second[i], first[i]) for i in again.tolist()]
    differ = differences(dirt, register, right.iloc[len(accounts) :], again)
    held = right.copy()
    for error in differ:
        held.loc[error.record_id, error.column] = error.held
    held, cells = spoilt(dirt, register, held, number, {(error.record_id, error.column) for error in differ})
    table = held.sort_index().rename_axis(register.key).reset_index()
    records = dirt.clean.accounts.iloc[account].set_axis(ids).sort_index().rename_axis("record_id").reset_index()
    records.insert(0, "system", system)
    both = first.copy()
    both[again] = second[again]
    return Entered(table, [*twice, *differ, *cells], records, first, both)


def entry_days(dirt: Dirt, register: Register, account: np.ndarray, number: np.ndarray) -> np.ndarray:
    """When each record was entered, or last looked over: long ago where it is the likeliest to be stale."""
    ageing = [(column, cell) for column, cell in register.cells.items() if cell.stale]
    first = np.min([place_of(dirt, register.name, column, cell, "stale", number) for column, cell in ageing], axis=0)
    # The chance of a lowest of so many numbers below this one: itself a number between 0 and 1.
    looked_over = 1 - np.prod([1 - first] * len(ageing), axis=0)
    luck = dirt.chance.uniform(f"{register.name}.entered_on.day", number)
    elapsed = np.round(0.8 * looked_over + 0.2 * luck, DIGITS)
    since = register.since[account]
    known = np.maximum((np.datetime64(dirt.today, "D") - since).astype(int), 0)
    return (since + np.floor(known * elapsed).astype(int)).astype(str)


def differences(dirt: Dirt, register: Register, right: pd.DataFrame, again: np.ndarray) -> list[Error]:
    """In what the records of customers entered again differ from the first; some in nothing."""
    name = "legal_name" if "legal_name" in right else "name"
    ways = [*((name, make) for make in NAME_AGAIN), register.moved, None]
    luck = dirt.chance.uniforms(f"{register.name}.again.how", again).T
    found = []
    for record, u in zip(right.index, luck.tolist(), strict=True):
        if way := ways[int(u[3] * len(ways))]:
            column, make = way
            value = str(right.loc[record, column])
            found.append(Error(register.system, register.name, record, column, "duplicate", make(value, u), value))
    return [error for error in found if error.held != error.right]


# --- errors in cells ---


def place_of(dirt: Dirt, table: str, column: str, cell: Cell, kind: str, number: np.ndarray) -> np.ndarray:
    """A number between 0 and 1 for each cell: the kind befalls those below its share."""
    kinds = list(cell.kinds())
    return (dirt.chance.uniform(f"{table}.{column}", number) - kinds.index(kind) / len(kinds)) % 1


def spoilt(
    dirt: Dirt,
    source: Register | Bookings,
    table: pd.DataFrame,
    number: np.ndarray,
    spared: Collection[tuple[str, str]] = (),
) -> tuple[pd.DataFrame, list[Error]]:
    """The table, by id, with errors in its cells, and these; some cells, by id and column, are spared."""
    ids, errors, changed = table.index.to_numpy(object), list[Error](), {}
    for column, cell in source.cells.items():
        values = table[column].to_numpy(object).copy()
        free = ~np.isin(ids, [record for record, of in spared if of == column])
        for kind, usual in cell.kinds().items():
            share = np.round(dirt.shares[kind], DIGITS)
            befallen = free & (place_of(dirt, source.name, column, cell, kind, number) < share)
            free &= ~befallen
            rows = np.flatnonzero(befallen)
            luck = dirt.chance.uniforms(f"{source.name}.{column}.{kind}", number[rows]).T
            for row, u in zip(rows.tolist(), luck.tolist(), strict=True):
                odd = cell.impossible if kind == "missing" and u[3] < IMPOSSIBLE else None
                right, held = values[row], (odd or usual)(values[row], u)
                if held != right:
                    called = "impossible" if odd else NAMES.get(kind, kind)
                    values[row] = None if held == BLANK else held
                    errors.append(Error(source.system, source.name, ids[row], column, called, values[row], right))
        changed[column] = pd.Series(values, table.index, dtype="str")
    return table.assign(**changed), errors


# --- what is booked under the customers ---


def booked(dirt: Dirt, bookings: Bookings, customers: Entered) -> Booked:
    """Bookings, some under another customer, some under the second record of theirs, and errors in their cells."""
    account, key, whose = bookings.account, bookings.key, f"{bookings.system}_id"
    under = booked_under(dirt, bookings)
    later = dirt.chance.happens(LOOKED_UP, f"{bookings.name}.record", bookings.number)
    right = customers.first[account]
    held = np.where(later, customers.second[account], right)
    held = np.where(under == account, held, customers.first[under])
    table = bookings.table.set_index(key)
    wrong = [
        Error(bookings.system, bookings.name, table.index[row], whose, "misbooked", held[row], right[row])
        for row in np.flatnonzero(under != account).tolist()
    ]
    table, cells = spoilt(dirt, bookings, table, bookings.number)
    table.insert(0, whose, pd.Series(held, table.index, dtype="str"))
    table = table.reset_index()
    ids = dirt.clean.accounts["account_id"].to_numpy()
    truth = pd.DataFrame({key: table[key], "booked_customer_id": ids[under], "customer_id": ids[account]})
    return Booked(table, [*wrong, *cells], truth)


def booked_under(dirt: Dirt, bookings: Bookings) -> np.ndarray:
    """The account under which each row is booked: its own, or one near it in the list of names."""
    if not bookings.misbooked:
        return bookings.account
    chance, number = dirt.chance, bookings.number
    u = chance.uniforms(f"{bookings.misbooked}.misbooked", number)
    away = u[0] < np.round(dirt.shares["misbooked"], DIGITS)
    away &= chance.uniform(f"{bookings.name}.follows", number) < bookings.follows
    owner = dirt.clean.accounts["customer_id"].to_numpy(object)
    by_name = np.argsort([name.casefold() for name in dirt.clean.names], kind="stable")
    place = np.argsort(by_name)[bookings.account] + np.array([-3, -2, -1, 1, 2, 3])[(u[1] * 6).astype(int)]
    while (own := owner[by_name[place % len(owner)]] == owner[bookings.account]).any():
        place = place + own
    return np.where(away, by_name[place % len(owner)], bookings.account)
