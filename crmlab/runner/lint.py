"""The contract of a chapter, checked by `crmlab check`: each rule one function; CONTRIBUTING.md says how to keep it."""

from __future__ import annotations

import ast
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from crmlab.runner.inputs import ParameterError, checked, parameters
from crmlab.runner.notebooks import NotebookError, read_notebook, tags
from crmlab.runner.records import RecordError, results, stored_results

if TYPE_CHECKING:
    from nbformat import NotebookNode

MOST_LINES = 15
MOST_BYTES = 300_000
SHORTEST_ALT = 30
IGNORED = "# NBVAL_IGNORE_OUTPUT"
KEPT_METADATA = {"kernelspec", "language_info"}

Finding = tuple[int | None, str]  # place of the cell in the notebook (None: the whole), and what is wrong
RULES: dict[str, Callable[[NotebookNode], Iterator[Finding]]] = {}


@dataclass(frozen=True)
class Complaint:
    """One breach of the contract."""

    notebook: str
    cell: int | None
    rule: str
    message: str

    def __str__(self) -> str:
        where = f", cell {self.cell + 1}" if self.cell is not None else ""
        return f"{self.notebook}{where}: {self.rule}: {self.message}"


def lint(notebook: str | Path) -> list[Complaint]:
    """Hold one notebook against every rule.

    Parameters
    ----------
    notebook : path

    Returns
    -------
    list of Complaint
        Empty when it keeps the contract. Cells are counted from 1, prose and code together.

    Raises
    ------
    NotebookError
        No such notebook, or not a notebook.
    """
    node = read_notebook(notebook)
    return [Complaint(str(notebook), cell, name, text) for name, rule in RULES.items() for cell, text in rule(node)]


def rule(check: Callable[[NotebookNode], Iterator[Finding]]) -> Callable[[NotebookNode], Iterator[Finding]]:
    """Enter a rule under its function's name."""
    RULES[check.__name__.replace("_", "-")] = check
    return check


# ------------------------------------------------------------------------------------------------------------ looking


def code(node: NotebookNode) -> list[tuple[int, NotebookNode]]:
    """Code cells with their places."""
    return [(place, cell) for place, cell in enumerate(node.cells) if cell.cell_type == "code"]


def prose(node: NotebookNode) -> list[tuple[int, NotebookNode]]:
    """Markdown cells with their places."""
    return [(place, cell) for place, cell in enumerate(node.cells) if cell.cell_type == "markdown"]


def tagged(node: NotebookNode, tag: str) -> list[int]:
    """Places of the cells that carry a tag."""
    return [place for place, cell in enumerate(node.cells) if tag in tags(cell)]


def section(node: NotebookNode, title: str) -> str | None:
    """The prose of the section whose ## heading begins with a title; None without one."""
    text, inside = "", False
    for _, cell in prose(node):
        for line in cell.source.splitlines():
            if line.startswith("## "):
                inside = line[3:].lower().startswith(title.lower())
            text += line + "\n" if inside else ""
    return text or None


def bullets_after(text: str, words: str) -> int:
    """How many bullets follow the line that contains some words."""
    _, found, rest = text.lower().partition(words.lower())
    lines = rest.split("\n\n**")[0].splitlines() if found else []
    return sum(line.lstrip().startswith("- ") for line in lines)


def calls(cell: NotebookNode, *names: str) -> bool:
    """Whether a code cell calls one of the named functions or methods."""
    for part in ast.walk(ast.parse(cell.source)):
        if isinstance(part, ast.Call) and ast.unparse(part.func).rpartition(".")[2] in names:
            return True
    return False


def images(node: NotebookNode) -> Iterator[tuple[int, NotebookNode, str]]:
    """Outputs that are pictures: place, output, MIME type."""
    for place, cell in code(node):
        for output in cell.outputs:
            for kind in output.get("data", {}):
                if kind.startswith("image/"):
                    yield place, output, kind


def output_text(output: NotebookNode) -> str:
    """All that an output says in words."""
    data = output.get("data", {})
    return "\n".join([output.get("text", ""), data.get("text/plain", ""), data.get("text/html", "")])


# ---------------------------------------------------------------------------------------------- 1 to 3: opening, inputs


@rule
def syntax(node: NotebookNode) -> Iterator[Finding]:
    """Every code cell is plain Python; the other rules read it. A cell that is not is blanked for them."""
    for place, cell in code(node):
        try:
            ast.parse(cell.source)
        except SyntaxError as error:
            yield place, f"not plain Python ({error.msg}); magics and shell lines have no place in a chapter"
            cell.source = ""


@rule
def opening(node: NotebookNode) -> Iterator[Finding]:
    """The first cell: title, question, what one will learn, what to know first, minutes, misconceptions."""
    text = node.cells[0].source if node.cells and node.cells[0].cell_type == "markdown" else ""
    if not re.match(r"# .+\n+\*[^*]+\?\*\n", text):
        yield 0, "must begin with '# Title', then the chapter's question in italics, ending in '?'"
    if bullets_after(text, "**You will learn") not in (3, 4):
        yield 0, "needs '**You will learn**' with 3 or 4 bullets"
    if "know first" not in text.lower():
        yield 0, "must say what to know first"
    if not re.search(r"\d+ minutes", text):
        yield 0, "must say how many minutes it takes"
    if bullets_after(text, "misconceptions") < 2:
        yield 0, "must list the misconceptions that the chapter means to cure (2 bullets or more)"


@rule
def warm_up(node: NotebookNode) -> Iterator[Finding]:
    """Two short questions on earlier chapters, answers folded, before the first code."""
    first = code(node)[0][0] if code(node) else len(node.cells)
    folded = sum(cell.source.count("<details>") for place, cell in prose(node) if place < first)
    if folded < 2:
        yield None, f"needs two short questions with folded answers (<details>) before the first code; has {folded}"


@rule
def parameters_cell(node: NotebookNode) -> Iterator[Finding]:
    """One tagged cell of annotated literals, then one call of allow that allows the defaults."""
    place = next(iter(tagged(node, "parameters")), None)
    try:
        checked(parameters(node), {})
    except (NotebookError, ParameterError) as error:
        yield place, str(error).removeprefix("notebook: ")
    else:
        for p in parameters(node).values():
            if not p.help:
                yield place, f"{p.name!r} has no help: one line for each, name: type = value  # help, unit"
    following = [cell for at, cell in code(node) if place is not None and at > place][:1]
    if following and not one_call_of_allow(following[0]):
        yield (
            node.cells.index(following[0]),
            "the cell after the parameters must be one call of allow(...) alone",
        )


def one_call_of_allow(cell: NotebookNode) -> bool:
    """Whether a cell is the one statement allow(...)."""
    body = ast.parse(cell.source).body
    return len(body) == 1 and ast.unparse(body[0]).startswith("allow(")


@rule
def papermill_reading(node: NotebookNode) -> Iterator[Finding]:
    """Papermill's line pattern reads the parameters as Python does."""
    from papermill.translators import PythonTranslator

    try:
        ours = {p.name: (p.type.__name__, p.default, p.help) for p in parameters(node).values()}
    except NotebookError:
        return  # parameters-cell says so
    place = tagged(node, "parameters")[0]
    logging.getLogger("papermill.translators").setLevel(logging.ERROR)  # it is this rule that tells
    theirs = {p.name: p for p in PythonTranslator.inspect(node.cells[place])}
    for name, (kind, default, words) in ours.items():
        reading = theirs.get(name)
        if reading is None:
            yield place, f"papermill does not see {name!r} (a second '=' in the line, also in its comment, hides it)"
        elif reading.inferred_type_name != kind or literal(reading.default) != default or reading.help != words:
            words = f"{reading.inferred_type_name} = {reading.default}, help {reading.help!r}"
            yield place, f"papermill reads {name!r} as {words}; keep '#' and '=' out of values and comments"


def literal(text: str) -> object:
    """The value of a literal; the text itself when it is none."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


# ------------------------------------------------------------------------------------------------ 4, 5: prose and code


@rule
def prose_before_code(node: NotebookNode) -> Iterator[Finding]:
    """Prose before every code cell, apart from allow."""
    for place, cell in code(node):
        before = node.cells[place - 1] if place else None
        if (before is None or before.cell_type != "markdown") and not one_call_of_allow(cell):
            yield place, "no prose before this code: say the question first"


@rule
def prose_after_result(node: NotebookNode) -> Iterator[Finding]:
    """After a result, a sentence that reads it out."""
    for place, cell in code(node):
        after = node.cells[place + 1] if place + 1 < len(node.cells) else None
        if not cell.outputs or cell.source.startswith(IGNORED):
            continue
        if after is None or after.cell_type != "markdown" or after.source.lstrip().startswith("#"):
            yield place, "no sentence after this result: read it out before the next heading"


@rule
def cell_length(node: NotebookNode) -> Iterator[Finding]:
    """At most 15 lines a cell."""
    for place, cell in code(node):
        lines = len(cell.source.splitlines())
        if lines > MOST_LINES:
            yield place, f"{lines} lines; at most {MOST_LINES}, one idea a cell"


@rule
def baseline(node: NotebookNode) -> Iterator[Finding]:
    """A section tagged `baseline`, before the first model is fitted."""
    places = tagged(node, "baseline")
    fits = [place for place, cell in code(node) if calls(cell, "fit")]
    if not places:
        yield None, "no section tagged 'baseline'"
    elif fits and fits[0] < places[0]:
        yield fits[0], "a model is fitted before the section tagged 'baseline'"


@rule
def stability(node: NotebookNode) -> Iterator[Finding]:
    """A section on how stable the answer is, tagged `stability`."""
    if not tagged(node, "stability"):
        yield None, "no section tagged 'stability': how sure is the answer?"


@rule
def predict(node: NotebookNode) -> Iterator[Finding]:
    """Before each main result the reader predicts (tag `predict`); after it, wrong choices are explained."""
    asked, explained = tagged(node, "predict"), tagged(node, "misconception")
    if not asked:
        yield None, "nowhere is the reader asked to predict a result (tag 'predict')"
    for place, end in pairwise([*asked, len(node.cells)]):
        if not any(place < other < end for other in explained):
            yield place, "no cell tagged 'misconception' after this prediction: explain the wrong choices"


@rule
def core_or_further(node: NotebookNode) -> Iterator[Finding]:
    """Every ## section is tagged core or further."""
    for place, cell in prose(node):
        if re.search(r"^## ", cell.source, re.MULTILINE) and len({"core", "further"} & tags(cell)) != 1:
            yield place, "a cell with a ## heading must be tagged 'core' or 'further'"


# --------------------------------------------------------------------------------------------- 6 to 9: what cells show


@rule
def figures(node: NotebookNode) -> Iterator[Finding]:
    """PNG only, each with an alt text that is its plain text, too."""
    for place, output, kind in images(node):
        alt = output.get("metadata", {}).get(kind, {}).get("alt", "")
        if kind != "image/png":
            yield place, f"a picture of type {kind}; only image/png"
        elif len(alt) < SHORTEST_ALT or alt != output.data.get("text/plain"):
            yield place, "a figure without alt text: show it with figures.show(fig, alt=...)"


@rule
def semicolon(node: NotebookNode) -> Iterator[Finding]:
    """No trailing semicolon; nbval runs cells so that it hides nothing."""
    for place, cell in code(node):
        if any(line.rstrip().endswith(";") for line in cell.source.splitlines()):
            yield place, "a line ends in ';': write '_ = ...' to show nothing"


@rule
def size(node: NotebookNode) -> Iterator[Finding]:
    """Figures of under 300 kB together (DECISIONS.md, "Size of a chapter")."""
    weight = sum(len(output.data[kind]) * 3 // 4 for _, output, kind in images(node))
    if weight > MOST_BYTES:
        yield None, f"figures of {weight:,} bytes; at most {MOST_BYTES:,}: fewer or smaller figures"


@rule
def slider(node: NotebookNode) -> Iterator[Finding]:
    """A slider stands alone in a tagged, uncompared cell after one that records its default state."""
    for place, cell in code(node):
        if calls(cell, "interact", "interactive", "interactive_output"):
            yield place, "draw sliders by figures.sliders: programs that run notebooks hang on these, now and then"
        if not calls(cell, "sliders"):
            continue
        before = [other for at, other in code(node) if at < place][-1:]
        if "slider" not in tags(cell) or not cell.source.startswith(IGNORED) or cell.outputs:
            yield place, f"a slider's cell must be tagged 'slider', begin with {IGNORED} and keep no output"
        if not before or not calls(before[0], "record"):
            yield place, "the code cell before a slider must show and record its default state"


@rule
def truth(node: NotebookNode) -> Iterator[Finding]:
    """Where data are simulated: said so, and the estimate held against the truth (section tagged `truth`)."""
    if any(calls(cell, "simulate") for _, cell in code(node)):
        if not tagged(node, "truth"):
            yield None, "the data are simulated, but no section is tagged 'truth': hold the estimate against it"
        if not any("simulated" in cell.source.lower() for _, cell in prose(node)):
            yield None, "the data are simulated, but the text does not say so"


# ------------------------------------------------------------------------------------- 10 to 12: results, ending, form


@rule
def recorded(node: NotebookNode) -> Iterator[Finding]:
    """At least one recorded result, exactly one decision, no name twice."""
    if not any(cell.outputs for _, cell in code(node)):
        return  # `executed` says so
    kinds = [stored["kind"] for stored in stored_results(node)]
    if kinds.count("decision") != 1:
        yield None, f"{kinds.count('decision')} decisions; a chapter ends in exactly one decide(...)"
    if not set(kinds) - {"decision"}:
        yield None, "no result is recorded: call record(...)"
    try:
        results(node)
    except RecordError as error:
        yield None, str(error)


@rule
def practice(node: NotebookNode) -> Iterator[Finding]:
    """Three practice questions that `check` answers."""
    found = sum(calls(cell, "check") for _, cell in code(node))
    if found != 3 or section(node, "Practice") is None:
        yield None, f"needs a section '## Practice' with three questions that check(...) answers; has {found}"


@rule
def ending(node: NotebookNode) -> Iterator[Finding]:
    """Take away, as many bullets as were promised; sources; then one cell of versions, not compared."""
    opened = node.cells[0].source if node.cells else ""
    promised = bullets_after(opened, "**You will learn")
    kept = bullets_after(section(node, "Take away") or "", "take away")
    if kept != promised:
        yield None, f"'## Take away' has {kept} bullets, 'You will learn' has {promised}: make each good"
    if bullets_after(section(node, "Sources") or "", "sources") < 1:
        yield None, "needs '## Sources' with at least one bullet"
    last = node.cells[-1] if node.cells else None
    if last is None or last.cell_type != "code" or not last.source.startswith(IGNORED):
        yield None, f"the last cell must print versions and begin with {IGNORED}"


@rule
def executed(node: NotebookNode) -> Iterator[Finding]:
    """Executed from the top, outputs saved: nbval passes a notebook without outputs silently."""
    counts = [cell.execution_count for _, cell in code(node)]
    if counts != list(range(1, len(counts) + 1)):
        yield None, "execution counts are not 1, 2, 3, ...: run crmlab refresh"
    if not any(cell.outputs for _, cell in code(node)):
        yield None, "no outputs are saved: run crmlab refresh"


@rule
def clean_outputs(node: NotebookNode) -> Iterator[Finding]:
    """No errors, nothing on stderr; no path, clock time or memory address in what is compared."""
    marks = {
        "a path of one machine": r"(?<![\w.:/])(/(home|Users|root|tmp)/|[A-Z]:\\)",
        "a clock time": r"\b\d\d:\d\d:\d\d\b(?<!00:00:00)",
        "a memory address": r"\bat 0x[0-9a-f]{6,}",
    }
    for place, cell in code(node):
        for output in cell.outputs:
            if output.output_type == "error" or output.get("name") == "stderr":
                yield place, "an error or something on stderr was saved"
            for what, pattern in marks.items():
                if re.search(pattern, output_text(output)) and not cell.source.startswith(IGNORED):
                    yield place, f"the output holds {what}, which another machine cannot repeat"


@rule
def clean_metadata(node: NotebookNode) -> Iterator[Finding]:
    """No widget state, times or paths in the file: the form that `crmlab refresh` leaves."""
    extra = set(node.metadata) - KEPT_METADATA
    extra |= {key for cell in node.cells for key in cell.metadata if key not in ("tags", "jupyter")}
    if extra:
        yield None, f"metadata {', '.join(sorted(extra))}: run crmlab refresh"
