"""Numbers as people write them: 1.234,50 €, (1,234.50), 1 234,50-, USD 5. A column has one way, and one currency."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import pandas as pd

from crmlab.data.importing.source import ImportRefusal
from crmlab.data.reading import NOT_A_NUMBER, Fault

MINUS = "[-\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d]"
SPACES = "[\\s\u00a0\u202f\u2007\u2009]"
APOSTROPHES = "['\u2019\u02bc`´]"
SYMBOLS = {
    "€": "EUR",
    "£": "GBP",
    "¥": "JPY or CNY",
    "￥": "JPY or CNY",
    "₹": "INR",
    "₽": "RUB",
    "₩": "KRW",
    "元": "CNY",
}
CODES = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
    CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK
    HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL
    MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON
    RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH
    UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWL
"""  # ISO 4217, without funds, metals and test codes
SHORT = r"US\$|A\$|C\$|HK\$|R\$|[$€£¥￥₹₽₩₺₴₪฿元円]|Fr\.|kr\.?|zł|Kč|Ft|lei|лв\.?|руб\.?"
UNIT = (
    r"([0-9.,])\s*((?i:pcs?|pces?|pieces?|ea|each|units?|stk|stck|stücke?|st|psch|pi[eè]ces?|uds?|unidad(?:es)?|kgs?|g|mg|t|"
    r"lbs?|oz|l|ml|cl|m|cm|mm|m2|m²|m3|m³|km|h|hrs?|box(?:es)?|bags?|sets?|pairs?|pal(?:lets?)?|rolls?|ctn|dz|doz)\.?|"
    r"[件个箱台套只双包瓶吨])$"
)

PERCENT = Fault("a percentage", "Write the amount, or the share as a number: 12% is 0.12.")
NO_NUMBER = Fault(NOT_A_NUMBER.problem, "Write a number, such as 1234.50.")


class Undecided(ImportRefusal):
    """A column that can be read in two ways, and an option that says which."""


class Numbers(NamedTuple):
    """What texts are as numbers, the faults of those that are none, and how the column was read."""

    numbers: np.ndarray
    faults: list[tuple[np.ndarray, Fault]]
    told: list[str]


def number_of_text(text: pd.Series, point: str | None = None, units: bool = False) -> Numbers:
    """Texts of one column as numbers.

    Parameters
    ----------
    text : Series of str
        Distinct texts; missing ones stay missing.
    point : {"comma", "point"}, optional
        What stands before the decimals; found, where nothing is given.
    units : bool
        Whether a unit may follow, one in the whole column: 5 pcs.

    Returns
    -------
    Numbers

    Raises
    ------
    Undecided
        1,234 may be a thousand or a little more than one, and no other value tells.
    ImportRefusal
        The column has both ways, two currencies or two units.

    Examples
    --------
    >>> number_of_text(pd.Series(["1.234,50 €", "-3,00 €"], dtype="str")).numbers.tolist()
    [1234.5, -3.0]
    """
    if point is None and text.str.fullmatch(r"-?[0-9]+(?:\.[0-9]{1,2})?").fillna(True).all():
        return Numbers(pd.to_numeric(text).to_numpy("float64", na_value=np.nan), [], [])
    told: list[str] = []
    body = text.str.replace(MINUS, "-", regex=True)
    if units:
        body, unit = without_units(body, text)
        told += unit
    percent = body.str.contains("%", regex=False).fillna(False).to_numpy(bool)
    negative = body.str.fullmatch(r"\(.*\)").fillna(False).to_numpy(bool)
    body = body.str.replace(r"^\((.*)\)$", r"\1", regex=True)
    sign = f"{SHORT}|[A-Z]{{3}}"
    money = body.str.extract(rf"^{SPACES}*-?{SPACES}*({sign})?[^A-DF-Za-df-z]*?({sign})?{SPACES}*-?{SPACES}*$")
    written = money[0].fillna(money[1]).dropna()
    written = written[~written.str.fullmatch("[A-Z]{3}") | written.isin(CODES.split())]
    kinds = written.replace(SYMBOLS)
    if len(kinds.unique()) > 1:
        first = [text.loc[kinds[kinds == one].index[0]] for one in kinds.unique()[:2]]
        raise ImportRefusal(
            f"more than one currency: {first[0]!r} and {first[1]!r}. Convert them to one, or import each by itself."
        )
    if len(kinds):
        told.append(f"currency {kinds.iloc[0]}")
        sign = "|".join(map(re.escape, written.unique()))
        body = body.str.replace(rf"^({SPACES}*-?{SPACES}*)(?:{sign})", r"\1", regex=True)
        body = body.str.replace(rf"(?:{sign})({SPACES}*-?{SPACES}*)$", r"\1", regex=True)
    body = body.str.replace(f"{SPACES}|{APOSTROPHES}", "'", regex=True).str.strip("'")
    minus = body.str.contains(r"^-|[0-9.,]'?-$").fillna(False).to_numpy(bool)
    body = body.str.replace(r"^[-+]'?|'?-$", "", regex=True)
    comma = decimal_comma(body, text, point)
    if comma is not None and body.str.contains(r"[.,]").any():
        told.append("decimal comma" if comma else "decimal point")
    thousand, sign = (r"\.", ",") if comma else (",", r"\.")
    grouped = rf"[0-9]{{1,3}}(?:{thousand}[0-9]{{2,3}})*{thousand}[0-9]{{3}}|[0-9]{{1,3}}(?:'[0-9]{{3}})+|[0-9]+"
    good = body.str.fullmatch(rf"(?:{grouped})?(?:{sign}[0-9]*)?(?:[eE][-+]?[0-9]{{1,3}})?").fillna(False)
    good &= body.str.contains("[0-9]").fillna(False) & ~percent & ~(minus & negative)  # (-5) may be either
    digits = body.str.replace(f"{thousand}|'", "", regex=True)
    digits = digits.str.replace(",", ".", regex=False) if comma else digits
    number = pd.to_numeric(digits.where(good), errors="coerce").to_numpy("float64", na_value=np.nan)
    values = np.where((minus | negative) & (number != 0), -number, number)
    given = text.notna().to_numpy()
    other = given & np.isnan(values) & ~percent
    return Numbers(values, [(percent, PERCENT), (other, NO_NUMBER)], told)


def without_units(body: pd.Series, text: pd.Series) -> tuple[pd.Series, list[str]]:
    """Quantities without the unit after them, and what it is."""
    unit = body.str.extract(UNIT)[1].str.lower().str.rstrip(".").str.replace(r"(?<=..)s$", "", regex=True).dropna()
    first = [text[unit[unit == one].index[0]] for one in unit.unique()[:2]]
    if len(first) > 1:
        raise ImportRefusal(f"more than one unit: {first[0]!r} and {first[1]!r}. Convert them to one.")
    told = [f"unit {unit.iloc[0]}, as in {first[0]!r}"] if first else []
    return body.str.replace(UNIT, r"\1", regex=True), told


def decimal_comma(body: pd.Series, text: pd.Series, point: str | None) -> bool | None:
    """Whether a column's decimals follow a comma; nothing where it has neither comma nor point."""
    if point is not None:
        return point == "comma"
    numeric = body.str.fullmatch(r"[0-9.,']+(?:[eE][-+]?[0-9]{1,3})?").fillna(False)
    last_comma = body.str.contains(r"\.[0-9']*,[0-9]*$") | body.str.contains(r"\..*\.[0-9]{3}$")
    last_point = body.str.contains(r",[0-9']*\.[0-9]*$") | body.str.contains(r",.*,[0-9]{3}$")
    alone = r"(?:|0|0[0-9]+|[0-9]{{4,}}|[0-9']+'[0-9]{{3}}){0}[0-9]{{3}}|[0-9']*{0}(?:[0-9]{{0,2}}|[0-9]{{4,}})"
    no_group = r"(?:[eE][-+]?[0-9]{1,3})?"
    by_comma = numeric & (last_comma | body.str.fullmatch(alone.format(",") + no_group)).fillna(False)
    by_point = numeric & (last_point | body.str.fullmatch(alone.format(r"\.") + no_group)).fillna(False)
    if by_comma.any() and by_point.any():
        one, other = text[by_comma].iloc[0], text[by_point].iloc[0]
        raise Undecided(
            f"decimals by comma ({one!r}) and by point ({other!r}). Correct the fewer, or say which is right, so that "
            "the others are refused: --decimal comma or --decimal point."
        )
    if by_comma.any() or by_point.any():
        return bool(by_comma.any())
    either = text[numeric & body.str.fullmatch(r"[1-9][0-9]{0,2}[.,][0-9]{3}").fillna(False)]
    if either.empty:
        return None
    digits = body[either.index[0]].replace(".", ",").split(",")
    thousands, decimals = f"{digits[0]}{digits[1]}", f"{digits[0]}.{digits[1]}"
    by_sign = (decimals, thousands) if "," in either.iloc[0] else (thousands, decimals)
    raise Undecided(
        f"{either.iloc[0]!r} is {by_sign[0]} with --decimal comma and {by_sign[1]} with --decimal point, and no "
        "value in the column tells. Write one of them."
    )
