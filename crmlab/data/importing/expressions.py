"""What `--map` allows: columns, numbers, + - * / and parentheses, read by a small parser and never run as a program.

    sum     = product, { ("+" | "-"), product }
    product = sign, { ("*" | "/"), sign }
    sign    = { "+" | "-" }, ( number | column | "(", sum, ")" )

A column's name is written as it is where it is one word; with blanks or signs in it, in `backquotes`, "quotes" or
[brackets].
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from crmlab.data.importing.source import ImportRefusal

LENGTH = 1_000  # signs of an expression
DEPTH = 50  # parentheses and signs within each other
TOKEN = re.compile(
    r"\s*(?:(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?![\w.])|(?P<column>`[^`]+`|\"[^\"]+\"|\[[^\]]+\]|[^\W\d]\w*)"
    r"|(?P<sign>[-+*/()]))"
)


@dataclass(frozen=True)
class Column:
    """A column, by its name."""

    name: str


@dataclass(frozen=True)
class Number:
    """A number, as it is written."""

    value: float


@dataclass(frozen=True)
class Operation:
    """Two expressions and what is done with them; the sign before a value is 0 minus it."""

    sign: str
    left: Expression
    right: Expression


Expression = Column | Number | Operation


def parsed(text: str, columns: Iterable[str]) -> Expression:
    """What a text means over some columns; the name of a column, written whole, is that column.

    Parameters
    ----------
    text : str
    columns : iterable of str
        The columns that there are.

    Returns
    -------
    Column, Number or Operation

    Raises
    ------
    ImportRefusal
        It is no such expression, too long, or names a column that is not there; with the place, from 1.

    Examples
    --------
    >>> parsed("Quantity * `Unit price`", ["Quantity", "Unit price"])
    Operation(sign='*', left=Column(name='Quantity'), right=Column(name='Unit price'))
    """
    known = list(columns)
    if text.strip() in known:
        return Column(text.strip())
    if len(text) > LENGTH:
        raise ImportRefusal(f"an expression has at most {LENGTH:,} signs; this one has {len(text):,}.")
    parser = Parser(text, known)
    expression = parser.sum(0)
    if parser.at < len(parser.tokens):
        parser.stop(f"{parser.tokens[parser.at][1]!r} was not expected")
    if not columns_in(expression):
        raise ImportRefusal(f"{text!r} names no column. The columns are: {listed(known)}.")
    return expression


class Parser:
    """The parts of an expression, taken one by one."""

    def __init__(self, text: str, known: list[str]) -> None:
        self.text, self.known, self.at = text, known, 0
        self.tokens: list[tuple[str, str, int]] = []  # kind, text, place
        end = len(text.rstrip())
        place = 0
        while place < end:
            match = TOKEN.match(text, place)
            if match is None:
                place = len(text) - len(text[place:].lstrip())
                self.stop(f"{text[place]!r} is no column, no number and none of + - * / ( )", place)
            self.tokens.append((match.lastgroup or "", match[match.lastgroup or 0], match.start(match.lastgroup or 0)))
            place = match.end()

    def stop(self, why: str, place: int | None = None) -> NoReturn:
        """Refuse the expression at a place."""
        if place is None:
            place = self.tokens[self.at][2] if self.at < len(self.tokens) else len(self.text.rstrip())
        hint = "Names with blanks or signs in them stand in `backquotes` or [brackets]."
        raise ImportRefusal(f"{self.text!r}, place {place + 1}: {why}. {hint} The columns are: {listed(self.known)}.")

    def next(self, signs: str) -> str:
        """The next part if it is one of some signs, else nothing."""
        if self.at < len(self.tokens) and self.tokens[self.at][0] == "sign" and self.tokens[self.at][1] in signs:
            self.at += 1
            return self.tokens[self.at - 1][1]
        return ""

    def sum(self, depth: int) -> Expression:
        left = self.product(depth)
        while sign := self.next("+-"):
            left = Operation(sign, left, self.product(depth))
        return left

    def product(self, depth: int) -> Expression:
        left = self.signed(depth)
        while sign := self.next("*/"):
            left = Operation(sign, left, self.signed(depth))
        return left

    def signed(self, depth: int) -> Expression:
        if depth > DEPTH:
            self.stop(f"more than {DEPTH} parentheses and signs within each other")
        if sign := self.next("+-"):
            value = self.signed(depth + 1)
            return Operation("-", Number(0.0), value) if sign == "-" else value
        if self.next("("):
            value = self.sum(depth + 1)
            if not self.next(")"):
                self.stop("a closing parenthesis is missing")
            return value
        return self.value()

    def value(self) -> Expression:
        kind, text, _ = self.tokens[self.at] if self.at < len(self.tokens) else ("", "", 0)
        if kind == "number":
            self.at += 1
            return Number(float(text))
        if kind != "column":
            self.stop("a column, a number or a parenthesis is expected")
        name = text[1:-1] if text[0] in '`"[' else text
        if name not in self.known:
            self.stop(f"there is no column {name!r}")
        self.at += 1
        return Column(name)


def listed(names: list[str]) -> str:
    """Names for a message."""
    return ", ".join(map(repr, names[:20])) + (", ..." if len(names) > 20 else "")


def columns_in(expression: Expression) -> list[str]:
    """The columns of an expression, each once, in order."""
    if isinstance(expression, Column):
        return [expression.name]
    if isinstance(expression, Number):
        return []
    return list(dict.fromkeys(columns_in(expression.left) + columns_in(expression.right)))


def value_of(expression: Expression, numbers: Mapping[str, np.ndarray]) -> np.ndarray:
    """The value of an expression in each row; infinite or NaN where something is divided by 0."""
    if isinstance(expression, Column):
        return numbers[expression.name]
    if isinstance(expression, Number):
        return np.float64(expression.value)  # type: ignore[return-value]
    left, right = value_of(expression.left, numbers), value_of(expression.right, numbers)
    with np.errstate(all="ignore"):
        if expression.sign == "+":
            return left + right
        if expression.sign == "-":
            return left - right
        return left * right if expression.sign == "*" else left / right
