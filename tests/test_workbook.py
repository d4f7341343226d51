"""The chapters as pages, in a real browser; and run with other values than their defaults."""

import re
import shutil
from html import unescape
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from browser import CHROMIUM, Browser, problems
from helpers import ROOT, crmlab

from crmlab.data import load_cohorts
from crmlab.data.firms import load
from crmlab.runner import results
from crmlab.runner.notebooks import notebook_bytes, read_notebook
from crmlab.workbook.build import write_pages

CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Pages of all committed chapters, and their index."""
    out = tmp_path_factory.mktemp("workbook")
    for chapter in CHAPTERS:
        node = read_notebook(chapter)
        node.metadata["crmlab"] = {"status": "done", "seconds": 1.0, "error": None}
        (out / chapter.name).write_bytes(notebook_bytes(node))
    write_pages(out)
    return out


def test_every_chapter_has_a_page_and_the_index_shows_its_decision(pages):
    index = (pages / "index.html").read_text()
    for chapter in CHAPTERS:
        assert f'href="{chapter.stem}.html"' in index
        assert (pages / f"{chapter.stem}.html").stat().st_size < 1_000_000
    assert "Pay at most" in index
    assert "90% interval" in index
    assert "What is a customer worth?" in index


def test_links_between_pages_lead_to_a_page_and_a_heading(pages):
    made = {path.name: path.read_text("utf-8") for path in pages.glob("*.html")}
    ids = {name: set(map(unescape, re.findall(r'\sid="([^"]*)"', page))) for name, page in made.items()}
    for name, page in made.items():
        links = [unescape(link) for link in re.findall(r'<a\b[^>]*?\shref="([^"]*)"', page)]
        assert len(links) == page.count("<a "), "a link is written in another way"
        for link in links:
            file, _, anchor = link.partition("#")
            if not link.startswith(("http:", "https:")):
                assert (pages / (file or name)).exists(), f"{name}: {link}"
                assert not anchor or unquote(anchor) in ids[file or name], f"{name}: {link}"


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize(
    ("names", "width", "dark"),
    [
        ("0[08]_*.html", 360, True),
        pytest.param("*.html", 360, True, marks=pytest.mark.proof),
        pytest.param("*.html", 1280, False, marks=pytest.mark.proof),
        pytest.param("*.html", 360, False, marks=pytest.mark.proof),
        pytest.param("*.html", 1280, True, marks=pytest.mark.proof),
    ],
)
def test_every_page_is_whole_in_a_browser_without_a_network(pages, names, width, dark):
    with Browser() as browser:
        for page in sorted(pages.glob(names)):
            report = browser.report(page, width, dark=dark)
            assert problems(report) == {}, page.name
            assert report["images"] > 0 or page.name == "index.html"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The log of a simulated shop, as a user's own CSV file."""
    rng = np.random.default_rng(5)
    rows = []
    for customer in range(900):
        rate, day, leaving = rng.gamma(0.8, 1 / 30), rng.integers(0, 90), rng.beta(1, 4)
        typical = rng.gamma(4, 10)
        while day < 700:
            rows.append((f"c{customer}", day, round(float(typical * rng.gamma(6, 1 / 6)), 2)))
            if rng.random() < leaving and len(rows) > 1:
                break
            day += max(1, int(rng.exponential(1 / rate)))
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    table["date"] = (pd.Timestamp("2022-01-01") + pd.to_timedelta(table["date"], unit="D")).dt.strftime("%Y-%m-%d")
    folder = tmp_path_factory.mktemp("shop")
    table.to_csv(folder / "shop.csv", index=False)
    return folder


@pytest.mark.proof
def test_chapter_08_runs_on_both_simulated_firms(tmp_path):
    words = ["-p", "dataset=harbour_and_hill", "-p", "calibration_end=2024-12-28", "-p", "cohort_source=tern_mobile"]
    outcome = crmlab("run", "08", *words, "--out", str(tmp_path / "out"))
    assert outcome.returncode == 0, outcome.stderr
    found = results(tmp_path / "out" / "08_lifetime_value.ipynb").set_index("name")["value"]
    firm = load("harbour_and_hill")
    first = firm.orders.groupby("customer_id")["ordered_on"].min()
    assert found["customers"] == (first <= "2024-12-28").sum()
    assert found["holdout_forecast"] == pytest.approx(found["holdout_purchases"], rel=0.15)
    stayed = load_cohorts("tern_mobile")["flex"].iloc[-1] / 100
    assert found["observed_at_last_renewal"] == float(f"{stayed:.6g}")  # as it is recorded


@pytest.mark.proof
def test_chapter_08_runs_on_a_file_of_ones_own_with_other_values(shop):
    words = ["-p", "dataset=shop.csv", "-p", "calibration_end=2022-12-31", "-p", "horizon_weeks=104"]
    outcome = crmlab("run", "08", *words, "-p", "gross_margin=0.5", "--out", "out", cwd=shop)
    assert outcome.returncode == 0, outcome.stderr
    found = results(shop / "out" / "08_lifetime_value.ipynb").set_index("name")
    assert found.loc["customers", "value"] == 900
    decision = found.loc["decision"]
    assert decision["low"] <= decision["value"] <= decision["high"]
    assert decision["unit"] == "units of money per customer won"
    assert np.isnan(found.loc["margin_that_came", "value"])  # nobody was observed for 104 weeks
    page = unescape((shop / "out" / "08_lifetime_value.html").read_text())
    assert '<code>dataset = "shop.csv"</code>' in page
    assert "written for the default values" in page
    node = read_notebook(shop / "out" / "08_lifetime_value.ipynb")
    mine, *others = (read["name"] for read in node.metadata["crmlab"]["data"])
    assert mine == "shop.csv"
    assert all(name.startswith(("harbour_and_hill/", "tern_mobile/")) for name in others)  # the chapter's known truths
    assert "nan" not in " ".join(output.data.get("text/plain", "") for cell in node.cells if cell.cell_type == "code"
                                 for output in cell.outputs if "image/png" in output.get("data", {}))  # fmt: skip


@pytest.mark.proof
def test_a_failing_chapter_says_where_and_what_to_do(shop):
    outcome = crmlab("run", "08", "-p", "dataset=shop.csv", "--out", "failed", cwd=shop)
    assert outcome.returncode == 1
    message = outcome.stderr.splitlines()[-1]
    assert "08_lifetime_value: cell [" in message
    assert "calibration_end is 1997-09-30, but the log is observed from 2022-" in message
    assert "choose a day from" in message
    assert "failed/08_lifetime_value.ipynb" in message


@pytest.mark.proof
def test_a_file_with_a_missing_column_is_named(shop):
    (shop / "bad.csv").write_text("CustomerID,date,amount\na,2022-01-01,1\n")
    outcome = crmlab("run", "08", "-p", "dataset=bad.csv", "--out", "bad", cwd=shop)
    assert outcome.returncode == 1
    assert "transactions in 'bad.csv': customer_id: the column is missing" in outcome.stderr
    shutil.rmtree(shop / "bad")
