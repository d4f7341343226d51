"""A sweep's runs on a Dask cluster.

The client plans the sweep and writes its folder. Tasks go to the workers by Dask, which gives a task to another worker
when one dies. No disk is shared: a worker that lacks a task's notebook or a data file asks the client for it, gets it
once, and keeps it by its content; the executed notebook comes back with the outcome. What is installed must be the same
on both sides, as a run's id is a hash of it.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import uuid4

from crmlab.runner.catalogue import SweepError
from crmlab.runner.execution import KERNEL_ENVIRONMENT
from crmlab.runner.kernels import warm_process
from crmlab.runner.notebooks import write_whole
from crmlab.runner.provenance import file_hash, sources_hash, versions
from crmlab.runner.workers import WorkerDied, Workers

if TYPE_CHECKING:
    from distributed import Client, Future, Worker

    from crmlab.runner.sweeps import Outcome, Task

PATIENCE = 10  # seconds for a scheduler to answer
COUNT = 1  # seconds between counts of the workers
ALONE = 60  # seconds that a sweep goes on without any worker
IDLE = 10  # seconds that a worker keeps its processes for another run
LOOK = 0.1  # seconds between looks whether a file has come, and whether a run is still wanted
CHUNK = 1 << 24  # bytes of a file that are sent at once

SHOWN = 10  # differences of versions in a message


@dataclass(frozen=True)
class Order:
    """A task for a worker.

    Attributes
    ----------
    task : Task
        Its paths are the client's.
    files : dict of str to str
        The SHA-256 of its notebook and of each data file that a parameter names, by path.
    topic : str
        Of Dask's events, under which a worker asks for files.
    """

    task: Task
    files: dict[str, str]
    topic: str


@dataclass(frozen=True)
class Request:
    """A file that a worker asks for."""

    worker: str
    file: str
    digest: str


@dataclass(frozen=True)
class Ended:
    """How a run ended, and the executed notebook, if it came to one."""

    outcome: Outcome | WorkerDied
    notebook: bytes | None


# ---------------------------------------------------------------------------------------------------------- the client


class Cluster:
    """The workers of a Dask scheduler, as a sweep drives them; a context manager.

    Parameters
    ----------
    address : str
        Of the scheduler, such as tcp://host:8786.

    Raises
    ------
    SweepError
        On entering: distributed is not installed, the scheduler does not answer, it has no workers, or what is
        installed on one of them is not what is installed here.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._tasks: dict[Future, Task] = {}
        self._news: SimpleQueue[Future | Request] = SimpleQueue()
        self._threads, self._counted, self._alone_since = 0, -math.inf, -math.inf

    def __enter__(self) -> Cluster:
        self._client = connected(self.address)
        try:
            self._count_threads()
            self._check_versions()
            self._topic = f"crmlab-{self._client.id}"
            self._client.subscribe_topic(self._topic, lambda event: self._news.put(Request(**event[1])))
        except BaseException:
            self._client.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()  # the scheduler forgets this client's tasks, and tells the workers

    @property
    def room(self) -> int:
        """How many more tasks it takes now: one for each thread of a worker."""
        return max(self._threads - len(self._tasks), 0)

    def submit(self, task: Task) -> None:
        """Have a task done by a worker."""
        files = {file: task.started["files"][name] for name, file in data_files(task).items()}
        order = Order(task, files | {str(task.notebook): kept_hash(task.notebook)}, self._topic)
        future = self._client.submit(done_here, order, key=f"crmlab-{task.id}-{uuid4().hex}", pure=False)
        self._tasks[future] = task
        future.add_done_callback(self._news.put)

    def finished(self, seconds: float) -> list[tuple[Task, Outcome | WorkerDied]]:
        """The next task that ended, and what came of it, if one did within so many seconds.

        Raises
        ------
        SweepError
            The scheduler or all workers have gone, or a worker cannot do runs.
        OSError
            The executed notebook cannot be written.
        """
        if time.monotonic() - self._counted > COUNT:
            self._count_threads()
        try:
            news = self._news.get(timeout=seconds)
        except Empty:
            return []
        if isinstance(news, Request):
            self._give(news)
            return []
        task, ended = self._tasks.pop(news), self._answer(news)
        if ended.notebook is not None:
            write_whole(task.folder / "notebook.ipynb", ended.notebook)
        return [(task, ended.outcome)]

    def _answer(self, future: Future) -> Ended:
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker

        try:
            error = future.exception()
            if error is None:
                ended: Ended = future.result()
                return ended
        except (FutureCancelledError, OSError) as lost:
            raise self._gone() from lost
        if isinstance(error, KilledWorker):
            deaths = error.allowed_failures + 1
            return Ended(
                WorkerDied(f"the Dask worker that ran it died, {deaths} times (out of memory, or killed)"), None
            )
        if isinstance(error, SweepError):
            raise error
        raise SweepError(f"a worker of {self.address} cannot do runs: {type(error).__name__}: {error}") from error

    def _give(self, asked: Request) -> None:
        """Send a worker the file that it asked for, piece by piece."""
        from distributed.comm import CommClosedError

        transfer, name = uuid4().hex, Path(asked.file).name
        with open(asked.file, "rb") as content:
            piece = b"first"
            while piece:  # the last one is empty
                piece = content.read(CHUNK)
                try:
                    answer = self._client.run(
                        take, transfer, piece, name, asked.digest, workers=[asked.worker], on_error="return"
                    )[asked.worker]
                except OSError as error:
                    raise self._gone() from error
                if isinstance(answer, CommClosedError):
                    if asked.worker in self._client.nthreads():
                        self._news.put(asked)  # else it died: Dask gives the task to another, which asks in its turn
                    return
                if isinstance(answer, Exception):
                    raise SweepError(f"{asked.file}: {asked.worker} cannot keep it: {answer}")

    def _count_threads(self) -> None:
        """Count the workers' threads, as workers come and go."""
        if self._client.status != "running":
            raise self._gone()
        try:
            self._threads = sum(self._client.nthreads().values())
        except OSError as error:
            raise self._gone() from error
        self._counted = time.monotonic()
        if self._threads:
            self._alone_since = self._counted
        elif self._counted - self._alone_since > ALONE:
            raise SweepError(
                f"the scheduler at {self.address} has no workers; on each machine start: dask worker {self.address}"
            )

    def _check_versions(self) -> None:
        """Refuse workers that have other packages than this machine, with the difference."""
        here, refused = (versions(), sources_hash()), dict[str, list[str]]()
        for worker, there in self._client.run(installed, on_error="return").items():
            difference = f"  {there}" if isinstance(there, Exception) else difference_of(here, there)
            if difference:
                refused.setdefault(difference, []).append(worker)
        if refused:
            raise SweepError("\n".join(refusal(", ".join(those), difference) for difference, those in refused.items()))

    def _gone(self) -> SweepError:
        return SweepError(f"the scheduler at {self.address} has gone; the runs that ended are kept")


def connected(address: str) -> Client:
    """A client of a scheduler."""
    if importlib.util.find_spec("distributed") is None:
        raise SweepError('a sweep on a cluster needs Dask, which is not installed: pip install "crmlab[dask]"')
    from distributed import Client

    opened: SimpleQueue[Client | Exception] = SimpleQueue()

    def connect() -> None:
        try:
            opened.put(Client(address, timeout=PATIENCE, set_as_default=False))
        except Exception as error:
            opened.put(error)

    # In a thread, as Dask waits without end for what takes the connection and then says nothing.
    threading.Thread(target=connect, daemon=True).start()
    try:
        answer = opened.get(timeout=PATIENCE)
    except Empty:
        answer = TimeoutError()
    if isinstance(answer, ValueError):
        raise SweepError(f"{address} is no address of a scheduler, such as tcp://host:8786: {answer}")
    if isinstance(answer, OSError):
        raise SweepError(
            f"the scheduler at {address} does not answer within {PATIENCE} s: "
            "is it running (dask scheduler), and does this machine reach it?"
        )
    if isinstance(answer, Exception):
        raise answer
    return answer


@cache
def kept_hash(notebook: Path) -> str:
    """SHA-256 of a file that does not change."""
    return file_hash(notebook)


# ---------------------------------------------------------------------------------------------------------- the worker


@cache
def installed() -> tuple[dict[str, str], str]:
    """Python and every package by version, and the hash of crmlab's own files, as this worker began with them."""
    return versions(), sources_hash()


def difference_of(here: tuple[dict[str, str], str], there: tuple[dict[str, str], str]) -> str:
    """What is installed here and there, a line a difference; empty when there is none."""
    (ours, our_files), (theirs, their_files) = here, there
    names = [name for name in sorted(ours | theirs) if ours.get(name) != theirs.get(name)]
    lines = [f"  {name}: {ours.get(name, 'none')} here, {theirs.get(name, 'none')} there" for name in names[:SHOWN]]
    if len(names) > SHOWN:
        lines.append(f"  and {len(names) - SHOWN} more packages")
    if our_files != their_files:
        lines.append(f"  crmlab's own files: {our_files[:12]} here, {their_files[:12]} there")
    return "\n".join(lines)


def refusal(worker: str, difference: str) -> str:
    """Words for a worker that has other versions."""
    return f"{worker}: what is installed there differs; install the same, and start it again:\n{difference}"


def take(transfer: str, piece: bytes, name: str, digest: str, *, dask_worker: Worker) -> None:
    """Take a piece of a file; after the last one, which is empty, keep the file by its content."""
    store = store_of(dask_worker)
    store.mkdir(parents=True, exist_ok=True)
    unfinished = store / transfer
    with unfinished.open("ab") as file:
        file.write(piece)
    if piece:
        return
    if file_hash(unfinished) != digest:
        unfinished.unlink()
        raise ValueError("it was changed while the sweep went on")
    (store / digest).mkdir(exist_ok=True)
    unfinished.replace(store / digest / name)


def store_of(worker: Worker) -> Path:
    """Where a worker keeps files, until it ends."""
    return Path(worker.local_directory) / "crmlab"


def done_here(order: Order) -> Ended:
    """Do a task on this worker, as soon as its files are here.

    Raises
    ------
    SweepError
        Other versions are installed here: a worker that came later.
    """
    from distributed import get_worker

    worker, task = get_worker(), order.task
    if difference := difference_of((task.installed, task.started["crmlab_sha256"]), installed()):
        raise SweepError(refusal(worker.address, difference))
    store = store_of(worker)
    kept = {file: store / digest / Path(file).name for file, digest in order.files.items()}
    for file, place in kept.items():
        if not place.exists() and (order.topic, str(place)) not in _asked:
            _asked.add((order.topic, str(place)))
            worker.log_event(order.topic, asdict(Request(worker.address, file, order.files[file])))
    while not all(place.exists() for place in kept.values()):
        refuse_unwanted(worker)
        time.sleep(LOOK)
    given = task.given | {name: str(kept[file]) for name, file in data_files(task).items()}
    with TemporaryDirectory(prefix="run-", dir=store) as folder, PROCESSES.one() as process:
        process.submit(replace(task, folder=Path(folder), notebook=kept[str(task.notebook)], given=given))
        while not (ended := process.finished(LOOK)):
            refuse_unwanted(worker)
        outcome, executed = ended[0][1], Path(folder) / "notebook.ipynb"
        if isinstance(outcome, WorkerDied):
            return Ended(outcome, None)
        told = as_the_client_names_them(kept, json.dumps(outcome, ensure_ascii=False))
        notebook = as_the_client_names_them(kept, executed.read_text(encoding="utf-8"))
        return Ended(json.loads(told), notebook.encode())


def data_files(task: Task) -> dict[str, str]:
    """The files that parameters name, by parameter."""
    parameters = task.started["parameters"] | task.given
    return {name: str(parameters[name]) for name in task.started["files"]}


def as_the_client_names_them(kept: Mapping[str, Path], text: str) -> str:
    """A text of JSON in which files are called what they are on the client, not what they are here."""
    for file, place in kept.items():
        here, there = (
            json.dumps(path.removesuffix(place.name), ensure_ascii=False)[1:-1] for path in (str(place), file)
        )
        text = text.replace(here, there)
    return text


def refuse_unwanted(worker: Worker) -> None:
    """Stop the task of this thread when its client waits for it no more, or its worker is to end.

    Dask does not stop a task that runs. It marks it as cancelled and leaves the rest to the task.
    """
    task = worker.state.tasks.get(worker.get_current_task())
    if task is None or task.state != "executing" or worker.status.name not in ("running", "paused"):
        raise RuntimeError("nobody waits for this run any more")


class Processes:
    """The processes that do runs for this worker: kept for the next run, and ended when none comes."""

    def __init__(self) -> None:
        self._free: list[Workers[Task, Outcome]] = []
        self._busy, self._lock = 0, threading.Lock()
        self._used: float | None = None  # when one was last; None when there is nothing to end

    @contextmanager
    def one(self) -> Iterator[Workers[Task, Outcome]]:
        """A process for a run; when that fails, the process is ended with what it does."""
        from crmlab.runner.sweeps import run_here

        with self._lock:
            self._busy += 1
            process = self._free.pop() if self._free else Workers(1, run_here)
        try:
            with ExitStack() as on_failure:
                on_failure.enter_context(process)
                yield process
                on_failure.pop_all()
            with self._lock:
                self._free.append(process)
        finally:
            with self._lock:
                self._busy -= 1
                self._used = time.monotonic()
            later = threading.Timer(IDLE, self._end)
            later.daemon = True
            later.start()

    def _end(self) -> None:
        """End them all, unless one was used lately."""
        with self._lock:
            if self._busy or self._used is None or time.monotonic() - self._used < IDLE:
                return
            for process in self._free:
                process.__exit__()
            self._free.clear()
            if sys.platform == "linux":
                warm_process({**os.environ, **KERNEL_ENVIRONMENT}).close()
            self._used = None


PROCESSES = Processes()
_asked: set[tuple[str, str]] = set()  # files that this worker has asked for: the topic, and where they go
