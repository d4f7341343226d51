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


@app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="A .csv, .tsv, .txt, .xlsx or .parquet file.")],
    contract: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="CONTRACT",
            help="transactions, orders, products, ledger, ratings, rankings, calls, renewals or customer_summary.",
        ),
    ],
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="NAME=COLUMN",
            help="What a column of the contract is made from; repeatable. For numbers also columns with + - * / ( ), "
            'such as amount="Quantity*UnitPrice"; names with blanks or signs among them in square '
            "brackets or `backquotes`. NAME= leaves the column out. What is not given is suggested.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="A .parquet or .csv file; what is refused goes beside it. Without it nothing is written."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace these files if they are there.")] = False,
    encoding: Annotated[str | None, typer.Option(help="Of a text file, such as cp1252, if it is not found.")] = None,
    separator: Annotated[str | None, typer.Option(help="Of values, such as ';' or tab, if it is not found.")] = None,
    sheet: Annotated[str | None, typer.Option(help="Of a workbook, if several have tables.")] = None,
    dates: Annotated[str | None, typer.Option(help="day-first or month-first, if the file does not tell.")] = None,
    decimal: Annotated[str | None, typer.Option(help="comma or point, if the file does not tell.")] = None,
) -> None:
    """Make a table that a chapter reads from a file of your own, and tell every row that could not be taken."""
    from crmlab.data.importing import ImportRefusal, import_table

    pairs = [pair.partition("=") for pair in mapping or []]
    if wrong := [name + sign + rest for name, sign, rest in pairs if not (name and sign)]:
        stop(f"crmlab: {wrong[0]!r} is not of the form name=column", 2)
    if len({name for name, _, _ in pairs}) < len(pairs):
        stop("crmlab: --map has a name more than once", 2)
    options = {"encoding": encoding, "separator": separator, "sheet": sheet, "dates": dates, "decimal": decimal}
    given = {name.strip(): rest for name, _, rest in pairs}
    try:
        print(import_table(source, contract, given, out=out, overwrite=overwrite, **options).report)  # type: ignore[arg-type]
    except ImportRefusal as error:
        if error.report:
            print(error.report, flush=True)
        stop(f"crmlab: {error}", 2)
    except OSError as error:
        stop(f"crmlab: {f'{error.filename}: {error.strerror}' if error.strerror else error}", 2)
    except KeyboardInterrupt:
        stop("crmlab: interrupted; no half file is left", 130)


@app.command()
def cite() -> None:
    """Print the BibTeX entry of this release."""
    from crmlab.citation import bibtex

    print(bibtex())
