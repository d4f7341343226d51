"""Rows: the columns of a contract made from those of a file, held against it; and the rows that were refused."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crmlab.data.contracts import ContractError, check
from crmlab.data.importing.expressions import Column, columns_in, value_of
from crmlab.data.importing.mapping import Link
from crmlab.data.importing.names import TOTALS
from crmlab.data.importing.source import ImportRefusal, Source
from crmlab.data.importing.values import BY_ZERO, QUANTITIES, Distinct, Read, read_column
from crmlab.data.reading import MISSING, Fault

TOTAL = Fault(
    "a total, not a row of its own", "Leave it out. If it is a name, write another word before it: Company Total."
)
TOLD = ("row", "column", "value", "problem", "remedy")


class Found(NamedTuple):
    """A fault of some rows in one column."""

    column: str
    places: np.ndarray
    cells: list[Any]
    problem: str
    remedy: str


class Faults:
    """What is wrong with which rows of a table, in the order in which it was found; a value is told once."""

    def __init__(self, rows: int) -> None:
        self.any = np.zeros(rows, bool)
        self.written: dict[str, pd.Series] = {}  # what a column of the contract is told by: as the file has it
        self.found: list[Found] = []
        self.told: dict[str, np.ndarray] = {}

    def add(self, column: str, mask: np.ndarray, values: pd.Series, problem: str, remedy: str) -> None:
        """Rows (a mask) that have a fault, and what they hold."""
        told = self.told.setdefault(column, np.zeros(len(self.any), bool))
        places = np.flatnonzero(mask & ~told)
        if not len(places):
            return
        told |= mask
        self.any |= mask
        cells = values.iloc[places].tolist()
        same = next((one for one in self.found if (one.column, one.problem) == (column, problem)), None)
        if same is not None:
            self.found = [one for one in self.found if one is not same]
            places, cells = np.concatenate([same.places, places]), same.cells + cells
            order = np.argsort(places)
            places, cells = places[order], [cells[place] for place in order]
        self.found.append(Found(column, places, cells, problem, remedy))


def made(
    schema: Any, read: Source, links: list[Link], dates: str | None, decimal: str | None
) -> tuple[pd.DataFrame, Faults, dict[str, list[str]]]:
    """The columns of the contract, made from those of the file; what could not be; and how each was read."""
    faults, columns, how = Faults(len(read.table)), {}, {}
    add_totals(schema, read, links, faults)
    for link in links:
        if link.expression is None:
            continue
        column = schema.columns[link.target]
        if isinstance(link.expression, Column):
            kind, unit = column.metadata["type"], column.metadata["unit"]
            one = column_read(kind, unit, read, link.expression.name, link.target, dates, decimal)
            for mask, fault in one.faults:
                faults.add(link.target, mask, read.table[link.expression.name], *fault)
            columns[link.target], how[link.target] = one.column, one.told
        else:
            columns[link.target], how[link.target] = calculated(link, read, decimal, not column.nullable, faults)
        single = isinstance(link.expression, Column)
        faults.written[link.target] = read.table[link.text] if single else columns[link.target]
        if not column.nullable:
            absent = columns[link.target].isna().to_numpy()
            faults.add(link.target, absent, faults.written[link.target], *MISSING)
    return pd.DataFrame(columns), faults, how


def add_totals(schema: Any, read: Source, links: list[Link], faults: Faults) -> None:
    """Add the rows that add up others: by an id that must be there, or by their first cell alone."""
    whose = {
        link.text: link.target
        for link in links
        if link.expression and schema.columns[link.target].required
        if schema.columns[link.target].metadata["type"] == "id"
    }
    first = str(read.table.columns[0])
    for name in dict.fromkeys([*whose, first]):
        values = read.table[name]
        faults.add(whose.get(name, name), is_total(values, rest=name in whose), values, *TOTAL)


def is_total(values: pd.Series, rest: bool) -> np.ndarray:
    """Which cells say total, or subtotal; `rest`: perhaps with more after it, as in "Total January"."""
    distinct = Distinct(values)
    words = "|".join(sorted(map(re.escape, TOTALS), key=len, reverse=True))
    after = r"(?:\b|(?<=[计])).*" if rest else r"\W*"
    found = distinct.text.str.casefold().str.fullmatch(rf"\W*(?:{words}){after}", flags=re.DOTALL)
    return distinct.rows(found.fillna(False))


def column_read(
    kind: str, unit: str, read: Source, name: str, target: str, dates: str | None, decimal: str | None
) -> Read:
    """One column of the file as a type; where it refuses as a whole, its name is told."""
    try:
        return read_column(kind, unit, read.table[name], dates, decimal)
    except ImportRefusal as error:
        raise type(error)(f"{target} (column {name!r}): {error}") from None


def calculated(
    link: Link, read: Source, decimal: str | None, required: bool, faults: Faults
) -> tuple[pd.Series, list[str]]:
    """A column that an expression gives, to a millionth: binary fractions make 15.299999999999999 of 6 times 2.55."""
    assert link.expression is not None
    numbers, told = {}, []
    absent = np.zeros(len(read.table), bool)
    for name in columns_in(link.expression):
        one = column_read("number", QUANTITIES[0], read, name, link.target, None, decimal)
        numbers[name] = one.column.to_numpy("float64")
        told += [f"{name}: {words}" for words in one.told]
        for mask, fault in one.faults:
            faults.add(link.target, mask, read.table[name], *fault)
        empty = np.isnan(numbers[name])
        faults.add(link.target, empty & required, read.table[name], f"{name} is missing", MISSING.remedy)
        absent |= empty
    values = np.round(value_of(link.expression, numbers), 6)
    wrong = ~np.isfinite(values)
    if (wrong & ~absent).any():
        shown = read.table[columns_in(link.expression)].astype("str").agg(", ".join, axis=1)
        faults.add(link.target, wrong & ~absent, shown, *BY_ZERO)
    return pd.Series(values).mask(wrong), told


def held(contract: str, table: pd.DataFrame, faults: Faults) -> pd.DataFrame:
    """The rows that keep the contract; those that break it are added to the faults, until nothing more is broken.

    Rows that are refused already are held against it, too, so that all that is wrong with them is told at once.
    """
    check_rows(contract, table, np.flatnonzero(faults.any), faults)
    while (kept := check_rows(contract, table, np.flatnonzero(~faults.any), faults)) is None:
        continue
    return kept


def check_rows(contract: str, table: pd.DataFrame, places: np.ndarray, faults: Faults) -> pd.DataFrame | None:
    """Some rows of a table, if they keep the contract; else what they break is told, and there is nothing."""
    try:
        return check(table.iloc[places].reset_index(drop=True), contract)
    except ContractError as error:
        for breach in error.breaches:
            if not breach.rows:
                raise AssertionError(str(error)) from error  # the columns are there: they were asked for
            mask = np.zeros(len(table), bool)
            mask[places[np.array(breach.rows, np.int64) - 1]] = True
            faults.add(breach.column, mask, faults.written[breach.column], breach.problem, breach.remedy)
        return None


def rejected(read: Source, faults: Faults) -> pd.DataFrame:
    """The rows that were refused, each once, with all its faults, and as it was."""
    told = [f"refused_{name}" for name in TOLD]
    own = [f"{name}_in_source" if name in told else name for name in read.table]
    places = np.flatnonzero(faults.any)
    joined = {name: np.full(len(places), "", object) for name in TOLD[1:]}
    told_before = np.zeros(len(places), bool)
    for one in faults.found:
        at = np.searchsorted(places, one.places)
        between = np.where(told_before[at], "; ", "").astype(object)
        told_before[at] = True
        joined["value"][at] += between + np.array(list(map(as_text, one.cells)), object)
        for name, words in (("column", one.column), ("problem", one.problem), ("remedy", one.remedy)):
            joined[name][at] += between + words
    refused = pd.DataFrame({"row": read.rows[places], **joined}, dtype="object").set_axis(told, axis=1)
    original = read.table.iloc[places].reset_index(drop=True).apply(texts)
    frames = [pd.concat([refused, original.set_axis(own, axis=1)], axis=1)]
    if read.broken:
        broken = [
            [one.row, "", one.text, one.problem, one.remedy, *(one.cells + [""] * len(own))[: len(own)]]
            for one in read.broken
        ]
        frames.append(pd.DataFrame(broken, columns=[*told, *own]))
    table = pd.concat(frames).sort_values(told[0], kind="stable", ignore_index=True)
    return table.astype({name: "int64" if name == told[0] else "str" for name in table})


def texts(column: pd.Series) -> pd.Series:
    """A column of the file as text."""
    return column.fillna("") if column.dtype == "str" else column.astype("object").map(as_text).astype("str")


def as_text(value: Any) -> str:
    """A value of the file as text."""
    if isinstance(value, str):
        return value
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return ""
    return f"{value:.0f}" if isinstance(value, float) and value % 1 == 0 and abs(value) < 1e15 else str(value)
