"""Kernels forked from a warm process, as a Jupyter kernel provisioner.

papermill, nbclient and nbval stay as they are: they ask for a kernel, and get one that has imported pandas, seaborn and
scikit-learn already. Each notebook still has a process of its own. What cannot be forked so is started as usual: other
kernels than this Python's, and all of them on Windows and macOS, where a fork of such a process is not safe.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import LocalProvisioner

from crmlab.runner.provenance import READS_FILE
from crmlab.runner.warm import serve

NAME = "crmlab-warm"  # among Jupyter's kernel provisioners
# What is read while modules are imported: a kernel that wants another value needs a warm process of its own.
READ_ON_IMPORT = ("LD_", "MKL_", "MPL", "NPY_", "OMP_", "OPENBLAS_", "PYTHON")

# As ipykernel's own launcher: what is imported beforehand does not come from the folder of whoever asks.
START = "import sys; sys.path[:1] == [''] and sys.path.pop(0); from crmlab.runner.warm import main; main()"


class Child:
    """A fork of this process, in the words of `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid, self.code = pid, None

    code: int | None

    def poll(self) -> int | None:
        """How it ended; None while it runs."""
        return self._ended(os.WNOHANG)

    def wait(self) -> int | None:
        """How it ended, as soon as it has."""
        return self._ended(0)

    def terminate(self) -> None:
        """Ask it to end."""
        os.kill(self.pid, signal.SIGTERM)

    def _ended(self, how: int) -> int | None:
        if self.code is None:
            pid, status = os.waitpid(self.pid, how)
            self.code = os.waitstatus_to_exitcode(status) if pid else None
        return self.code


class WarmProcess:
    """A process that forks kernels and workers, started or forked for this process, and gone when it is."""

    def __init__(self, ours: socket.socket, process: Child | subprocess.Popen[bytes]) -> None:
        self._process = process
        self._socket, self._received, self._codes = ours, b"", dict[int, int]()
        self._owner, self._unused = os.getpid(), True
        self._one_at_a_time = threading.RLock()  # several threads of its owner may ask

    @classmethod
    def started(cls, environment: dict[str, str]) -> WarmProcess:
        """A new one."""
        ours, its = socket.socketpair()
        environment = {name: value for name, value in environment.items() if name != READS_FILE}  # of one kernel
        with its:
            process = subprocess.Popen(
                [sys.executable, "-c", START, str(its.fileno())],
                pass_fds=[its.fileno()],
                env=environment,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        return cls(ours, process)

    @property
    def alive(self) -> bool:
        """Whether it can be asked for kernels, by this process."""
        return self._owner == os.getpid() and self._process.poll() is None

    def close(self) -> None:
        """Let it end, and its kernels with it."""
        self._socket.close()
        if self._owner == os.getpid():
            if self._unused:
                self._process.terminate()  # it may still import what nobody needs any more
            self._process.wait()

    def fork(self, environment: dict[str, str], folder: str, arguments: list[str], passed: Sequence[int] = ()) -> int:
        """The number of a new process: a kernel, or a worker with a descriptor passed to it.

        Raises
        ------
        ConnectionError
            The warm process has ended.
        """
        here = str(Path.cwd())
        request = {"arguments": arguments, "environment": environment, "folder": folder, "owner_in": here}
        line = json.dumps(request).encode() + b"\n"
        with self._one_at_a_time:
            self._unused = False
            if passed:
                line = line[socket.send_fds(self._socket, [line], passed) :]
            self._socket.sendall(line)
            return self._answer("forked")

    def code(self, kernel: int) -> int | None:
        """How a kernel ended; None while it runs."""
        with self._one_at_a_time:
            try:
                while kernel not in self._codes and self._something_came():
                    self._note(self._next())
            except ConnectionError:
                return -signal.SIGKILL  # the warm process has ended, and its kernels with it
            return self._codes.get(kernel)

    def _answer(self, key: str) -> int:
        while key not in (message := self._next()):
            self._note(message)
        return int(message[key])

    def _note(self, message: dict[str, int]) -> None:
        self._codes[message["ended"]] = message["code"]

    def _something_came(self) -> bool:
        return b"\n" in self._received or bool(select.select([self._socket], [], [], 0)[0])

    def _next(self) -> dict[str, int]:
        while b"\n" not in self._received:
            received = self._socket.recv(1 << 16)
            if not received:
                raise ConnectionError("the warm process has ended")
            self._received += received
        line, _, self._received = self._received.partition(b"\n")
        return dict(json.loads(line))


Key = tuple[tuple[str, str], ...]
_warm: dict[Key, WarmProcess] = {}  # by the variables that are read on import
_starting = threading.Lock()


def read_on_import(environment: Mapping[str, str]) -> Key:
    """Those variables that are read on import."""
    return tuple(sorted(item for item in environment.items() if item[0].startswith(READ_ON_IMPORT)))


def warm_process(environment: dict[str, str]) -> WarmProcess:
    """This process's warm process for kernels with such an environment, started when there is none."""
    key = read_on_import(environment)
    with _starting:
        if key in _warm and not _warm[key].alive:
            _warm.pop(key).close()
        if key not in _warm:
            keep(key, WarmProcess.started(environment))
        return _warm[key]


def fork_warm_process(not_its: int) -> None:
    """Fork this process's warm process off itself: for a process without threads that is warm already.

    `not_its` is a descriptor of this process alone.
    """
    ours, its = socket.socketpair()
    pid = os.fork()
    if not pid:
        ours.close()
        os.close(not_its)
        serve(its, {})
        sys.exit()  # of the fork, or of a kernel that it forked
    its.close()
    keep(read_on_import(os.environ), WarmProcess(ours, Child(pid)))


def keep(key: Key, warm: WarmProcess) -> None:
    """Keep a warm process until this process ends."""
    _warm[key] = warm
    atexit.register(warm.close)


class Forked:
    """A process that the warm process forked, in the words of `subprocess.Popen` that Jupyter uses."""

    stdin = stdout = stderr = None

    def __init__(self, warm: WarmProcess, pid: int) -> None:
        self._warm, self.pid = warm, pid

    def poll(self) -> int | None:
        """How it ended; None while it runs."""
        return self._warm.code(self.pid)

    def wait(self) -> int | None:
        """How it ended, for one that has."""
        return self.poll()

    def join(self, seconds: float) -> None:
        """Wait for its end, so long at most."""
        until = time.monotonic() + seconds
        while self.poll() is None and time.monotonic() < until:
            time.sleep(0.005)

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


def forked(environment: dict[str, str], folder: str, arguments: list[str], passed: Sequence[int] = ()) -> Forked:
    """A new process of this process's warm process; of a new one, if that is killed at this moment."""
    warm = warm_process(environment)
    try:
        return Forked(warm, warm.fork(environment, folder, arguments, passed))
    except ConnectionError:
        warm.close()
        warm = warm_process(environment)
        return Forked(warm, warm.fork(environment, folder, arguments, passed))


class WarmProvisioner(LocalProvisioner):
    """Provides kernels of this Python by a fork of a warm process, others as Jupyter does."""

    process: Any

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start a kernel with a command."""
        if not forkable(cmd):
            return await super().launch_kernel(cmd, **kwargs)
        environment = {**(kwargs.get("env") or os.environ)}
        folder = str(kwargs.get("cwd") or Path.cwd())
        self.process = forked(environment, folder, cmd[3:])
        self.pid = self.pgid = self.process.pid
        self.cwd = folder
        return self.connection_info

    async def wait(self) -> int | None:
        """How the kernel ended, as soon as it has."""
        while (code := await self.poll()) is None:
            await asyncio.sleep(0.005)
        self.process = None
        return code


def forkable(command: list[str]) -> bool:
    """Whether a command starts an IPython kernel of this Python, on a system where a fork is safe."""
    ours = sys.platform == "linux" and Path(command[0]).resolve() == Path(sys.executable).resolve()
    return ours and command[1:3] == ["-m", "ipykernel_launcher"]
