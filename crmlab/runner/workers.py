"""Processes that do tasks, several at once, and end with whoever started them.

Where kernels are forked from a warm process, workers are too, and share its pages; elsewhere they are started anew.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from crmlab.runner.execution import KERNEL_ENVIRONMENT

Task = TypeVar("Task")
Done = TypeVar("Done")
Tell = Callable[[Any], None]

ATTEMPTS = 2  # of a task whose worker is killed: the second time, the task is the suspect
PATIENCE = 20  # seconds for what is interrupted to end by itself


class WorkerDied(RuntimeError):
    """The process that did a task has ended, and so did the next one."""


@dataclass
class Worker(Generic[Task]):
    """A process, the connection to it, what it does now, and how many processes that did it were killed before."""

    process: Any
    connection: Connection
    task: Task | None = None
    killed: int = 0


@dataclass
class Workers(Generic[Task, Done]):
    """So many processes at once, each doing one task at a time; a context manager.

    Attributes
    ----------
    number : int
        Processes at most.
    work : callable
        Does a task, and may tell of its progress: `work(task, tell)`, in another process; all of it can be pickled.
    told : callable
        Gets the task and what the work told.
    """

    number: int
    work: Callable[[Task, Tell], Done]
    told: Callable[[Task, Any], None] = lambda task, news: None
    _workers: list[Worker[Task]] = field(default_factory=list)
    _raised: list[Exception] = field(default_factory=list)

    def __enter__(self) -> Workers[Task, Done]:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            if worker.task is None:
                with suppress(OSError):
                    worker.connection.send(None)
            else:
                worker.process.terminate()  # it marks what it does as interrupted
        for worker in self._workers:
            worker.process.join(PATIENCE)
            worker.process.kill()
            worker.connection.close()
        self._workers.clear()

    @property
    def room(self) -> int:
        """How many more tasks it takes now."""
        return self.number - sum(worker.task is not None for worker in self._workers)

    def submit(self, task: Task) -> None:
        """Have a task done by a process that is free, or by a new one."""
        self._submit(task, killed=0)

    def _submit(self, task: Task, killed: int) -> None:
        worker = next((one for one in self._workers if one.task is None), None)
        if worker is None:
            self._workers.append(worker := started_worker())
        worker.task, worker.killed = task, killed
        try:
            worker.connection.send((self.work, task))
        except OSError:  # it was killed while it had nothing to do
            self._forget(worker)
            self._submit(task, killed)

    def _forget(self, worker: Worker[Task]) -> None:
        worker.connection.close()
        self._workers.remove(worker)

    def finished(self, seconds: float) -> list[tuple[Task, Done | WorkerDied]]:
        """The tasks that ended, and what came of them, after waiting so long for the first one.

        A task whose worker was killed is given to another; if that is killed, too, a WorkerDied is what came of it.

        Raises
        ------
        Exception
            What the work raised.
        """
        if self._raised:
            raise self._raised.pop(0)
        busy = {worker.connection: worker for worker in self._workers if worker.task is not None}
        done: list[tuple[Task, Done | WorkerDied]] = []
        for connection in wait(list(busy), seconds):
            worker = busy[connection]  # type: ignore[index]
            task = worker.task
            assert task is not None
            try:
                what, value = worker.connection.recv()
            except (EOFError, OSError):
                self._forget(worker)
                if worker.killed + 1 < ATTEMPTS:
                    self._submit(task, worker.killed + 1)
                else:
                    done.append((task, WorkerDied(f"the process that ran it was killed, {ATTEMPTS} times")))
                continue
            if what == "told":
                self.told(task, value)
                continue
            worker.task = None
            if what == "raised":
                self._raised.append(value)
            else:
                done.append((task, value))
        if self._raised and not done:  # what is done comes first
            raise self._raised.pop(0)
        return done


def prepare() -> None:
    """Start what workers are forked from, so that it imports while this process thinks."""
    if sys.platform == "linux":
        from crmlab.runner.kernels import warm_process

        warm_process({**os.environ, **KERNEL_ENVIRONMENT})


def started_worker() -> Worker[Any]:
    """A new process that waits for tasks."""
    ours, its = multiprocessing.Pipe()
    if sys.platform == "linux":
        from crmlab.runner.kernels import forked

        process: Any = forked({**os.environ, **KERNEL_ENVIRONMENT}, os.getcwd(), [], [its.fileno()])
    else:
        process = multiprocessing.get_context("spawn").Process(target=serve_tasks, args=(its,), daemon=False)
        process.start()
    its.close()
    return Worker(process, ours)


def serve_tasks(connection: Connection) -> None:
    """In a worker: do what comes, one after another, and end when whoever asked has gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the asker's matter
    signal.signal(signal.SIGTERM, interrupt)
    tasks: SimpleQueue[Any] = SimpleQueue()

    def listen() -> None:
        try:
            while True:
                tasks.put(connection.recv())
        except (EOFError, OSError):
            return
        finally:
            os._exit(1)  # and its kernels with it: the warm process that they came from watches this one

    threading.Thread(target=listen, daemon=True).start()
    try:
        while (asked := tasks.get()) is not None:
            work, task = asked
            try:
                answer = "done", work(task, lambda news: connection.send(("told", news)))
            except Exception as error:
                answer = "raised", error
            connection.send(answer)
        os._exit(0)  # at once: there is nothing to put in order, and its warm process ends by itself
    except KeyboardInterrupt:
        return


def interrupt(*_: Any) -> None:
    """Stop what is running, as Ctrl-C does."""
    raise KeyboardInterrupt
