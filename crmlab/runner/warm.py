"""The warm process: it has imported what notebooks import, and forks kernels and workers for whoever started it.

It speaks with its owner alone, over a socket without a name that it inherits, in lines of JSON: requests come in,
process numbers and what became of them go out. It has no threads of Python and no sockets beside that, so that a fork
of it is a process as good as new, and it ends, with its kernels, when its owner does. `kernels` and `workers` are the
other end.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
import warnings
from typing import Any

# What chapters import, and the kernel itself. Not polars and DuckDB: they have threads of their own.
MODULES = (
    "ipykernel.debugger",
    "ipykernel.kernelapp",
    "ipykernel.zmqshell",
    "ipywidgets",
    "matplotlib.pyplot",
    "pandas",
    "pandera.pandas",
    "pyarrow.parquet",
    "scipy.interpolate",
    "scipy.optimize",
    "scipy.stats",
    "seaborn",
    "sklearn.cluster",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.mixture",
    "sklearn.preprocessing",
    "crmlab.data",
    "crmlab.data.firms",
    "crmlab.figures",
    "crmlab.stats",
)
RUNNERS = ("papermill", "papermill.engines", "nbclient", "crmlab.runner.sweeps")  # what a worker needs beside them
INLINE = "module://matplotlib_inline.backend_inline"  # what a kernel sets before it imports matplotlib


def main() -> None:
    """Serve the owner at the other end of the socket that is named by number; in a fork, be what was asked for."""
    owner = socket.socket(fileno=int(sys.argv[1]))
    os.environ.setdefault("MPLBACKEND", INLINE)
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # else the debugger prints a note on frozen modules
    before = dict(os.environ)
    for module in MODULES:
        importlib.import_module(module)
    set_on_import = {name: value for name, value in os.environ.items() if before.get(name) != value}
    gc.collect()
    gc.freeze()  # the pages of what there is stay shared: no collection touches them
    serve(owner, set_on_import)


def serve(owner: socket.socket, set_on_import: dict[str, str]) -> None:
    """Fork for each request until the owner has gone; in the fork, be what was asked for."""
    request, passed = next_request(owner)
    if request is None:
        return
    request["environment"] |= set_on_import
    if passed:
        become_worker(request, passed[0])
    else:
        become_kernel(request)


def tell(owner: socket.socket, message: dict[str, Any]) -> None:
    """One line to the owner."""
    owner.sendall(json.dumps(message).encode() + b"\n")


def next_request(owner: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """In a fork, its request and the descriptors that came with it; in the warm process, none when its owner has gone.

    A worker comes with a descriptor, a kernel without.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the owner's matter
    signal.signal(signal.SIGCHLD, lambda *_: None)
    woken, wakes = os.pipe()
    for end in (woken, wakes):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wakes)
    kernels: set[int] = set()
    pending = b""
    while True:
        ready = select.select([owner.fileno(), woken], [], [])[0]
        if woken in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(woken, 4096)
            tell_ends(owner, kernels)
        if owner.fileno() not in ready:
            continue
        try:
            received, passed, *_ = socket.recv_fds(owner, 1 << 20, 1)
        except ConnectionResetError:  # gone, before it had read all it was told
            received, passed = b"", []
        if not received:
            for kernel in kernels:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(kernel, signal.SIGKILL)
            return None, []
        *lines, pending = (pending + received).split(b"\n")
        if passed:
            with warnings.catch_warnings():  # kernels that are forked later keep the filters of new ones
                for module in RUNNERS:
                    importlib.import_module(module)
        for line in lines:
            request = dict(json.loads(line))
            os.chdir(request["owner_in"])  # where a kernel finds its parent: `allow` looks there
            kernel = os.fork()
            if not kernel:
                signal.set_wakeup_fd(-1)
                os.close(woken)
                os.close(wakes)
                owner.close()
                return request, passed
            kernels.add(kernel)
            tell(owner, {"forked": kernel})
        for descriptor in passed:
            os.close(descriptor)


def tell_ends(owner: socket.socket, kernels: set[int]) -> None:
    """Tell of each kernel that has ended how it did."""
    while kernels:
        kernel, status = os.waitpid(-1, os.WNOHANG)
        if not kernel:
            break
        kernels.discard(kernel)
        with contextlib.suppress(BrokenPipeError):
            tell(owner, {"ended": kernel, "code": os.waitstatus_to_exitcode(status)})


def become_worker(request: dict[str, Any], descriptor: int) -> None:
    """Be a worker that gets its tasks over a connection, with a warm process of its own for its kernels."""
    from multiprocessing.connection import Connection

    from crmlab.runner.kernels import fork_warm_process
    from crmlab.runner.workers import serve_tasks

    as_asked(request)
    fork_warm_process(descriptor)
    serve_tasks(Connection(descriptor))


def become_kernel(request: dict[str, Any]) -> None:
    """Be the kernel that was asked for: its arguments, its environment, its folder, and luck of its own."""
    import numpy as np
    import pandas as pd
    from ipykernel import kernelapp

    from crmlab.runner.provenance import listen_for_data_reads

    as_asked(request)
    # What pandas took from a terminal, as it was imported outside of a kernel.
    pd.set_option("display.max_columns", 20, "display.encoding", "UTF-8")
    np.random.seed()  # noqa: NPY002 (each kernel would draw the same from the old global generator)
    listen_for_data_reads()
    parent = f"--IPKernelApp.parent_handle={os.getppid()}"  # read from the environment only on import
    sys.argv = ["ipykernel_launcher", *request["arguments"], parent]
    kernelapp.launch_new_instance()


def as_asked(request: dict[str, Any]) -> None:
    """Take the environment and the folder of a request, and signals as a new process has them."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    time.tzset()
