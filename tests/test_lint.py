"""The contract of a chapter: one good chapter, and for each rule one that breaks it, named for it."""

import copy
from pathlib import Path

import nbformat
import pytest
from helpers import ALLOW, IMPORTS, PARAMETERS, ROOT, crmlab
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from crmlab.runner import NotebookError
from crmlab.runner.lint import RULES, lint
from crmlab.runner.records import MIME_TYPE

ALT = "Bars of the value of a customer: 12.50 by the model, 19.10 by the average so far."
VERSIONS = "# NBVAL_IGNORE_OUTPUT\nprint('crmlab')"
OPENING = """# Small

*What is it worth?*

**You will learn**

- to read;
- to count;
- to doubt.

**What to know first**: nothing. **Time**: 10 minutes.

**Misconceptions that this chapter means to cure**

- all swans are white;
- a big number is a good one.
"""
QUESTIONS = """**1.** One?
<details><summary>Answer</summary>One.</details>

**2.** Two?
<details><summary>Answer</summary>Two.</details>"""


def text(source, *tags):
    return new_markdown_cell(source, metadata={"tags": list(tags)} if tags else {})


def code(source, *tags, outputs=()):
    return new_code_cell(source, metadata={"tags": list(tags)} if tags else {}, outputs=list(outputs))


def shows(data, metadata=None):
    return new_output("display_data", data=data, metadata=metadata or {})


def stored(name, kind):
    return shows({MIME_TYPE: {"name": name, "value": 1, "kind": kind}, "text/plain": f"{name}: 1"})


def figure(kind="image/png", alt=ALT, plain=ALT, data="AAAA"):
    return shows({kind: data, "text/plain": plain}, {kind: {"alt": alt}})


def good_chapter():
    """A chapter that keeps every rule; tests find its cells by what they hold."""
    cells = [
        text(OPENING),
        text(QUESTIONS),
        code(IMPORTS),
        text("The parameters."),
        code(PARAMETERS, "parameters"),
        code(ALLOW),
        text("## A baseline\n\nThe average.", "core", "baseline"),
        code("record('average', 1)", outputs=[stored("average", "estimate")]),
        text("It is 1.\n\n## A model\n\n**Predict.** (a) more, (b) less?", "core", "predict"),
        code("model.fit(customers)\nfigures.show(fig, alt=alt)", outputs=[figure()]),
        text("If you chose (a), you took a number for a promise.", "misconception"),
        code("decide('Do it.', 1, 'USD', 0, 2, baseline='b')", outputs=[stored("decision", "decision")]),
        text("Do it.\n\n## How sure?\n\nThe bootstrap.", "further", "stability"),
        text("## Practice\n\nThree questions.", "core"),
        code("check('practice 1', None, 1)"),
        text("Two."),
        code("check('practice 2', None, 1)"),
        text("Three."),
        code("check('practice 3', None, 1)"),
        text("## Take away\n\n- read;\n- count;\n- doubt.", "core"),
        text("## Sources\n\n- A book (2005).", "core"),
        text("Versions."),
        code(VERSIONS),
    ]
    notebook = new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    number(notebook)
    return notebook


def number(notebook):
    for count, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), 1):
        cell.execution_count = count


def cell_with(notebook, words):
    return next(cell for cell in notebook.cells if words in cell.source)


def replace(words, new):
    def breaking(notebook):
        cell = cell_with(notebook, words)
        cell.source = cell.source.replace(words, new)

    return breaking


def untag(tag):
    def breaking(notebook):
        for cell in notebook.cells:
            if tag in cell.metadata.get("tags", []):
                cell.metadata.tags.remove(tag)

    return breaking


def drop(words):
    def breaking(notebook):
        notebook.cells.remove(cell_with(notebook, words))
        number(notebook)

    return breaking


def output_of(words, *outputs):
    def breaking(notebook):
        cell_with(notebook, words).outputs = list(outputs)

    return breaking


def append(*cells):
    def breaking(notebook):
        notebook.cells[-2:-2] = copy.deepcopy(cells)
        number(notebook)

    return breaking


def metadata(**more):
    def breaking(notebook):
        notebook.metadata.update(more)

    return breaking


def skip_a_count(notebook):
    notebook.cells[2].execution_count = 9


def no_outputs(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []


SLIDER = code("# NBVAL_IGNORE_OUTPUT\nfigures.sliders(draw, x=(0, 0, 1, 0.1))", "slider")
DEFAULT_STATE = code("record('at_half', draw(0.5))")

# rule -> ways to break it, and what the complaint must say
BREACHES = {
    "syntax": [(append(text("More."), code("%matplotlib inline")), "not plain Python")],
    "opening": [
        (replace("# Small", "Small"), "must begin with '# Title'"),
        (replace("*What is it worth?*", "What is it worth"), "must begin with '# Title'"),
        (replace("- to read;\n", ""), "3 or 4 bullets"),
        (replace("**What to know first**", "Before"), "what to know first"),
        (replace("10 minutes", "short"), "how many minutes"),
        (replace("- a big number is a good one.\n", ""), "misconceptions"),
    ],
    "warm-up": [(replace("**2.** Two?\n<details>", "**2.** Two?"), "two short questions")],
    "parameters-cell": [
        (untag("parameters"), "no cell is tagged 'parameters'"),
        (replace("weeks: int = 39", "weeks: int = 390"), "weeks=390: must be between 1 and 260"),
        (replace("weeks: int = 39", "weeks = 39"), "is not of the form"),
        (replace("  # forecast horizon, weeks", ""), "'weeks' has no help"),
        (replace("allow(", "import os\nallow("), "one call of allow(...) alone"),
        (drop("allow("), "must call allow(...) once"),
    ],
    "papermill-reading": [
        (replace("# forecast horizon, weeks", "# weeks = horizon"), "papermill does not see 'weeks'"),
        (replace('"cdnow"  # a name, or a path', '"a#b"  # name'), "papermill reads 'dataset'"),
    ],
    "prose-before-code": [(drop("The parameters."), "no prose before this code")],
    "prose-after-result": [(replace("It is 1.\n\n", ""), "no sentence after this result")],
    "cell-length": [(replace("record('average', 1)", "\n".join(["record('average', 1)"] * 16)), "16 lines")],
    "baseline": [
        (untag("baseline"), "no section tagged 'baseline'"),
        (replace("from crmlab.runner import", "model.fit(x)\nfrom crmlab.runner import"), "fitted before the section"),
    ],
    "stability": [(untag("stability"), "no section tagged 'stability'")],
    "predict": [
        (untag("predict"), "nowhere is the reader asked"),
        (untag("misconception"), "no cell tagged 'misconception'"),
    ],
    "core-or-further": [(untag("core"), "tagged 'core' or 'further'")],
    "figures": [
        (output_of("figures.show", figure(alt="")), "without alt text"),
        (output_of("figures.show", figure(plain="<Figure size 640x480 with 1 Axes>")), "without alt text"),
        (output_of("figures.show", figure(kind="image/svg+xml")), "only image/png"),
    ],
    "semicolon": [(replace("record('average', 1)", "record('average', 1);"), "ends in ';'")],
    "size": [(output_of("figures.show", figure(data="A" * 400_004)), "300,003 bytes; at most 300,000")],
    "slider": [
        (append(text("Move it."), DEFAULT_STATE, text("Now."), code("figures.sliders(draw, x=1)")), "must be tagged"),
        (append(text("Move it."), code("interact(draw, x=(0, 1))")), "draw sliders by figures.sliders"),
        (append(text("Move it."), SLIDER), "must show and record its default state"),
    ],
    "truth": [
        (append(text("Simulated."), code("truth.simulate(10)")), "no section is tagged 'truth'"),
        (append(text("Drawn.", "truth"), code("truth.simulate(10)")), "the text does not say so"),
    ],
    "recorded": [
        (drop("decide("), "0 decisions"),
        (output_of("record('average'"), "no result is recorded"),
        (append(text("More."), code("record('average', 2)", outputs=[stored("average", "estimate")])), "twice"),
    ],
    "practice": [
        (replace("check('practice 3', None, 1)", "3"), "has 2"),
        (replace("## Practice", "## Exercises"), "section '## Practice'"),
    ],
    "ending": [
        (replace("- read;\n", ""), "'## Take away' has 2 bullets"),
        (drop("## Sources"), "needs '## Sources'"),
        (drop("NBVAL_IGNORE_OUTPUT"), "must print versions"),
    ],
    "executed": [(skip_a_count, "execution counts"), (no_outputs, "no outputs are saved")],
    "clean-outputs": [
        (output_of("record('average'", new_output("stream", name="stderr", text="oh")), "on stderr"),
        (output_of("record('average'", new_output("error", ename="E", evalue="e")), "an error"),
        (output_of("record('average'", new_output("stream", text="/home/ada/x.csv")), "a path of one machine"),
        (output_of("record('average'", new_output("stream", text="at 12:34:56")), "a clock time"),
        (output_of("record('average'", new_output("stream", text="<object at 0x7f2a79e83390>")), "memory address"),
    ],
    "clean-metadata": [
        (metadata(papermill={"duration": 1.0}), "metadata papermill"),
        (metadata(widgets={"state": {}}), "metadata widgets"),
    ],
}
CASES = [(rule, breaking, words) for rule, cases in BREACHES.items() for breaking, words in cases]


@pytest.fixture
def file(tmp_path):
    def written(notebook, name):
        nbformat.write(notebook, tmp_path / f"{name}.ipynb")
        return tmp_path / f"{name}.ipynb"

    return written


def test_a_good_chapter_has_no_complaint(file):
    assert lint(file(good_chapter(), "good")) == []


def test_every_rule_has_a_chapter_that_breaks_it():
    assert set(BREACHES) == set(RULES)


@pytest.mark.parametrize(("rule", "breaking", "words"), CASES)
def test_a_breach_is_found_by_its_rule(file, rule, breaking, words):
    notebook = good_chapter()
    breaking(notebook)
    found = [complaint for complaint in lint(file(notebook, rule)) if complaint.rule == rule]
    assert found
    assert any(words in complaint.message for complaint in found), found


def test_a_complaint_names_file_cell_and_rule(file):
    notebook = good_chapter()
    replace("record('average', 1)", "record('average', 1);")(notebook)
    path = file(notebook, "semicolon")
    assert [str(one) for one in lint(path)] == [
        f"{path}, cell 8: semicolon: a line ends in ';': write '_ = ...' to show nothing"
    ]


def test_a_good_slider_passes(file):
    notebook = good_chapter()
    append(text("At half."), DEFAULT_STATE, text("It is so. Move it."), SLIDER)(notebook)
    assert lint(file(notebook, "good")) == []


def test_what_is_no_notebook_is_refused(tmp_path):
    with pytest.raises(NotebookError, match="no such notebook"):
        lint(tmp_path / "none.ipynb")


@pytest.mark.parametrize("chapter", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_chapter_keeps_the_contract(chapter):
    assert [str(complaint) for complaint in lint(chapter)] == []


def test_the_command_says_how_many_and_exits_1(file):
    good = file(good_chapter(), "good")
    outcome = crmlab("check", good)
    assert (outcome.returncode, outcome.stdout) == (0, "1 notebook checked, 0 complaints\n")
    notebook = good_chapter()
    untag("stability")(notebook)
    outcome = crmlab("check", good, file(notebook, "bad"))
    assert outcome.returncode == 1
    assert outcome.stdout.endswith("2 notebooks checked, 1 complaint\n")
    assert crmlab("check", Path("nowhere.ipynb")).returncode == 2
