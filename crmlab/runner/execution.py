"""Running a notebook: parameters checked first, papermill in a kernel of its own, the output written whole."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

import psutil

from crmlab.runner.inputs import checked, parameters
from crmlab.runner.notebooks import NotebookError, notebook_bytes, read_notebook, source_hash, write_whole
from crmlab.runner.provenance import READS_FILE, data_read, git_state, reads_file, versions
from crmlab.runner.records import results

if TYPE_CHECKING:
    import pandas as pd
    from nbformat import NotebookNode

__all__ = ["NotebookError", "Run", "execute", "run"]

# One thread for linear algebra: the same digits on every machine, and runs beside each other do not fight for cores.
KERNEL_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


STARTS = 3  # of a kernel that ends before it begins: Jupyter's choice of free ports is a race, which one may lose
LOOK_EVERY = 0.2  # seconds between looks at what a kernel takes
INJECTED = "injected-parameters"
PROVISIONER = "crmlab-warm"  # see `kernels`; by name, which imports nothing


@dataclass(frozen=True)
class Limits:
    """What a run may take; None means as much as it likes.

    Attributes
    ----------
    seconds : float or None
        By the clock, from the start of the kernel.
    megabytes : float or None
        Memory of the kernel and of what it started (resident set, in 10^6 bytes).
    """

    seconds: float | None = None
    megabytes: float | None = None


NO_LIMITS = Limits()


@dataclass(frozen=True)
class Run:
    """What came of running a notebook once.

    Attributes
    ----------
    notebook, output : Path
        The notebook that was run, and the executed copy.
    parameters : dict
        All of them, defaults included.
    status : {"done", "failed", "interrupted"}
    error : str or None
        Cell and error of a failed run, in one line.
    cell : int or None
        The execution count of the cell that failed.
    seconds : float
        Wall-clock duration.
    results : DataFrame
        What it recorded, as `crmlab.runner.results` gives it; of a failed run, up to the failure.
    provenance : dict
        notebook_sha256, parameters, data (name and sha256 of each file read), versions, commit, dirty, started (UTC).
    """

    notebook: Path
    output: Path
    parameters: dict[str, Any]
    status: str
    error: str | None
    cell: int | None
    seconds: float
    results: pd.DataFrame
    provenance: dict[str, Any]


def run(notebook: str | Path, out: str | Path, /, **parameters: Any) -> Run:
    """Run a notebook with parameters.

    Parameters
    ----------
    notebook : path
    out : path
        The executed notebook: a file that ends in .ipynb, or a folder, made when missing.
    **parameters
        Those that differ from the notebook's defaults. Relative paths mean the current folder.

    Returns
    -------
    Run
        A cell that fails gives a run of status "failed", its notebook kept.

    Raises
    ------
    NotebookError
        No such notebook, not a notebook, no parameters cell, no `allow`; or `out` is the notebook itself.
    ParameterError
        Unknown name, wrong type, or a value that is not allowed. No kernel was started.
    KeyboardInterrupt
        The run was interrupted: the kernel is gone, the output is kept and marked.
    """
    return execute(notebook, out, parameters)


def execute(
    notebook: str | Path,
    out: str | Path,
    values: Mapping[str, Any],
    progress: Callable[[int, int], None] = lambda done, cells: None,
    *,
    limits: Limits = NO_LIMITS,
    origin: Mapping[str, Any] | None = None,
) -> Run:
    """`run`, its parameters in a mapping, told of each finished cell (how many are done, of how many), within limits.

    `origin` is what is known of where the notebook and this environment came from: notebook, versions, commit, dirty.
    """
    notebook, out = Path(notebook), Path(out)
    output = out if out.suffix == ".ipynb" else out / notebook.name
    filled = checked(parameters(notebook), values)
    node = read_notebook(notebook)
    if output.resolve() == notebook.resolve():
        raise NotebookError(f"{notebook}: the output would overwrite the notebook; name another file or folder")
    output.parent.mkdir(parents=True, exist_ok=True)  # what cannot be written is told before the work, not after it
    if origin is None:
        origin = {"notebook": notebook.name, "versions": versions(), **git_state(notebook.resolve().parent)}
    provenance = {
        **origin,
        "notebook_sha256": source_hash(node),
        "parameters": filled,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    begun = time.monotonic()
    status, error, cell = "interrupted", None, None
    with reads_file() as reads, TemporaryDirectory(prefix="crmlab-") as folder:
        unfinished = Path(folder) / "notebook.ipynb"
        try:
            given = {name: filled[name] for name in values}
            with Watch(limits) as watch:
                error, cell = failure(node, unfinished, given, {READS_FILE: str(reads)}, progress, watch)
            status = "failed" if error else "done"
        finally:
            seconds = time.monotonic() - begun
            provenance["data"] = data_read(reads)
            executed = without_papermill(as_far_as_written(unfinished, node))
            facts = {"status": status, "error": error, "seconds": round(seconds, 3)}
            executed.metadata["crmlab"] = facts | provenance
            write_whole(output, notebook_bytes(executed))
    return Run(notebook, output, filled, status, error, cell, seconds, results(executed), provenance)


def as_far_as_written(unfinished: Path, node: NotebookNode) -> NotebookNode:
    """The notebook that papermill was writing; without any outputs where it was stopped before or while it wrote."""
    try:
        return read_notebook(unfinished)
    except NotebookError:
        for cell in node.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None  # those in the file are of another run
        return node


def failure(
    node: NotebookNode,
    unfinished: Path,
    values: dict[str, Any],
    environment: Mapping[str, str],
    progress: Callable[[int, int], None],
    watch: Watch,
) -> tuple[str | None, int | None]:
    """Execute a notebook into the file `unfinished`; what stopped it, in words, and the cell, or neither."""
    import papermill
    from nbclient.exceptions import DeadKernelError

    cells = sum(cell.cell_type == "code" for cell in node.cells) + bool(values)
    done = 0

    def cell_done(**_: Any) -> None:
        nonlocal done
        done += 1
        progress(done, cells)

    def run_through() -> None:
        papermill.execute_notebook(
            node,
            str(unfinished),
            parameters=values,
            kernel_name="python3",
            language="python",
            engine_name=engine(),
            progress_bar=False,
            start_timeout=120,
            kernel_manager_class=kernel_manager({**KERNEL_ENVIRONMENT, **environment}, watch),
            shutdown_kernel="immediate",
            extra_arguments=["--log-level=ERROR"],  # ipykernel's notes on itself would land on the page
            coalesce_streams=True,
            on_cell_executed=cell_done,
        )

    try:
        for starts_left in reversed(range(STARTS)):
            try:
                run_through()
                break
            except RuntimeError as error:
                if isinstance(error, DeadKernelError) or "before replying" not in str(error):
                    raise
                if watch.exceeded or not starts_left:
                    raise
    except papermill.PapermillExecutionError as error:
        section = section_of_failure(read_notebook(unfinished))
        words = " ".join(error.evalue.split())  # one line, however many the exception has
        return f"cell [{error.exec_count}]{section}: {error.ename}: {words}".strip(), error.exec_count
    except RuntimeError as error:  # nbclient's for a kernel that has ended, Jupyter's for one that never began
        if not isinstance(error, DeadKernelError) and not str(error).startswith("Kernel d"):
            raise
        late = "the kernel did not begin" if "didn't" in str(error) else "the kernel died (out of memory, or killed)"
        return f"cell [{done + 1}]: {watch.exceeded or late}", done + 1
    return None, None


def section_of_failure(node: NotebookNode) -> str:
    """The heading above the cell that failed, in words for a message; empty where there is none."""
    heading = ""
    for cell in node.cells:
        if cell.cell_type == "markdown":
            titles = [line.lstrip("#").strip() for line in cell.source.splitlines() if line.startswith("## ")]
            heading = titles[-1] if titles else heading
        elif any(output.output_type == "error" for output in cell.outputs):
            break
    return f" in {heading!r}" if heading else ""


class Watch:
    """Ends a kernel that takes more than it may; a context manager.

    Attributes
    ----------
    exceeded : str or None
        What it took, in words, once it was ended.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits, self.exceeded = limits, None
        self._over = threading.Event()

    exceeded: str | None

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def begin(self, kernel: int) -> None:
        """Watch the process of this number, if there is a limit."""
        if self.limits != NO_LIMITS:
            threading.Thread(target=self._watch, args=(kernel,), daemon=True).start()

    def _watch(self, kernel: int) -> None:
        begun = time.monotonic()
        while self.exceeded is None and not self._over.wait(LOOK_EVERY):
            try:
                processes = [main := psutil.Process(kernel), *main.children(recursive=True)]
                self.exceeded = self._excess(time.monotonic() - begun, processes)
            except psutil.NoSuchProcess:
                continue  # one of them ended meanwhile: look again
            for process in processes if self.exceeded else []:
                with suppress(psutil.NoSuchProcess):
                    process.kill()

    def _excess(self, seconds: float, processes: list[psutil.Process]) -> str | None:
        if self.limits.seconds is not None and seconds > self.limits.seconds:
            return f"stopped after {self.limits.seconds:g} s, as the time limit says"
        if self.limits.megabytes is not None:
            used = sum(process.memory_info().rss for process in processes) / 1e6
            if used > self.limits.megabytes:
                return f"stopped at {used:,.0f} MB of memory; the limit is {self.limits.megabytes:,.0f} MB"
        return None


def kernel_manager(environment: Mapping[str, str], watch: Watch) -> type:
    """A class of kernel managers whose kernels are watched and have these environment variables, too."""
    from jupyter_client.manager import AsyncKernelManager

    class Manager(AsyncKernelManager):
        async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]
            if self.kernel_spec is not None:
                self.kernel_spec.metadata.setdefault("kernel_provisioner", {"provisioner_name": PROVISIONER})
            await super().start_kernel(env={**os.environ, **environment}, **options)
            watch.begin(cast(Any, self.provisioner).pid)

    return Manager


def engine() -> str:
    """The name of an engine that writes the notebook when it stops, done or not, and leaves it to us to tell of it.

    Papermill's own writes all of it twice a cell: half of a chapter's time.
    """
    from papermill.engines import NBClientEngine, papermill_engines
    from papermill.log import logger

    if not logger.handlers:
        logger.addHandler(logging.NullHandler())

    class WritesAtTheEnd(NBClientEngine):
        @classmethod
        def execute_managed_notebook(cls, manager: Any, kernel_name: str, **options: Any) -> None:
            path, manager.output_path = manager.output_path, None
            try:
                super().execute_managed_notebook(manager, kernel_name, **options)
            finally:
                manager.output_path = path

    papermill_engines.register("crmlab", WritesAtTheEnd)
    return "crmlab"


def without_papermill(node: NotebookNode) -> NotebookNode:
    """An executed notebook without papermill's times, paths and notes: what a run is, `metadata.crmlab` says."""
    node.cells = [cell for cell in node.cells if "papermill-error-cell-tag" not in cell.metadata.get("tags", [])]
    for part in [node, *node.cells]:
        part.metadata.pop("papermill", None)
    for cell in node.cells:
        cell.metadata.pop("execution", None)
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]  # papermill adds an empty list
        if INJECTED in cell.metadata.get("tags", []):
            cell["id"] = INJECTED  # papermill's is random; equal runs are to give equal files
    return node
