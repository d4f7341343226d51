"""The dirty twin of a simulated firm: as three systems would hold it, and the truth that undoes each error."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from crmlab.data.firms.chance import Chance
from crmlab.data.firms.dirt.errors import Dirt, Error, booked, entered
from crmlab.data.firms.dirt.systems import Systems
from crmlab.data.firms.firm import Firm

DIRTY = "_dirty"  # the end of a dirty firm's name
KINDS = ("duplicate", "missing", "impossible", "wrong unit", "stale", "inconsistent", "misbooked")


def dirtied(
    firm: Firm,
    seed: int,
    *,
    duplicates: float = 0.06,
    missing: float = 0.03,
    wrong_units: float = 0.02,
    stale: float = 0.08,
    inconsistent: float = 0.10,
    misbooked: float = 0.01,
) -> Firm:
    """The firm as its sales force, its service desk and its accountants would hold it.

    Parameters
    ----------
    firm : Firm
        As it was simulated or loaded.
    seed : int
        Of the errors: the same seed gives the same bytes.
    duplicates : float
        Share of the accounts that a system holds twice: exactly, or with another spelling, legal form or address.
    missing : float
        Share of the cells, in columns where that happens, that are blank, hold a word for nothing ("NA", "unknown", 0),
        or something impossible: a day in 1900 or in the future, a negative amount, a discount of 900.
    wrong_units : float
        Share of the amounts that are in cents or in thousands, of percentages held as shares, of minutes in seconds.
    stale : float
        Share of the addresses, depots and contacts that are those of former times. The longer ago a record was entered,
        the likelier: `entered_on` tells.
    inconsistent : float
        Share of the names, codes, days and telephone numbers that are not written as the system writes them.
    misbooked : float
        Share of the orders, and of the complaints, that are booked under another customer; every other such order is
        invoiced to it, too.

    Returns
    -------
    Firm
        Tables of the three systems; `codes`, which tells what their codes stand for; and in `truth` beside the firm's
        own: `records` (whose each record is), `errors` (each with the value held and the right one), and what was
        booked under whom (`orders` or `bills`). Accounts that are one customer in truth stay apart, as in the firm.

    Raises
    ------
    ValueError
        A share is not a number from 0 to 1, the seed is no whole number, or the firm is dirty already.

    Notes
    -----
    All shares 0 give three systems, each with ids, spellings and codes of its own, but consistent in them, and right.

    Examples
    --------
    >>> from crmlab.data.firms import simulate
    >>> firm = simulate("harbour_and_hill", customers=60, months=12, seed=3)
    >>> dirty = dirtied(firm, seed=1, duplicates=0.1)
    >>> len(dirty.sales_customers), dirty.truth.records.query("system == 'sales'")["account_id"].nunique()
    (63, 60)
    """
    shares = {
        "duplicates": duplicates, "missing": missing, "wrong_units": wrong_units,
        "stale": stale, "inconsistent": inconsistent, "misbooked": misbooked,
    }  # fmt: skip
    _must_be_right(firm, seed, shares)
    clean = _systems(firm)
    shares = {name: float(share) for name, share in shares.items()}
    dirt = Dirt(Chance(int(seed), f"{firm.draw.firm}.dirt"), shares, clean, firm.today)
    lists = {register.system: entered(dirt, register) for register in clean.registers}
    books = {bookings.name: booked(dirt, bookings, lists[bookings.system]) for bookings in clean.bookings}
    tables = {register.name: lists[register.system].table for register in clean.registers}
    tables |= {name: book.table for name, book in books.items()}
    errors = [error for entry in lists.values() for error in entry.errors]
    errors += [error for book in books.values() for error in book.errors]
    truth = {
        **firm.truth,
        "accounts": clean.accounts,
        "records": pd.concat([entry.records for entry in lists.values()], ignore_index=True),
        "errors": pd.DataFrame(errors, columns=list(Error._fields), dtype="str"),
        **{bookings.told: books[bookings.name].truth for bookings in clean.bookings if bookings.told},
    }
    draw = replace(firm.draw, firm=firm.draw.firm + DIRTY)
    return Firm(draw, {**tables, "codes": clean.codes}, truth, firm.today, firm.do)


def _systems(firm: Firm) -> Systems:
    if firm.draw.firm == "harbour_and_hill":
        from crmlab.data.firms.dirt import harbour as dirt_harbour

        return dirt_harbour.systems(firm)
    from crmlab.data.firms.dirt import tern as dirt_tern

    return dirt_tern.systems(firm)


def _must_be_right(firm: Firm, seed: int, shares: Mapping[str, float]) -> None:
    if not isinstance(firm, Firm):
        raise ValueError(f"only a simulated firm can be dirtied, such as simulate('harbour_and_hill'), not {firm!r}")
    if firm.draw.firm.endswith(DIRTY):
        raise ValueError(f"{firm.draw.firm} is dirty already: dirty the firm that it was made from, with higher shares")
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral) or not 0 <= seed < 2**63:
        raise ValueError(f"seed must be a whole number, 0 and above, not {seed!r}")
    for name, share in shares.items():
        if isinstance(share, bool) or not isinstance(share, numbers.Real) or not 0 <= share <= 1:
            raise ValueError(f"{name} must be a share, a number from 0 to 1, not {share!r}")
