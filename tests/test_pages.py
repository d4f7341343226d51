"""The pages of the workbook: what they show, that they load nothing, and what a real browser says of them."""

import copy
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from browser import CHROMIUM, Browser, browser_report, problems
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from pygments.styles import get_style_by_name
from pygments.token import Whitespace

from crmlab.runner.records import MIME_TYPE, sentence
from crmlab.workbook import pages
from crmlab.workbook.pages import Entry, duration, index_html, mathml, money, page_html, title_and_question

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
ALT = "Bars: BG/NBD predicts 1.23 purchases where 1.19 were seen & counted."
FORMULA = r"P = \frac{1}{1 + \frac{a}{b + x - 1} \left(\frac{\alpha + T}{\alpha + t_x}\right)^{r + x}}"
TABLE = """<div><style scoped>.dataframe thead th {text-align: right;}</style><table border="1" class="dataframe">
<thead><tr style="text-align: right;"><th></th><th>id</th><th>name</th><th>share</th></tr></thead>
<tbody><tr><th>0</th><td>00012</td><td>Northgate Joinery</td><td>0.12</td></tr>
<tr><th>1</th><td>00013</td><td>42</td><td>NaN</td></tr></tbody></table></div>"""
WIDE = (
    '<table class="dataframe"><tbody><tr>' + "<td>1,234,567.89</td>" * 30 + "</tr></tbody></table>"
)  # far wider than a phone
DECISION = {
    "name": "decision", "value": 12.3, "unit": "USD per customer", "low": 10.1, "high": 14.2, "level": 0.9,
    "kind": "decision", "text": "Pay at most USD 12.30 to win a customer.", "baseline": "pay the first order's revenue",
}  # fmt: skip
ESTIMATE = {
    "name": "alpha",
    "value": 4.4136,
    "unit": "weeks",
    "low": 3.7,
    "high": 5.1,
    "level": 0.9,
    "kind": "estimate",
}


def text(source, *tags):
    return new_markdown_cell(source, metadata={"tags": list(tags)} if tags else {})


def code(source, *outputs, tags=(), count=1):
    return new_code_cell(
        source, outputs=list(outputs), execution_count=count, metadata={"tags": list(tags)} if tags else {}
    )


def shows(**data):
    return new_output("display_data", {kind.replace("__", "/"): value for kind, value in data.items()})


def recorded(stored):
    return new_output("display_data", {MIME_TYPE: stored, "text/plain": sentence(stored)})


def figure(**metadata):
    return new_output("display_data", {"image/png": PNG, "text/plain": ALT}, metadata=metadata)


OPENING = text(
    "# Lifetime value & more\n\n*What is a customer\nworth?*\n\n**You will learn** to tell silence from departure."
)
CELLS = [
    OPENING,
    text(
        "<details>\n<summary>Does $P(A)$ ask?</summary>\n\nWhether **active** at $T$.\n\n$$P(A \\mid x)$$\n\n</details>"
    ),
    code("horizon_weeks: int = 39  # weeks", tags=["parameters"]),
    code("# Parameters\nhorizon_weeks = 52\n", tags=["injected-parameters"]),
    text(
        "## The data\n\n| rule | error of $\\bar{x}$ |\n|---|---:|\n| average | 1.12 |\n\nCosts \\$5. See [a paper](https://doi.org/10.1287/x)."
    ),
    code("summary.head()", new_output("execute_result", {"text/html": TABLE, "text/plain": "id"}, execution_count=3)),
    code("x" * 300, shows(text__html=WIDE, text__plain="wide"), new_output("stream", name="stdout", text="y" * 300)),
    text(
        f"## The model\n\n$${FORMULA}$$\n\nLong: ${FORMULA}$.\n\n\\begin{{align}}\na &= b \\\\\nc &= d\n\\end{{align}}"
    ),
    code("draw()", figure(**{"image/png": {"alt": ALT, "width": 640}}), recorded(ESTIMATE)),
    code("# NBVAL_IGNORE_OUTPUT\nslider_function()", shows(text__plain="SLIDER STATE"), tags=["slider"]),
    text("## The data\n\nThe same heading again; for those who want it.", "further"),
    code("# NBVAL_IGNORE_OUTPUT\nversions()", new_output("stream", name="stdout", text="crmlab 0.1.0\n")),
    code("decide(...)", recorded(DECISION)),
    code("answer('q1', 16.4)", shows(text__plain="16.4"), tags=["solution"]),
]
FAILED = [
    text("<span style='color:red'>An Exception was encountered</span>", "papermill-error-cell-tag"),
    OPENING,
    code(
        "1 / 0",
        new_output("stream", name="stderr", text="RuntimeWarning: overflow <here>\n"),
        new_output(
            "error",
            ename="ZeroDivisionError",
            evalue="division by <zero>",
            traceback=["\x1b[31mboom\x1b[39m <b>", "end"],
        ),
        count=4,
    ),
]


def page(cells=CELLS, metadata=None, **options):
    notebook = new_notebook(cells=copy.deepcopy(cells), metadata=metadata or {})
    return page_html(notebook, notebook_file="08_lifetime_value.ipynb", **options)


def soup(*arguments, **options):
    return BeautifulSoup(page(*arguments, **options), "html.parser")


def entries(how_many):
    done = Entry(
        "08", "Lifetime value", "What is a customer worth?", "done", 12.4, "08.ipynb", "08.html",
        "Pay at most USD 12.30 to win a <new> customer.", money(DECISION), "today's rule",
    )  # fmt: skip
    failed = Entry(
        "05",
        "Service level",
        "How good?",
        "failed",
        3.0,
        "05.ipynb",
        "05.html",
        error="cell 7: ContractError: <amount>",
    )
    stopped = Entry("06", "Service priority", "Who is served first?", "interrupted", 0.2, "06.ipynb")
    return [done, failed, stopped, *[done] * (how_many - 3)] if how_many > 3 else [done] * how_many


ALL_PAGES = {
    "chapter": lambda: page(
        previous=("Cost to serve", "07.html"), following=("Growth: whom do we offer what?", "09.html")
    ),
    "failed": lambda: page(FAILED, {"crmlab": {"status": "failed", "error": "ZeroDivisionError: division by <zero>"}}),
    "index of one": lambda: index_html(entries(1)),
    "index of sixteen": lambda: index_html(entries(16)),
}


class Loads(HTMLParser):
    """Everything in a page that would make a browser load or run something."""

    def __init__(self, markup):
        super().__init__()
        self.found, self.open_tags = [], []
        self.feed(markup)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            source = name in ("src", "srcset", "data", "poster", "background") or (
                name == "href" and tag not in ("a", "base")
            )
            if (source and not (value or "").startswith("data:")) or name.startswith("on"):
                self.found.append((tag, name, value))
            if name == "style" and "url(" in value:
                self.found.append((tag, name, value))
        if tag in ("script", "iframe", "object", "embed", "base"):
            self.found.append((tag, "", ""))
        self.style = tag == "style"

    def handle_data(self, data):
        if getattr(self, "style", False) and re.search(r"url\(|@import", data):
            self.found.append(("style", "", data[:80]))


@pytest.mark.parametrize("name", ALL_PAGES)
def test_a_page_has_nothing_to_load_or_run(name):
    assert Loads(ALL_PAGES[name]()).found == []


def test_the_search_for_loads_finds_them():
    bad = '<script src="https://a/b.js"></script><link rel="icon" href="x"><style>@import "y";</style><img src="z.png">'
    assert [tag for tag, *_ in Loads(bad).found] == ["script", "script", "link", "style", "img"]


def test_a_page_is_whole_and_says_what_it_is():
    made = soup()
    assert made.html["lang"] == "en"
    assert made.title.text == "Lifetime value & more · crmlab workbook"
    assert made.find("meta", attrs={"name": "viewport"})
    assert made.find("main", id="main")
    assert made.find("a", class_="skip")["href"] == "#main"
    assert "Chapter 8" in made.find(class_="running").text
    assert made.find("a", href="08_lifetime_value.ipynb")


def test_the_same_notebook_gives_the_same_page_and_stays_as_it_was():
    notebook = new_notebook(cells=copy.deepcopy(CELLS))
    before = copy.deepcopy(notebook)
    first, second = (page_html(notebook, notebook_file="08.ipynb") for _ in range(2))
    assert first == second
    assert notebook == before


def test_neighbours_stand_above_and_below():
    made = soup(previous=("Cost & serve", "07.html"), following=("Growth", "09.html"), index_file="start.html")
    for where in ("top", "bottom"):
        links = {link["href"]: link.text.strip() for link in made.find("nav", class_=where).find_all("a")}
        assert links["07.html"].endswith("Cost & serve")
        assert links["09.html"].endswith("Growth")
        assert "start.html" in links
    assert not soup().find(class_=["previous", "following"])


def test_a_link_between_chapters_leads_to_the_page_and_without_one_is_text():
    links = "[start](00_start_here.ipynb#The-map), [later](09_growth.ipynb), [file](../docs/sources.md), "
    links += "[away](https://a.org/01_x.ipynb)"
    paragraph = soup([OPENING, text(links)], beside={"00_start_here.ipynb"}).select("main .cell p")[-1]
    assert [link["href"] for link in paragraph.find_all("a")] == [
        "00_start_here.html#The-map",
        "https://a.org/01_x.ipynb",
    ]
    assert paragraph.text == "start, later, file, away"


def test_formulas_become_mathml_everywhere_and_no_tex_is_left():
    made = soup()
    assert len(made.find_all("math")) == 7  # three in the fold, one in the table, three with the model
    assert made.select_one(".cell summary math")
    assert made.select_one(".cell details math[display=block]")
    assert made.select_one(".scroll th math")
    visible = "".join(made.main.find_all(string=True))
    assert re.findall(r"\$[^5]|\\[a-zA-Z]+", visible) == []
    assert "Costs $5" in visible  # an escaped dollar is money
    assert "(1)" not in visible  # align is not numbered, as in JupyterLab


def test_a_comma_after_a_formula_stays_with_it():
    assert soup([OPENING, text("If $x$, then.")]).select_one(".together").text == "x,"


@pytest.mark.parametrize("formula", [r"\frac{1}{", r"\nosuchcommand{x}", r"x}"])
def test_a_formula_that_cannot_be_converted_is_named_with_its_cell(formula):
    with pytest.raises(
        ValueError, match=r"08_lifetime_value.ipynb, cell 2: the formula .* cannot be converted"
    ) as caught:
        page([OPENING, text(f"Here: $${formula}$$")])
    assert repr(formula) in str(caught.value)


def test_formulas_in_html_blocks_and_code_in_them():
    made = soup([OPENING, text("<div>$a &lt; b$ and <code>$HOME$</code></div>")])
    assert made.select_one(".cell div math").text == "a<b"
    assert made.select_one(".cell div code").text == "$HOME$"


def test_slips_of_the_converter_are_mended():
    assert "<mo>&#x0223C;</mo>" in mathml(r"x \sim y")
    assert '"-0.167em"' in mathml(r"F\!x")


def test_figures_keep_their_alt_text():
    assert soup().find("img")["alt"] == ALT
    assert soup([OPENING, code("draw()", figure())]).find("img")["alt"] == ALT  # without metadata: the plain text


def test_code_cells_are_calm():
    made = soup()
    words = made.main.text
    assert "NBVAL" not in words
    assert "In [" not in words
    assert "# Parameters" not in words
    assert [each.text for each in made.select("p.caption")] == ["Parameters", "Parameters of this run"]
    assert made.select_one(".highlight .mi").text == "39"  # highlighted


def test_a_heading_is_no_note_to_papermill():
    assert soup([OPENING, text("# Parameters\n\nWhat may change.")]).select_one("#cell-2 h1")


def test_sliders_are_left_out_unless_they_failed():
    assert "slider" not in page().lower()
    broken = code("slider()", new_output("error", ename="E", evalue="v", traceback=[]), tags=["slider"])
    assert "slider" in page([OPENING, broken])


def test_answers_and_solutions_are_folded():
    made = soup()
    answer, solution = made.select(".cell details")
    assert answer.find("strong").text == "active"
    assert solution.summary.text == "Solution"
    assert "answer" in solution.text
    assert "16.4" in solution.text
    assert not solution.has_attr("open")


def test_contents_lead_to_headings_that_are_there_once():
    made = soup()
    targets = [link["href"][1:] for link in made.select("nav.contents a")]
    assert [made.find(id=target).name for target in targets] == ["h2", "h2", "h2"]
    ids = [each["id"] for each in made.find_all(id=True)]
    assert len(ids) == len(set(ids))
    assert [link["href"][1:] for link in made.select("details.contents a")] == targets


def test_further_reading_is_marked_at_its_heading_and_in_the_contents():
    made = soup()
    assert [badge.text for badge in made.select("h2 .badge")] == ["further reading"]
    assert len(made.select("nav.contents .further")) == 1


def test_numbers_stand_right_and_words_left():
    table = soup().select_one(".outputs table.dataframe")
    words = [cell.text for cell in table.select(".words")]
    assert words == [
        "",
        "id",
        "name",
        "0",
        "00012",
        "Northgate Joinery",
        "1",
        "00013",
        "42",
    ]  # a column is one or the other
    assert table.parent["class"] == ["scroll"]


def test_columns_of_a_table_with_labels_over_several_rows():
    index = pd.MultiIndex.from_tuples([("north", "A"), ("north", "B"), ("south", "A")], names=["region", "grade"])
    frame = pd.DataFrame({"orders": [1, -2, 3], "rule": ["a", "b", "c"], "share": [0.1, np.nan, 0.3]}, index=index)
    table = soup([OPENING, code("frame", shows(text__html=frame.to_html(), text__plain="frame"))]).select_one("table")
    assert [cell.text for cell in table.select(".words") if cell.text] == [
        "rule", "region", "grade", "north", "A", "a", "B", "b", "south", "A", "c",
    ]  # fmt: skip


def test_a_result_is_a_quiet_line_and_the_decision_a_card():
    made = soup()
    assert made.select_one(".record").text == "estimate alpha: 4.4136 weeks (90% interval 3.7 to 5.1)"
    card = made.select_one("aside.decision")
    assert card.select_one(".what").text == DECISION["text"]
    assert card.select_one(".money").text == "USD 12.30 per customer"
    assert card.select_one(".interval").text == "90% interval 10.10 to 14.20"
    assert DECISION["baseline"] in card.select_one(".baseline").text


@pytest.mark.parametrize(
    ("value", "unit", "low", "high", "words"),
    [
        (12.3, "USD per customer", 10.1, 14.2, "USD 12.30 per customer, 90% interval 10.10 to 14.20"),
        (41234.5, "EUR a year", -1200.4, 90000.6, "EUR 41,234 a year, 90% interval −1,200 to 90,001"),
        (0.0042, "USD per order", None, None, "USD 0.0042 per order"),
        (1, "USD", None, None, "USD 1.00"),
        (0.0, "USD", 0, 0, "USD 0.00, 90% interval 0.00 to 0.00"),
        (-0.001, "USD", -5.0, 5.0, "USD 0.00, 90% interval −5.00 to 5.00"),
        (0.6189, "of customers", 0.5, 0.7, "0.619 of customers, 90% interval 0.500 to 0.700"),
        (2357, "customers", None, None, "2,357 customers"),
        (True, None, None, None, "yes"),
        ("segment B", None, None, None, "segment B"),
        ({"float": "NaN"}, "USD", None, None, "USD undefined"),
        (5.0, "USD", 1.0, {"float": "Infinity"}, "USD 5.00, 90% interval 1.00 to ∞"),
        ({"date": "1997-09-30"}, None, None, None, "1997-09-30"),
        ({"columns": ["a"], "rows": [[1]]}, None, None, None, "a 0 1"),
    ],
)
def test_money_in_words(value, unit, low, high, words):
    assert money({"value": value, "unit": unit, "low": low, "high": high, "level": 0.9}) == words


def test_a_level_is_not_rounded_away():
    assert money({"value": 1.0, "unit": None, "low": 0.0, "high": 2.0, "level": 0.975}).endswith(
        "97.5% interval 0.00 to 2.00"
    )


def test_a_failed_run_says_so_at_the_top():
    made = soup(FAILED, {"crmlab": {"status": "failed", "error": "ZeroDivisionError: division by <zero>"}})
    banner = made.find(role="alert")
    assert "This run failed in code cell 4." in " ".join(banner.text.split())
    assert banner.pre.text == "ZeroDivisionError: division by <zero>"
    target = made.find(id=banner.a["href"][1:])
    assert "1 / 0" in target.text
    assert "An Exception was encountered" not in made.text  # papermill's own note
    assert "overflow <here>" in target.select_one(".stderr pre").text
    assert target.select_one(".traceback .ansi-red-fg").text == "boom"
    assert "\x1b" not in str(made)


def test_a_failure_is_seen_without_metadata_and_an_interruption_with_it():
    assert soup(FAILED).find(role="alert").pre.text == "ZeroDivisionError: division by <zero>"
    assert "interrupted" in soup(CELLS, {"crmlab": {"status": "interrupted"}}).find(role="alert").text
    assert soup().find(role="alert") is None
    meant = code("1 / 0", *FAILED[2].outputs, tags=["raises-exception"])
    assert soup([OPENING, meant]).find(role="alert") is None


@pytest.mark.parametrize(
    "outside",
    [
        text("![a picture](https://example.org/a.png)"),
        text("![a picture](figures/a.png)"),
        text("<script>alert(1)</script>"),
        text('<div style="background: url(https://example.org/a.png)">x</div>'),
        code("plot()", shows(text__html='<script src="https://cdn.plot.ly/plotly.js"></script>')),
        code("style()", shows(text__html='<link rel="stylesheet" href="a.css">')),
    ],
)
def test_what_would_have_to_be_loaded_is_refused_with_its_cell(outside):
    with pytest.raises(ValueError, match=r"08_lifetime_value.ipynb, cell 2: a page loads and runs nothing"):
        page([OPENING, outside])


def test_other_outputs():
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><title>t</title></svg>'
    made = soup([
        OPENING,
        code("a", shows(text__latex=r"$\displaystyle \frac{1}{2}$", text__plain="1/2")),
        code("b", shows(text__markdown="**bold** $x$", text__plain="bold x")),
        code("c", shows(**{"image/svg+xml": svg, "text__plain": "A drawing"})),
        code("d", shows(**{"application/vnd.nobody+json": {}})),
        code("e", shows(application__javascript="alert(1)", text__plain="plain instead")),
    ])  # fmt: skip
    assert made.select_one(".outputs mfrac")
    assert made.select_one(".outputs strong").text == "bold"
    assert made.find("img")["alt"] == "A drawing"
    assert "no page can show application/vnd.nobody+json" in made.text
    assert "plain instead" in made.text


def test_title_and_question():
    found = title_and_question(new_notebook(cells=CELLS), "08.ipynb")
    assert found == ("Lifetime value & more", "What is a customer worth?")
    assert title_and_question(new_notebook(cells=FAILED), "08.ipynb")[0] == "Lifetime value & more"


@pytest.mark.parametrize(
    ("start", "title"),
    [
        ("Lifetime value", "mine"),
        ("## Lifetime value\n\n*What?*", "mine"),
        ("# Lifetime value\n\nWhat?", "Lifetime value"),
        ("# Lifetime value", "Lifetime value"),
        ("# T\n\n**Bold**", "T"),
    ],
)
def test_a_notebook_of_ones_own_needs_no_question(start, title):
    notebook = new_notebook(cells=[text(start)])
    assert title_and_question(notebook, "mine.ipynb") == (title, "")
    assert "<main" in page_html(notebook, notebook_file="mine.ipynb")
    entry = Entry("", title, "", "done", 1.0, "mine.ipynb")
    assert 'class="question"' not in index_html([entry])


def test_the_index_tells_of_every_chapter():
    made = BeautifulSoup(index_html(entries(16)), "html.parser")
    assert made.h1.text == "crmlab workbook"
    assert "16 chapters: 14 done, 1 failed, 1 interrupted" in " ".join(made.header.text.split())
    done, failed, stopped, *rest = made.select(".chapters > li")
    assert len(rest) == 13
    assert done.h2.a["href"] == "08.html"
    assert done.select_one(".question").text == "What is a customer worth?"
    assert done.select_one(".status").text == "done"
    assert done.select_one(".what").text == "Pay at most USD 12.30 to win a <new> customer."
    assert done.select_one(".money").text == "USD 12.30 per customer, 90% interval 10.10 to 14.20"
    assert "today's rule" in done.select_one(".baseline").text
    assert "12\N{NO-BREAK SPACE}s" in done.text
    assert done.find("a", href="08.ipynb")
    assert failed.select_one(".error").text == "cell 7: ContractError: <amount>"
    assert stopped.h2.a is None
    assert stopped.find("a", href="06.ipynb")


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.3, "under 1 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (125, "2 min 5 s")]
)
def test_durations(seconds, words):
    assert duration(seconds).replace("\N{NO-BREAK SPACE}", " ") == words


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (entries(1), "1 chapter, done; 12 s of computing"),
        (entries(2), "2 chapters, all done; 25 s of computing"),
        (entries(16)[1:2], "1 chapter: 0 done, 1 failed; 3 s of computing"),
    ],
)
def test_the_index_counts(chosen, words):
    made = BeautifulSoup(index_html(chosen), "html.parser")
    assert " ".join(made.header.p.text.split()) == words


def luminance(colour):
    colour = colour.lstrip("#")
    colour = "".join(2 * digit for digit in colour) if len(colour) == 3 else colour
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_has_the_contrast_that_wcag_asks(scheme):
    assert contrast("#000", "#fff") == pytest.approx(21)
    css = (pages.HERE / "style.css").read_text("utf-8")
    blocks = re.findall(r":root \{(.*?)\n *\}", css, re.DOTALL)
    palette = dict(re.findall(r"--([\w-]+): (#\w+)", blocks[scheme == "dark"]))
    grounds = [palette[name] for name in ("paper", "code", "tint", "bad-tint")]
    for name in ("ink", "soft", "accent", "bad", "warn", "good"):
        assert min(contrast(palette[name], ground) for ground in grounds) >= 4.5, name
    style = get_style_by_name(pages.CODE_STYLES[scheme])
    colours = {token: about["color"] for token, about in style if about["color"] and token is not Whitespace}
    weak = {str(token): colour for token, colour in colours.items() if contrast(colour, palette["code"]) < 4.5}
    assert weak == {}


@pytest.fixture(scope="module")
def browser():
    with Browser() as started:
        yield started


@needs_browser
@pytest.mark.parametrize("name", ALL_PAGES)
def test_a_real_browser_finds_nothing_wrong(browser, tmp_path, name):
    path = tmp_path / "page.html"
    path.write_text(ALL_PAGES[name](), "utf-8")
    for width, dark in [(360, False), (1280, True)]:
        report = browser.report(path, width, dark=dark)
        assert report["title"]
        assert problems(report) == {}
    assert report["images"] == (name == "chapter")


BAD = {
    "errors": "<script>console.error('boom')</script>",
    "errors, thrown": "<script>throw new Error('boom')</script>",
    "failed": '<img src="https://example.org/boom.png" alt="a">',
    "failed, by address": '<img src="http://127.0.0.1:9/boom.png" alt="a">',
    "requests": '<link rel="stylesheet" href="boom.css">',
    "missing_images": '<img src="boom.png" alt="a">',
    "images_without_alt": f'<img id="boom" src="data:image/png;base64,{PNG}">',
    "images_without_alt, empty": f'<img id="boom" src="data:image/png;base64,{PNG}" alt=" ">',
    "overflow": '<div style="width: 900px">wide</div>',
    "overflow, folded": '<details><div style="width: 900px">wide</div></details>',
}


HEAD = '<!DOCTYPE html><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'


@needs_browser
def test_the_browser_finds_no_fault_where_there_is_none(browser, tmp_path):
    (tmp_path / "good.html").write_text(HEAD + "<p>Nothing wrong.</p>")
    assert problems(browser.report(tmp_path / "good.html", 360)) == {}


@needs_browser
@pytest.mark.parametrize("fault", BAD)
def test_the_browser_finds_each_fault(browser, tmp_path, fault):
    (tmp_path / "bad.html").write_text(HEAD + BAD[fault])
    found = problems(browser.report(tmp_path / "bad.html", 360))
    assert fault.split(",")[0] in found
    assert ("too_wide" in found) if fault.startswith("overflow") else ("boom" in str(found))


@needs_browser
def test_a_page_without_viewport_is_too_wide_for_a_phone(browser, tmp_path):
    (tmp_path / "bad.html").write_text("<!DOCTYPE html><p>No viewport.</p>")
    assert browser.report(tmp_path / "bad.html", 360)["overflow"] > 0


@needs_browser
def test_the_browser_leaves_nothing_behind(tmp_path):
    (tmp_path / "page.html").write_text("<!DOCTYPE html><title>x</title>")
    browser_report(tmp_path / "page.html", 800, screenshot=tmp_path / "shot.png")
    assert (tmp_path / "shot.png").read_bytes().startswith(b"\x89PNG")
    with Browser() as started:
        profile, process = Path(started.profile), started.process
        assert profile.exists()
        with pytest.raises(FileNotFoundError, match="ERR_FILE_NOT_FOUND"):
            started.report(tmp_path / "absent.html", 800)
    assert not profile.exists()
    assert process.returncode is not None


def test_a_run_with_values_of_its_own_says_so_above_the_text():
    injected = code("# Parameters\nhorizon_weeks = 104\n", tags=["injected-parameters"])
    page = BeautifulSoup(page_html(new_notebook(cells=[CELLS[0], injected]), notebook_file="08.ipynb"), "html.parser")
    note = page.select_one(".note")
    assert note.code.text == "horizon_weeks = 104"
    assert "written for the default values" in note.text
    assert not BeautifulSoup(page_html(new_notebook(cells=[CELLS[0]]), notebook_file="08.ipynb"), "html.parser").select(
        ".note"
    )
