"""The order service priority table: which product is served first, by grades or by money."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from crmlab.data.contracts import Breach, ContractError, check, missing_column

RULES = ("product", "sum", "margin_grade", "money")
MONEY = ("price", "unit_cost", "units", "lost_if_delayed")


def priority_table(
    products: pd.DataFrame,
    margin_grade: str = "margin_grade",
    importance: str = "importance",
    rule: str = "product",
    importance_codes: Sequence[float] = (1, 2, 3),
) -> pd.DataFrame:
    """Rank products for service: who is served first when not everybody can be.

    Parameters
    ----------
    products : DataFrame, one row a product
        As the contract "products" says: by grades it needs the two columns named below, by money `price` and
        `unit_cost` (money a unit), `units` (a period) and `lost_if_delayed` (a chance).
    margin_grade : str
        Column of grades of the profit margin, positive whole numbers; 1 is the best.
    importance : str
        Column of importance: 1 a delay loses the sale, 2 a slight delay is acceptable, 3 a longer one is.
    rule : {"product", "sum", "margin_grade", "money"}
        What makes the score: grade times importance, their sum, the grade alone, or the money that a delay is expected
        to lose: units * (price - unit_cost) * lost_if_delayed.
    importance_codes : three rising numbers above 0
        What importance 1, 2 and 3 count as in the score.

    Returns
    -------
    DataFrame
        `products` with `score` (money a period for "money") and `priority`, from 1. The lowest score is served first,
        of money the highest. Equal scores share the better place, and the next place is skipped (1, 2, 2, 4):
        DECISIONS.md, "Ties in service priority".

    Raises
    ------
    ContractError
        A column is missing, or a value breaks the contract: a grade is no positive whole number, an importance is not
        1, 2 or 3, a product is there twice.
    ValueError
        There are no products, the rule is unknown, or the codes do not rise.

    References
    ----------
    Christopher (2011), Logistics & Supply Chain Management, 4th ed., Table 2.2 (critical value analysis).

    Examples
    --------
    >>> products = pd.DataFrame({"product_id": ["A", "C", "F"], "margin_grade": [1, 2, 3], "importance": [2, 3, 1]})
    >>> priority_table(products)["priority"].tolist()
    [1, 3, 2]
    """
    if rule not in RULES:
        raise ValueError(f"rule must be one of {', '.join(map(repr, RULES))}, not {rule!r}")
    if isinstance(importance_codes, str | Mapping):
        raise ValueError(f"importance_codes must be three numbers in the order of importance, not {importance_codes!r}")
    codes = [float(code) for code in importance_codes]
    if len(codes) != 3 or not 0 < codes[0] < codes[1] < codes[2] < np.inf:
        raise ValueError(f"importance_codes must be three rising numbers above 0, as (1, 2, 3), not {importance_codes}")
    if len(products) == 0:
        raise ValueError("products has no rows: there is nothing to rank")
    if rule == "money":
        table = _checked(products, {name: name for name in MONEY})
        money = table["units"] * (table["price"] - table["unit_cost"]) * table["lost_if_delayed"]
        score = money.round(6)  # so that what is equal ties, in whatever order it was multiplied
        return products.assign(score=score, priority=score.rank(method="min", ascending=False).astype(int))
    table = _checked(products, {"margin_grade": margin_grade, "importance": importance})
    grade, weight = table["margin_grade"], table["importance"].map(dict(zip((1, 2, 3), importance_codes, strict=True)))
    score = {"product": grade * weight, "sum": grade + weight, "margin_grade": grade}[rule]
    return products.assign(score=score, priority=score.round(6).rank(method="min").astype(int))


def _checked(products: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """The columns needed, under the names of the contract; told under the user's own where they break it."""
    if missing := [name for name in names.values() if name not in products]:
        raise ContractError("products", [missing_column(name, products, products.index.names) for name in missing])
    ids = products["product_id"] if "product_id" in products else pd.Series(range(len(products)), products.index)
    columns = {name: products[own] for name, own in names.items()}
    try:
        table = check(pd.DataFrame({"product_id": ids} | columns), "products")
    except ContractError as error:
        told = (dataclasses.replace(one, column=names.get(one.column, one.column)) for one in error.breaches)
        raise ContractError("products", told) from None
    gaps = [(own, table[name].isna().to_numpy()) for name, own in names.items()]
    if any(gap.any() for _, gap in gaps):
        remedy = "Fill it in where it is known, or take these rows out knowingly."
        raise ContractError(
            "products",
            [Breach(own, "missing", remedy, tuple(np.flatnonzero(gap) + 1), ("",)) for own, gap in gaps if gap.any()],
        )
    return table
