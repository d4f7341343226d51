"""What an import says: what was found, what is made from what, what was kept and refused, what to type next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from crmlab.data.importing.expressions import listed
from crmlab.data.importing.mapping import SAME, Link, proposals, used
from crmlab.data.importing.names import CURRENCIES, STATES, VOID, plain
from crmlab.data.importing.rows import Faults, Found, as_text
from crmlab.data.importing.saving import rejects_beside
from crmlab.data.importing.source import Broken, ImportRefusal, Source, counted

MUCH = 0.05  # of the rows; where more are refused, they come before the next step
QUOTED = 3  # rows that the report quotes for a reason
REASONS = 20  # that it tells; the file of rejects has all
CHAPTERS = {"transactions": "08"}  # that take such a table as `dataset`


class Report:
    """The words of one import, filled as it goes on."""

    def __init__(self, name: str, schema: Any) -> None:
        self.name, self.schema = name, schema
        self.source: Source | None = None
        self.links: list[Link] = []
        self.how: dict[str, list[str]] = {}
        self.after: list[str] = []

    @contextmanager
    def told(self) -> Iterator[None]:
        """Whoever refuses within says as well what was found until then."""
        try:
            yield
        except ImportRefusal as error:
            error.report = "\n".join(filter(None, [str(self), error.report]))
            raise

    def __str__(self) -> str:
        return "\n".join([*self.found(), *self.mapped(), *self.after])

    def found(self) -> list[str]:
        """What the file is."""
        if self.source is None:
            return []
        size = f"{counted(self.source.read, 'row')} of {counted(self.source.table.shape[1], 'column')}"
        return [f"{self.name}: {'; '.join(self.source.found)}; {size}"]

    def mapped(self) -> list[str]:
        """What each column of the contract is made from, and why."""
        if not self.links or self.source is None:
            return []
        width = max(len(link.target) for link in self.links)
        lines = [f"{self.schema.name}, made from it:"]
        for link in self.links:
            also = f"could be {' or '.join(map(repr, link.others))}" if link.others else ""
            if link.expression is not None:
                why = [link.why, also.replace("could", "could also"), *self.how.get(link.target, [])]
                lines.append(f"  {link.target:{width}} <- {link.text!r}: {'; '.join(filter(None, why))}")
            elif also or self.schema.columns[link.target].required:
                lines.append(f"  {link.target:{width}} <- ?  {also or 'not found'}")
        nothing = [link for link in self.links if link.expression is None and not link.others]
        if without := [link.target for link in nothing if not self.schema.columns[link.target].required]:
            lines.append(f"  without {', '.join(without)}, which may be missing")
        if left := [name for name in self.source.columns if name not in used(self.links)]:
            lines.append(f"  not taken: {listed(left)}")
        return lines

    def ask(self, target: Path | None) -> None:
        """Refuse where a column that must be there is not decided, with the command that decides it."""
        assert self.source is not None
        words, parts = [], ["crmlab", "import", self.name, "--as", self.schema.name]
        for link in self.links:
            options = proposals(link, self.source.table) if link.expression is None else []
            if link.expression is not None and (link.others or link.why != SAME):
                parts += ["--map", f"{link.target}={link.text}"]
            if link.expression is None and len(link.others) == 1 and not self.schema.columns[link.target].required:
                parts += ["--map", f"{link.target}={link.others[0]}"]
            if link.expression is not None or not self.schema.columns[link.target].required:
                continue
            parts += ["--map", f"{link.target}={options[0] if options else '...'}"]
            if link.others:
                words.append(f"{link.target} could be {' or '.join(map(repr, options))}")
            else:
                words.append(f"{link.target} {f'may be {options[0]}' if options else 'was not found'}")
        if words:
            out = target or Path(Path(self.name).stem + ".parquet")
            report = f"To say what is what (put right what is not meant):\n  {shlex.join([*parts, '--out', str(out)])}"
            raise ImportRefusal(f"{self.name!r}: {'; '.join(words)}. Say what is meant by --map.", report)

    def count(self, table: pd.DataFrame, faults: Faults) -> None:
        """Add what was kept and refused, and why."""
        assert self.source is not None
        refused = self.source.read - len(table)
        self.after = [f"read {counted(self.source.read, 'row')} = kept {len(table):,} + refused {refused:,}"]
        reasons = [
            (f"{one.column}: {one.problem}", self.source.rows[one.places], one.cells, self.remedy(one))
            for one in faults.found
        ]
        unlike: dict[str, list[Broken]] = {}
        for one in self.source.broken:
            unlike.setdefault(one.problem, []).append(one)
        for problem, same in unlike.items():
            reasons.append((problem, np.array([one.row for one in same]), [one.text for one in same], same[0].remedy))
        self.after += [self.reason(*one) for one in reasons[:REASONS]]
        if len(reasons) > REASONS:
            self.after.append(f"  and {counted(len(reasons) - REASONS, 'other reason')}")
        self.after += warnings(
            self.source.table[[name for name in self.source.columns if name not in used(self.links)]]
        )
        if twice := repeated(self.source.table[~faults.any], table):
            self.after.append(
                f"  {counted(twice, 'row')} kept like an earlier one in every column of the file: two equal rows may "
                "be two facts. Take them out of the file if they are not."
            )

    def remedy(self, fault: Found) -> str:
        """What to do about a fault; a column that need not be there can be left out."""
        assert self.source is not None
        column = self.schema.columns.get(fault.column)
        if column is None or column.required or len(fault.places) <= MUCH * self.source.read:
            return fault.remedy
        return f"{fault.remedy} Or leave it out: --map {fault.column}="

    def reason(self, problem: str, rows: np.ndarray, cells: list[Any], remedy: str) -> str:
        """A line on one reason: how many rows, the first of them, what to do."""
        assert self.source is not None
        quoted = [f"{self.source.place} {row} ({short(cell)})" for row, cell in zip(rows[:QUOTED], cells, strict=False)]
        more = ["..."] if len(rows) > QUOTED else []
        return f"  {problem} in {counted(len(rows), 'row')}: {', '.join(quoted + more)}. {remedy}"

    def saved(self, table: pd.DataFrame, rejects: pd.DataFrame, target: Path) -> None:
        """Add where everything is, and what to type next."""
        assert self.source is not None
        self.after.append(f"{target}: the {counted(len(table), 'row')} kept")
        self.after.append(f"{rejects_beside(target)}: the {counted(len(rejects), 'row')} refused, with reasons")
        days = table["date"].sort_values() if "date" in table else pd.Series(dtype="datetime64[us]")
        if self.schema.name in CHAPTERS and days.iloc[0] < days.iloc[-1]:
            half = days.iloc[0] + (days.iloc[-1] - days.iloc[0]) // 2
            words = ["crmlab", "run", CHAPTERS[self.schema.name], "-p", f"dataset={target}"]
            if len(rejects) > MUCH * self.source.read:
                share = f"{len(rejects) / self.source.read:.0%} of the rows were refused"
                self.after.append(f"{share}: put them right first, or a chapter reckons without them")
            else:
                self.after.append(f"next: {shlex.join([*words, '-p', f'calibration_end={half:%Y-%m-%d}'])}")


def warnings(left: pd.DataFrame) -> list[str]:
    """What columns that are not taken say of the rows: several currencies, and states that a sum should not hold."""
    lines = []
    for name, column in left.items():
        counts = column.astype("str").str.strip().replace("", None).value_counts()
        if plain(str(name)) in CURRENCIES.split() and len(counts) > 1:
            lines.append(f"  warning: {name!r} has {listed(list(counts.index))}, and the amounts are not converted")
        if plain(str(name)) in STATES.split():
            void = counts[counts.index.str.casefold().str.contains("|".join(VOID)).astype(bool)]
            words = ", ".join(f"{short(word)} in {counted(count, 'row')}" for word, count in void.items())
            if words:
                lines.append(f"  warning: {name!r} is {words}: are these to count? Take them out of the file if not")
    return lines


def repeated(written: pd.DataFrame, made: pd.DataFrame) -> int:
    """How many rows of a file are like an earlier one; only rows that are made alike can be."""
    alike = made.duplicated(keep=False).to_numpy()
    return int(written[alike].astype("str").duplicated().sum()) if alike.any() else 0


def short(value: Any) -> str:
    """A value for a message, on one line and without signs that a terminal would obey."""
    text = repr(value) if isinstance(value, str) else as_text(value) or "nothing"
    return text if len(text) <= 40 else text[:37] + "..."
