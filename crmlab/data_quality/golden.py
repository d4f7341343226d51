"""One customer file out of several systems, so that everybody sees all that is known."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from crmlab.data_quality.measures import is_known

RULES = ("newest", "most frequent")


def shared_bookings(left: pd.Series, right: pd.Series) -> pd.DataFrame:
    """Which ids of two systems go together, by the bookings that both hold.

    Parameters
    ----------
    left, right : Series
        Row by row the same booking, such as an order: under which id either system holds it. Rows with a gap do not
        count.

    Returns
    -------
    DataFrame, one row a pair of ids that share a booking
        `left`, `right`, `shared` (bookings), and `share`: of the bookings of that one of the two who has fewer. The
        largest share first, then whoever shares most.

    Raises
    ------
    ValueError
        The two are not by the same index.

    Notes
    -----
    A customer held twice in one system and once in the other is two pairs, each with a share near 1. A few orders
    booked under the wrong customer make a pair with a small share.

    Examples
    --------
    >>> pairs = shared_bookings(pd.Series(["S1", "S1", "S1", "S2"]), pd.Series(["D7", "D7", "D8", "D8"]))
    >>> pairs["share"].round(2).tolist()
    [1.0, 1.0, 0.5]
    """
    if not left.index.equals(right.index):
        raise ValueError(f"left has {len(left)} bookings, right {len(right)}: they must be by the same index")
    both = pd.DataFrame({"left": left.to_numpy(), "right": right.to_numpy()}).dropna()
    pairs = both.groupby(["left", "right"]).size().rename("shared").reset_index()
    fewer = pd.concat([pairs[side].map(both[side].value_counts()) for side in ("left", "right")], axis=1).min(axis=1)
    pairs["share"] = pairs["shared"] / fewer
    order = ["share", "shared", "left", "right"]
    return pairs.sort_values(order, ascending=[False, False, True, True], ignore_index=True)


def golden_record(records: pd.DataFrame, customer: pd.Series, rules: Mapping[str, str]) -> pd.DataFrame:
    """One row a customer, each field from that of its records which is to be trusted.

    Parameters
    ----------
    records : DataFrame, one row a record
        The fields, and `looked_over`, the day on which the record was entered or last looked over; may have gaps.
    customer : Series
        Whose each record is, by the same index.
    rules : dict of str
        By field: "newest", of the record that was looked over last (one without a day comes last); or "most frequent",
        what most records say, the newest of these where several are as frequent.

    Returns
    -------
    DataFrame, indexed by customer
        The fields; missing where no record holds anything. `records` counts each customer's.

    Raises
    ------
    KeyError
        A field, or `looked_over`, is not a column.
    ValueError
        A rule is neither of the two, looked_over holds no days, or `customer` is not by the index of the records.

    Notes
    -----
    The newest record may hold a new mistake: no rule is right for every field.

    Examples
    --------
    >>> days = pd.to_datetime(["2021-01-01", "2024-01-01", None])
    >>> records = pd.DataFrame({"street": ["1 Quay", "9 Quay", "1 Quay"], "looked_over": days})
    >>> whose = pd.Series([0, 0, 0])
    >>> golden_record(records, whose, {"street": "newest"})["street"].tolist()
    ['9 Quay']
    >>> golden_record(records, whose, {"street": "most frequent"})["street"].tolist()
    ['1 Quay']
    """
    if not records.index.equals(customer.index):
        raise ValueError("customer must be by the same index as the records")
    if absent := [name for name in (*rules, "looked_over") if name not in records]:
        raise KeyError(f"the records have no column {absent[0]!r}")
    if strange := [rule for rule in rules.values() if rule not in RULES]:
        raise ValueError(f"a rule must be one of {', '.join(RULES)}, not {strange[0]!r}")
    if records["looked_over"].dtype.kind != "M":
        raise ValueError("looked_over must be days, such as read_days gives them, not text")
    newest_first = records.assign(customer=customer).sort_values("looked_over", ascending=False, kind="stable")
    golden = pd.DataFrame({"records": customer.value_counts().sort_index()}).rename_axis("customer")
    for field, rule in rules.items():
        known = newest_first[is_known(newest_first[field])]
        if rule == "most frequent":
            said = known.groupby(["customer", field])[field].transform("size")
            known = known.assign(said=said).sort_values("said", ascending=False, kind="stable")
        golden[field] = known.groupby("customer")[field].first().reindex(golden.index)
    return golden
