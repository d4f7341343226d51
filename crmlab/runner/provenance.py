"""Where a run came from: notebook, parameters, versions, commit, and the data that it read."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distributions
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

EVENT = "crmlab.data.read"  # raised with sys.audit by whoever reads a data file: (name, SHA-256 of its bytes)
READS_FILE = "CRMLAB_READS_FILE"


def listen_for_data_reads() -> None:
    """In a kernel that the runner started: note each data file that is read, for the run's provenance."""
    file = os.environ.pop(READS_FILE, None)  # taken once: a process that the notebook starts is not the notebook
    if file is None:
        return

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event == EVENT:
            with open(file, "a", encoding="utf-8") as reads:
                reads.write(json.dumps({"name": str(arguments[0]), "sha256": str(arguments[1])}) + "\n")

    sys.addaudithook(note)


@contextmanager
def reads_file() -> Iterator[Path]:
    """A file for a kernel to note its data reads in, gone afterwards."""
    with TemporaryDirectory(prefix="crmlab-") as folder:
        yield Path(folder) / "reads.jsonl"


def data_read(file: Path) -> list[dict[str, str]]:
    """Name and checksum of each data file that was read, in order, each once."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return list({line: json.loads(line) for line in lines}.values())


def versions() -> dict[str, str]:
    """Python and every installed package, by name."""
    about = [one.read_text("METADATA") or one.read_text("PKG-INFO") or "" for one in distributions()]
    # Their first lines; an email parser, as importlib.metadata has, reads the whole descriptions.
    found = [(re.search(r"^Name: (.+)$", text, re.M), re.search(r"^Version: (.+)$", text, re.M)) for text in about]
    packages = {name[1].strip().lower(): version[1].strip() for name, version in found if name and version}
    return {"python": platform.python_version(), **dict(sorted(packages.items()))}


def sources_hash() -> str:
    """SHA-256 of crmlab's own files: the package and, in a checkout, the data sets."""
    package = Path(__file__).parents[1]
    files = [
        file
        for folder in (package, package.parent / "datasets")
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.suffix != ".pyc"
    ]
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(package.parent).as_posix()}\0{file_hash(file)}\n".encode())
    return digest.hexdigest()


def file_hash(file: str | Path) -> str:
    """SHA-256 of a file's content."""
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def git_state(folder: Path) -> dict[str, Any]:
    """Commit of the checkout that holds a folder and whether anything in it was changed; both None outside of one."""

    def git(*words: str) -> str | None:
        try:
            answer = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=20)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return answer.stdout.strip() if answer.returncode == 0 else None

    commit, changes = git("rev-parse", "HEAD"), git("status", "--porcelain")
    return {"commit": commit, "dirty": None if changes is None else bool(changes)}
