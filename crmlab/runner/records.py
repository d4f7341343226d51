"""What a notebook gives back: named results, one decision, answers to exercises.

Each is one display output with strict JSON under our own MIME type, beside a readable line.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from crmlab.runner.notebooks import read_cells

if TYPE_CHECKING:
    import pandas as pd
    from nbformat import NotebookNode

MIME_TYPE = "application/vnd.crmlab.result+json"
KINDS = ("estimate", "prediction", "scenario")
COLUMNS = ["name", "value", "unit", "low", "high", "level", "kind"]
MOST_CELLS = 10_000

_recorded: dict[str, tuple[Any, int]] = {}  # name -> the cell and the execution that recorded it, in this kernel


class RecordError(ValueError):
    """A result that cannot be recorded: its name, its type or its interval."""


def record(
    name: str,
    value: Any,
    unit: str | None = None,
    low: Any = None,
    high: Any = None,
    level: float = 0.9,
    kind: str = "estimate",
) -> None:
    """Record a result of this notebook, for catalogues, tests and readers.

    Parameters
    ----------
    name : str
        Once a notebook.
    value : number, str, bool or date
        NumPy and pandas scalars are stored as plain ones, floats to 6 significant digits.
    unit : str, optional
        Such as "USD" or "weeks".
    low, high : number, optional
        The interval, both or none.
    level : float
        Its level; not stored without an interval.
    kind : {"estimate", "prediction", "scenario"}
        So that a catalogue never mixes them.

    Raises
    ------
    RecordError
        A value that cannot be stored, a name used twice, half an interval, an unknown kind.
    """
    if kind not in KINDS:
        raise RecordError(f"record({name!r}): kind {kind!r} is none of {', '.join(KINDS)}")
    publish(result(name, value, unit, low, high, level) | {"kind": kind})


def decide(text: str, value: Any, unit: str, low: Any, high: Any, *, baseline: str, level: float = 0.9) -> None:
    """Record the decision that this chapter ends in: once a notebook.

    Parameters
    ----------
    text : str
        What to do, in one sentence.
    value, low, high : number
        The money that it changes against the baseline, with its interval.
    unit : str
        Such as "USD per customer".
    baseline : str
        What the money is compared with: what the firm does now.
    level : float
        Level of the interval.

    Raises
    ------
    RecordError
        A second decision, a value that is no number, no interval, no text or no baseline.
    """
    if not text or not baseline:
        raise RecordError("decide(...): say in words what to do, and against which baseline")
    if low is None or high is None or not isinstance(value, numbers.Real):
        raise RecordError("decide(...): a decision is money with an interval; give numbers for value, low and high")
    publish(
        {**result("decision", value, unit, low, high, level), "kind": "decision", "text": text, "baseline": baseline}
    )


def answer(name: str, value: Any, unit: str | None = None) -> None:
    """Record the answer to an exercise: a number, str, bool, date, or a list or table of at most 10,000 cells.

    Raises
    ------
    RecordError
        An answer that cannot be stored, is too large, or whose name was used before.
    """
    publish({"name": checked_name(name), "value": storable_answer(name, value), "unit": unit, "kind": "answer"})


def result(name: str, value: Any, unit: str | None, low: Any, high: Any, level: float) -> dict[str, Any]:
    """The stored form of a value with its interval."""
    if (low is None) != (high is None):
        raise RecordError(f"{name!r}: an interval has two ends; give both low and high")
    if low is not None and not low <= high:
        raise RecordError(f"{name!r}: the interval's low end, {low}, is not below its high end, {high}")
    if not 0 < level < 1:
        raise RecordError(f"{name!r}: level {level} is not between 0 and 1")
    stored = {"name": checked_name(name), "value": storable(name, value), "unit": unit}
    if low is None:
        return {**stored, "low": None, "high": None, "level": None}
    return {**stored, "low": storable(name, low), "high": storable(name, high), "level": level}


def checked_name(name: str) -> str:
    """A name that was not used by another cell, or by this one already."""
    if not isinstance(name, str) or not name:
        raise RecordError(f"a result's name must be text, not {name!r}")
    here = current_cell()
    before = _recorded.get(name)
    # Running the same cell again, as students do, replaces its results; only a second use is a mistake.
    if before is not None and (before[1] == here[1] or here[0] is None or before[0] != here[0]):
        raise RecordError(f"{name!r} is recorded already; each result needs a name of its own")
    _recorded[name] = here
    return name


def current_cell() -> tuple[Any, int]:
    """Which cell is running (None where the front end does not say) and the number of its execution."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is None:
        return None, 0
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    return parent.get("metadata", {}).get("cellId"), shell.execution_count


def storable(name: str, value: Any) -> Any:
    """A value as strict JSON: plain scalars, floats to 6 digits, dates and non-finite numbers spelled out."""
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 and not isinstance(value, date):
        value = value.item()  # NumPy's scalars
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            return {"float": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
        return float(f"{value:.6g}")
    if isinstance(value, date) and value == value:  # NaT is a date that is not equal to itself
        if isinstance(value, datetime):
            if value.time() != datetime.min.time():
                raise RecordError(f"{name!r}: {value} has a time of day; record its date")
            value = value.date()
        return {"date": value.isoformat()}
    raise RecordError(
        f"{name!r}: a value of type {type(value).__module__}.{type(value).__qualname__} cannot be recorded; "
        "give a number, text, bool or date"
    )


def storable_answer(name: str, value: Any) -> Any:
    """An answer as strict JSON: a scalar, a list of them, or a table by columns and rows."""
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        if value.size > MOST_CELLS:
            raise RecordError(f"{name!r}: {value.size:,} cells are more than {MOST_CELLS:,}; answer with fewer")
        rows = [[storable(name, cell) for cell in row] for row in value.itertuples(index=False)]
        return {"columns": [str(column) for column in value.columns], "rows": rows}
    if isinstance(value, pd.Series) or (hasattr(value, "tolist") and getattr(value, "ndim", 0) == 1):
        value = list(value)
    if isinstance(value, list | tuple):
        if len(value) > MOST_CELLS:
            raise RecordError(f"{name!r}: {len(value):,} values are more than {MOST_CELLS:,}; answer with fewer")
        return [storable(name, item) for item in value]
    return storable(name, value)


def publish(stored: dict[str, Any]) -> None:
    """Show a result: strict JSON for machines, a line for readers."""
    from IPython.display import display

    display({MIME_TYPE: stored, "text/plain": sentence(stored)}, raw=True)


def sentence(stored: dict[str, Any]) -> str:
    """A result in one readable line."""
    value = plain(stored["value"])
    shown = f"{value:,.6g}" if isinstance(value, float) else f"{value:,}" if type(value) is int else str(value)
    words = f"{shown} {stored['unit']}" if stored.get("unit") else shown
    if stored.get("low") is not None:
        low, high = plain(stored["low"]), plain(stored["high"])
        words += f" ({stored['level']:.0%} interval {low:,.6g} to {high:,.6g})"
    if stored["kind"] == "decision":
        return f"Decision: {stored['text']}\n{words}, against: {stored['baseline']}"
    return f"{stored['name']}: {words}"


def plain(value: Any) -> Any:
    """The Python value that a stored one means."""
    if isinstance(value, dict) and "float" in value:
        return float(value["float"].replace("Infinity", "inf"))
    if isinstance(value, dict) and "date" in value:
        return date.fromisoformat(value["date"])
    if isinstance(value, dict) and "rows" in value:
        import pandas as pd

        rows = [[plain(cell) for cell in row] for row in value["rows"]]
        return pd.DataFrame(rows, columns=value["columns"])
    return [plain(item) for item in value] if isinstance(value, list) else value


def stored_results(notebook: str | Path | NotebookNode) -> Iterator[dict[str, Any]]:
    """What a notebook's outputs record, in order, as stored: a decision with its text and baseline, too."""
    for cell in read_cells(notebook) if isinstance(notebook, str | Path) else notebook.cells:
        for output in cell.get("outputs", []):
            stored = output.get("data", {}).get(MIME_TYPE)
            if stored is not None:
                yield cast(dict[str, Any], stored)


def results(notebook: str | Path | NotebookNode) -> pd.DataFrame:
    """What a notebook recorded, one row a result.

    Parameters
    ----------
    notebook : path, or a notebook that nbformat has read
        An executed one; without outputs the table is empty.

    Returns
    -------
    DataFrame
        name, value, unit, low, high, level, kind. Values are plain Python ones; `level` is missing where there is
        no interval.

    Raises
    ------
    NotebookError
        Not a notebook.
    RecordError
        Two results of the same name.
    """
    import pandas as pd

    rows = [[plain(stored.get(column)) for column in COLUMNS] for stored in stored_results(notebook)]
    table = pd.DataFrame(rows, columns=COLUMNS, dtype=object)
    if (twice := table["name"][table["name"].duplicated()]).size:
        raise RecordError(f"{twice.iloc[0]!r} is recorded twice in this notebook")
    return table
