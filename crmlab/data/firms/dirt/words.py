"""How a value goes wrong: what a clerk, an old record or a careless export makes of it.

Each function takes the right value, as text, and four numbers between 0 and 1, and returns what is held instead. A
value that cannot be got wrong in this way (an amount of 0 in cents) is returned as it is, and counts as no error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from crmlab.data.firms.harbour.tables import FAMILIES, FIRST_NAMES, STREETS

Luck = Sequence[float]
Wrong = Callable[[str, Luck], str]

BLANK = ""  # in a table a gap
NO_WORD = (BLANK, "NA", "unknown", "0")
NO_NUMBER = (BLANK, "NA", "0")
NO_DAY = (BLANK, "NA", "unknown")
NEVER = "1900-01-01"

FORMS = ("Ltd", "Limited", "& Sons", "and Sons", "Brothers", "& Co", "and Company", "Partners")
FORM = re.compile(r"(ltd|limited|(&|\+|and) sons|brothers|(&|\+|and) co(mpany)?|partners)\.?(?=$| \()", re.I)
SHORT = {
    "Construction": "Constr.", "Projects": "Proj.", "Contracting": "Contr.", "Developments": "Dev.", "Trading": "Trdg.",
    "Building Supplies": "Bldg. Supp.", "Hardware": "Hdwe.", "Timber & Tile": "T & T", "Stores": "Strs.",
    "District": "Distr.", "Council": "Cncl.", "Department": "Dept.", "Office": "Off.", "Hospital": "Hosp.",
    "Roofing": "Rfg.", "Plumbing": "Plbg.", "Maintenance": "Maint.", "Brothers": "Bros", "Water Board": "W. Board",
}  # fmt: skip
ROADS = {"Street": "St.", "Road": "Rd", "Lane": "Ln", "Way": "Wy", "Side": "Sd", "Row": "Rw"}
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Cell(NamedTuple):
    """What can befall the values of one column; None: this kind spares it.

    Attributes
    ----------
    missing, wrong_units, inconsistent, stale : callable, optional
        Makes the value that is held instead.
    impossible : callable, optional
        What some of those that would be missing hold instead of nothing.
    """

    missing: Wrong | None = None
    impossible: Wrong | None = None
    wrong_units: Wrong | None = None
    inconsistent: Wrong | None = None
    stale: Wrong | None = None

    def kinds(self) -> dict[str, Wrong]:
        """What can befall it, by the names of the shares; what is impossible counts as missing."""
        kinds = ("missing", "wrong_units", "inconsistent", "stale")
        return {kind: make for kind in kinds if (make := getattr(self, kind))}


def one(options: Sequence[str], u: float) -> str:
    """One of the options."""
    return options[int(u * len(options))]


def another(value: str, options: Sequence[str], u: float) -> str:
    """One of the options that are not the value; the value, if there is none."""
    others = [option for option in dict.fromkeys(options) if option != value]
    return one(others, u) if others else value


def one_of(options: Sequence[str]) -> Wrong:
    """Puts one of the options in the value's place."""
    return lambda value, luck: another(value, options, luck[0])


def like(value: str, text: str) -> str:
    """The text in capitals, if the value is."""
    return text.upper() if value.isupper() else text


# --- names ---


def mistyped(value: str, luck: Luck) -> str:
    """Two letters swapped, one left out, or one doubled; never the first."""
    places = [i for i in range(1, len(value) - 1) if value[i].isalpha() and value[i + 1].isalpha()]
    if not places:
        return value
    i = places[int(luck[0] * len(places))]
    swapped, dropped, doubled = value[i + 1] + value[i], value[i + 1], value[i] * 2 + value[i + 1]
    return value[:i] + another(value[i : i + 2], (swapped, dropped, doubled), luck[1]) + value[i + 2 :]


def swapped(value: str, luck: Luck) -> str:
    """The second word before the first; a name that has its surname first, without the comma."""
    if ", " in value:
        return " ".join(reversed(value.split(", ")))
    first, _, rest = value.partition(" ")
    second, _, rest = rest.partition(" ")
    return " ".join(filter(None, (second, first, rest)))


def abbreviated(value: str, luck: Luck) -> str:
    """A long word as firms shorten it; the first word as a letter, where there is none."""
    for word, short in SHORT.items():
        if like(value, word) in value:
            return value.replace(like(value, word), like(value, short))
    first, _, rest = value.partition(" ")
    return f"{first[0]}. {rest}"


def other_form(value: str, luck: Luck) -> str:
    """The same name under another legal form."""
    found = FORM.search(value)
    return FORM.sub(like(value, another(found[0], FORMS, luck[0])), value, count=1) if found else value


def respelled(value: str, luck: Luck) -> str:
    """The same name in another clerk's spelling."""
    both = value.replace(" & ", like(value, " and ")) if " & " in value else value.replace(like(value, " and "), " & ")
    cased = value.title() if value.isupper() else value.upper()
    return another(value, (cased, both, value.replace(" ", "  ", 1), value + ".", abbreviated(value, luck)), luck[0])


def part_of_name(value: str, luck: Luck) -> str:
    """The first word alone."""
    return value.partition(" ")[0].rstrip(",")


def successor(value: str, luck: Luck) -> str:
    """Another person."""
    return f"{one(FIRST_NAMES, luck[0])} {one(FAMILIES, luck[1])}"


# --- where and how to reach them ---


def moved(value: str, luck: Luck) -> str:
    """Another address."""
    return f"{int(luck[0] * 180) + 1} {one(STREETS, luck[1])}"


def short_road(value: str, luck: Luck) -> str:
    """The address with its last word shortened, or in capitals."""
    start, _, last = value.rpartition(" ")
    return one((f"{start} {ROADS[last]}", value.upper()), luck[0])


def other_number(value: str, luck: Luck) -> str:
    """Another telephone number, written alike."""
    return value[:-4] + f"{int(luck[0] * 9000) + 1000}"


def repunctuated(value: str, luck: Luck) -> str:
    """The same telephone number, written otherwise."""
    digits = re.sub(r"\D", "", value)
    area, number = digits[:3], digits[3:]
    return another(value, (digits, f"({area}) {number}", f"+1 {area} {number}", f"{area}/{number}"), luck[0])


# --- words and codes ---


def recoded(codes: Mapping[str, Mapping[str, str]], own: str) -> Wrong:
    """Another system's code for the same thing, or the plain word.

    Parameters
    ----------
    codes : dict of dicts
        By system: code by word.
    own : str
        The system whose codes the values are.
    """
    words = {code: word for word, code in codes[own].items()}
    options = {
        code: [word, word.lower(), code.lower(), *(other[word] for other in codes.values())]
        for code, word in words.items()
    }
    return lambda value, luck: another(value, options[value], luck[0])


def renamed(value: str, luck: Luck) -> str:
    """The same word as others would enter it."""
    return another(value, (value.upper(), value.capitalize(), value.replace(" ", "_"), value[:4] + "."), luck[0])


# --- days and numbers ---


def redated(value: str, luck: Luck) -> str:
    """The same day in another format; a point stands for day first, a stroke for month first."""
    year, month, day = value.split("-")
    options = (f"{day}.{month}.{year}", f"{month}/{day}/{year}", f"{int(day)} {MONTHS[int(month) - 1]} {year}")
    return one(options, luck[0])


def impossible_day(today: pd.Timestamp) -> Wrong:
    """A day before anything, or after the last."""
    return lambda value, luck: (
        NEVER if luck[0] < 0.5 else str((today + pd.Timedelta(days=30 + int(luck[1] * 3000))).date())
    )


def no_number(value: str, luck: Luck) -> str:
    """Nothing; a 0 only where it is wrong."""
    return one(NO_NUMBER if float(value) else NO_NUMBER[:2], luck[0])


def negative(value: str, luck: Luck) -> str:
    """The amount with a minus."""
    return f"-{value}" if float(value) else value


def in_cents(value: str, luck: Luck) -> str:
    """Euros in cents."""
    return str(round(float(value) * 100)) if float(value) else value


def in_cents_or_thousands(value: str, luck: Luck) -> str:
    """Euros in cents, or in thousands."""
    return in_cents(value, luck) if luck[0] < 0.5 or not float(value) else f"{float(value) / 1000:.5f}"


def in_thousands(value: str, luck: Luck) -> str:
    """An amount in thousands."""
    return f"{float(value) / 1000:g}" if float(value) else value


def as_share(value: str, luck: Luck) -> str:
    """Percent as a share."""
    return f"{float(value) / 100:.3f}" if float(value) else value


def times(factor: int) -> Wrong:
    """The amount in a unit so many times smaller: seconds for minutes, megabytes for gigabytes."""
    return lambda value, luck: f"{float(value) * factor:.0f}" if float(value) else value
