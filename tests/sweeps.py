"""Folders of sweeps for tests, as `crmlab sweep` leaves them."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from crmlab.runner.notebooks import notebook_bytes, source_hash
from crmlab.runner.records import storable

FIRST_RUN = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)


class ASweep:
    """A folder that runs are put into, one after another."""

    def __init__(self, folder):
        self.folder, self.began = folder, 0
        self.origin = {"notebook_sha256": "n" * 64, "crmlab_sha256": "c" * 64, "versions_sha256": "v" * 64}
        folder.mkdir(parents=True)
        self.write("sweep.json", {"format": 1})

    def write(self, name, content):
        """A file of JSON in the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
        return path

    def run(self, parameters, *results, status="done", files=None, error=None, cell=None, **origin):
        """A run, each a second after the one before; its id."""
        facts = {**self.origin, **origin}
        asked = json.dumps([parameters, files, facts], sort_keys=True)
        name = hashlib.sha256(asked.encode()).hexdigest()[:16]
        started = {
            "format": 1,
            "id": name,
            "notebook": "08_lifetime_value.ipynb",
            "parameters": parameters,
            "files": files or {},
            "commit": "a" * 40,
            "dirty": False,
            "started": (FIRST_RUN + timedelta(seconds=self.began)).isoformat(timespec="microseconds"),
            **facts,
        }
        self.began += 1
        self.write(f"runs/{name}/started.json", started)
        if status in ("done", "failed"):
            outcome = {"status": status, "error": error, "cell": cell, "seconds": 3.21, "results": list(results)}
            data = [{"name": "cdnow", "sha256": "d" * 64}]
            self.write(f"runs/{name}/run.json", {**started, **outcome, "data": data})
        return name

    def register(self, cases, repeat=None, **study):
        """A declared study of these cases, `(parameters, files)` each."""
        declared = {"question": "How deep?", "primary": "decision", "rule": "Mail if low > 0.", **study}
        listed = [{"given": values, "parameters": values, "files": files} for values, files in cases]
        at = FIRST_RUN.isoformat(timespec="microseconds")
        registered = {"format": 1, "notebook": "08_lifetime_value.ipynb", **self.origin, "study": declared}
        self.write("registered.json", {**registered, "cases": listed, "repeat": repeat, "registered": at})

    def notebook(self, *cells):
        """A copy of a notebook with these cells (texts that begin with # are prose); its hash."""
        made = [new_markdown_cell(said) if said.startswith("#") else new_code_cell(said) for said in cells]
        for place, cell in enumerate(made):
            cell["id"] = f"cell-{place}"
        node = new_notebook(cells=made)
        path = self.folder / "notebooks" / f"{source_hash(node)}.ipynb"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(notebook_bytes(node))
        return path.stem


def result(name, value, low=None, high=None, unit=None, level=0.9, kind="estimate", **more):
    """A result as a notebook stores it."""
    ends = {end: None if at is None else storable(name, at) for end, at in (("low", low), ("high", high))}
    level = None if low is None else level
    return {"name": name, "value": storable(name, value), "unit": unit, **ends, "level": level, "kind": kind, **more}


def decision(value, low, high, unit="USD per customer"):
    """A decision as a notebook stores it."""
    words = {"text": "Pay at most this much.", "baseline": "what the firm does now"}
    return result("decision", value, low, high, unit, kind="decision", **words)
