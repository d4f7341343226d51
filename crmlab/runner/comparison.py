"""Two runs of a sweep beside each other: what changed, and how the results moved."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmlab.runner.notebooks import NotebookError, read_cells, tags
from crmlab.runner.records import plain

if TYPE_CHECKING:
    import pandas as pd

Run = dict[str, Any]  # what run.json says of one
LONGEST = 34  # letters of a value in a table that is printed


@dataclass(frozen=True)
class Comparison:
    """Two runs beside each other.

    Attributes
    ----------
    before, after : str
        Their ids.
    changes : DataFrame, one row a change
        what (parameter, file, cell, crmlab, version, commit, data, status), name, before, after.
    results : DataFrame, one row a result of either
        name, unit, before, after, difference (of numbers), inside: whether the value after lies in the interval before.
    """

    before: str
    after: str
    changes: pd.DataFrame
    results: pd.DataFrame

    def __str__(self) -> str:
        changes = table_lines(self.changes.items()) if len(self.changes) else ["Nothing changed."]
        results = table_lines(self.results.items()) if len(self.results) else ["No results were recorded."]
        return "\n".join([f"{self.before} -> {self.after}", "", *changes, "", *results])


def comparison(folder: Path, before: Run, after: Run) -> Comparison:
    """Two runs of a folder beside each other."""
    import pandas as pd

    changes = pd.DataFrame(
        changes_between(folder, before, after), columns=["what", "name", "before", "after"], dtype=object
    )
    old, new = ({stored["name"]: stored for stored in run.get("results", [])} for run in (before, after))
    rows = [movement(name, old.get(name, {}), new.get(name, {})) for name in {**old, **new}]
    results = pd.DataFrame(rows, columns=["name", "unit", "before", "after", "difference", "inside"], dtype=object)
    results = results.astype({"difference": "Float64", "inside": "boolean"})
    return Comparison(before["id"], after["id"], changes, results)


def changes_between(folder: Path, before: Run, after: Run) -> Iterator[tuple[str, str, Any, Any]]:
    """What differs between two runs: what, its name, before, after."""

    def entries(what: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str, Any, Any]]:
        for name in {**old, **new}:
            if old.get(name) != new.get(name):
                yield what, name, old.get(name), new.get(name)

    def data(run: Run) -> dict[str, str]:
        return {one["name"]: one["sha256"][:12] for one in run.get("data", [])}

    def files(run: Run) -> dict[str, str]:
        return {name: sha256[:12] for name, sha256 in run["files"].items()}

    yield from entries("status", {"": before["status"]}, {"": after["status"]})
    yield from entries("parameter", before["parameters"], after["parameters"])
    yield from entries("file", files(before), files(after))
    if before["notebook_sha256"] != after["notebook_sha256"]:
        old, new = (folder / "notebooks" / f"{run['notebook_sha256']}.ipynb" for run in (before, after))
        yield from cell_changes(old, new)
    yield from entries("crmlab", {"sources": before["crmlab_sha256"][:12]}, {"sources": after["crmlab_sha256"][:12]})
    if before["versions_sha256"] != after["versions_sha256"]:
        yield from entries("version", *(installed(folder, run) for run in (before, after)))
    yield from entries("commit", {"": before.get("commit")}, {"": after.get("commit")})
    yield from entries("data", data(before), data(after))


def installed(folder: Path, run: Run) -> dict[str, str]:
    """What was installed when a run was made; its checksum where the list is lost."""
    try:
        listed: dict[str, str] = json.loads((folder / "versions" / f"{run['versions_sha256']}.json").read_bytes())
    except (FileNotFoundError, ValueError):
        return {"(the list is lost)": run["versions_sha256"][:12]}
    return listed


def cell_changes(before: Path, after: Path) -> Iterator[tuple[str, str, Any, Any]]:
    """Which cells of a notebook changed, and the first line in which they do."""
    try:
        old, new = named_cells(before), named_cells(after)
    except NotebookError:
        yield "notebook", "(a copy is lost)", before.stem[:12], after.stem[:12]
        return
    matcher = difflib.SequenceMatcher(None, [said for _, said in old], [said for _, said in new], autojunk=False)
    for action, i, j, k, m in matcher.get_opcodes():
        if action == "equal":
            continue
        for was, now in zip_longest(old[i:j], new[k:m]):
            lines = zip_longest(was[1] if was else (), now[1] if now else ())
            first = next((pair for pair in lines if pair[0] != pair[1]), (None, None))
            yield "cell", (now or was)[0], *first


def named_cells(path: Path) -> list[tuple[str, tuple[str, ...]]]:
    """The cells of a notebook: a name for each (its number among code cells, its heading), and its lines and tags."""
    cells, heading, number = [], "", 0
    for cell in read_cells(path):
        titles = re.findall(r"^#+ (.+)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else []
        heading = titles[-1] if titles else heading
        number += cell.cell_type == "code"
        name = f"[{number}]" if cell.cell_type == "code" else cell.cell_type
        said = *cell.source.splitlines(), f"tags: {', '.join(sorted(tags(cell)))}"
        cells.append((f"{name} in {heading!r}" if heading else name, said))
    return cells


def movement(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Any]:
    """How a result moved."""
    before, low, high = (plain(old.get(part)) for part in ("value", "low", "high"))
    after = plain(new.get("value"))
    difference = after - before if is_number(before) and is_number(after) else None
    comparable = type(low) is type(after) or (is_number(low) and is_number(after))
    inside = low <= after <= high if low is not None and comparable else None
    return [name, new.get("unit") or old.get("unit"), before, after, difference, inside]


def is_number(value: Any) -> bool:
    """A whole number or another, but no bool."""
    return type(value) in (int, float)


# ----------------------------------------------------------------------------------------------------------- in print


def table_lines(table: Iterable[tuple[Any, Iterable[Any]]]) -> list[str]:
    """Columns, each a name and its values, as lines: numbers to the right, texts to the left."""
    columns = []
    for name, values in table:
        cells = [(shown(value), is_number(value)) for value in values]
        width = max(len(cell) for cell, _ in [(name, True), *cells])
        right = all(number for cell, number in cells if cell)
        columns.append([cell.rjust(width) if right else cell.ljust(width) for cell, _ in [(name, True), *cells]])
    return ["  ".join(row).rstrip() for row in zip(*columns, strict=True)]


def shown(value: Any) -> str:
    """A value in a table: nothing where it is missing, without its middle where it is long."""
    import pandas as pd

    if value is None or value is pd.NA:
        return ""
    words = f"{value:,.6g}" if isinstance(value, float) else " ".join(str(value).split())
    return words if len(words) <= LONGEST else f"{words[: LONGEST // 2 - 1]}...{words[-(LONGEST // 2 - 2) :]}"
