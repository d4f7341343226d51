"""The house: four rooms a topic, floors, a light import, lock and environments that agree."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from helpers import ROOT, crmlab
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import crmlab as package

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CHAPTERS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))

# Which parts may import which. Chapter modules are all that is not named here.
GROUND = {"stats", "data", "citation"}
PICTURES = {"figures"}
WINGS = {
    "runner": {"runner"},
    "grading": {"grading", "runner"},
    "workbook": {"workbook", "runner"},
    "cli": {"cli", "runner", "workbook", "grading", "data", "citation"},
    "__main__": {"cli"},
}
WITHOUT_MODULE = {"start_here", "case_harbour_and_hill", "case_tern_mobile", "research_runs"}


def modules():
    """Every module of the package, by dotted name without `crmlab.`."""
    for path in sorted((ROOT / "crmlab").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT / "crmlab").with_suffix("").parts).removesuffix(".__init__")
        if name != "__init__":
            yield name, path


def imports(path, everywhere=True):
    """The parts of crmlab that a file imports; only at its top level unless everywhere."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree) if everywhere else tree.body:
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "crmlab":
            names = [f"crmlab.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        yield from (name.removeprefix("crmlab.") for name in names if name.startswith("crmlab."))


def part(name):
    return name.split(".")[0]


def allowed(own):
    """The parts that a part may import."""
    if own in GROUND:
        return {own} if own != "stats" else {"stats"}
    if own in PICTURES:
        return {own}
    return WINGS.get(own, GROUND | PICTURES | {own})


@pytest.mark.parametrize(("name", "path"), list(modules()), ids=[name for name, _ in modules()])
def test_floors(name, path):
    above = {target for target in imports(path) if part(target) not in allowed(part(name))}
    assert not above, f"{name} may not import {above}"


def test_no_circle_of_imports():
    edges = {name: set(imports(path, everywhere=False)) for name, path in modules()}
    done, path = set(), []

    def visit(name):
        assert name not in path, " -> ".join([*path, name])
        if name in edges and name not in done:
            path.append(name)
            for target in edges[name]:
                visit(target)
            path.pop()
            done.add(name)

    for name in edges:
        visit(name)


def test_four_rooms_one_name():
    for chapter in CHAPTERS:
        topic = chapter.stem.split("_", 1)[1]
        assert (ROOT / "tests" / f"test_{topic}.py").exists() or topic in WITHOUT_MODULE, chapter
        module = ROOT / "crmlab" / topic
        assert module.is_dir() or module.with_suffix(".py").exists() or topic in WITHOUT_MODULE, chapter
    for exercise in (ROOT / "exercises").glob("*.ipynb"):
        assert (ROOT / "notebooks" / exercise.name).exists(), exercise


def python(code):
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


HEAVY = ("matplotlib", "sklearn", "papermill", "pandas", "nbformat", "pandera")


def test_importing_crmlab_is_light():
    code = f"import crmlab, sys; print([name for name in {HEAVY} if name in sys.modules])"
    assert python(code).strip() == "[]"


@pytest.mark.parametrize("name", ["crmlab.runner", "crmlab.cli"])
def test_importing_the_runner_starts_nothing_heavy(name):
    code = f"import {name}, sys; print([name for name in {HEAVY} if name in sys.modules])"
    assert python(code).strip() == "[]"


# --------------------------------------------------------------------------------------------------- lock, environments


LOCKS = ["requirements.lock", "requirements-engines.lock", "requirements-dask.lock"]


def locked(name="requirements.lock"):
    """Name -> versions in a lock."""
    found = {}
    for line in (ROOT / name).read_text().splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)==([^ ;\\]+)", line):
            found.setdefault(canonicalize_name(match[1]), set()).add(match[2])
    return found


def wanted():
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    extras = PYPROJECT["optional-dependencies"]
    return [Requirement(text) for text in [*PYPROJECT["dependencies"], *extras["real"], *extras["dev"], *build]]


@pytest.mark.parametrize("requirement", wanted(), ids=str)
def test_the_lock_satisfies_pyproject(requirement):
    versions = locked().get(canonicalize_name(requirement.name))
    assert versions, f"{requirement} is not in requirements.lock: run make lock"
    assert all(requirement.specifier.contains(version) for version in versions), f"{requirement}: run make lock"


def test_the_lock_of_the_engines_is_the_other_and_spark():
    spark, rest = Requirement(PYPROJECT["optional-dependencies"]["spark"][0]), locked("requirements-engines.lock")
    assert all(spark.specifier.contains(version) for version in rest.pop("pyspark"))
    assert rest.pop("py4j")
    assert rest == locked()


def test_the_lock_of_dask_is_the_other_and_distributed():
    distributed, more = Requirement(PYPROJECT["optional-dependencies"]["dask"][0]), locked("requirements-dask.lock")
    assert all(distributed.specifier.contains(version) for version in more["distributed"])
    assert {name: more[name] for name in locked()} == locked()


@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_has_hashes_and_no_addresses(name):
    text = (ROOT / name).read_text()
    assert "http" not in re.sub(r"^(httpcore|httpx|aiohttp)==", "", text, flags=re.MULTILINE)
    assert "--index-url" not in text
    for entry in re.split(r"\n(?=\S)", text.strip()):
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


CONDA_NAMES = {
    "pandera": "pandera-pandas",
    "jupyter-client": "jupyter_client",
    "duckdb": "python-duckdb",
}  # names on conda-forge that differ


def test_environment_yml_agrees_with_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    pip = next(entry["pip"] for entry in environment if isinstance(entry, dict))
    conda = {entry for entry in environment if isinstance(entry, str)} - {"pip"}
    requirements = [Requirement(text) for text in PYPROJECT["dependencies"]]
    ours = {f"{CONDA_NAMES.get(one.name, one.name)}{one.specifier}" for one in requirements}
    assert conda == ours | {f"python{PYPROJECT['requires-python']}"}
    assert set(pip) == {*PYPROJECT["optional-dependencies"]["real"], "--editable ."}


# ------------------------------------------------------------------------------------------------------------- the rest


def test_citation_file_and_bibtex_say_the_same():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    bibtex = crmlab("cite").stdout
    assert citation["version"] == package.__version__
    assert f"title = {{{citation['title']}}}" in bibtex
    assert f"author = {{{{{citation['authors'][0]['name']}}}}}" in bibtex
    assert f"year = {{{citation['date-released'].year}}}" in bibtex
    assert package.__version__ in (ROOT / "CHANGELOG.md").read_text()


def test_decisions_that_docstrings_name_are_there():
    headings = set(re.findall(r"^## (.+)$", (ROOT / "DECISIONS.md").read_text(), re.MULTILINE))
    sources = [*(ROOT / "crmlab").rglob("*.py"), *(ROOT / "datasets").glob("*.md")]
    named = set()
    for path in sources:
        text = re.sub(r"\s+", " ", path.read_text())
        for entry in re.findall(r'DECISIONS\.md, ((?:(?:and )?"[^"]+"(?:, | )?)+)', text):
            named |= set(re.findall(r'"([^"]+)"', entry))
    assert named
    assert named <= headings, named - headings


def test_links_between_documents_lead_somewhere():
    for document in ROOT.glob("*.md"):
        for target in re.findall(r"\]\((?!http|#)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_nothing_tells_of_one_machine():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    for name in tracked:
        path = ROOT / name
        if path.suffix in {".png", ".lock"} or not path.exists():
            continue
        assert str(Path.home()) + "/" not in path.read_text(encoding="utf-8"), name
