"""`crmlab new`: the template keeps the contract, is a function, and overwrites nothing."""

import os
import subprocess
import sys
from zipfile import ZipFile

import pandas as pd
import pytest
from helpers import ROOT

from crmlab.runner import NotebookError, ParameterError, parameters, run
from crmlab.runner.lint import lint
from crmlab.runner.records import results
from crmlab.runner.refresh import refresh
from crmlab.runner.template import TEMPLATE, new_notebook


@pytest.fixture
def mine(tmp_path):
    return new_notebook(tmp_path / "research" / "mine.ipynb")


def found(outcome):
    assert outcome.status == "done", outcome.error
    return outcome.results.set_index("name")


# ------------------------------------------------------------------------------------------------------ what it is


def test_it_keeps_the_contract_as_it_is_made(mine):
    assert lint(mine) == []


def test_its_outputs_are_those_of_its_defaults(mine):
    outcome, moved = refresh(mine)
    assert outcome.status == "done", outcome.error
    assert moved.empty, moved
    assert lint(mine) == []


@pytest.mark.parametrize("folder", ["notebooks", "crmlab/runner"])
def test_it_is_formatted_as_chapters_are_where_it_is_put(folder):
    name = str(ROOT / folder / "mine.ipynb")
    for command in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--stdin-filename", name, "-"]
        done = subprocess.run(ruff, input=TEMPLATE.read_bytes(), capture_output=True, cwd=ROOT)
        assert done.returncode == 0, done.stdout.decode()


@pytest.mark.proof
def test_a_wheel_holds_it(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    assert "crmlab/runner/template.ipynb" in ZipFile(next(tmp_path.glob("*.whl"))).namelist()


# ---------------------------------------------------------------------------------------------- it is a function


def test_the_same_seed_gives_the_same_luck_under_another_truth(mine, tmp_path):
    usual = results(mine).set_index("name")["value"]
    moved = found(run(mine, tmp_path / "moved.ipynb", effect=-5.0))["value"]
    assert moved["plain_effect"] == pytest.approx(usual["plain_effect"] - 25, abs=1e-3)
    assert moved["decision"] < 0
    assert found(run(mine, tmp_path / "other.ipynb", seed=2))["value"]["plain_effect"] != usual["plain_effect"]


def experiment(path, **columns):
    rows = {"visited": [0, 1] * 20, "before": [50.0, 70.0, 90.0, 30.0] * 10, "contribution": [60.0, 95.0] * 20}
    pd.DataFrame(rows | columns).to_csv(path, index=False)
    return path


def test_it_takes_a_file_of_ones_own(mine, tmp_path):
    outcome = run(mine, tmp_path / "own.ipynb", dataset=str(experiment(tmp_path / "visits.csv")))
    assert found(outcome)["value"]["plain_effect"] == 35
    assert "adjusted_error" not in outcome.results["name"].tolist()  # the truth of one's own data is not known
    assert [data["name"] for data in outcome.provenance["data"]] == [str(tmp_path / "visits.csv")]


@pytest.mark.parametrize("visited", [["no", "yes"] * 20, [0, 2] * 20, [0] * 40, [0, None] * 20])
def test_a_file_that_it_cannot_read_rightly_fails_the_run(mine, tmp_path, visited):
    own = experiment(tmp_path / "visits.csv", visited=visited)
    outcome = run(mine, tmp_path / "own.ipynb", dataset=str(own))
    assert outcome.status == "failed"
    assert "in 'The experiment': ValueError" in outcome.error


def test_what_it_does_not_allow_is_refused(mine, tmp_path):
    assert list(parameters(mine)) == ["dataset", "customers", "effect", "visit_cost", "seed"]
    with pytest.raises(ParameterError, match="customers=5: must be between 20 and 100000"):
        run(mine, tmp_path, customers=5)


# ------------------------------------------------------------------------------------------------------ refusals


def test_what_is_there_is_never_overwritten(mine, tmp_path):
    (tmp_path / "folder.ipynb").mkdir()
    os.symlink(tmp_path / "nowhere", tmp_path / "link.ipynb")
    mine.write_text("months of work")
    for path in (mine, tmp_path / "folder.ipynb", tmp_path / "link.ipynb"):
        with pytest.raises(NotebookError, match="is there already, and is left as it is"):
            new_notebook(path)
    assert mine.read_text() == "months of work"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("name", "hint"), [("mine", "mine.ipynb"), ("mine.py", "mine.py.ipynb"), (".ipynb", ".ipynb"), ("", "mine.ipynb")]
)
def test_another_ending_is_refused(tmp_path, monkeypatch, name, hint):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotebookError, match=rf"ends in \.ipynb; try .*{hint}"):
        new_notebook(name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(mine):
    with pytest.raises(NotADirectoryError, match=str(mine)):
        new_notebook(mine / "deeper" / "mine.ipynb")
