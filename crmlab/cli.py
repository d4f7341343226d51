"""The command `crmlab`. Exit codes: 0 done, 1 a notebook failed, 2 what was asked cannot be done, 130 interrupted."""

from __future__ import annotations

import math
import os
import signal
import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from crmlab.runner.cases import Study
    from crmlab.runner.sweeps import Plan

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
    from crmlab.runner.cases import StudyError
    from crmlab.runner.catalogue import SweepError
    from crmlab.runner.inputs import ParameterError
    from crmlab.runner.notebooks import NotebookError
    from crmlab.runner.records import RecordError

    signal.signal(signal.SIGTERM, interrupted)
    try:
        app()
    except (NotebookError, ParameterError, RecordError, StudyError, SweepError) as error:
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
    from crmlab.runner.workers import prepare

    prepare()
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
def sweep(
    chapter: Annotated[
        str | None, typer.Argument(help="Number, name or path; not needed where the study's file names it.")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter",
            "-p",
            metavar="NAME=VALUE,VALUE,...",
            help="Values of a parameter, each with each of the others; repeatable.",
        ),
    ] = None,
    grid: Annotated[
        Path | None, typer.Option(help="A study's file (YAML): notebook, cases, zip, grid, draw, repeat, study.")
    ] = None,
    register: Annotated[
        Path | None, typer.Option(help="Declare the study in this file before it is run; nothing is run yet.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the sweep, new, or one that goes on.")] = Path("build/sweep"),
    workers: Annotated[int, typer.Option(min=1, help="Runs at once; the cores of this machine by default.")] = (
        os.cpu_count() or 1
    ),
    timeout: Annotated[float | None, typer.Option(min=0, help="Seconds that a run may take.")] = None,
    memory: Annotated[float | None, typer.Option(min=0, help="MB that a run's kernel may take.")] = None,
    until_error: Annotated[
        float | None, typer.Option(min=0, help="Repeat until the primary result's Monte Carlo error is at most this.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Of a Dask scheduler, tcp://host:port, to run on its workers.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Do again what is done.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Run however many cases there are.")] = False,
) -> None:
    """Run a chapter for many cases, several at once; what is done is not done again, and a stopped sweep goes on."""
    from crmlab.runner import sweeps
    from crmlab.runner.cases import MANY, in_words
    from crmlab.runner.execution import Limits
    from crmlab.runner.workers import prepare
    from crmlab.workbook.progress import SweepBar

    if scheduler is None and register is None:
        prepare()
    notebook, study = asked_study(chapter, parameter or [], grid, register, out)
    if study.number > MANY and not yes:
        stop(f"crmlab: {study.number:,} cases are a great many; --yes runs them", 2)
    if register is not None:
        cases = counted(sweeps.register(notebook, study, out), "case")
        print(f"{cases} registered in {out}, nothing run yet; crmlab sweep --out {out} runs them")
        return
    limits = Limits(timeout, memory)
    rounds = sweeps.plans(notebook, study, out, limits=limits, force=force, until_error=until_error)
    plan, failed = next(rounds), []
    try:
        with sweeps.executor(workers, scheduler) as machine, SweepBar(len(plan.todo)) as bar:
            bar.progress.console.print(said_of(plan, machine.room), highlight=False)
            for each in chain([plan], rounds):
                if each is not plan:
                    bar.more(len(each.todo))
                for task, outcome in sweeps.carried_out(each.todo, machine):
                    bar.ended(outcome["status"] == "done")
                    if outcome["status"] == "failed":
                        failed.append(f"crmlab: {in_words(task.given)}: {outcome['error']}")
    except KeyboardInterrupt:
        stop("crmlab: interrupted; nothing is left running, what is done is kept, and the same command goes on", 130)
    for line in failed:
        print(line, file=sys.stderr)
    print(f"{bar.done} done, {bar.failed} failed. crmlab runs {out} shows all")
    if failed:
        sys.exit(1)


def asked_study(
    chapter: str | None, settings: list[str], grid: Path | None, register: Path | None, out: Path
) -> tuple[Path, Study]:
    """The notebook and the cases that the options of `sweep` ask for."""
    from crmlab.runner.cases import from_settings, read_study
    from crmlab.runner.inputs import parameters as declared
    from crmlab.runner.sweeps import registered_study
    from crmlab.workbook.build import find_chapters

    if sum(map(bool, (settings, grid, register))) > 1:
        stop("crmlab: -p, --grid and --register each say what to run; give one of them", 2)
    file = grid or register
    if file is None and chapter is not None:
        notebook = find_chapters([chapter])[0]
        return notebook, from_settings(settings, declared(notebook))
    if file is None and settings:
        stop("crmlab: name the chapter whose parameters these are", 2)
    study = registered_study(out) if file is None else read_study(file)
    name = chapter or study.notebook
    if name is None:
        stop(f"crmlab: {file} names no notebook, and neither did you; name one", 2)
    return find_chapters([name])[0], study


def said_of(plan: Plan, at_once: int) -> str:
    """How many runs there are to do, and about how long they take."""
    done = len(plan.tasks) - len(plan.todo)
    words = f"{counted(len(plan.tasks), 'case')}: {done} done already, {len(plan.todo)} to run, {at_once} at once"
    if plan.seconds is None or not plan.todo:
        return words
    seconds = plan.seconds * math.ceil(len(plan.todo) / max(at_once, 1))
    return f"{words}, about {seconds:.0f} s" if seconds < 100 else f"{words}, about {seconds / 60:.0f} min"


@app.command()
def runs(
    folder: Annotated[Path, typer.Argument(help="Of a sweep.")],
    out: Annotated[Path | None, typer.Option(help="Write them all to a .parquet or .csv file.")] = None,
    long: Annotated[bool, typer.Option("--long", help="With --out: one row a result, not one a run.")] = False,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="ID ID", help="Two runs: what changed between them, and how their results moved."),
    ] = None,
) -> None:
    """Show the runs of a sweep, or write them as a table, or compare two of them."""
    from crmlab.runner.catalogue import Catalogue

    catalogue = Catalogue(folder)
    if out is not None:
        catalogue.write(out, long=long)
        print(f"{out}: {counted(len(catalogue.results if long else catalogue.runs), 'result' if long else 'run')}")
    else:
        print(catalogue.compare(*compare) if compare else catalogue)


@app.command()
def new(path: Annotated[Path, typer.Argument(help="Of the notebook to make, such as notebooks/mine.ipynb.")]) -> None:
    """Begin a notebook of your own: a small one that keeps the contract, to change."""
    from crmlab.runner.template import new_notebook

    made = new_notebook(path)
    print(f"{made}: made. crmlab parameters {made} shows what it takes in, crmlab check {made} what it lacks.")


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
