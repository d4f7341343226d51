"""Which column of a file is which column of a contract: as given, else suggested, and never one of two."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from crmlab.data.importing.expressions import Column, Expression, columns_in, listed, parsed
from crmlab.data.importing.money import Undecided
from crmlab.data.importing.names import ALSO, core, plain
from crmlab.data.importing.source import ImportRefusal
from crmlab.data.importing.values import read_column

SAME, KNOWN, ALIKE = "the same name", "a known name", "a name alike"
LOOK = 1_000  # first rows that show whether a column can be what its name says
SIMILAR = 90  # of 100, from which on two names are alike


class Candidate(NamedTuple):
    """A column of the file that may be one of the contract's."""

    column: str
    why: str


class Link(NamedTuple):
    """What a column of the contract is made from; without an expression it stays out."""

    target: str
    text: str
    expression: Expression | None
    why: str
    others: list[str]  # that could be it as well, or, where nothing is chosen, at all


def links(schema: Any, table: pd.DataFrame, given: Mapping[str, str]) -> list[Link]:
    """What each column of a contract is made from.

    Raises
    ------
    ImportRefusal
        A mapping names what is not there, or no column of the contract.
    """
    if unknown := [target for target in given if target not in schema.columns]:
        known = listed(list(schema.columns))
        raise ImportRefusal(f"{schema.name} has no column {unknown[0]!r}; its columns are: {known}.")
    names = list(map(str, table.columns))
    found = []
    for target, column in schema.columns.items():
        if target in given:
            found.append(link_given(target, column, given[target], names))
        else:
            free = [name for name in names if name == target or name not in schema.columns]
            found.append(suggested(target, column.metadata, table[free], column.required))
    return [told_twice(link, found) for link in found]


def link_given(target: str, column: Any, text: str, names: list[str]) -> Link:
    """What the user says that a column is made from."""
    expression = parsed(text, names) if text.strip() else None
    if expression is None or isinstance(expression, Column):
        return Link(target, expression.name if expression else "", expression, "as given", [])
    if column.metadata["type"] not in ("number", "count"):
        raise ImportRefusal(f"{target} is no number: name one column for it, not {text!r}.")
    return Link(target, text, expression, "as given", [])


def suggested(target: str, metadata: Mapping[str, Any], table: pd.DataFrame, required: bool) -> Link:
    """The one column that is meant by its name and by what it holds; nothing where two are as good.

    A name that is only alike is taken where the column must be there; else it is told.
    """
    found = [
        one
        for one in named(target, table)
        if one.why == SAME or fits(metadata["type"], metadata["unit"], table[one.column])
    ]
    for why in (SAME, KNOWN, ALIKE)[: None if required else 2]:
        good = [one.column for one in found if one.why == why]
        if len(good) == 1:
            return Link(target, good[0], Column(good[0]), why, [one.column for one in found if one.column != good[0]])
        if good:
            break
    return Link(target, "", None, "", [one.column for one in found])


def told_twice(link: Link, found: list[Link]) -> Link:
    """A column that is suggested for two columns of the contract is taken for neither."""
    rivals = [one for one in found if one.text == link.text and one.why in (KNOWN, ALIKE)]
    if link.why not in (KNOWN, ALIKE) or len(rivals) < 2:
        return link
    return Link(link.target, "", None, "", [link.text, *link.others])


def named(target: str, table: pd.DataFrame) -> list[Candidate]:
    """The columns whose names may mean a column of a contract."""
    from rapidfuzz import fuzz

    known = {plain(name) for name in [target, *ALSO.get(target, "").split()]}
    found = []
    for name in map(str, table.columns):
        words = plain(name)
        if name == target:
            found.append(Candidate(name, SAME))
        elif words in known or core(name) in known:
            found.append(Candidate(name, KNOWN))
        elif len(words) > 4 and any(len(one) > 4 and fuzz.ratio(words, one) >= SIMILAR for one in known):
            found.append(Candidate(name, ALIKE))
    return found


def fits(kind: str, unit: str, values: pd.Series) -> bool:
    """Whether most of the first values of a column can be read as what it would be."""
    try:
        read = read_column(kind, unit, values.head(LOOK).reset_index(drop=True))
    except Undecided:
        return True
    except ImportRefusal:
        return False
    return sum(int(rows.sum()) for rows, _ in read.faults) <= read.column.notna().sum()


def proposals(link: Link, table: pd.DataFrame) -> list[str]:
    """What could be written for a column that is not decided: those in question, or quantity times price."""
    if link.others:
        return link.others
    if link.target == "amount":
        sides = [suggested(name, {"type": "number", "unit": ""}, table, False).text for name in ("quantity", "price")]
        if all(sides):
            return ["*".join(map(quoted, sides))]
    return []


def quoted(name: str) -> str:
    """A column's name as an expression has it."""
    return name if re.fullmatch(r"[^\W\d]\w*", name) else f"[{name}]" if "]" not in name else f"`{name}`"


def used(found: list[Link]) -> list[str]:
    """The columns of the file that something is made from."""
    return [name for link in found if link.expression is not None for name in columns_in(link.expression)]
