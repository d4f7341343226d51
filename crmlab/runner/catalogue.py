"""What the runs of a sweep gave, as their own folders tell it: there is no index that could disagree with them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmlab.runner.comparison import Comparison, Run, comparison, shown, table_lines
from crmlab.runner.notebooks import write_whole
from crmlab.runner.records import plain

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
STATUSES = ("done", "failed", "interrupted", "running")
FACTS = {"id", "notebook", "notebook_sha256", "parameters", "files", "crmlab_sha256", "versions_sha256", "started"}
OUTCOME = {"status", "error", "results"}
DECLARED = {"notebook_sha256", "crmlab_sha256", "versions_sha256", "study", "cases", "repeat", "registered"}
FIRST = ["id", "status", "notebook"]
HASHES = ["notebook_sha256", "crmlab_sha256", "versions_sha256"]
LAST = ["error", "cell", "started", "seconds", *HASHES, "commit", "dirty", "data", "superseded", "changed", "deviates"]
RESULT = ["name", "value", "low", "high", "unit", "level", "kind"]
OF_A_RESULT = {"": "value", ".low": "low", ".high": "high", ".unit": "unit", ".kind": "kind"}  # columns of `runs`
TEXTS = {"name", "unit", "kind", "text"}
ENDINGS = (".parquet", ".csv")
MOST_ROWS, WIDEST = 40, 118  # of what is printed


class SweepError(ValueError):
    """A folder that is not a sweep's, a run in it that cannot be read, or a run that is not there."""


# ------------------------------------------------------------------------------------------------------- the catalogue


class Catalogue:
    """All runs in the folder of a sweep, read when this is made.

    Parameters
    ----------
    folder : path
        As `crmlab sweep --out` was given it.

    Attributes
    ----------
    folder : Path
    registered : dict or None
        The study that was declared before it was run.
    parameters : list of str
        Columns of `runs` and `results` that hold parameters. One that has the name of another column there is
        called `parameter.NAME`.
    runs : DataFrame, one row a run, by the time it began
        id, status (done, failed, interrupted, running), notebook; the parameters; each recorded result by its name,
        with `NAME.low`, `NAME.high`, `NAME.unit`, `NAME.kind`, and `decision.text`; error, cell, started (UTC),
        seconds, notebook_sha256, crmlab_sha256, versions_sha256, commit, dirty, data. `superseded`: a later run has
        the same parameter values. `changed`: what differs from the run before it of the same values. `deviates`: how
        it departs from the registered study, where there is one. A result whose name is taken is `result.NAME`.
    results : DataFrame, one row a recorded result
        id, status, the parameters; name, value, low, high, unit, level, kind.

    Raises
    ------
    SweepError
        No such folder, not a sweep's, of another version of crmlab, or with a run that cannot be read.

    Notes
    -----
    Columns have the type of their values: whole numbers stay whole where some are missing, and a column of several
    types holds them as they are.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.check(self.folder)
        self.registered = checked(self.folder / "registered.json", DECLARED)
        self._runs = read_runs(self.folder / "runs")
        tell_history(self._runs)
        if self.registered is not None:
            tell_departures(self._runs, self.registered)
        taken = {*FIRST, *LAST, *RESULT}
        names = dict.fromkeys(name for run in self._runs for name in run["parameters"])
        self._columns = {name: f"parameter.{name}" if name in taken else name for name in names}
        self.parameters = list(self._columns.values())

    @staticmethod
    def check(folder: str | Path) -> None:
        """Refuse a folder that is not a sweep's.

        Raises
        ------
        SweepError
            No such folder, a file, not a sweep's, or of another version of crmlab.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise SweepError(f"{folder}: " + ("a file, not a folder" if folder.exists() else "there is no such folder"))
        if read_json(folder / "sweep.json") is None:
            raise SweepError(f"{folder}: not the folder of a sweep (no sweep.json in it); crmlab sweep --out makes one")

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row a run."""
        import pandas as pd

        runs = self._runs
        table = {name: text([run[name] for run in runs]) for name in FIRST}
        table |= self._parameter_columns(runs)
        table |= self._result_columns(set(table) | set(LAST))
        for name in ("error", "commit", "changed", "deviates", *HASHES):
            table[name] = text([run.get(name) for run in runs])
        table["cell"] = pd.Series([run.get("cell") for run in runs], dtype="Int64")
        table["started"] = pd.to_datetime(pd.Series([run["started"] for run in runs]), utc=True, format="ISO8601")
        table["seconds"] = pd.Series([run.get("seconds") for run in runs], dtype="float64")
        table["dirty"] = pd.Series([run.get("dirty") for run in runs], dtype="boolean")
        table["data"] = text(
            ["; ".join(f"{one['name']} {one['sha256'][:12]}" for one in run.get("data", [])) for run in runs]
        )
        table["superseded"] = pd.Series([run["superseded"] for run in runs], dtype="bool")
        last = LAST if self.registered is not None else LAST[:-1]
        return pd.DataFrame(table)[[name for name in table if name not in LAST] + last]

    @cached_property
    def results(self) -> pd.DataFrame:
        """One row a recorded result."""
        import pandas as pd

        rows = [(run, stored) for run in self._runs for stored in run.get("results", [])]
        runs = [run for run, _ in rows]
        table = {name: text([run[name] for run in runs]) for name in ("id", "status")}
        table |= self._parameter_columns(runs)
        for name in RESULT:
            make = text if name in TEXTS else column
            table[name] = make([stored.get(name) for _, stored in rows])
        return pd.DataFrame(table)

    def write(self, path: str | Path, *, long: bool = False) -> None:
        """Write `runs`, or with `long` `results`, to a file that ends in .parquet or .csv.

        CSV keeps no types. In Parquet, columns of several types become text.

        Raises
        ------
        SweepError
            Another ending.
        """
        import pandas as pd

        path, table = Path(path), self.results if long else self.runs
        if path.suffix not in ENDINGS:
            raise SweepError(f"{path}: name a file that ends in {' or '.join(ENDINGS)}")
        if path.suffix == ".csv":
            return write_whole(path, table.to_csv(index=False, lineterminator="\n").encode("utf-8"))
        columns = {
            name: values
            if str(values.dtype) != "object"
            else text([None if one is None else str(one) for one in values])
            for name, values in table.items()
        }
        write_whole(path, pd.DataFrame(columns).to_parquet(index=False))

    def compare(self, before: str, after: str) -> Comparison:
        """What changed from one run to another, and how the results moved.

        Parameters
        ----------
        before, after : str
            Ids, or as much of their beginning as names one run.

        Raises
        ------
        SweepError
            No run, or several, of that id.
        """
        return comparison(self.folder, self._named(before), self._named(after))

    def __str__(self) -> str:
        """What there is, in lines of at most 118 characters."""
        return "\n".join(summary(self.folder, self._runs, self.registered))

    def __repr__(self) -> str:
        return f"Catalogue({str(self.folder)!r}): {in_words(self._runs)}"

    def _named(self, beginning: str) -> Run:
        found = [run for run in self._runs if run["id"].startswith(beginning)]
        if len(found) == 1:
            return found[0]
        known = [run["id"] for run in found or self._runs]
        some = ", ".join(known[:5]) + (f" and {len(known) - 5:,} more" if len(known) > 5 else "")
        what = f"{len(found):,} runs begin with" if found else "there is no run"
        raise SweepError(f"{self.folder}: {what} {beginning!r}. Give one of: {some or 'none, there are no runs'}")

    def _parameter_columns(self, runs: list[Run]) -> dict[str, pd.Series]:
        return {to: column([run["parameters"].get(name) for run in runs]) for name, to in self._columns.items()}

    def _result_columns(self, taken: set[str]) -> dict[str, pd.Series]:
        """Each recorded result with its interval, unit and kind; of a decision, its sentence."""
        recorded = [{stored["name"]: stored for stored in run.get("results", [])} for run in self._runs]
        table: dict[str, pd.Series] = {}
        for name in dict.fromkeys(name for run in recorded for name in run):
            stored = [run.get(name, {}) for run in recorded]
            parts = OF_A_RESULT | ({".text": "text"} if any("text" in one for one in stored) else {})
            free = taken.isdisjoint(name + ending for ending in parts)
            prefix = "" if free else "result."
            for ending, part in parts.items():
                make = text if part in TEXTS else column
                table[prefix + name + ending] = make([one.get(part) for one in stored])
            taken |= table.keys()
        return table


def text(values: list[str | None]) -> pd.Series:
    """Texts as a column."""
    import pandas as pd

    return pd.Series(values, dtype="str")


def column(stored: list[Any]) -> pd.Series:
    """Stored values as a column of their type; of several types, as they are."""
    import pandas as pd

    special = {dict, list} & set(map(type, stored))  # as dates are stored, and what is no finite number
    values = [plain(value) for value in stored] if special else stored
    kinds = set(map(type, values))
    missing = type(None) in kinds
    types = {
        frozenset(): "float64",
        frozenset({float}): "float64",
        frozenset({int, float}): "float64",  # 0 among 0.5 and 1.5 is no other type
        frozenset({int}): "Int64" if missing else "int64",
        frozenset({bool}): "boolean" if missing else "bool",
        frozenset({str}): "str",
        frozenset({date}): "datetime64[us]",
    }
    try:
        return pd.Series(values, dtype=types.get(frozenset(kinds - {type(None)}), "object"))
    except OverflowError:  # whole numbers of more than 64 bits
        return pd.Series(values, dtype="object")


# --------------------------------------------------------------------------------------------------------- the folders


def read_json(path: Path) -> dict[str, Any] | None:
    """What a file of ours says; None where there is none."""
    of_a_run = path.name in ("run.json", "started.json")
    remedy = f"delete {path.parent} and sweep again" if of_a_run else "put a copy of it in its place"
    try:
        said = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise SweepError(f"{path}: damaged, no JSON ({error}); {remedy}") from None
    if not isinstance(said, dict):
        raise SweepError(f"{path}: damaged, a {type(said).__name__} and no mapping; {remedy}")
    if said.get("format") != FORMAT:
        raise SweepError(
            f"{path}: of format {said.get('format')!r}, written by another version of crmlab; this one reads format "
            f"{FORMAT}. Read it with that version, or sweep into another folder."
        )
    return said


def read_runs(folder: Path) -> list[Run]:
    """All runs, by the time they began. Other files, and folders of runs that had not begun, are passed over."""
    import os

    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        read = [read_run(Path(entry)) for entry in entries if entry.is_dir()]
    return sorted((run for run in read if run), key=lambda run: (datetime.fromisoformat(run["started"]), run["id"]))


def read_run(folder: Path) -> Run | None:
    """One run: run.json where it has ended, else started.json; None where it had not begun."""
    run = ended(folder)
    if run is None:
        begun = checked(folder / "started.json", FACTS)
        if begun is None:
            return None
        # A run may end between the two looks.
        run = begun | {"status": "running"} if is_held(folder / "lock") else ended(folder)
        run = run or begun | {"status": "interrupted"}
    if run["id"] != folder.name:
        raise SweepError(f"{folder}: holds the run {run['id']}, perhaps as a copy; give it that name, or move it away")
    return run


def ended(folder: Path) -> Run | None:
    """A run that is done or failed."""
    return checked(folder / "run.json", FACTS | OUTCOME)


def checked(path: Path, wanted: set[str]) -> Run | None:
    """What a file says of a run, all of it."""
    said = read_json(path)
    if said is not None and (missing := wanted - said.keys()):
        raise SweepError(f"{path}: damaged, without {min(missing)!r}; put a whole copy of it in its place")
    return said


def is_held(lock: Path) -> bool:
    """Whether somebody is at work on a run."""
    from filelock import FileLock, Timeout

    if not lock.exists():
        return False
    try:
        with FileLock(lock).acquire(blocking=False):
            return False
    except Timeout:
        return True
    except PermissionError:  # a folder that may only be read is one that nobody sweeps into from here
        return False


# ----------------------------------------------------------------------------------------------- one run after another


def values_of(parameters: Mapping[str, Any]) -> frozenset[tuple[str, bool, Any]]:
    """Parameter values as a key: 1 and 1.0 are the same, 1 and True are not."""
    return frozenset((name, isinstance(value, bool), value) for name, value in parameters.items())


def tell_history(runs: list[Run]) -> None:
    """Say of each run whether a later one has its notebook and values, and what changed since the one before."""
    latest: dict[Any, Run] = {}
    for run in runs:
        key = run["notebook"], values_of(run["parameters"])
        before = latest.get(key)
        run["superseded"], run["changed"] = False, ""
        if before is not None:
            before["superseded"], run["changed"] = True, ", ".join(differences(before, run))
        latest[key] = run


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What differs between two runs beside the parameters."""
    words = [name.removesuffix("_sha256") for name in HASHES if before[name] != after[name]]
    names = [
        name for name in {**before["files"], **after["files"]} if before["files"].get(name) != after["files"].get(name)
    ]
    return words + [f"{name}'s file" for name in names]


def by_content(one: Mapping[str, Any], without: str | None = None) -> frozenset[tuple[str, bool, Any]]:
    """Parameter values as a key in which files count by their content, wherever they lie."""
    values = {**one["parameters"], **one["files"]}
    return values_of({name: value for name, value in values.items() if name != without})


def tell_departures(runs: list[Run], registered: Run) -> None:
    """Say of each run how it departs from the registered study; an empty text where it does not."""
    cases, repeat, planned = registered["cases"], registered["repeat"], "until_error" in registered["study"]

    registered_as = {by_content(case) for case in cases}
    repeated = {by_content(case, repeat) for case in cases} if repeat else set()
    files = {values_of(case["parameters"]): case["files"] for case in cases}
    for run in runs:
        known = run["files"] if by_content(run) in registered_as else files.get(values_of(run["parameters"]))
        words = differences({**registered, "files": run["files"] if known is None else known}, run)
        if known is None:
            again = by_content(run, repeat) in repeated
            words += ([] if planned else ["a further repeat"]) if again else ["not a registered case"]
        if datetime.fromisoformat(run["started"]) < datetime.fromisoformat(registered["registered"]):
            words.append("run before it was registered")
        run["deviates"] = ", ".join(words)


# ----------------------------------------------------------------------------------------------------------- in print


def in_words(runs: list[Run]) -> str:
    """How many runs there are, of what, and what came of them."""
    counts = Counter(run["status"] for run in runs)
    told = [f"{counts[status]:,} {status}" for status in STATUSES if counts[status]]
    if older := sum(run["superseded"] for run in runs):
        told.append(f"{older:,} superseded by a later run of the same case")
    notebooks = ", ".join(sorted({run["notebook"] for run in runs}))
    return f"{len(runs):,} run{'' if len(runs) == 1 else 's'}" + (f" of {notebooks}: {', '.join(told)}" if runs else "")


def summary(folder: Path, runs: list[Run], registered: Run | None) -> Iterator[str]:
    """The lines that `crmlab runs` prints."""
    yield f"{folder}: {in_words(runs)}"
    if registered is not None:
        yield from study_lines(registered, runs)
    if current := [run for run in runs if not run["superseded"]]:
        yield ""
        yield from overview_lines(current, (registered or {}).get("study", {}).get("primary") or usual_result(current))
    if failed := [run for run in current if run["status"] == "failed"]:
        yield ""
        lines = failure_lines(failed)
        yield from [*lines[:MOST_ROWS], *left_out(len(lines))]


def failure_lines(failed: list[Run]) -> list[str]:
    """A line an error: how many runs it stopped, and the first of them."""
    stopped: dict[str, list[str]] = {}
    for run in failed:
        stopped.setdefault(" ".join(str(run["error"]).split()), []).append(run["id"][:8])
    lines = []
    for error, ids in stopped.items():
        more = f" and {len(ids) - 1:,} more" if len(ids) > 1 else ""
        line = f"{ids[0]}{more} failed: {error}"
        lines.append(line if len(line) <= WIDEST else f"{line[: WIDEST - 3]}...")
    return lines


def study_lines(registered: Run, runs: list[Run]) -> Iterator[str]:
    """What was declared of a study, and how far the runs keep to it."""
    declared = registered["study"]
    yield f"Registered study: {declared.get('question', '(no question)')}"
    yield f"  primary result: {declared['primary']}; rule: {declared['rule']}"
    cases = set(map(by_content, registered["cases"]))
    kept = {by_content(run) for run in runs if run["status"] == "done" and not run["deviates"]}
    departed = Counter(run["deviates"] for run in runs if run["deviates"])
    yield f"  {len(cases & kept):,} of {len(cases):,} cases are done as registered; {departed.total():,} runs deviate"
    for how, many in departed.most_common(5):
        yield f"    {many:,}: {how}"


def overview_lines(runs: list[Run], primary: str | None) -> Iterator[str]:
    """A row a run: the parameters that vary, as many as find room, and one result."""
    names = dict.fromkeys(name for run in runs for name in run["parameters"])
    different = {name: len({run["parameters"].get(name) for run in runs}) for name in names}
    varying = [(name, number) for name, number in different.items() if number > 1]
    few = runs[:MOST_ROWS]
    recorded = [{stored["name"]: stored for stored in run.get("results", [])}.get(primary, {}) for run in few]
    intervals = [[shown(plain(stored.get(end))) for end in ("low", "high")] for stored in recorded]
    last: list[tuple[str, list[Any]]] = [
        (primary or "(no results)", [plain(stored.get("value")) for stored in recorded]),
        ("interval", [f"{low} to {high}" if low else None for low, high in intervals]),
        ("unit", [stored.get("unit") for stored in recorded]),
        ("status", [run["status"] for run in few]),
    ]
    for room in range(len(varying), -1, -1):
        values = [(name, [run["parameters"].get(name) for run in few]) for name, _ in varying[:room]]
        lines = table_lines([("id", [run["id"][:8] for run in few]), *values, *last])
        if max(map(len, lines)) <= WIDEST:
            break
    yield from [*lines, *left_out(len(runs))]
    if unshown := [f"{name} ({number} values)" for name, number in varying[room:]]:
        yield f"Also varying: {', '.join(unshown)}"


def usual_result(runs: list[Run]) -> str | None:
    """The decision where there is one, else the result that was recorded first."""
    names = [stored["name"] for run in runs for stored in run.get("results", [])]
    return "decision" if "decision" in names else next(iter(names), None)


def left_out(number: int) -> list[str]:
    """What is said in place of the lines after the first."""
    return [f"... and {number - MOST_ROWS:,} more; --out writes all"] if number > MOST_ROWS else []
