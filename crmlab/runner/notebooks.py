"""Reading and writing notebook files: whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode


class NotebookError(ValueError):
    """A notebook is missing, is not a notebook, or lacks what makes it a function."""


class Node(dict[str, Any]):
    """A part of a notebook's JSON whose entries are attributes, too, as nbformat's are."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def read_cells(path: str | Path) -> list[Any]:
    """The cells of a notebook file, read at once: nbformat, which also validates, takes seconds to import.

    Raises
    ------
    NotebookError
        There is no such file, it is a folder, or it is not a notebook.
    """
    path = Path(path)
    if not path.exists():
        raise NotebookError(f"{path}: no such notebook")
    if path.is_dir():
        raise NotebookError(f"{path}: a folder, not a notebook")
    try:
        cells = json.loads(path.read_text(encoding="utf-8"), object_hook=Node)["cells"]
        for cell in cells:
            cell["source"] = "".join(cell["source"])  # a text, or its lines
            _ = cell["cell_type"], cell["metadata"]
    except (ValueError, KeyError, TypeError) as error:
        raise NotebookError(f"{path}: not a Jupyter notebook of format 4 ({type(error).__name__}: {error})") from error
    return list(cells)


def read_notebook(path: str | Path) -> NotebookNode:
    """The notebook in a file, validated, as nbformat 4.

    Raises
    ------
    NotebookError
        As `read_cells`, or the file does not keep nbformat's schema.
    """
    read_cells(path)
    import nbformat

    try:
        notebook = nbformat.reads(Path(path).read_text(encoding="utf-8"), as_version=4)
        nbformat.validate(notebook)
    except (ValueError, KeyError, AttributeError, nbformat.ValidationError) as error:
        reason = str(error).partition("\n")[0][:120]
        raise NotebookError(f"{path}: not a Jupyter notebook ({reason})") from error
    return notebook


def notebook_bytes(notebook: NotebookNode) -> bytes:
    """A notebook as the bytes of its file: sorted keys, one final newline; equal notebooks are equal files."""
    import nbformat

    return (nbformat.writes(notebook).rstrip("\n") + "\n").encode("utf-8")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: into a temporary file beside it, which then takes its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~current_umask())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def current_umask() -> int:
    """The permissions that this process takes from the files it makes."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def source_hash(notebook: NotebookNode) -> str:
    """SHA-256 of what a notebook says and does: cell types, sources and tags, without outputs."""
    cells = [[cell.cell_type, cell.source, sorted(tags(cell))] for cell in notebook.cells]
    return hashlib.sha256(json.dumps(cells, ensure_ascii=False).encode("utf-8")).hexdigest()


def tags(cell: NotebookNode) -> set[str]:
    """The tags of a cell."""
    return set(cell.metadata.get("tags", []))
