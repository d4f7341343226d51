"""What a survey holds, and whether it is enough."""

from __future__ import annotations

import pandas as pd

from crmlab.service_needs.checks import numbers

# What chapter 04 needs of a survey; of customers in all, twice as many as elements.
ELEMENTS, CUSTOMERS, ANSWERS, DIFFERENT = 4, 30, 20, 2


def survey_counts(answers: pd.DataFrame, wave: int) -> pd.DataFrame:
    """What a survey of importance holds, and what is needed of it.

    Parameters
    ----------
    answers : DataFrame, one row a customer, element and wave
        `customer_id`, `element_id`, `wave` and `importance`, a rating, which may be missing.
    wave : int
        The wave that is read.

    Returns
    -------
    DataFrame, one row a thing that is counted
        `there_is` and `needed`; the least and the highest rating, of which nothing is needed, to be looked at: one far
        beyond the scale is an error of typing.

    Raises
    ------
    ValueError
        There is no such wave, no importance in it, or less than needed: the message says of what.

    Examples
    --------
    >>> ids = [f"C{number:02d}" for number in range(40)]
    >>> rows = [(who, f"E{e}", 1, 1 + (k + e) % 7) for k, who in enumerate(ids) for e in range(4)]
    >>> answers = pd.DataFrame(rows, columns=["customer_id", "element_id", "wave", "importance"])
    >>> survey_counts(answers, 1)["there_is"].head(3).to_dict()
    {'elements': 4, 'customers in this wave': 40, 'customers in all': 40}
    """
    waves = sorted(int(number) for number in answers["wave"].unique())
    if wave not in waves:
        raise ValueError(f"there is no wave {wave}: the survey has the waves {', '.join(map(str, waves))}")
    rated = answers.dropna(subset=["importance"])
    own = rated[rated["wave"] == wave]
    if own.empty:
        raise ValueError(f"nobody rates importance in wave {wave}: the column is empty there")
    table = numbers(own.pivot_table("importance", "customer_id", "element_id"))
    least, alike = str(table.count().idxmin()), str(table.nunique().idxmin())
    counts = {
        "elements": (table.shape[1], ELEMENTS),
        "customers in this wave": (len(table), CUSTOMERS),
        "customers in all": (rated["customer_id"].nunique(), 2 * table.shape[1]),
        f"answers to {least}, rated least": (int(table[least].count()), ANSWERS),
        f"different ratings of {alike}": (int(table[alike].nunique()), DIFFERENT),
    }
    for what, (there_is, needed) in counts.items():
        if there_is < needed:
            hint = ": leave the element out" if "ratings of" in what or "rated least" in what else ""
            raise ValueError(f"the survey has {there_is:,} {what}, and {needed:,} are needed{hint}")
    looked_at = {"least rating": (table.min().min(), 0), "highest rating": (table.max().max(), 0)}
    found = pd.DataFrame({**counts, **looked_at}, ["there_is", "needed"]).T
    return found.astype(int) if (found % 1 == 0).all(axis=None) else found


def answered_both(answers: pd.DataFrame, first: int, second: int) -> pd.Index:
    """The customers who rated importance in both waves.

    Parameters
    ----------
    answers : DataFrame, one row a customer, element and wave
        As `survey_counts` takes it.
    first, second : int
        The waves.

    Returns
    -------
    Index
        Customers, sorted.

    Examples
    --------
    >>> answers = pd.DataFrame({"customer_id": ["C1", "C2", "C1"], "wave": [1, 1, 2], "importance": [5.0, 6.0, 4.0]})
    >>> answered_both(answers, 1, 2).tolist()
    ['C1']
    """
    rated = answers.dropna(subset=["importance"])
    each = [pd.Index(rated.loc[rated["wave"] == wave, "customer_id"].unique()) for wave in (first, second)]
    return each[0].intersection(each[1]).sort_values()
