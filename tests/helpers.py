"""Small notebooks for tests, and the command."""

import signal
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from crmlab.cli import main

ROOT = Path(__file__).parents[1]
CRMLAB = Path(sys.executable).parent / "crmlab"

OPENING = "# Small\n\n*Does it run?*\n"
IMPORTS = "from crmlab.runner import allow, answer, any_of, between, decide, one_of, record"
PARAMETERS = """weeks: int = 39  # forecast horizon, weeks
rate: float = 0.1  # discount rate, a year
dataset: str = "cdnow"  # a name, or a path
wait: float = 0.0  # seconds to sleep"""
ALLOW = """allow(
    weeks=between(1, 260),
    rate=between(0.0, 1.0),
    dataset=one_of("cdnow", file=True),
    wait=between(0.0, 600.0),
)"""
BODY = """import time
time.sleep(wait)
record("total", weeks * rate, "USD", 1, 50)
decide("Do it.", weeks * rate, "USD", 1, 50, baseline="doing nothing")"""


def a_notebook(path, *body, imports=IMPORTS, parameters=PARAMETERS, allow=ALLOW):
    """Write a notebook whose code cells are the given sources (BODY without any), after the usual ones."""
    cells = [new_markdown_cell(OPENING), new_code_cell(imports)]
    if parameters is not None:
        cells.append(new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    if allow is not None:
        cells.append(new_code_cell(allow))
    cells += [new_code_cell(source) for source in body or [BODY]]
    for place, cell in enumerate(cells):
        cell["id"] = f"cell-{place}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


class Outcome(NamedTuple):
    """What came of a command."""

    returncode: int
    stdout: str
    stderr: str


def crmlab(*words, cwd="."):
    """Call the command in this process, which has imported already what it needs."""
    out, err, on_term = StringIO(), StringIO(), signal.getsignal(signal.SIGTERM)
    called = patch.object(sys, "argv", ["crmlab", *map(str, words)])
    try:
        with called, chdir(cwd), redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as end:
            main()
    finally:
        signal.signal(signal.SIGTERM, on_term)
    return Outcome(end.value.code or 0, out.getvalue(), err.getvalue())


def crmlab_process(*words, cwd=None):
    """Call the command as a user does; the finished process with its output as text."""
    command = [str(CRMLAB), *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)
