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
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import LocalProvisioner

NAME = "crmlab-warm"  # among Jupyter's kernel provisioners
# What is read while modules are imported: a kernel that wants another value needs a warm process of its own.
READ_ON_IMPORT = ("LD_", "MKL_", "MPL", "NPY_", "OMP_", "OPENBLAS_", "PYTHON")

# As ipykernel's own launcher: what is imported beforehand does not come from the folder of whoever asks.
START = "import sys; sys.path[:1] == [''] and sys.path.pop(0); from crmlab.runner.warm import main; main()"


class WarmProcess:
    """A process that forks kernels, started when it is made, gone when this process is."""

    def __init__(self, environment: dict[str, str]) -> None:
        ours, its = socket.socketpair()
        with its:
            self._process = subprocess.Popen(
                [sys.executable, "-c", START, str(its.fileno())],
                pass_fds=[its.fileno()],
                env=environment,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._socket, self._received, self._codes = ours, b"", dict[int, int]()
        self._owner = os.getpid()
        self._answer("ready")

    @property
    def alive(self) -> bool:
        """Whether it can be asked for kernels, by this process."""
        return self._owner == os.getpid() and self._process.poll() is None

    def close(self) -> None:
        """Let it end, and its kernels with it."""
        self._socket.close()
        if self._owner == os.getpid():
            self._process.wait()

    def fork(self, arguments: list[str], environment: dict[str, str], folder: str) -> int:
        """The number of a new process that is a kernel.

        Raises
        ------
        ConnectionError
            The warm process has ended.
        """
        here = str(Path.cwd())
        request = {"arguments": arguments, "environment": environment, "folder": folder, "owner_in": here}
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        return self._answer("kernel")

    def code(self, kernel: int) -> int | None:
        """How a kernel ended; None while it runs."""
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


_warm: dict[tuple[tuple[str, str], ...], WarmProcess] = {}  # by the variables that are read on import


def warm_process(environment: dict[str, str]) -> WarmProcess:
    """This process's warm process for kernels with such an environment, started when there is none."""
    key = tuple(sorted(item for item in environment.items() if item[0].startswith(READ_ON_IMPORT)))
    if key in _warm and not _warm[key].alive:
        _warm.pop(key).close()
    if key not in _warm:
        _warm[key] = WarmProcess(environment)
        atexit.register(_warm[key].close)
    return _warm[key]


class Forked:
    """A kernel that the warm process forked, in the words of `subprocess.Popen` that Jupyter uses."""

    stdin = stdout = stderr = None

    def __init__(self, warm: WarmProcess, pid: int) -> None:
        self._warm, self.pid = warm, pid

    def poll(self) -> int | None:
        """How it ended; None while it runs."""
        return self._warm.code(self.pid)

    def wait(self) -> int | None:
        """How it ended, for one that has."""
        return self.poll()

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


class WarmProvisioner(LocalProvisioner):
    """Provides kernels of this Python by a fork of a warm process, others as Jupyter does."""

    process: Any

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start a kernel with a command."""
        if not forkable(cmd):
            return await super().launch_kernel(cmd, **kwargs)
        environment = {**(kwargs.get("env") or os.environ)}
        folder = str(kwargs.get("cwd") or Path.cwd())
        warm = warm_process(environment)
        self.pid = self.pgid = warm.fork(cmd[3:], environment, folder)
        self.process = Forked(warm, self.pid)
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
