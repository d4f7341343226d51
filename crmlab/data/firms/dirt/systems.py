"""What three systems that do not talk to each other hold of a firm: clean tables, and what can go wrong in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from crmlab.data.firms.chance import Chance, ranks_at_random
from crmlab.data.firms.dirt.words import Cell, Wrong


@dataclass(frozen=True)
class Register:
    """A system's list of the customers: one row an account, in the order of the accounts.

    Attributes
    ----------
    system, name, key : str
        The system, its table, and the table's column of ids.
    ids : array of str, two an account
        The id of each account, then the one it gets where it is entered a second time.
    table : DataFrame
        All columns but the key and entered_on.
    cells : dict of Cell
        What can befall which column.
    moved : tuple of str and callable
        The column that differs where a customer is entered again after a move, and how.
    since : array of days
        Since when each account can have been entered.
    """

    system: str
    name: str
    key: str
    ids: np.ndarray
    table: pd.DataFrame
    cells: Mapping[str, Cell]
    moved: tuple[str, Wrong]
    since: np.ndarray


@dataclass(frozen=True)
class Bookings:
    """What a system books under its ids of the customers.

    Attributes
    ----------
    system, name, key : str
        The system, its table, and the table's column of ids.
    table : DataFrame
        With its key, without the customer's id.
    account : array of int
        Place of the account that each row is about.
    number : array of int
        The address of each row's luck.
    cells : dict of Cell
        What can befall which column.
    misbooked : str
        The luck by which rows are booked under the wrong customer; "" for none.
    follows : float
        The chance that a wrong booking is made here, too.
    told : str
        The table of the truth that tells who was booked and who was meant; "" for none.
    """

    system: str
    name: str
    key: str
    table: pd.DataFrame
    account: np.ndarray
    number: np.ndarray
    cells: Mapping[str, Cell] = field(default_factory=dict)
    misbooked: str = ""
    follows: float = 1.0
    told: str = ""


@dataclass(frozen=True)
class Systems:
    """All of it.

    Attributes
    ----------
    accounts : DataFrame
        account_id and customer_id, the true customer; the registers are in this order.
    names : array of str
        By which a clerk looks an account up.
    registers, bookings : tuples
    codes : DataFrame
        What the codes of each system stand for.
    """

    accounts: pd.DataFrame
    names: np.ndarray
    registers: tuple[Register, ...]
    bookings: tuple[Bookings, ...]
    codes: pd.DataFrame


def register(
    chance: Chance,
    system: str,
    letter: str,
    of: str,
    table: pd.DataFrame,
    cells: Mapping[str, Cell],
    moved: tuple[str, Wrong],
    since: pd.Series,
) -> Register:
    """A system's register `of` customers or lines, its ids a letter and a number of its own."""
    ids = numbers_for(chance, system, letter, len(table))
    days = since.to_numpy().astype("datetime64[D]")
    return Register(system, f"{system}_{of}", f"{system}_id", ids, table, cells, moved, days)


def numbers_for(chance: Chance, system: str, letter: str, accounts: int) -> np.ndarray:
    """Two ids for each account, in no order that would tell who was entered twice."""
    number = 1000 + ranks_at_random(chance.uniform(f"{system}.ids", np.arange(2 * accounts)))
    return np.char.add(letter, number.astype(str)).astype(object)


def as_text(values: pd.Series, pattern: str = "%.2f") -> list[str]:
    """Numbers as text."""
    return [pattern % value for value in values.tolist()]


def as_days(values: pd.Series | np.ndarray) -> np.ndarray:
    """Days as text, yyyy-mm-dd."""
    return np.asarray(values).astype("datetime64[D]").astype(str)


def codes_table(codes: Mapping[str, Mapping[str, Mapping[str, str]]]) -> pd.DataFrame:
    """What the codes stand for: one row a system, column and code."""
    rows = [
        (system, column, code, meaning)
        for column, systems in codes.items()
        for system, own in systems.items()
        for meaning, code in own.items()
    ]
    return pd.DataFrame(rows, columns=["system", "what", "code", "meaning"])
