"""What is planted in a firm: where, how strongly, and whether at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import pandas as pd

from crmlab.data.firms.chance import Chance
from crmlab.data.firms.firm import Draw

PLANTED = 0.75  # of the facts, in a story that is drawn: the others are as they seem


class Story:
    """Whether each fact is planted in a draw of a firm, and its details.

    A story that is *told* plants every fact as the chapters tell it. One that is *drawn* takes month, depot, cause,
    segment and sign from the seed: some facts are not planted, and there the obvious reading is right. The null twin
    plants none.
    """

    def __init__(self, draw: Draw, chance: Chance) -> None:
        self.draw, self.chance = draw, chance

    def plants(self, fact: str) -> bool:
        """Whether the fact is planted."""
        if self.draw.story == "told" or not self.draw.planted:
            return self.draw.planted
        return bool(self.chance.happens(PLANTED, f"story.{fact}", 0))

    def pick(self, detail: str, told: Any, options: Sequence[Any]) -> Any:
        """A detail as the chapters tell it, or one of the options, as the seed has it."""
        if self.draw.story == "told":
            return told
        return options[int(self.chance.uniform(f"story.{detail}", 0) * len(options))]


class Fact(NamedTuple):
    """One planted fact, in words and in numbers.

    Attributes
    ----------
    fact : str
        Its name.
    chapter : int
    planted : bool
        False: in this firm the obvious reading is right.
    where : str
        The ids, depots, months or names that it is about, separated by blanks.
    figure : float
        Its size, reckoned from the truth of this firm.
    unit : str
    words : str
        What is so, what it seems to be.
    """

    fact: str
    chapter: int
    planted: bool
    where: str
    figure: float
    unit: str
    words: str


def facts_table(facts: Iterable[Fact]) -> pd.DataFrame:
    """The table `truth.facts`."""
    table = pd.DataFrame([fact._asdict() for fact in facts])
    return table.assign(where=table["where"].mask(table["where"] == ""))
