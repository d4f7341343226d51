"""docs/sources.md: every concept of the course material, and the section that holds it."""

import functools
import re
from collections import defaultdict

import pytest
from helpers import ROOT

from crmlab.runner.notebooks import read_cells

PAGE = ROOT / "docs" / "sources.md"
CONCEPTS = {"000": 33, "001": 36, "002": 32, "003": 12, "004": 18}
CHAPTERS = [f"{number:02d}" for number in range(15)]  # 15 is about research, of which the material says nothing
NOT_THERE, WITHOUT = "not there yet", "no section: "
LINK = r"\[(?P<words>[^\]]+)\]\((?P<target>[^)\s]+)\)"


def anchor(heading):
    """A heading as a link names it: JupyterLab and nbconvert join its words by hyphens and change nothing else."""
    return heading.replace(" ", "-")


def rows(text):
    """(id, chapters, sections) of each concept: as many sections as chapters, in their order."""
    found = re.findall(r"^\| (\d{3}-\d{2}) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", text, re.MULTILINE)
    return [(item, chapters.split(", "), sections.split("; ")) for item, _, chapters, sections in found]


@functools.cache
def notebooks():
    """The anchors of each notebook, by its file's name."""
    return {path.name: headings(path) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}


def headings(path):
    texts = [cell["source"] for cell in read_cells(path) if cell["cell_type"] == "markdown"]
    return {anchor(words.strip()) for words in re.findall(r"^#{1,6} (.+)$", "\n".join(texts), re.MULTILINE)}


def faults(item, chapter, section, books):
    """What is wrong with what the page says of a concept in a chapter."""
    book = next((name for name in books if name.startswith(f"{chapter}_")), None)
    if book is None:
        return [] if section == NOT_THERE else [f"{item}: there is no chapter {chapter}: say {NOT_THERE!r}"]
    if section == NOT_THERE:
        return [f"{item}: chapter {chapter} is there, {book}: link its section, or say why it has none"]
    if section.startswith(WITHOUT):
        return [] if len(section) > len(WITHOUT) + 10 else [f"{item}: say why chapter {chapter} has no section"]
    links = list(re.finditer(LINK, section))
    if not links or ", ".join(link[0] for link in links) != section:
        return [f"{item}: neither links nor a reason, but {section!r}"]
    return [fault for link in links if (fault := wrong(item, book, books[book], **link.groupdict()))]


def wrong(item, book, anchors, words, target):
    """What is wrong with a link; None where it leads to the heading that it names."""
    file, _, there = target.partition("#")
    if file != f"../notebooks/{book}":
        return f"{item}: {file} is not ../notebooks/{book}"
    if there not in anchors:
        return f"{item}: {book} has no heading {there!r}"
    return None if there == anchor(words) else f"{item}: the link says {words!r} and leads to {there!r}"


def entries():
    return [
        (item, chapter, section)
        for item, chapters, sections in rows(PAGE.read_text("utf-8"))
        for chapter, section in zip(chapters, sections, strict=False)
    ]


# --- the page ---


def test_every_concept_is_there_once_and_in_order():
    every = [f"{document}-{n:02d}" for document, count in CONCEPTS.items() for n in range(1, count + 1)]
    assert [item for item, _, _ in rows(PAGE.read_text("utf-8"))] == every


def test_every_concept_has_a_chapter_and_each_chapter_a_section():
    for item, chapters, sections in rows(PAGE.read_text("utf-8")):
        assert len(chapters) == len(sections) == len(set(chapters)), f"{item}: {chapters} and {sections}"
        assert set(chapters) <= set(CHAPTERS), item


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_links_of_a_chapter_lead_somewhere(chapter):
    own = [entry for entry in entries() if entry[1] == chapter]
    assert own, f"no concept is in chapter {chapter}"
    assert [fault for entry in own for fault in faults(*entry, notebooks())] == []


def test_the_page_counts_what_is_linked():
    linked, without = defaultdict(list), defaultdict(list)
    for item, chapter, section in entries():
        (linked if section.startswith("[") else without)[chapter].append(item)
    text = PAGE.read_text("utf-8")
    for chapter in CHAPTERS:
        own, none = linked[chapter], without[chapter]
        line = rf"^\| {chapter} [^|]+ \| {len(own) + len(none)} \| {len(own)} \| {', '.join(none)} \|$"
        assert re.search(line, text, re.MULTILINE), f"the line of chapter {chapter} should end as {line}"
    once = len(set().union(*linked.values()))
    assert f"Of {sum(CONCEPTS.values())} concepts {once} have a section so far." in text


# --- the test of the test ---


BOOKS = {"08_value.ipynb": {"How-sure-is-that?", "The-decision"}, "09_growth.ipynb": set()}
GOOD = "[How sure is that?](../notebooks/08_value.ipynb#How-sure-is-that?)"


@pytest.mark.parametrize(
    ("chapter", "section", "fault"),
    [
        ("08", GOOD, None),
        ("08", f"{GOOD}, [The decision](../notebooks/08_value.ipynb#The-decision)", None),
        ("10", "not there yet", None),
        ("09", "no section: taught in chapter 08 alone", None),
        ("09", "not there yet", "chapter 09 is there, 09_growth.ipynb"),
        ("10", "no section: taught in chapter 08 alone", "there is no chapter 10"),
        ("10", GOOD, "there is no chapter 10"),
        ("08", "", "neither links nor a reason"),
        ("08", f"{GOOD} and more", "neither links nor a reason"),
        ("09", "no section: ", "say why chapter 09 has no section"),
        ("09", GOOD, "08_value.ipynb is not ../notebooks/09_growth.ipynb"),
        ("08", GOOD.replace("sure-is", "sure-was"), "has no heading 'How-sure-was-that?'"),
        ("08", GOOD.replace("How sure is", "How large is"), "the link says 'How large is that?' and leads to"),
        ("08", GOOD.replace("#How-sure-is-that?", ""), "has no heading ''"),
    ],
)
def test_a_wrong_entry_is_found(chapter, section, fault):
    found = faults("000-01", chapter, section, BOOKS)
    assert bool(found) == bool(fault)
    assert fault is None or fault in found[0]


def test_headings_are_read_from_cells_of_text_alone(tmp_path):
    import nbformat
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    cells = [new_markdown_cell("# A title\n\n## How sure is that?\n\ntext"), new_code_cell("# no heading")]
    nbformat.write(new_notebook(cells=cells), tmp_path / "small.ipynb")
    assert headings(tmp_path / "small.ipynb") == {"A-title", "How-sure-is-that?"}
