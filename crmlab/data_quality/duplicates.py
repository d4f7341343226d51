"""Which records are of one customer: pairs that share something, how alike they are, and where to draw the line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from crmlab.data_quality.measures import is_known

# Legal forms and short words as English-speaking firms write them.
WRITTEN_OUT = {
    "limited": "ltd", "company": "co", "corporation": "corp", "incorporated": "inc", "bros": "brothers",
    "st": "street", "rd": "road", "ln": "lane", "ave": "avenue", "dept": "department",
}  # fmt: skip
PHONE_DIGITS = 7  # the last of a number: without the codes of country and area


def plain_words(texts: pd.Series, written_out: Mapping[str, str] = WRITTEN_OUT) -> pd.Series:
    """Names or addresses without what clerks write each in their own way.

    Parameters
    ----------
    texts : Series of str
    written_out : dict of str
        By word, in lower case: how it is written here. It takes the place of the usual ones:
        ``WRITTEN_OUT | {"hdwe": "hardware"}`` adds to them.

    Returns
    -------
    Series of str
        In lower case, without signs and "and", each word in one form; missing where nothing is held.

    Examples
    --------
    >>> plain_words(pd.Series(["Oakes  BROS. and Company", "Oakes Brothers & Co"])).tolist()
    ['oakes brothers co', 'oakes brothers co']
    """

    def plain(text: str) -> str:
        words = re.sub(r"[^\w ]", " ", text.lower().replace("&", " ")).split()
        return " ".join(written_out.get(word, word) for word in words if word != "and")

    left = texts.where(is_known(texts)).astype("str").map(plain, na_action="ignore")
    return left.mask(left == "").astype("str")


def comparable(records: pd.DataFrame, written_out: Mapping[str, str] = WRITTEN_OUT) -> pd.DataFrame:
    """Records with their names, telephone numbers and addresses in a form that can be compared.

    Parameters
    ----------
    records : DataFrame, one row a record
        `name`, `phone` and `street`, each of which may have gaps.
    written_out : dict of str
        As `plain_words` takes it.

    Returns
    -------
    DataFrame
        The same rows: `name`, `phone` (its last seven digits), `street`, and `word_1`, `word_2` of the name. Missing
        where nothing is held, or a number has fewer digits.

    Raises
    ------
    KeyError
        A column is missing.

    Examples
    --------
    >>> records = pd.DataFrame({"name": ["DRAY & CO"], "phone": ["(555) 0100123"], "street": ["4 Mill Rd"]})
    >>> comparable(records).iloc[0].tolist()
    ['dray co', '0100123', '4 mill road', 'dray', 'co']
    """
    if absent := [name for name in ("name", "phone", "street") if name not in records]:
        raise KeyError(f"the records have no column {absent[0]!r}; they have: {', '.join(map(str, records.columns))}")
    digits = records["phone"].astype("str").str.replace(r"\D", "", regex=True).str[-PHONE_DIGITS:]
    name = plain_words(records["name"], written_out)
    return pd.DataFrame(
        {
            "name": name,
            "phone": digits.where(digits.str.len() == PHONE_DIGITS),
            "street": plain_words(records["street"], written_out),
            "word_1": name.str.split().str[0],
            "word_2": name.str.split().str[1],
        }
    )


def candidate_pairs(table: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Pairs of rows that share a value in one of the key columns: blocking.

    Parameters
    ----------
    table : DataFrame
    keys : sequence of str
        Columns; a gap is shared with nobody.

    Returns
    -------
    DataFrame, one row a pair
        `left` and `right`: labels of the table's index, the earlier row first; each pair once, in order.

    Raises
    ------
    ValueError
        The index has a label twice, or no key is given.

    Notes
    -----
    Two rows that share none of the keys are never compared: what blocking misses no threshold finds again.

    Examples
    --------
    >>> candidate_pairs(pd.DataFrame({"phone": ["1", "2", "1", None, None]}), ["phone"]).to_numpy().tolist()
    [[0, 2]]
    """
    if not table.index.is_unique:
        raise ValueError("the table's index has a label twice: reset_index(drop=True) gives each row its own")
    if not keys:
        raise ValueError("no key to block by: name at least one column")
    place, shared = pd.DataFrame({"place": np.arange(len(table))}), []
    for key in keys:
        rows = place.assign(key=table[key].to_numpy()).dropna()
        pairs = rows.merge(rows, on="key", suffixes=("_left", "_right"))
        shared.append(pairs.loc[pairs["place_left"] < pairs["place_right"], ["place_left", "place_right"]])
    pairs = pd.concat(shared).drop_duplicates().sort_values(["place_left", "place_right"], ignore_index=True)
    return pd.DataFrame({"left": table.index[pairs["place_left"]], "right": table.index[pairs["place_right"]]})


def pair_scores(table: pd.DataFrame, pairs: pd.DataFrame, weight: float = 0.3) -> pd.DataFrame:
    """How alike the two records of each pair are.

    Parameters
    ----------
    table : DataFrame
        As `comparable` gives it.
    pairs : DataFrame
        As `candidate_pairs` gives it.
    weight : float
        What the same telephone number, or the same address, adds to the score, and another one takes away. A gap does
        neither; a missing name is like no other.

    Returns
    -------
    DataFrame
        `pairs` with `name`, the similarity of the names from 0 to 1 (of the sorted words, by insertions and deletions);
        `phone` and `street`, 1 the same, -1 another, 0 not known; and `score`, name + weight (phone + street).

    Raises
    ------
    ValueError
        `weight` is negative.

    References
    ----------
    Christen (2012), Data Matching, chapters 4 to 6: blocking, comparison, classification.

    Examples
    --------
    >>> table = pd.DataFrame({"name": ["dray co", "co dray"], "phone": ["1", "1"], "street": ["a", None]})
    >>> pair_scores(table, candidate_pairs(table, ["phone"]))["score"].tolist()
    [1.3]
    """
    from rapidfuzz import fuzz

    if weight < 0:
        raise ValueError(f"weight must be 0 or more, not {weight!r}")
    left, right = table.loc[pairs["left"]], table.loc[pairs["right"]]
    names = zip(left["name"], right["name"], strict=True)
    # A gap is like nothing: rapidfuzz gives 0 for it.
    scored = pairs.assign(name=[fuzz.token_sort_ratio(one, other) / 100 for one, other in names])
    for column in ("phone", "street"):
        one, other = left[column].reset_index(drop=True), right[column].reset_index(drop=True)
        known = one.notna() & other.notna()
        scored[column] = np.where(known, np.where(one == other, 1, -1), 0)
    return scored.assign(score=scored["name"] + weight * (scored["phone"] + scored["street"]))


def threshold_table(
    score: pd.Series, match: pd.Series, *, never_compared: int = 0, cost_false: float = 1.0, cost_missed: float = 1.0
) -> pd.DataFrame:
    """What each threshold finds, and what its errors cost.

    Parameters
    ----------
    score : Series of float
        Of the pairs that were compared; those at or above the threshold are called one customer.
    match : Series of bool
        Whether each pair is one customer in truth, or by a clerk who looked.
    never_compared : int
        True pairs that were not compared; they count as missed at every threshold.
    cost_false, cost_missed : float
        Of a pair called one customer that is not, and of one that is and was not called so; in any currency.

    Returns
    -------
    DataFrame, one row a threshold, from the highest score down, after one that calls no pair
        `threshold`, `called` (pairs), `right` (of them), `precision` (right of called; missing where none is called),
        `recall` (right of all that are one customer; missing where none is), and `cost`.

    Raises
    ------
    ValueError
        The two are not by the same index, a score or a match is missing, or a cost is negative.

    References
    ----------
    Christen (2012), Data Matching, chapter 7: precision and recall of pairs.

    Examples
    --------
    >>> table = threshold_table(pd.Series([0.9, 0.8, 0.7]), pd.Series([True, False, True]), cost_false=2)
    >>> table["cost"].tolist()
    [2.0, 1.0, 3.0, 2.0]
    """
    if not score.index.equals(match.index):
        raise ValueError(f"{len(score)} scores and {len(match)} matches must be by the same index: one of each a pair")
    if score.isna().any() or match.isna().any():
        raise ValueError("a score or a match is missing")
    if cost_false < 0 or cost_missed < 0:
        raise ValueError(f"costs must be 0 or more, not {cost_false!r} and {cost_missed!r}")
    pairs = pd.DataFrame({"threshold": score.to_numpy(float), "right": match.to_numpy(bool)})
    steps = pairs.groupby("threshold")["right"].agg(called="size", right="sum").iloc[::-1].cumsum()
    first = pd.DataFrame({"threshold": [np.inf], "called": [0], "right": [0]})
    table = pd.concat([first, steps.reset_index()], ignore_index=True)
    true = int(match.sum()) + never_compared
    table["precision"] = table["right"] / table["called"].where(table["called"] > 0)
    table["recall"] = table["right"] / true if true else np.nan
    return table.assign(cost=cost_false * (table["called"] - table["right"]) + cost_missed * (true - table["right"]))


def one_customer(index: pd.Index, pairs: pd.DataFrame) -> pd.Series:
    """Records joined into customers: who is paired with whom, and with whom these are paired, and so on.

    Parameters
    ----------
    index : Index
        Labels of all records.
    pairs : DataFrame
        `left` and `right`: the pairs that are called one customer.

    Returns
    -------
    Series of int, by label
        The number of its customer, from 0, in the order of the records.

    Raises
    ------
    KeyError
        A pair names a record that is not in the index.
    ValueError
        The index has a label twice.

    Notes
    -----
    One false pair joins all records of two customers.

    Examples
    --------
    >>> pairs = pd.DataFrame({"left": ["a", "c"], "right": ["c", "d"]})
    >>> one_customer(pd.Index(["a", "b", "c", "d"]), pairs).tolist()
    [0, 1, 0, 0]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not index.is_unique:
        raise ValueError(f"the index has a label twice, such as {index[index.duplicated()][0]!r}")
    left, right = (index.get_indexer(pd.Index(pairs[side])) for side in ("left", "right"))
    if (strange := (left < 0) | (right < 0)).any():
        pair = pairs.loc[strange, ["left", "right"]].iloc[0].tolist()
        raise KeyError(f"the pair {pair} names a record that is not there")
    ties = coo_array((np.ones(len(pairs)), (left, right)), shape=(len(index), len(index)))
    component = connected_components(ties, directed=False)[1]
    return pd.Series(pd.factorize(component)[0], index)


def pairs_within(customer: pd.Series, truth: pd.Series) -> dict[str, float]:
    """Precision and recall of a whole list: of all pairs of records that it puts under one customer.

    Parameters
    ----------
    customer, truth : Series
        Whose each record is, as found and in truth, by the same index.

    Returns
    -------
    dict
        `precision` and `recall`, from 0 to 1; missing where no pair is found, or none is there.

    Raises
    ------
    ValueError
        The two are not by the same index.

    References
    ----------
    Christen (2012), Data Matching, chapter 7: pairs after the records have been joined.

    Examples
    --------
    >>> pairs_within(pd.Series([0, 0, 0, 1]), pd.Series(["a", "a", "b", "b"]))
    {'precision': 0.3333333333333333, 'recall': 0.5}
    """
    if not customer.index.equals(truth.index):
        raise ValueError("customer and truth must be by the same index")

    def pairs(*by: pd.Series) -> int:
        size = pd.DataFrame(dict(enumerate(by))).value_counts()
        return int((size * (size - 1) // 2).sum())

    both, found, there = pairs(customer, truth), pairs(customer), pairs(truth)
    return {
        "precision": both / found if found else float("nan"),
        "recall": both / there if there else float("nan"),
    }
