"""The command `crmlab`. Exit codes: 0 done, 1 a notebook failed, 2 what was asked cannot be done, 130 interrupted."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A workbook on customer relationships in supply chains: notebooks as functions.",
)

Chapters = Annotated[
    list[str] | None, typer.Argument(metavar="[CHAPTER]...", help="Number, name or path; none means all.")
]


def main() -> None:
    """Run the command; every refusal is one line on standard error."""
    from crmlab.runner.inputs import ParameterError
    from crmlab.runner.notebooks import NotebookError
    from crmlab.runner.records import RecordError

    signal.signal(signal.SIGTERM, interrupted)
    try:
        app()
    except (NotebookError, ParameterError, RecordError) as error:
        stop(f"crmlab: {error}", 2)
    except OSError as error:
        stop(f"crmlab: {error.filename or ''}: {error.strerror or error}", 2)


def interrupted(*_: object) -> NoReturn:
    """End as Ctrl-C does, so that no kernel is left behind."""
    raise KeyboardInterrupt


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 result, 2 results."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def stop(message: str, code: int) -> NoReturn:
    """Say why in one line, and end."""
    print(message, file=sys.stderr)
    sys.exit(code)


@app.command()
def run(
    chapters: Chapters = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="Set a parameter; repeatable.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for notebooks, pages and index.")] = Path("build/workbook"),
    workers: Annotated[int, typer.Option(min=1, help="Chapters at once; the cores of this machine by default.")] = (
        os.cpu_count() or 1
    ),
) -> None:
    """Run chapters and leave them as notebooks, pages and an index."""
    from crmlab.workbook.build import build, find_chapters, planned
    from crmlab.workbook.progress import Bars

    jobs = planned(find_chapters(chapters or []), parameter or [], out)
    runs = []
    try:
        with Bars([chapter.stem for chapter, _, _ in jobs]) as bars:
            for one in build(jobs, out, workers, bars.cell_done):
                bars.chapter_done(one.notebook.stem)
                runs.append(one)
    except KeyboardInterrupt:
        stop(f"crmlab: interrupted; no kernel is left running, and what ran so far is in {out}", 130)
    for one in runs:
        print(f"{one.notebook.stem}: {one.status} in {one.seconds:.1f} s, {one.output}")
    failed = [one for one in runs if one.status == "failed"]
    for one in failed:
        print(f"crmlab: {one.notebook.stem}: {one.error} (the notebook is kept: {one.output})", file=sys.stderr)
    print(f"Open {out / 'index.html'}")
    if failed:
        sys.exit(1)


@app.command()
def parameters(chapter: Annotated[str, typer.Argument(help="Number, name or path.")]) -> None:
    """Show what a chapter takes in: names, types, defaults, what is allowed."""
    from crmlab.runner.inputs import parameters as declared
    from crmlab.workbook.build import find_chapters

    for one in declared(find_chapters([chapter])[0]).values():
        print(f"{one.name}: {one.type.__name__} = {one.default!r}  # {one.help}; allowed: {one.allowed or 'any'}")


@app.command()
def refresh(chapters: Chapters = None) -> None:
    """Make the committed form of chapters: execute them in place, and say which recorded results moved."""
    from crmlab.runner.refresh import refresh as refreshed
    from crmlab.workbook.build import find_chapters

    failed = False
    for chapter in find_chapters(chapters or []):
        outcome, moved = refreshed(chapter)
        if outcome.status == "failed":
            failed = True
            print(f"crmlab: {chapter.stem}: {outcome.error} (the notebook was left as it was)", file=sys.stderr)
            continue
        print(f"{chapter.stem}: {counted(len(moved), 'recorded result')} moved")
        for row in moved.itertuples():
            print(f"  {row.name}: {row.before} -> {row.after}")
    if failed:
        sys.exit(1)


@app.command()
def check(notebooks: Annotated[list[Path], typer.Argument(metavar="NOTEBOOK...", help="Paths of notebooks.")]) -> None:
    """Hold notebooks against the contract: what a chapter must have, and must not."""
    from crmlab.runner.lint import lint

    complaints = [complaint for notebook in notebooks for complaint in lint(notebook)]
    for complaint in complaints:
        print(complaint)
    print(f"{counted(len(notebooks), 'notebook')} checked, {counted(len(complaints), 'complaint')}")
    if complaints:
        sys.exit(1)


@app.command()
def cite() -> None:
    """Print the BibTeX entry of this release."""
    from crmlab.citation import bibtex

    print(bibtex())
