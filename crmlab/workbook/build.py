"""The workbook: chapters run, each beside the others, and left as notebooks, pages and an index."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import crmlab
from crmlab.runner.execution import Run, execute
from crmlab.runner.inputs import Parameter, ParameterError, checked, parameters
from crmlab.runner.notebooks import NotebookError, read_notebook, write_whole
from crmlab.runner.records import stored_results
from crmlab.runner.workers import Tell, WorkerDied, Workers

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from crmlab.workbook.pages import Entry

CHAPTER = "[0-9][0-9]_*.ipynb"
Job = tuple[Path, Path, dict[str, Any]]  # chapter, executed copy, parameters
Progress = Callable[[str, int, int], None]  # chapter, cells done, cells in all


def chapters_folder() -> Path:
    """The folder of the chapters: `notebooks` here, or in the checkout that this package was installed from.

    Raises
    ------
    NotebookError
        There is none.
    """
    for folder in (Path("notebooks"), Path(crmlab.__file__).parents[1] / "notebooks"):
        if any(folder.glob(CHAPTER)):
            return folder
    raise NotebookError("no chapters here; run crmlab in a checkout of its repository, or name a notebook")


def find_chapters(names: Sequence[str]) -> list[Path]:
    """The notebooks that names mean: a number, a topic, a file's name or a path; all chapters for no name.

    Raises
    ------
    NotebookError
        A name that means no chapter, with those that there are; or there are none.
    """
    if names and all(name.endswith(".ipynb") for name in names):
        return list(dict.fromkeys(Path(name) for name in names))
    there = sorted(chapters_folder().glob(CHAPTER))
    return list(dict.fromkeys(find_chapter(name, there) for name in names)) if names else there


def find_chapter(name: str, there: Sequence[Path]) -> Path:
    """The one notebook that a name means."""
    if name.endswith(".ipynb"):
        return Path(name)
    for path in there:
        number, topic = path.stem.split("_", 1)
        if name in (path.stem, topic) or (name.isdecimal() and int(name) == int(number)):
            return path
    hint = f"; did you mean {name}.ipynb?" if Path(f"{name}.ipynb").exists() else ""
    raise NotebookError(f"no chapter {name!r}{hint}; there are: {', '.join(path.stem for path in there)}")


def parsed_values(chapter: Path, settings: Sequence[str]) -> dict[str, Any]:
    """Parameters from texts `name=value`, checked against what the chapter allows.

    Raises
    ------
    ParameterError
        In one line that names the chapter.
    """
    declared = parameters(chapter)
    try:
        pairs = [parsed_setting(declared, setting) for setting in settings]
        values = dict(pairs)
        if len(values) < len(pairs):
            twice = next(name for name in values if [pair[0] for pair in pairs].count(name) > 1)
            raise ParameterError(f"{twice!r} is given more than once")
        checked(declared, values)
    except ParameterError as error:
        raise ParameterError(f"{chapter.stem}: {error}") from None
    return values


def parsed_setting(declared: Mapping[str, Parameter], setting: str) -> tuple[str, Any]:
    """Name and value of one text `name=value`."""
    name, equals, text = setting.partition("=")
    if not equals or not name:
        raise ParameterError(f"{setting!r} is not of the form name=value")
    return name, declared[name].parse(text) if name in declared else text


def planned(chapters: Sequence[Path], settings: Sequence[str], out: Path) -> list[Job]:
    """What to run, every chapter's parameters checked before the first kernel starts.

    Parameters
    ----------
    chapters : paths of notebooks
    settings : texts `name=value`, for all of them
    out : folder for the executed notebooks

    Raises
    ------
    NotebookError, ParameterError
        A chapter that cannot be run, or not with these values.
    """
    stems = [chapter.stem for chapter in chapters]
    if twice := {stem for stem in stems if stems.count(stem) > 1}:
        raise NotebookError(f"two notebooks are called {min(twice)}: their outputs would be one file")
    return [(chapter, out / chapter.name, parsed_values(chapter, settings)) for chapter in chapters]


def build(jobs: Sequence[Job], out: Path, workers: int, progress: Progress) -> Iterator[Run]:
    """Run chapters and write their notebooks, pages and the index; the runs, as they finish.

    Parameters
    ----------
    jobs : as `planned` gives them
    out : folder, made when missing
    workers : processes at once
    progress : told chapter, cells done, cells in all

    Raises
    ------
    KeyboardInterrupt
        After every kernel is gone and what ran is marked interrupted.
    """
    try:
        with Workers(workers, run_job, lambda job, news: progress(job[0].stem, *news)) as machine:
            waiting = deque(jobs)
            running = 0
            while waiting or running:
                while waiting and machine.room:
                    machine.submit(waiting.popleft())
                    running += 1
                for _, one in machine.finished(1):
                    running -= 1
                    if isinstance(one, WorkerDied):
                        raise NotebookError(str(one))
                    yield one
    finally:
        write_pages(out)  # also of what was interrupted, marked as such


def run_job(job: Job, tell: Tell) -> Run:
    """Run a chapter in a worker."""
    return execute(*job, progress=lambda done, cells: tell((done, cells)))


# -------------------------------------------------------------------------------------------------------------- pages


def write_pages(out: Path) -> None:
    """Pages and index of a folder of executed notebooks, made from the notebooks themselves.

    Raises
    ------
    NotebookError
        A notebook that no page can be made of, with the reason, once all others have theirs.
    """
    from crmlab.workbook.pages import index_html, page_html

    executed = dict(executed_notebooks(out))
    links = [None, *((page_title(path, node), f"{path.stem}.html") for path, node in executed.items()), None]
    names, refused = {path.name for path in executed}, []
    for place, (path, node) in enumerate(executed.items()):
        before, after = links[place], links[place + 2]
        try:
            page = page_html(node, notebook_file=path.name, previous=before, following=after, beside=names)
        except ValueError as error:
            refused.append(str(error))
            continue
        write_whole(path.with_suffix(".html"), page.encode("utf-8"))
    if executed:
        entries = [entry(path, node) for path, node in executed.items()]
        write_whole(out / "index.html", index_html(entries).encode("utf-8"))
    if refused:
        raise NotebookError("no page could be made: " + "; ".join(refused))


def executed_notebooks(out: Path) -> Iterator[tuple[Path, NotebookNode]]:
    """The notebooks of a folder that the runner wrote, in order; whatever else lies there is not of the workbook."""
    for path in sorted(out.glob("*.ipynb")):
        try:
            node = read_notebook(path)
        except NotebookError:
            continue
        if "crmlab" in node.metadata:
            yield path, node


def page_title(path: Path, node: NotebookNode) -> str:
    """A chapter's title with its number."""
    from crmlab.workbook.pages import title_and_question

    return f"{number(path)} {title_and_question(node, path.name)[0]}".strip()


def number(path: Path) -> str:
    """The chapter number in a file's name; empty for a notebook without."""
    found = re.match(r"(\d\d)_", path.name)
    return found[1] if found else ""


def entry(path: Path, node: NotebookNode) -> Entry:
    """What the index says of one executed notebook."""
    from crmlab.workbook.pages import Entry, money, title_and_question

    title, question = title_and_question(node, path.name)
    facts = node.metadata["crmlab"]
    decision: dict[str, Any] = next((r for r in stored_results(node) if r["kind"] == "decision"), {})
    return Entry(
        number=number(path),
        title=title,
        question=question,
        status=facts["status"],
        seconds=facts["seconds"],
        decision=decision.get("text"),
        money=money(decision) if decision else None,
        baseline=decision.get("baseline"),
        error=facts["error"],
        page=f"{path.stem}.html" if path.with_suffix(".html").exists() else None,
        notebook=path.name,
    )
