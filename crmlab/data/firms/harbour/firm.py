"""Harbour & Hill Building Supply (simulated), as a firm: its tables and its truth, and what it can decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from crmlab.data.firms.firm import Draw
from crmlab.data.firms.harbour.facts import harbour_facts, truth_tables
from crmlab.data.firms.harbour.history import history
from crmlab.data.firms.harbour.partners import partners
from crmlab.data.firms.harbour.policy import listed
from crmlab.data.firms.harbour.surveys import surveys
from crmlab.data.firms.harbour.tables import Book, ordered_by_day, tables
from crmlab.data.firms.harbour.trade import FIRST_DAY, weeks_in
from crmlab.data.firms.harbour.truth import played
from crmlab.data.firms.story import facts_table

__all__ = ["last_day", "listed", "pieces", "played", "run"]

ROWS = 500_000  # of a table in one piece


def last_day(draw: Draw) -> pd.Timestamp:
    """The last day that the tables of a draw cover."""
    return pd.Timestamp(FIRST_DAY + 7 * weeks_in(draw.months) - 1)


def run(
    draw: Draw, do: Mapping[str, Any] | None = None
) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame], pd.Timestamp]:
    """The tables, the truth and the last day of a draw."""
    h = ordered_by_day(history(draw, do))
    b = Book(h)
    own = tables(b)
    truth = truth_tables(b, own)
    facts = harbour_facts(b, own, truth)
    for made, known, planted in (surveys(h, b.own_ids), partners(h, b.own_ids)):
        own, truth, facts = own | made, truth | known, facts + planted
    return own, truth | {"facts": facts_table(facts)}, last_day(draw)


def pieces(draw: Draw) -> Iterator[tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]]:
    """The same tables in pieces of half a million rows; the customers share a stock, so all are simulated at once."""
    own, truth, _ = run(draw)
    for first in range(0, max(map(len, own.values())), ROWS):
        yield _rows_from(first, own), _rows_from(first, truth)


def _rows_from(first: int, tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return {name: table[first : first + ROWS] for name, table in tables.items() if first == 0 or first < len(table)}
