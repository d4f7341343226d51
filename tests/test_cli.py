"""The command: which chapters, which values, which messages and exit codes."""

import shutil

import nbformat
import pytest
from helpers import BODY, a_notebook, crmlab, crmlab_process

import crmlab as package
from crmlab.runner import NotebookError, results
from crmlab.workbook.build import find_chapters, parsed_setting, planned


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder with two chapters in `notebooks`, as the current one."""
    for name in ("03_segmentation", "08_lifetime_value"):
        a_notebook(tmp_path / "notebooks" / f"{name}.ipynb")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "name", ["8", "08", "08_lifetime_value", "lifetime_value", "notebooks/08_lifetime_value.ipynb"]
)
def test_a_chapter_is_found_by_number_topic_file_and_path(checkout, name):
    assert [path.stem for path in find_chapters([name])] == ["08_lifetime_value"]


def test_no_name_means_all_and_a_name_twice_means_once(checkout):
    assert [path.stem for path in find_chapters([])] == ["03_segmentation", "08_lifetime_value"]
    assert len(find_chapters(["8", "lifetime_value"])) == 1


def test_an_unknown_chapter_is_refused_with_those_that_there_are(checkout):
    with pytest.raises(NotebookError, match="no chapter '9'; there are: 03_segmentation, 08_lifetime_value"):
        find_chapters(["9"])


def test_a_folder_of_that_name_without_chapters_does_not_hide_them(tmp_path, monkeypatch):
    a_notebook(tmp_path / "notebooks" / "mine.ipynb")
    monkeypatch.chdir(tmp_path)
    assert find_chapters(["08"])[0].is_absolute()
    with pytest.raises(NotebookError, match="no chapter 'mine'; there are"):
        find_chapters(["mine"])
    monkeypatch.chdir(tmp_path / "notebooks")
    with pytest.raises(NotebookError, match=r"no chapter 'mine'; did you mean mine\.ipynb"):
        find_chapters(["mine"])


def test_two_chapters_of_one_name_are_refused(checkout):
    other = a_notebook(checkout / "elsewhere" / "08_lifetime_value.ipynb")
    with pytest.raises(NotebookError, match="two notebooks are called 08_lifetime_value"):
        planned([find_chapters(["8"])[0], other], [], checkout)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("weeks=13", 13),
        ("weeks=1_000", 1000),
        ("weeks=banana", "banana"),
        ("weeks=3.5", 3.5),
        ("dataset=13", "13"),
        ("dataset=a=b.csv", "a=b.csv"),
        ("dataset=", ""),
        ("unknown=x", "x"),
    ],
)
def test_texts_become_values(notebook, setting, value):
    from crmlab.runner import parameters

    parsed = parsed_setting(parameters(notebook), setting)[1]
    assert (parsed, type(parsed)) == (value, type(value))


REFUSALS = [
    (["-p", "week=3"], "crmlab: 05_small: no parameter 'week'; did you mean 'weeks'?"),
    (["-p", "weeks=3.5"], "crmlab: 05_small: weeks=3.5: must be a whole number"),
    (["-p", "weeks=True"], "crmlab: 05_small: weeks=True: must be a whole number"),
    (["-p", "rate=banana"], "crmlab: 05_small: rate='banana': must be a number"),
    (["-p", "weeks=999"], "crmlab: 05_small: weeks=999: must be between 1 and 260"),
    (["-p", "dataset=none.csv"], "crmlab: 05_small: dataset='none.csv': must be one of 'cdnow'"),
    (["-p", "weeks=8", "-p", "weeks=9"], "crmlab: 05_small: 'weeks' is given more than once"),
    (["-p", "weeks"], "crmlab: 05_small: 'weeks' is not of the form name=value"),
]


@pytest.mark.parametrize(("words", "message"), REFUSALS)
def test_bad_values_are_refused_in_one_line_with_exit_code_2(notebook, tmp_path, words, message):
    outcome = crmlab("run", notebook, "--out", tmp_path / "out", *words)
    assert outcome.returncode == 2
    assert outcome.stderr.startswith(message)
    assert len(outcome.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "no such notebook"),
        (lambda path: path.write_bytes(b"\x89PNG\r\n"), "not a Jupyter notebook"),
        (lambda path: path.mkdir(), "a folder, not a notebook"),
        (lambda path: a_notebook(path, parameters=None, allow=None), "no cell is tagged 'parameters'"),
        (lambda path: a_notebook(path, allow=None), "must call allow(...) once"),
        (lambda path: a_notebook(path, parameters="n: int = "), "parameters cell, line 1: invalid syntax: 'n: int ='"),
        (lambda path: a_notebook(path, parameters="n: str = 'abc"), "parameters cell, line 1: unterminated string"),
        (lambda path: a_notebook(path, allow="%matplotlib inline\nallow()"), "invalid syntax: '%matplotlib inline'"),
    ],
)
def test_what_cannot_run_is_refused_in_one_line_with_exit_code_2(tmp_path, make, message):
    path = tmp_path / "bad.ipynb"
    make(path)
    outcome = crmlab("run", path, "--out", tmp_path / "out")
    assert outcome.returncode == 2
    assert outcome.stderr.startswith(f"crmlab: {path}: ")
    assert message in outcome.stderr
    assert len(outcome.stderr.splitlines()) == 1


def test_one_chapter_that_cannot_run_stops_all_before_the_first(checkout):
    a_notebook(checkout / "notebooks" / "09_growth.ipynb", allow=None)
    outcome = crmlab("run", cwd=checkout)
    assert outcome.returncode == 2
    assert not (checkout / "build").exists()


def test_an_output_folder_that_is_a_file_is_named(notebook, tmp_path):
    (tmp_path / "out").write_text("x")
    outcome = crmlab("run", notebook, "--out", tmp_path / "out")
    assert outcome.returncode == 2
    assert str(tmp_path / "out") in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_what_else_lies_in_the_output_folder_is_left_alone(notebook, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "junk.ipynb").write_text("junk")
    a_notebook(tmp_path / "out" / "other.ipynb")
    outcome = crmlab("run", notebook, "--out", tmp_path / "out")
    assert outcome.returncode == 0, outcome.stderr
    assert (tmp_path / "out" / "junk.ipynb").read_text() == "junk"
    assert sorted(path.name for path in (tmp_path / "out").glob("*.html")) == ["05_small.html", "index.html"]


def test_several_chapters_run_beside_each_other_and_one_failure_spares_the_others(checkout):
    a_notebook(checkout / "notebooks" / "09_growth.ipynb", BODY, "1 / 0")
    outcome = crmlab("run", "--workers", 2, "-p", "weeks=13", cwd=checkout)
    assert outcome.returncode == 1
    out = checkout / "build" / "workbook"
    assert "crmlab: 09_growth: cell [6]: ZeroDivisionError" in outcome.stderr
    status = {path.stem: nbformat.read(path, 4).metadata["crmlab"]["status"] for path in out.glob("*.ipynb")}
    assert status == {"03_segmentation": "done", "08_lifetime_value": "done", "09_growth": "failed"}
    index = (out / "index.html").read_text()
    assert index.index("03_segmentation.html") < index.index("08_lifetime_value.html") < index.index("09_growth.html")
    assert "ZeroDivisionError" in index
    page = (out / "08_lifetime_value.html").read_text()
    assert 'href="03_segmentation.html"' in page
    assert 'href="09_growth.html"' in page
    assert results(out / "03_segmentation.ipynb")["value"].tolist() == [1.3, 1.3]


def test_a_second_run_of_one_chapter_keeps_the_others_in_the_index(checkout):
    assert crmlab("run", "--workers", 1, cwd=checkout).returncode == 0
    assert crmlab("run", "8", "-p", "weeks=2", cwd=checkout).returncode == 0
    index = (checkout / "build" / "workbook" / "index.html").read_text()
    assert "03_segmentation.html" in index
    assert "08_lifetime_value.html" in index


def test_a_page_that_cannot_be_made_is_named_and_the_others_are(checkout):
    node = nbformat.read(checkout / "notebooks" / "03_segmentation.ipynb", 4)
    node.cells[0].source += "\n\n$\\foo{x}$"
    nbformat.write(node, checkout / "notebooks" / "03_segmentation.ipynb")
    outcome = crmlab("run", "--workers", 1, cwd=checkout)
    assert outcome.returncode == 2
    assert "no page could be made: 03_segmentation.ipynb, cell 1: the formula" in outcome.stderr
    assert (checkout / "build" / "workbook" / "08_lifetime_value.html").exists()


def test_parameters_are_shown(notebook):
    outcome = crmlab("parameters", notebook)
    assert outcome.stdout.splitlines()[0] == ("weeks: int = 39  # forecast horizon, weeks; allowed: between 1 and 260")


def test_refresh_tells_what_moved(notebook):
    assert "05_small: 2 recorded results moved" in crmlab("refresh", notebook).stdout
    assert crmlab("refresh", notebook).stdout == "05_small: 0 recorded results moved\n"


def test_refresh_of_a_failing_notebook_exits_1(tmp_path):
    outcome = crmlab("refresh", a_notebook(tmp_path / "05_small.ipynb", "1 / 0"))
    assert outcome.returncode == 1
    assert "the notebook was left as it was" in outcome.stderr


def test_cite_gives_bibtex_of_this_release():
    outcome = crmlab("cite")
    assert outcome.stdout.startswith("@software{crmlab,")
    assert f"version = {{{package.__version__}}}" in outcome.stdout


def test_without_words_the_command_shows_its_help():
    outcome = crmlab_process()
    assert "refresh" in outcome.stdout + outcome.stderr
    assert crmlab_process("nonsense").returncode == 2


def test_the_command_works_outside_the_checkout(tmp_path):
    shutil.rmtree(tmp_path / "notebooks", ignore_errors=True)
    outcome = crmlab_process("parameters", "08", cwd=tmp_path)
    assert outcome.returncode == 0
    assert "horizon_weeks" in outcome.stdout
