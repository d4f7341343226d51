"""Sweeps: a notebook run for many cases, on several processes or a cluster, each run once, and none lost.

A sweep is a folder::

    sweep.json                  what makes it a sweep's
    registered.json             of a study that was declared before it was run
    notebooks/<sha256>.ipynb    the notebook as it was; this copy is run
    versions/<sha256>.json      what was installed
    runs/<id>/started.json      an attempt has begun
    runs/<id>/run.json          the run has ended, done or failed: written last, and whole
    runs/<id>/notebook.ipynb    as executed
    runs/<id>/unfinished.ipynb  of an attempt that was interrupted
    runs/<id>/lock              held by whoever runs it

A run's id is made of all that its results depend on: the notebook's source, the parameters (a file by its content),
crmlab's own files and the installed versions. So a run that is there is the run that would be done again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import statistics
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from crmlab.runner.cases import MANY, Case, Study, StudyError, in_words, read_study, study_of
from crmlab.runner.catalogue import FORMAT, Catalogue, SweepError
from crmlab.runner.execution import NO_LIMITS, Limits, execute
from crmlab.runner.inputs import Parameter, checked, parameters
from crmlab.runner.notebooks import notebook_bytes, read_notebook, source_hash, write_whole
from crmlab.runner.provenance import file_hash, git_state, sources_hash, versions
from crmlab.runner.records import plain, stored_results
from crmlab.runner.simulation_study import monte_carlo_error
from crmlab.runner.workers import Tell, WorkerDied, Workers

Outcome = dict[str, Any]  # status, error, cell, seconds, data, results: what run.json adds to started.json

UNFINISHED = "unfinished.ipynb"
RECENT = 50  # runs that an estimate of time looks at
LOOK_AGAIN = 0.2  # seconds until a run that another sweep does is looked at again


@dataclass(frozen=True)
class Task:
    """One run to do.

    Attributes
    ----------
    folder : Path
        Of the run, `runs/<id>`.
    notebook : Path
        The copy that the sweep keeps.
    given : dict
        The parameters that are set.
    started : dict
        What `started.json` says: id, notebook, parameters, where all of it came from.
    limits : Limits
    installed : dict of str to str
        Python and every package, with their versions.
    seen : int or None
        When its `run.json` was written (nanoseconds), as the sweep was planned; None where there was none.
    """

    folder: Path
    notebook: Path
    given: Case
    started: dict[str, Any]
    limits: Limits
    installed: dict[str, str]
    seen: int | None = None

    @property
    def id(self) -> str:
        """What its folder is called."""
        return self.folder.name


@dataclass(frozen=True)
class Plan:
    """What a sweep will do.

    Attributes
    ----------
    tasks : list of Task
        One a case.
    todo : list of Task
        Those that are not done yet.
    seconds : float or None
        What a run took so far (the median); None when there was none.
    """

    tasks: list[Task]
    todo: list[Task]
    seconds: float | None


class Executor(Protocol):
    """What runs tasks: processes here, or a cluster."""

    @property
    def room(self) -> int:
        """How many more tasks it takes now."""

    def submit(self, task: Task) -> None:
        """Have a task done."""

    def finished(self, seconds: float) -> list[tuple[Task, Outcome | WorkerDied]]:
        """The tasks that ended since, after waiting so long for the first."""


def sweep(
    notebook: str | Path,
    cases: Sequence[Mapping[str, Any]] | Mapping[str, Any] | str | Path | Study,
    out: str | Path,
    *,
    workers: int | None = None,
    timeout: float | None = None,
    memory: float | None = None,
    force: bool = False,
    scheduler: str | None = None,
    until_error: float | None = None,
) -> Catalogue:
    """Run a notebook for each of several cases; what is done already is not done again.

    Parameters
    ----------
    notebook : path
    cases : list of dicts of parameters; or the parts of a study (cases, zip, grid, draw, repeat), or a file of them
    out : folder
        Of the sweep: a new or empty one, or one that goes on.
    workers : int, optional
        Processes at once; the cores of this machine by default.
    timeout : float, optional
        Seconds that a run may take.
    memory : float, optional
        Megabytes (10^6 bytes) that a run's kernel may take.
    force : bool
        Do again what is done.
    scheduler : str, optional
        Address of a Dask scheduler, such as tcp://host:8786; its workers run the cases then.
    until_error : float, optional
        Repeat until the Monte Carlo error of the study's primary result is at most this in every case.

    Returns
    -------
    Catalogue
        Of the whole folder. A run that failed is a row with its error; the others went on.

    Raises
    ------
    ParameterError
        A parameter or value that the notebook does not allow, with its case. Nothing was run.
    StudyError
        No cases, two that are the same, or a file of cases that cannot be read.
    SweepError
        `out` is something else than a sweep's folder.
    NotebookError
        As `crmlab.runner.run`.
    KeyboardInterrupt
        Nothing is left running; what ended is kept, and the same call goes on.

    Examples
    --------
    Three runs, and a table of them::

        parts = {"grid": {"discount_rate": [0.05, 0.10, 0.15]}}
        sweep("notebooks/08_lifetime_value.ipynb", parts, "runs/discount").runs
    """
    limits = Limits(timeout, memory)
    rounds = plans(notebook, study_from(cases), out, limits=limits, force=force, until_error=until_error)
    first = next(rounds)
    with executor(workers, scheduler) as machine:
        for plan in chain([first], rounds):
            for _ in carried_out(plan.todo, machine):
                pass
    return Catalogue(out)


def study_from(cases: Sequence[Mapping[str, Any]] | Mapping[str, Any] | str | Path | Study) -> Study:
    """The study that a list of cases, a mapping of parts or a file describes."""
    if isinstance(cases, Study):
        return cases
    if isinstance(cases, str | Path):
        return read_study(Path(cases))
    return study_of(cases if isinstance(cases, Mapping) else {"cases": list(cases)})


def executor(workers: int | None, scheduler: str | None) -> Any:
    """What runs tasks: a context manager."""
    if scheduler is not None:
        from crmlab.runner.cluster import Cluster

        return Cluster(scheduler)
    return Workers(workers or os.cpu_count() or 1, run_here)


# ---------------------------------------------------------------------------------------------------------- the plan


def planned(
    notebook: str | Path,
    study: Study,
    out: str | Path,
    *,
    limits: Limits = NO_LIMITS,
    force: bool = False,
) -> Plan:
    """The runs of a study, each checked, in a folder that is made or found to be a sweep's; nothing is run.

    Raises
    ------
    As `sweep`.
    """
    notebook, folder = Path(notebook), Path(out)
    declared = parameters(notebook)
    cases = study.cases(declared)
    node, installed = read_notebook(notebook), versions()
    listed = json.dumps(installed, indent=1, sort_keys=True).encode()
    origin = {
        "notebook": notebook.name,
        "notebook_sha256": source_hash(node),
        "crmlab_sha256": sources_hash(),
        "versions_sha256": hashlib.sha256(listed).hexdigest(),
        **git_state(notebook.resolve().parent),
    }
    copy = folder.resolve() / "notebooks" / f"{origin['notebook_sha256']}.ipynb"
    hashes: dict[str, str] = {}
    tasks = []
    for case in cases:
        filled = checked(declared, case)
        files = {name: content_hash(value, hashes) for name, value in filled.items() if declared[name].is_file(value)}
        started = {"format": FORMAT, **origin, "parameters": filled, "files": files}
        started["id"] = run_id(started, declared)
        place = folder.resolve() / "runs" / started["id"]
        tasks.append(Task(place, copy, case, started, limits, installed, written(place)))
    refuse_twins(tasks)
    make_folder(folder)
    write_new(copy, notebook_bytes(node))
    write_new(folder / "versions" / f"{origin['versions_sha256']}.json", listed)
    todo = [task for task in tasks if force or status(task) != "done"]
    return Plan(tasks, todo, seconds_so_far(folder, notebook.name))


def write_new(path: Path, content: bytes) -> None:
    """Write a file that is named for its content, unless it is there."""
    if not path.exists():
        write_whole(path, content)


def make_folder(folder: Path) -> None:
    """Make a sweep's folder, or find that it is one.

    Raises
    ------
    SweepError
        It is a file, holds something else, or is of another format.
    """
    there = [file.name for file in folder.iterdir()] if folder.is_dir() else []
    others = [name for name in there if not name.startswith(".sweep.json.")]  # another sweep begins just now
    if (folder / "sweep.json").exists():
        Catalogue.check(folder)
    elif others or folder.is_file():
        what = "is a file" if folder.is_file() else "has other files in it"
        raise SweepError(f"{folder}: {what} and is not a sweep's folder; name a new or an empty one")
    else:
        write_whole(folder / "sweep.json", json.dumps({"format": FORMAT}).encode())


def content_hash(file: str, known: dict[str, str]) -> str:
    """SHA-256 of a file's content, read once."""
    if file not in known:
        known[file] = file_hash(file)
    return known[file]


def run_id(started: Mapping[str, Any], declared: Mapping[str, Parameter]) -> str:
    """What a run is called: a hash of all that its results depend on."""
    values = {
        name: {"file": started["files"][name]}
        if name in started["files"]
        else float(value)
        if declared[name].type is float and type(value) is int
        else value
        for name, value in started["parameters"].items()
    }
    parts = [values, *(started[part] for part in ("notebook_sha256", "crmlab_sha256", "versions_sha256"))]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def refuse_twins(tasks: Sequence[Task]) -> None:
    """Refuse two cases that are one run: the same values, or files of the same content."""
    first: dict[str, int] = {}
    for number, task in enumerate(tasks, start=1):
        same = first.setdefault(task.id, number)
        if same != number:
            pair = f"{in_words(tasks[same - 1].given)}; {in_words(task.given)}"
            raise StudyError(f"cases {same} and {number} are the same run, with equal values or files: {pair}")


def status(task: Task) -> str | None:
    """How a run ended; None when it has not."""
    try:
        return str(json.loads((task.folder / "run.json").read_text(encoding="utf-8"))["status"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return "broken"  # not by us: it is written whole


def seconds_so_far(folder: Path, notebook: str) -> float | None:
    """The median time of runs of a notebook in a folder, of some that there are; None when there are none."""
    seconds = []
    for file in folder.glob("runs/*/run.json"):
        with suppress(OSError, ValueError, KeyError, TypeError):  # being replaced now, or damaged: no estimate from it
            said = json.loads(file.read_text(encoding="utf-8"))
            if said["notebook"] == notebook and said["status"] == "done":
                seconds.append(said["seconds"])
        if len(seconds) == RECENT:
            break
    return statistics.median(seconds) if seconds else None


# -------------------------------------------------------------------------------------------------- a declared study


def register(notebook: str | Path, study: Study, out: str | Path) -> int:
    """Declare a study before it is run: freeze its notebook, cases, primary result and rule in a new folder.

    Returns
    -------
    int
        The number of cases.

    Raises
    ------
    StudyError
        The study does not say its `primary` result and its `rule`, or the notebook records no such result.
    SweepError
        The folder has runs or a registered study already: a study is declared before its first run.
    """
    notebook, folder = Path(notebook), Path(out)
    declared = declaration(study, notebook)
    if (folder / "registered.json").exists():
        raise SweepError(f"{folder}: a study is registered here already; name another folder")
    if any(folder.glob("runs/*")):
        raise SweepError(f"{folder}: there are runs already; a study is declared before its first run")
    plan = planned(notebook, study, folder)
    first = plan.tasks[0].started
    registered = {
        "format": FORMAT,
        **{name: first[name] for name in ("notebook", "notebook_sha256", "crmlab_sha256", "versions_sha256")},
        "path": str(notebook),
        "study": declared,
        "repeat": study.repeated,
        "cases": [
            {"given": task.given, "parameters": task.started["parameters"], "files": task.started["files"]}
            for task in plan.tasks
        ],
        "registered": now(),
    }
    write_whole(folder / "registered.json", json.dumps(registered, indent=1).encode())
    return len(plan.tasks)


def declaration(study: Study, notebook: Path) -> dict[str, Any]:
    """What a study declares, whole: at least its primary result and its rule."""
    declared = dict(study.declared)
    if missing := [part for part in ("primary", "rule") if not isinstance(declared.get(part), str)]:
        raise StudyError(
            f"a study that is registered says its {missing[0]} under `study:`, in words: "
            "primary, the recorded result that decides, and rule, what will be concluded from it"
        )
    recorded = [result["name"] for result in stored_results(notebook)]
    if recorded and declared["primary"] not in recorded:
        listed = ", ".join(recorded)
        raise StudyError(f"primary: {notebook.name} records no {declared['primary']!r}; it records: {listed}")
    return declared


def registered_study(out: str | Path) -> Study:
    """The study that is registered in a folder, and the path of its notebook.

    Raises
    ------
    SweepError
        There is none.
    """
    file = Path(out) / "registered.json"
    if not file.exists():
        raise SweepError(f"{out}: no study is registered here; say what to run, by -p or --grid")
    said = json.loads(file.read_text(encoding="utf-8"))
    parts = ([case["given"] for case in said["cases"]],)
    return Study(said["path"], parts, said["study"], said["repeat"])


# --------------------------------------------------------------------------------------------------- carrying it out


def carried_out(tasks: Sequence[Task], machine: Executor) -> Iterator[tuple[Task, Outcome]]:
    """Runs and what became of each, as they end.

    A run that another sweep does now is waited for, and not done twice.
    """
    waiting = deque(tasks)
    held: dict[str, FileLock] = {}
    try:
        while waiting or held:
            for _ in range(len(waiting)):
                if not machine.room:
                    break
                task = waiting.popleft()
                lock = lock_of(task)
                if lock is None:
                    waiting.append(task)
                elif written(task.folder) != task.seen:
                    lock.release()
                    yield task, json.loads((task.folder / "run.json").read_text(encoding="utf-8"))
                else:
                    held[task.id] = lock
                    begin(task)
                    machine.submit(task)
            for task, outcome in machine.finished(LOOK_AGAIN):
                ended = as_recorded(task, outcome)
                write_whole(task.folder / "run.json", json.dumps(ended, indent=1).encode())
                held.pop(task.id).release()
                yield task, ended
    finally:
        for lock in held.values():
            lock.release()


def written(folder: Path) -> int | None:
    """When a run's end was written, in nanoseconds; None when it was not."""
    try:
        return (folder / "run.json").stat().st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return None


def lock_of(task: Task) -> FileLock | None:
    """The lock of a run, held; None when another sweep holds it."""
    task.folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(task.folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock


def begin(task: Task) -> None:
    """Clear what an attempt before left unfinished, and write that this one has begun.

    What one before finished stays until this one has, so that doing a run again loses nothing.
    """
    (task.folder / UNFINISHED).unlink(missing_ok=True)
    for left in task.folder.glob("crmlab-*"):
        shutil.rmtree(left)
    for left in task.folder.glob(".*.json.*"):  # half written
        left.unlink()
    started = task.started | {"started": now()}
    write_whole(task.folder / "started.json", json.dumps(started, indent=1).encode())


def now() -> str:
    """The time, as it is written."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def as_recorded(task: Task, outcome: Outcome | WorkerDied) -> Outcome:
    """What `run.json` says: what was started, and what became of it."""
    if isinstance(outcome, WorkerDied):
        outcome = failed(str(outcome))
    values, files = task.started["parameters"], task.started["files"]
    if changed := [name for name, was in files.items() if hash_now(values[name]) != was]:
        outcome = outcome | failed(f"{changed[0]}: {values[changed[0]]} was changed while the sweep went on")
    started = json.loads((task.folder / "started.json").read_text(encoding="utf-8"))
    return started | outcome


def hash_now(file: str) -> str | None:
    """SHA-256 of a file's content; None when it has gone."""
    try:
        return file_hash(file)
    except OSError:
        return None


def failed(error: str) -> Outcome:
    """The outcome of a run that came to nothing."""
    return {"status": "failed", "error": error, "cell": None, "seconds": 0.0, "data": [], "results": []}


def run_here(task: Task, tell: Tell) -> Outcome:
    """A run in a worker of this machine, with what is temporary in the run's folder."""
    tempfile.tempdir = str(task.folder)
    return attempt(task)


def attempt(task: Task) -> Outcome:
    """Run a task's notebook and leave it, executed, in the run's folder."""
    origin = {name: task.started[name] for name in ("notebook", "commit", "dirty")} | {"versions": task.installed}
    unfinished = task.folder / UNFINISHED
    one = execute(task.notebook, unfinished, task.given, limits=task.limits, origin=origin)
    executed = unfinished.replace(task.folder / "notebook.ipynb")
    return {
        "status": one.status,
        "error": one.error,
        "cell": one.cell,
        "seconds": round(one.seconds, 3),
        "data": one.provenance["data"],
        "results": list(stored_results(executed)),
    }


# ------------------------------------------------------------------------------------------- until the error is small


def plans(
    notebook: str | Path,
    study: Study,
    out: str | Path,
    *,
    limits: Limits = NO_LIMITS,
    force: bool = False,
    until_error: float | None = None,
) -> Iterator[Plan]:
    """What to run: the study's cases; then, each time those are done, more repeats until the error is small enough.

    The error is the Monte Carlo error of the study's primary result: the standard error of its mean over the repeats,
    less its truth where the study names one. As many repeats are added as there were, to the cases above it.

    Raises
    ------
    StudyError
        There is no `repeat` of two or more, no primary result, or MANY runs are not enough.
    """
    until_error = until_error if until_error is not None else study.declared.get("until_error")
    if until_error is not None and (study.repeated is None or "primary" not in study.declared):
        raise StudyError("until an error is small: the study needs `repeat:`, and under `study:` its `primary` result")
    plan = planned(notebook, study, out, limits=limits, force=force)
    tasks = plan.tasks
    yield plan
    while until_error is not None and (more := further_cases(study, tasks, until_error)):
        if len(tasks) + len(more) > MANY:
            raise StudyError(f"{len(tasks):,} runs did not bring the error down to {until_error:g}; ask for less")
        plan = planned(notebook, Study(parts=(more,)), out, limits=limits, force=force)
        tasks = tasks + plan.tasks
        yield plan


def further_cases(study: Study, tasks: Sequence[Task], error: float) -> list[Case]:
    """More repeats, as many again as there were, of the cases whose error is still above `error`."""
    import numpy as np

    seed = study.repeated
    assert seed is not None
    more = []
    for case in by_case(tasks, seed):
        estimates = [deviation for task in case if (deviation := estimate(task, study.declared)) is not None]
        if len(estimates) < 2:
            continue  # nothing to judge by: failed, or never repeated
        if monte_carlo_error(np.array(estimates)) > error:
            last = max(task.given[seed] for task in case)
            more += [case[0].given | {seed: last + one} for one in range(1, len(case) + 1)]
    return more


def by_case(tasks: Sequence[Task], seed: str) -> list[list[Task]]:
    """Tasks that differ in the seed alone, together."""
    groups: dict[str, list[Task]] = {}
    for task in tasks:
        rest = {name: value for name, value in task.given.items() if name != seed}
        groups.setdefault(json.dumps(rest, sort_keys=True), []).append(task)
    return list(groups.values())


def estimate(task: Task, declared: Mapping[str, Any]) -> float | None:
    """The primary result of a run that is done, less its truth; None for another.

    Raises
    ------
    StudyError
        The run has no such number.
    """
    said = json.loads((task.folder / "run.json").read_text(encoding="utf-8"))
    if said["status"] != "done":
        return None
    there = {**said["parameters"], **{result["name"]: plain(result["value"]) for result in said["results"]}}

    def number(named: Any) -> float:
        value = there.get(named) if isinstance(named, str) else named
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise StudyError(f"{named!r} is no number in run {task.id} ({in_words(task.given)})")
        return value

    return number(declared["primary"]) - number(declared.get("truth", 0))
