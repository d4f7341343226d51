"""Chapter 00: its map, its sums done another way, its slider, other years; and the glossary of the field's terms."""

import re

import pandas as pd
import pytest
from helpers import ROOT, crmlab

from crmlab.data.firms import load
from crmlab.lifetime_value import margin_multiple
from crmlab.runner import results, run
from crmlab.runner.notebooks import read_notebook
from crmlab.runner.records import stored_results
from crmlab.workbook.pages import title_and_question

NOTEBOOK = ROOT / "notebooks" / "00_start_here.ipynb"
CHAPTERS = {path.stem[:2]: path for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))}
PLANNED = {
    "01": "Customer data", "02": "Retention planning", "03": "Segmentation", "04": "Service needs",
    "05": "Service level", "06": "Service priority", "07": "Cost to serve", "08": "Lifetime value", "09": "Growth",
    "10": "Contact centre", "11": "Partnership", "12": "CRM plan", "13": "Case: Harbour & Hill",
    "14": "Case: Tern Mobile", "15": "Research runs",
}  # fmt: skip


def prose(path):
    return "\n\n".join(cell.source for cell in read_notebook(path).cells if cell.cell_type == "markdown")


# -------------------------------------------------------------------------------------------------------------- the map


def rows_of_the_map():
    text = prose(NOTEBOOK)
    return re.findall(r"^\|.*\|$", text[text.index("## The map") : text.index("## The firm")], re.MULTILINE)


@pytest.mark.parametrize("number", PLANNED)
def test_the_map_shows_each_chapter_once_and_links_those_that_are_there(number):
    table = "\n".join(rows_of_the_map())
    assert table.count(f"{number} {PLANNED[number]}") == 1
    link = re.search(rf"\[{number} {re.escape(PLANNED[number])}\]\(([^)]+)\)", table)
    if number in CHAPTERS:
        assert link, f"{CHAPTERS[number].name} is there: link it in the map of chapter 00"
        assert link[1] == CHAPTERS[number].name
        title = title_and_question(read_notebook(CHAPTERS[number]), link[1])[0]
        assert title == PLANNED[number], "the map calls the chapter by its title"
    else:
        assert not link, f"chapter {number} is not there yet: no link"


def test_the_map_is_the_cycle_by_value_supply_response_and_relation():
    head, _, *rows = ([cell.strip() for cell in row.strip("|").split("|")] for row in rows_of_the_map())
    assert head == ["", "value", "supply response", "relation"]
    assert [row[0].strip("*") for row in rows] == ["Understand", "Create", "Gain", "Retain", "all four"]


# ----------------------------------------------------------------------------------------------- its sums, another way


@pytest.fixture(scope="module")
def recorded():
    return results(NOTEBOOK).set_index("name")


@pytest.fixture(scope="module")
def firm():
    return load("harbour_and_hill")


def test_contribution_added_up_order_by_order(recorded, firm):
    cost = firm.products.set_index("product_id")["unit_cost"].to_dict()
    goods = {}
    for order, product, delivered in firm.order_lines[["order_id", "product_id", "delivered"]].itertuples(index=False):
        goods[order] = goods.get(order, 0.0) + delivered * cost[product]
    sold = [
        (amount, goods[order])
        for order, day, amount in firm.orders[["order_id", "ordered_on", "amount"]].itertuples(index=False)
        if day.year == 2025
    ]
    saved = firm.activities.set_index("activity")["avoidable_12_months"].to_dict()
    serving = [
        cost * saved[activity]
        for month, activity, cost in firm.ledger[["month", "activity", "cost"]].itertuples(index=False)
        if month.year == 2025
    ]
    revenue, left = sum(amount for amount, _ in sold), sum(amount - cost for amount, cost in sold) - sum(serving)
    assert recorded.loc["contribution", "value"] == pytest.approx(left, rel=1e-5)
    assert recorded.loc["contribution_rate", "value"] == pytest.approx(left / revenue, rel=1e-5)


def test_the_kit_differs_from_the_truth_by_the_credits_that_it_leaves_out(recorded, firm):
    true = firm.truth.customers["contribution"].sum()
    kit = recorded.loc["kit_over_truth", "value"] * true
    assert kit - true == pytest.approx(firm.complaints["compensation"].sum(), rel=0.02)


def test_retention_and_its_multiple(recorded, firm):
    lost = firm.defections.set_index("customer_id")["noticed_on"]
    old = firm.customers.loc[firm.customers["acquired_on"] < "2025-01-01", "customer_id"]
    on_the_books = [name for name in old if name not in lost or lost[name].year >= 2025]
    kept = [name for name in on_the_books if name not in lost]
    assert recorded.loc["accounts_at_the_start", "value"] == len(on_the_books)
    retention = len(kept) / len(on_the_books)
    assert recorded.loc["retention", "value"] == pytest.approx(retention, rel=1e-5)
    assert recorded.loc["margin_multiple", "value"] == pytest.approx(margin_multiple(retention, 0.1), rel=1e-5)
    after = sum(retention**year / 1.1**year for year in range(1, 400))  # the first one in a year, added up
    assert recorded.loc["margin_multiple", "value"] == pytest.approx(after, rel=1e-5)


def test_perfect_orders_counted_one_by_one(recorded, firm):
    lines = firm.order_lines
    bad = set(
        lines.loc[(lines["ordered"] != lines["delivered"]) | ~lines["right_item"] | ~lines["undamaged"], "order_id"]
    )
    done = firm.orders[(firm.orders["ordered_on"].dt.year == 2025) & firm.orders["delivered_on"].notna()]
    flags = ["right_place", "right_customer", "right_invoice", "right_documents"]
    good = [
        order not in bad and delivered <= promised and all(rest)
        for order, promised, delivered, *rest in done[["order_id", "promised_on", "delivered_on", *flags]].itertuples(
            index=False
        )
    ]
    assert recorded.loc["perfect_orders", "value"] == pytest.approx(sum(good) / len(good), rel=1e-5)


def test_ten_ranges_that_hold(recorded):
    chance = [0.9**10]  # of ten, nine, eight, seven
    for held in (10, 9, 8):
        chance.append(chance[-1] * held / (11 - held) * 0.1 / 0.9)
    assert recorded.loc["all_ten_hold", "value"] == pytest.approx(chance[0], rel=1e-5)
    assert recorded.loc["six_or_fewer_hold", "value"] == pytest.approx(1 - sum(chance), rel=1e-4)


def brought_by(firm, customer):
    """The contribution of an account's last 52 weeks of orders, added up line by line."""
    cost = firm.products.set_index("product_id")["unit_cost"].to_dict()
    orders = firm.orders[firm.orders["customer_id"] == customer]
    end = orders["ordered_on"].max()
    since = end - pd.Timedelta(weeks=52)
    bought = orders[orders["ordered_on"] >= since]
    goods = firm.order_lines[firm.order_lines["order_id"].isin(bought["order_id"])]
    served = firm.ledger[(firm.ledger["customer_id"] == customer) & firm.ledger["month"].between(since, end)]
    saved = firm.activities.set_index("activity")["avoidable_12_months"].to_dict()
    return (
        bought["amount"].sum()
        - sum(delivered * cost[item] for delivered, item in zip(goods["delivered"], goods["product_id"], strict=True))
        - sum(cost * saved[what] for cost, what in zip(served["cost"], served["activity"], strict=True))
    )


def test_what_is_at_stake_added_up_account_by_account(recorded, firm):
    lost = firm.defections[firm.defections["noticed_on"].dt.year == 2025]
    silent = sum(brought_by(firm, name) for name in lost.loc[~lost["interviewed"], "customer_id"])
    price = sum(brought_by(firm, name) for name in lost.loc[lost["stated_cause"] == "price", "customer_id"])
    multiple = recorded.loc["margin_multiple", "value"]
    decision = recorded.loc["decision"]
    assert decision["value"] == pytest.approx(multiple * (silent - price), abs=10)
    assert 0 < decision["low"] < decision["value"] < decision["high"]


def test_who_left_for_the_price_and_who_for_the_service_in_truth(recorded, firm):
    lost = firm.defections.loc[firm.defections["noticed_on"].dt.year == 2025, "customer_id"]
    customer = firm.truth.accounts.set_index("account_id")["customer_id"]
    why = firm.truth.leavers.set_index("customer_id")["cause"]
    worth = {"price": 0.0, "closing down": 0.0, "service": 0.0}
    for name in lost:
        cause = why[customer[name]]
        worth[cause if cause in worth else "service"] += brought_by(firm, name)
    multiple = recorded.loc["margin_multiple", "value"]
    assert recorded.loc["truly_left_for_the_price", "value"] == pytest.approx(multiple * worth["price"], rel=1e-5)
    assert recorded.loc["truly_left_for_service", "value"] == pytest.approx(multiple * worth["service"], rel=1e-5)


def test_what_the_chapter_says_of_its_decision_in_truth(recorded):
    for name in ["truth_decision_over_today", "truth_decision_over_baseline", "lead_over_the_second"]:
        assert 0 < recorded.loc[name, "low"] < recorded.loc[name, "value"] < recorded.loc[name, "high"]
    assert recorded.loc["truth_best_in_year", "value"] == "served below cost"


def test_the_truth_lies_between_faults_that_come_alone_and_faults_that_come_together(recorded):
    values = recorded["value"]
    assert values["if_faults_come_alone"] < values["perfect_orders"] < values["if_faults_come_together"]


def test_the_keys_are_folded():
    keys = [cell for cell in read_notebook(NOTEBOOK).cells if "solution" in cell.metadata.get("tags", [])]
    assert len(keys) == 3
    assert all(cell.metadata["jupyter"]["source_hidden"] for cell in keys)


# ------------------------------------------------------------------------------------------- its slider, another year


@pytest.fixture(scope="module")
def plot_audit():
    """The function of the slider's cell, from the chapter itself."""
    source = next(
        cell.source
        for cell in read_notebook(NOTEBOOK).cells
        if cell.cell_type == "code" and "def plot_audit" in cell.source
    )
    from crmlab import figures

    space = {"pd": pd, "figures": figures, "target": 3.0}
    space["audit"] = ["strategy", "organisation", "technology", "culture"]
    exec(source, space)
    return space["plot_audit"]


@pytest.mark.parametrize(
    ("scores", "title"),
    [
        ((1, 2, 3, 4), "Strategy holds the firm back: 2.0 below the target"),
        ((4, 4, 0, 4), "Technology holds the firm back: 3.0 below the target"),
        ((4, 4, 4, 3.5), "Culture holds the firm back: 0.0 below the target"),
    ],
)
def test_the_weakest_enabler_is_named_wherever_the_sliders_stand(plot_audit, scores, title):
    from matplotlib import pyplot

    ax = plot_audit(*scores)
    assert ax.get_title(loc="left") == title
    assert sorted(bar.get_width() for bar in ax.patches) == sorted([*scores, min(scores)])
    pyplot.close(ax.figure)


def decided(folder, **values):
    """The decision of the chapter on other values: its row, and its text."""
    outcome = run(NOTEBOOK, folder, resamples=60, **values)
    assert outcome.status == "done", outcome.error
    stored = [each for each in stored_results(read_notebook(outcome.output)) if each["kind"] == "decision"]
    return outcome.results.set_index("name").loc["decision"], stored[0]["text"]


@pytest.mark.proof
def test_another_year_and_another_baseline(tmp_path):
    decision, text = decided(tmp_path, year=2024, talked_about="left in silence")
    assert decision["low"] < 0 < decision["value"] < decision["high"]  # in that year the price comes first, not clearly
    assert text.startswith("For 2024: look first at 'left for the price', not at 'left in silence'.")
    assert text.endswith("The order of the two is not clear.")


@pytest.mark.proof
def test_a_firm_that_talks_about_the_largest_gap_goes_on(tmp_path):
    decision, text = decided(tmp_path, talked_about="left in silence")
    assert decision["high"] < 0
    assert text.startswith("For 2025: go on looking first at 'left in silence'.")
    assert text.endswith("The next is 'orders gone wrong'; the lead over it is clear.")


def test_a_baseline_that_is_no_gap_is_refused():
    outcome = crmlab("run", "00", "-p", "talked_about=the weather", "--out", "nowhere")
    assert outcome.returncode == 2
    assert "talked_about='the weather': must be one of 'left for the price'" in outcome.stderr


# --------------------------------------------------------------------------------------------------------- the glossary


GLOSSARY = pd.read_csv(ROOT / "datasets" / "glossary.csv", dtype=str, keep_default_na=False)
LEAD_INS = {"You will learn", "What to know first", "Time", "Misconceptions that this chapter means to cure", "Fill in"}
EMPHASIS = {  # bold in a chapter, and no terms
    "single customers", "ceilings and rates are assumptions", "best customer", "call", "look up",
    "missing fundamentals", "wrong customer", "wrong unit",
}  # fmt: skip
SOURCES = {  # the terms that each of the five sources teaches
    "000": """partnership; win-win; trust; commitment; dependence; tie; partner selection; functional conflict;
        retention planning; share of business; defection; cause of defection; complaint handling; service recovery;
        market offering; activity-based costing; customer lifetime value; customer profitability; coordination;
        information sharing; naked solution; acquisition; retention; perception gap""",
    "001": """customer segment; target marketing; permission marketing; relationship marketing; cross-selling; churn;
        customer value; personalisation; clickstream; event-based marketing; seven Rs; perfect order; service policy;
        pre-transaction elements; transaction elements; post-transaction elements; call centre; self-service;
        average resolution time; field service; customer satisfaction; pilot; legacy system; data warehouse; training;
        actual against planned; variance; key performance indicator; privacy; consent; social media; cloud computing;
        supplier certification; intermediary; lead time; supplier scorecard; RFM; total cost of ownership""",
    "002": """customer relationship management; supply chain management; customer care; customer file; contact person;
        customer as asset; customer life cycle; customer loyalty; service level; on-time delivery rate; fill rate;
        error-free rate; service element; weighted average; factor analysis; cluster analysis; market segmentation;
        order service priority; profit-margin grade; importance grade; lost sale; customer class; loyalty programme;
        supply chain visibility; risk sharing; internal customer; business process re-engineering""",
    "003": """traditional marketing; enabler; strategy; organisation and processes; technology; culture and change;
        understand; create; gain; retain; operational CRM; analytical CRM; collaborative CRM; share of wallet;
        marketing mix; price differentiation; channel; multichannel; disintermediation; touch point; switching cost;
        entry barrier; data mining; data quality; campaign; customer equity""",
    "004": """voice of the customer; playing favourites; prospect; cost to serve; safety stock; expediting;
        potential value; importance-performance map; allocation rule; contribution; margin rate""",
}
CHINESE = """完美订货；准时交货率；订单完成率；无错率；失销；利润率等级；重要度；订单服务优先级；
    客户关系管理；供应链；客户价值；客户终身价值；客户忠诚度；客户满意度；客户关怀；客户是资产；
    因子分析；聚类分析；加权平均；市场细分"""


def plain(term):
    """A term as it is looked up: no case, no plural, hyphens as spaces."""
    return re.sub(r"(?<=[a-z]{3})s\b", "", term.casefold().replace("-", " ")).strip()


def names(term):
    """What a row of the glossary answers to: the term, and the short form in brackets behind it."""
    return {plain(term), plain(re.sub(r" \([^)]*\)$", "", term)), *map(plain, re.findall(r"\(([^)]+)\)$", term))}


KNOWN = set().union(*map(names, GLOSSARY["term"]))


def bold_terms(path):
    spans = re.findall(r"(?<!\*)\*\*(?!\*)([^*\n]+)\*\*", prose(path))
    return {span for span in spans if not re.search(r"[.:?!]$|^\d", span)} - LEAD_INS - EMPHASIS


def test_the_glossary_is_sorted_and_has_each_term_once():
    terms = GLOSSARY["term"].tolist()
    assert list(GLOSSARY) == ["term", "chinese", "meaning", "chapters", "sources"]
    assert terms == sorted(terms, key=str.casefold)
    assert len({plain(term) for term in terms}) == len(terms)
    assert not GLOSSARY["chinese"].duplicated().any()


def test_each_row_of_the_glossary_is_whole():
    chinese = r"[\u4e00-\u9fff]"
    assert GLOSSARY["chinese"].str.contains(f"{chinese}{{2}}").all(), "Chinese is written in Chinese characters"
    assert not (GLOSSARY["term"] + GLOSSARY["meaning"]).str.contains(chinese).any()
    assert GLOSSARY["meaning"].str.fullmatch(r"[A-Z].{15,}\.").all(), "the meaning is a sentence"
    assert set(" ".join(GLOSSARY["chapters"]).split()) <= {"00", *PLANNED}
    assert GLOSSARY["chapters"].ne("").all(), "a term is used somewhere"
    assert all(re.fullmatch(r"00[0-4]-\d\d", item) for item in " ".join(GLOSSARY["sources"]).split())


@pytest.mark.parametrize("source", SOURCES)
def test_every_term_of_the_sources_is_in_the_glossary(source):
    missing = [term for term in re.split(r";\s*", SOURCES[source]) if plain(term) not in KNOWN]
    assert not missing


def test_the_chinese_terms_of_the_chinese_source_are_in_the_glossary():
    assert set(re.split(r"；\s*", CHINESE)) <= set(GLOSSARY["chinese"])


@pytest.mark.parametrize("number", CHAPTERS)
def test_every_term_that_a_chapter_prints_in_bold_is_in_the_glossary(number):
    used = GLOSSARY[GLOSSARY["chapters"].str.split().map(lambda chapters: number in chapters)]
    known = set().union(*map(names, used["term"]))
    missing = sorted(term for term in bold_terms(CHAPTERS[number]) if plain(term) not in known)
    assert not missing, f"datasets/glossary.csv: add them, or chapter {number} to their rows; or print them otherwise"


@pytest.mark.parametrize("number", CHAPTERS)
def test_a_chapter_uses_the_terms_that_the_glossary_gives_to_it(number):
    text = "\n".join(cell.source for cell in read_notebook(CHAPTERS[number]).cells)
    text = plain(re.sub(r"[\s*_]+", " ", text))  # probability_alive is a term used, too
    given = GLOSSARY.loc[GLOSSARY["chapters"].str.split().map(lambda chapters: number in chapters), "term"]
    unused = [term for term in given if not any(name in text for name in names(term))]
    assert not unused, f"datasets/glossary.csv: take {number} out of their rows, or use them in the chapter"
