"""The warm process: it has imported what notebooks import, and forks a kernel for whoever started it.

It speaks with its owner alone, over a socket without a name that it inherits, in lines of JSON: requests for kernels
come in, their process numbers and what became of them go out. It has no threads of Python and no sockets beside that,
so that a fork of it is a process as good as new, and it ends, with its kernels, when its owner does. `kernels` is the
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
from typing import Any

# What chapters import, and the kernel itself. Not polars and DuckDB: they have threads of their own.
MODULES = (
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
INLINE = "module://matplotlib_inline.backend_inline"  # what a kernel sets before it imports matplotlib


def main() -> None:
    """Serve the owner at the other end of the socket that is named by number; in a fork, be a kernel."""
    owner = socket.socket(fileno=int(sys.argv[1]))
    os.environ.setdefault("MPLBACKEND", INLINE)
    before = dict(os.environ)
    for module in MODULES:
        importlib.import_module(module)
    set_on_import = {name: value for name, value in os.environ.items() if before.get(name) != value}
    gc.collect()
    gc.freeze()  # the pages of what there is stay shared: no collection touches them
    tell(owner, {"ready": os.getpid()})
    request = next_request(owner)
    if request is not None:
        request["environment"] |= set_on_import
        become_kernel(request)


def tell(owner: socket.socket, message: dict[str, Any]) -> None:
    """One line to the owner."""
    owner.sendall(json.dumps(message).encode() + b"\n")


def next_request(owner: socket.socket) -> dict[str, Any] | None:
    """Fork for each request: the request in the fork, None in the warm process when its owner has gone."""
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
        received = owner.recv(1 << 20)
        if not received:
            for kernel in kernels:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(kernel, signal.SIGKILL)
            return None
        *lines, pending = (pending + received).split(b"\n")
        for line in lines:
            request = dict(json.loads(line))
            os.chdir(request["owner_in"])  # where a kernel finds its parent: `allow` looks there
            kernel = os.fork()
            if not kernel:
                signal.set_wakeup_fd(-1)
                os.close(woken)
                os.close(wakes)
                owner.close()
                return request
            kernels.add(kernel)
            tell(owner, {"kernel": kernel})


def tell_ends(owner: socket.socket, kernels: set[int]) -> None:
    """Tell of each kernel that has ended how it did."""
    while kernels:
        kernel, status = os.waitpid(-1, os.WNOHANG)
        if not kernel:
            break
        kernels.discard(kernel)
        with contextlib.suppress(BrokenPipeError):
            tell(owner, {"ended": kernel, "code": os.waitstatus_to_exitcode(status)})


def become_kernel(request: dict[str, Any]) -> None:
    """Be the kernel that was asked for: its arguments, its environment, its folder, and luck of its own."""
    import numpy as np
    import pandas as pd
    from ipykernel import kernelapp

    from crmlab.runner.provenance import listen_for_data_reads

    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    time.tzset()
    # What pandas took from a terminal, as it was imported outside of a kernel.
    pd.set_option("display.max_columns", 20, "display.encoding", "UTF-8")
    np.random.seed()  # noqa: NPY002 (each kernel would draw the same from the old global generator)
    listen_for_data_reads()
    parent = f"--IPKernelApp.parent_handle={os.getppid()}"  # read from the environment only on import
    sys.argv = ["ipykernel_launcher", *request["arguments"], parent]
    kernelapp.launch_new_instance()
