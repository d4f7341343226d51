"""Pages to read: a chapter that ran as one HTML file, and the index of them all. They load nothing and run nothing."""

from __future__ import annotations

import html
import math
import re
import textwrap
from collections.abc import Collection, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bs4 import BeautifulSoup
from jinja2 import FileSystemLoader, pass_context
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments.formatters import HtmlFormatter
from traitlets.config import Config

from crmlab.runner.notebooks import tags
from crmlab.runner.records import MIME_TYPE, plain

if TYPE_CHECKING:
    from nbformat import NotebookNode

HERE = Path(__file__).parent
SHOWN = [  # the best form of an output that a page can show; no widgets, no scripts
    MIME_TYPE, "text/html", "text/markdown", "image/svg+xml", "text/latex", "image/png", "image/jpeg", "text/plain"
]  # fmt: skip
LEFT_OUT = {"slider", "papermill-error-cell-tag"}  # papermill's own note of a failure: the banner says it better
# Every colour of these two has a contrast of 4.5 to 1 on the ground that style.css gives code: a test measures it.
CODE_STYLES = {"light": "xcode", "dark": "github-dark"}


@dataclass(frozen=True)
class Entry:
    """What the index says of a chapter; `status` is "done", "failed" or "interrupted", the hrefs are relative."""

    number: str
    title: str
    question: str
    status: str
    seconds: float
    notebook: str
    page: str | None = None
    decision: str | None = None
    money: str | None = None
    baseline: str | None = None
    error: str | None = None


def page_html(
    notebook: NotebookNode,
    *,
    notebook_file: str,
    index_file: str = "index.html",
    previous: tuple[str, str] | None = None,
    following: tuple[str, str] | None = None,
    beside: Collection[str] = (),
) -> str:
    """One executed notebook as one self-contained page.

    Parameters
    ----------
    notebook : NotebookNode
        An executed notebook; it is not changed.
    notebook_file, index_file : str
        Where the page links to, relative to the page.
    previous, following : (title, href), optional
        The neighbouring chapters.
    beside : names of notebooks
        Those with a page beside this one: a link to such a notebook leads to its page. Links to other files of the
        repository, which are not there where the pages are, become text.

    Returns
    -------
    str
        HTML without scripts, and with nothing to load.

    Raises
    ------
    ValueError
        A formula that cannot be converted, or something that a reader's browser would have to load or run. The
        message names the file and the cell.
    """
    title, question = title_and_question(notebook, notebook_file)
    page = deepcopy(notebook)
    for number, cell in enumerate(page.cells, 1):
        cell.metadata["number"] = number
        if cell.cell_type == "code":  # notes to nbval, and papermill's own heading, are not for readers
            cell.source = re.sub(r"\A# (NBVAL_IGNORE_OUTPUT.*|Parameters)(\n|\Z)", "", cell.source)
        for output in cell.get("outputs", []):
            if "data" in output and not any(kind in output.data for kind in SHOWN):
                output.data["text/plain"] = f"[no page can show {', '.join(output.data)}: see the notebook]"
    page.cells = [cell for cell in page.cells if not LEFT_OUT & tags(cell) or any(errors(cell))]
    about: dict[str, Any] = {
        "title": title,
        "question": question,
        "chapter": (re.match(r"0*(\d+)_", Path(notebook_file).name) or [None, None])[1],
        "notebook_file": notebook_file,
        "index_file": index_file,
        "previous": previous,
        "following": following,
        "beside": beside,
        "failure": failure(page),
        "own_values": own_values(page),
        "sections": [],  # the renderer adds them as it meets them
        "anchors": set(),
    }
    return str(PageExporter().from_notebook_node(page, {"about": about})[0])


def index_html(entries: Iterable[Entry], *, title: str = "crmlab workbook") -> str:
    """The workbook's table of contents: each chapter's question, decision, money, status and time.

    Parameters
    ----------
    entries : iterable of Entry
        In the order of the chapters.
    title : str
        Of the page.

    Returns
    -------
    str
        HTML, as self-contained as the pages.
    """
    template = PageExporter().environment.get_template("index.html.j2")
    return str(template.render(entries=list(entries), title=title))


def title_and_question(notebook: NotebookNode, file: str) -> tuple[str, str]:
    """The first lines of a chapter: `# Title`, and under it the manager's question in italics.

    A notebook of one's own need not have them: it is called by its file, and its question is empty.
    """
    texts = (cell.source for cell in notebook.cells if cell.cell_type == "markdown" and not LEFT_OUT & tags(cell))
    title = re.match(r"\s*# +(?P<title>\S.*)(\n|\Z)", first := next(texts, ""))
    if title is None:
        return Path(file).stem, ""
    question = re.match(r"\s*([*_])(?P<text>[^*_\s](?:.|\n(?!\s*\n))*?)\1\s*(\n|\Z)", first[title.end() :])
    return title["title"].strip(), " ".join(question["text"].split()) if question else ""


def money(record: dict[str, Any]) -> str:
    """A recorded result in words, rounded for reading, its interval to the same digits.

    Examples
    --------
    >>> money({"value": 12.3, "unit": "USD per customer", "low": 10.1, "high": 14.2, "level": 0.9})
    'USD 12.30 per customer, 90% interval 10.10 to 14.20'
    >>> money({"value": 0.6189, "unit": "of customers"})
    '0.619 of customers'
    """
    return ", ".join(part for part in (amount(record), interval(record)) if part)


def amount(record: dict[str, Any]) -> str:
    """The value of a result with its unit; a currency stands first."""
    value, unit = shown(record, "value"), record.get("unit") or ""
    currency = re.match(r"[A-Z]{3}\b", unit)
    return f"{currency[0]} {value}{unit[3:]}" if currency else f"{value} {unit}".strip()


def interval(record: dict[str, Any]) -> str:
    """The interval of a result in words; empty where there is none."""
    if record.get("low") is None or record.get("high") is None:
        return ""
    return f"{100 * record.get('level', 0.9):g}% interval {shown(record, 'low')} to {shown(record, 'high')}"


def shown(record: dict[str, Any], key: str) -> str:
    """One of value, low and high as text, rounded to digits that suit the largest of the three."""
    value = plain(record[key])
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return textwrap.shorten(value if isinstance(value, str) else str(value), 120)
    if not math.isfinite(value):
        return "undefined" if math.isnan(value) else "∞" if value > 0 else "−∞"
    all_three = [plain(record.get(name)) for name in ("value", "low", "high")]
    numbers = [each for each in all_three if isinstance(each, int | float) and math.isfinite(each)]
    largest = max(abs(each) for each in numbers)
    exponent = math.floor(math.log10(largest)) if largest else 0
    if re.match(r"[A-Z]{3}\b", record.get("unit") or ""):
        decimals = 0 if exponent >= 3 else max(2, 1 - exponent)  # cents, but not of thousands
    else:
        decimals = 0 if all(isinstance(each, int) for each in numbers) else min(max(2 - exponent, 0), 6)
    text = f"{value:,.{decimals}f}".replace("-", "−")
    return text if re.search("[1-9]", text) else text.removeprefix("−")


def duration(seconds: float) -> str:
    """A time as a reader says it."""
    if seconds < 1:
        return "under 1\N{NO-BREAK SPACE}s"
    minutes, rest = divmod(round(seconds), 60)
    text = f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return re.sub(r"(?<=\d) ", "\N{NO-BREAK SPACE}", text)


def errors(cell: NotebookNode) -> Iterator[NotebookNode]:
    """The errors among a cell's outputs, unless the cell means to show one."""
    if "raises-exception" not in tags(cell):
        yield from (output for output in cell.get("outputs", []) if output.output_type == "error")


def failure(notebook: NotebookNode) -> dict[str, Any] | None:
    """Whether a run failed or was interrupted, with which error, and in which cell where the outputs tell."""
    said = notebook.metadata.get("crmlab", {})
    found = [(cell, error) for cell in notebook.cells for error in errors(cell)]
    status = said.get("status") or ("failed" if found else "done")
    if status not in ("failed", "interrupted"):
        return None
    cell, error = found[0] if found else (None, None)
    text = said.get("error") or (f"{error.ename}: {error.evalue}" if error else "")
    return {"status": status, "error": text, "cell": cell}


def own_values(notebook: NotebookNode) -> list[str]:
    """The parameters that a run does not share with the committed notebook, one `name = value` each."""
    injected = (cell.source for cell in notebook.cells if "injected-parameters" in tags(cell))
    return [line for source in injected for line in source.splitlines() if line]


def mathml(tex: str, display: str = "inline") -> str:
    """A formula as MathML, or a ValueError that names it."""
    try:
        markup = convert(tex, display=display)
    except Exception as error:  # the converter stops with whatever its parser stumbles over
        raise ValueError(f"the formula {tex.strip()!r} cannot be converted ({type(error).__name__})") from error
    if unknown := re.search(r">(\\[A-Za-z]+|[{}])</m", markup):  # what it does not know it passes through as text
        raise ValueError(f"the formula {tex.strip()!r} cannot be converted: {unknown[1]!r} is not understood")
    # Three slips of latex2mathml: "distributed as" and ";" are operators, and a negative space has a width.
    markup = markup.replace("<mi>&#x0007E;</mi>", "<mo>&#x0223C;</mo>").replace("<mi>;</mi>", "<mo>;</mo>")
    markup = markup.replace('"negativethinmathspace"', '"-0.167em"')
    if display == "inline" and len(tex) <= 30:
        return markup
    long = " long" if len(tex) > 150 else ""  # paper cannot scroll: style.css prints these smaller
    return f'<span class="formula {display}{long}">{markup}</span>'  # no browser breaks a formula: this one may scroll


class PageRenderer(IPythonRenderer):
    """nbconvert's Markdown, with formulas as MathML and headings that a table of contents can use."""

    def __init__(self, about: dict[str, Any], badge: str, **options: Any) -> None:
        super().__init__(escape=False, **options)
        self.about, self.badge = about, badge

    def inline_math(self, body: str) -> str:
        return mathml(body)

    def block_math(self, body: str) -> str:
        return mathml(body, "block")

    def latex_environment(self, name: str, body: str) -> str:
        name = name.rstrip("*") + "*"  # unnumbered, as JupyterLab shows it
        return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")

    def block_html(self, html: str) -> str:
        return super().block_html(formulas_in_html(html))

    def link(self, text: str, url: str, title: str | None = None) -> str:
        if re.match(r"#|[A-Za-z][A-Za-z0-9+.-]*:", url):
            return super().link(text, url, title)
        file, hash_, anchor = url.partition("#")  # of the repository, where no page stands
        page = file.removesuffix(".ipynb") + ".html"
        return super().link(text, page + hash_ + anchor, title) if file in self.about["beside"] else text

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        markup = super().heading(text, level, **attrs)
        markup = markup.replace('class="anchor-link"', 'class="anchor-link" aria-label="Link to this section"')
        found = re.search(r'id="([^"]*)"', markup)
        anchor = base = found[1] if found else "section"
        while anchor in self.about["anchors"]:
            anchor = f"{base}-{len(self.about['anchors'])}"
        self.about["anchors"].add(anchor)
        if found:
            markup = markup.replace(f'id="{base}"', f'id="{anchor}"').replace(f'href="#{base}"', f'href="#{anchor}"')
        else:
            markup = markup.replace(f"<h{level}", f'<h{level} id="{anchor}"', 1)
        if level == 2:
            words = re.sub(r"</?a\b[^>]*>", "", text)
            self.about["sections"].append({"anchor": anchor, "text": words, "badge": self.badge})
        badge, self.badge = self.badge, ""  # the first heading of a cell speaks for the cell
        return (
            re.sub(r"(?=<a class=.anchor-link|</h\d>)", f' <span class="badge">{badge}</span>', markup, count=1)
            if badge
            else markup
        )


def formulas_in_html(markup: str) -> str:
    """Convert the formulas in the text of an HTML block, which Markdown leaves alone; not those in its code."""

    def converted(found: re.Match[str]) -> str:
        if found["block"]:
            return mathml(html.unescape(found["block"]), "block")
        return mathml(html.unescape(found["inline"])) if found["inline"] else found[0]

    skipped = r"<(?P<tag>pre|code|script|style)\b.*?</(?P=tag)\s*>|<!--.*?-->|<[^>]*>"
    formula = r"(?<!\\)\$\$(?P<block>[^$]+)\$\$|(?<![$\\])\$(?P<inline>[^$]+)(?<!\\)\$"
    return re.sub(f"{skipped}|{formula}", converted, markup, flags=re.DOTALL)


class PageExporter(HTMLExporter):
    """nbconvert's HTML exporter with our template; its filters do the converting."""

    def __init__(self) -> None:
        super().__init__(
            config=Config({"NbConvertBase": {"display_data_priority": SHOWN}}),
            template_name="base",
            template_file="page.html.j2",
            extra_loaders=[FileSystemLoader(HERE)],
        )
        code = {scheme: HtmlFormatter(style=name).get_style_defs(".highlight") for scheme, name in CODE_STYLES.items()}
        css = (HERE / "style.css").read_text("utf-8")
        self.environment.globals.update(css=css, code_css=code, MIME_TYPE=MIME_TYPE)
        self.environment.filters.update(money=money, amount=amount, interval=interval, duration=duration, tags=tags)

    def default_filters(self) -> Iterator[tuple[str, Any]]:
        yield from super().default_filters()
        yield "self_contained", self.self_contained

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """Convert a notebook; nbconvert's own reads the whole page once more, to mark parts that its template has."""
        language = nb.metadata.get("language_info", {})
        lexer = language.get("pygments_lexer", language.get("name"))
        self.register_filter("highlight_code", Highlight2HTML(pygments_lexer=lexer, parent=self))
        return TemplateExporter.from_notebook_node(self, nb, self._init_resources(resources), **kw)

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        cell, about = context["cell"], context["resources"]["about"]
        badge = "further reading" if "further" in tags(cell) else ""
        renderer = PageRenderer(about, badge, attachments=cell.get("attachments", {}))
        try:
            markup = MarkdownWithMath(renderer=renderer).render(source)
        except ValueError as error:
            raise ValueError(f"{about['notebook_file']}, cell {cell.metadata.number}: {error}") from error
        # A comma or full stop after a formula stays on its line.
        formula = r'(?:<span class="formula inline">)?<math\b(?:(?!</math>).)*</math>(?:</span>)?(?=[^<])'
        markup = re.sub(rf"({formula}[,.;:!?)]+)", r'<span class="together">\1</span>', markup, flags=re.DOTALL)
        return self.self_contained(context, markup)

    @pass_context
    def self_contained(self, context: Any, markup: str) -> str:
        """HTML as it may stand on a page: nothing to load, nothing to run, tables in a box that scrolls."""
        soup = BeautifulSoup(markup, "html.parser")
        if loaded := next(loads(soup), None):
            where = f"{context['resources']['about']['notebook_file']}, cell {context['cell'].metadata.number}"
            raise ValueError(f"{where}: a page loads and runs nothing, but here is {textwrap.shorten(loaded, 120)}")
        for table in soup.find_all("table"):
            align(table)
            table.wrap(
                soup.new_tag("div", attrs={"class": "scroll", "tabindex": "0", "role": "group", "aria-label": "Table"})
            )
        return str(soup)


def loads(soup: BeautifulSoup) -> Iterator[str]:
    """What a browser would have to load or run to show this."""
    for element in soup.find_all(True):
        sources = ["src", "srcset", "poster", "data", "background"]
        sources += ["href", "xlink:href"] if element.name in ("link", "image", "use", "feimage") else []
        if any(not str(element[name]).startswith(("data:", "#")) for name in sources if element.has_attr(name)):
            yield str(element)
        styles = str(element.get("style", "")) + (element.get_text() if element.name == "style" else "")
        if element.name in ("script", "iframe", "object", "embed") or re.search(r"@import|url\((?!\W?data:)", styles):
            yield str(element)


def align(table: Any) -> None:
    """Mark the columns of a pandas table that hold words, or label rows; style.css sets the other ones to the right."""
    if "dataframe" not in table.get("class", []):
        return
    number = re.compile(r"[-−+]?(?!0\d)[\d.,]*\d%?(e[-+]?\d+)?|[-−]?inf|nan|nat|<na>|none|\.\.\.|…|", re.IGNORECASE)
    rows = [row.find_all(["th", "td"]) for row in table.find_all("tr") if not row.find(attrs={"colspan": True})]
    body = [row for row in rows if row and row[-1].name == "td"]
    # Counted from the right, because a label that spans several rows stands at the left.
    for column in range(1, max(map(len, body), default=0) + 1):
        cells = [row[-column] for row in body if column <= len(row)]
        if any(cell.name == "th" or not number.fullmatch(cell.get_text(strip=True)) for cell in cells):
            for row in rows:
                if column <= len(row):
                    row[-column]["class"] = "words"
