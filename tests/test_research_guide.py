"""docs/research.md: every command and cell of it is run, in order, in an empty folder.

A comment above a block says what is special: `<!-- run: proof -->` (only `make proof` runs it), `<!-- run: exit 2 -->`
(the command ends so), `<!-- run: file NAME -->` (write it there), `<!-- run: elsewhere, ... -->` (another test does). A
text block right below another is what that prints; `...` stands for anything.
"""

import os
import re
import shlex
import subprocess
from contextlib import redirect_stdout
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from io import StringIO
from typing import NamedTuple

import pytest
import yaml
from helpers import CRMLAB, ROOT, crmlab

from crmlab.runner.cases import study_of
from crmlab.runner.catalogue import FIRST, LAST

PAGE = ROOT / "docs" / "research.md"
TEXT = PAGE.read_text("utf-8")
BLOCK = re.compile(
    r"(?:<!-- run: (?P<mark>[^\n]+) -->\n)?```(?P<language>\w+)\n(?P<source>.*?)^```\n", re.MULTILINE | re.DOTALL
)
PRINTS = re.compile(r"\n```text\n(.*?)^```\n", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A block of the page, and what stands around it."""

    line: int
    mark: str
    language: str
    source: str
    prints: str | None


def blocks():
    for found in BLOCK.finditer(TEXT):
        mark, language, source = found["mark"] or "", found["language"], found["source"]
        shown = PRINTS.match(TEXT, found.end())
        yield Block(TEXT.count("\n", 0, found.start()) + 1, mark, language, source, shown and shown[1])


def called_here(source):
    """A block of commands, called in this process: exit code and output."""
    outcomes = []
    for line in source.splitlines():
        program, *words = shlex.split(line, comments=True)
        assert program == "crmlab", line
        outcomes.append(crmlab(*words))
    codes, said, told = zip(*outcomes, strict=True)
    return max(codes), "".join(said) + "".join(told)


def called_in_a_shell(source):
    """A block of commands, as a reader calls them."""
    environment = os.environ | {"PATH": f"{CRMLAB.parent}{os.pathsep}{os.environ['PATH']}"}
    command = ["bash", "-e", "-c", source]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def executed(source, names):
    """A cell, in the names that the cells before it left: 0 and what it prints."""
    printed = StringIO()
    with redirect_stdout(printed):
        exec(compile(source, str(PAGE), "exec"), names)
    return 0, printed.getvalue()


@pytest.mark.parametrize("call", [called_here, pytest.param(called_in_a_shell, marks=pytest.mark.proof)])
def test_every_command_and_cell_does_what_the_page_says(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for block in blocks():
        kind, _, word = block.mark.partition(" ")
        if kind == "file":
            (tmp_path / word).write_text(block.source, encoding="utf-8")
        if block.language not in ("sh", "python") or kind == "elsewhere," or (kind == "proof" and call is called_here):
            continue
        code, printed = call(block.source) if block.language == "sh" else executed(block.source, names)
        where = f"{PAGE.name}, line {block.line}: {printed}"
        assert code == (int(word) if kind == "exit" else 0), where
        if block.prints is not None:
            assert OutputChecker().check_output(block.prints, printed, ELLIPSIS | NORMALIZE_WHITESPACE), where


def test_every_file_of_cases_is_one():
    sources = [block.source for block in blocks() if block.language == "yaml"]
    assert sources
    for source in sources:
        assert study_of(yaml.safe_load(source)).number > 1


def test_every_column_of_the_catalogue_is_told():
    told = set(re.findall(r"`([a-z_0-9]+)`", TEXT))
    assert {*FIRST, *LAST} <= told


def test_contents_and_links_lead_somewhere():
    anchors = {
        re.sub(r"[^\w -]", "", words).lower().replace(" ", "-") for words in re.findall(r"^## (.+)$", TEXT, re.M)
    }
    assert re.findall(r"^\d+\. \[.+\]\(#(.+)\)$", TEXT, re.M)
    for target in re.findall(r"\]\((?!http)([^)]+)\)", TEXT):
        file, _, anchor = target.partition("#")
        assert anchor in anchors if not file else (PAGE.parent / file).exists(), target
