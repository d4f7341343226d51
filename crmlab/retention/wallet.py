"""Which share of its business a customer gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def share_of_wallet(spend: pd.DataFrame, own: str = "us") -> pd.DataFrame:
    """What part of its spend on such goods each customer gives to one supplier.

    Parameters
    ----------
    spend : DataFrame, one row a customer and supplier, or several (one a quarter, say)
        `customer_id`, `supplier` and `spend` (money, 0 and above): all suppliers that the customer uses.
    own : str
        The supplier that is asked about.

    Returns
    -------
    DataFrame, indexed by customer_id
        `own`, spent with it; `total`, spent with all; `share`, from 0 to 1, missing where nothing is spent.

    Raises
    ------
    ValueError
        A column is missing; a customer is; a spend is missing or negative; or the supplier is in no row.

    Examples
    --------
    >>> spend = pd.DataFrame({"customer_id": ["A", "A", "B"], "supplier": ["us", "x", "x"], "spend": [30.0, 10, 5]})
    >>> share_of_wallet(spend)["share"].to_dict()
    {'A': 0.75, 'B': 0.0}
    """
    if missing := [name for name in ("customer_id", "supplier", "spend") if name not in spend]:
        raise ValueError(f"spend needs the column {missing[0]!r}; it has {', '.join(map(repr, spend.columns))}")
    if spend["customer_id"].isna().any():
        raise ValueError(f"row {int(spend['customer_id'].isna().to_numpy().argmax()) + 1} of spend names no customer")
    if not (spend["spend"] >= 0).all():
        row = int((~(spend["spend"] >= 0)).to_numpy().argmax())
        raise ValueError(f"spend must be 0 and above; row {row + 1} holds {spend['spend'].iloc[row]}")
    if not (ours := spend["supplier"] == own).any():
        names = ", ".join(map(repr, sorted(spend["supplier"].astype(str).unique())))
        raise ValueError(f"there is no supplier {own!r}; there are {names}")
    total = spend.groupby("customer_id")["spend"].sum()
    part = spend[ours].groupby("customer_id")["spend"].sum().reindex(total.index, fill_value=0.0)
    return pd.DataFrame({"own": part, "total": total, "share": part / total.where(total > 0)})


def wallet_allocation_rule(rank: Any, brands: Any) -> Any:
    """The share of a customer's spend that a brand's place in its mind suggests.

    Parameters
    ----------
    rank : number or array
        The brand's place among those that the customer uses, 1 the best; equals share the mean of their places.
    brands : number or array
        How many brands the customer uses, 1 or more.

    Returns
    -------
    float, array or Series
        (1 - rank / (brands + 1)) times 2 / brands: from 0 to 1, over the brands of a customer they sum to 1.

    Raises
    ------
    ValueError
        A rank is below 1 or beyond the number of brands.

    References
    ----------
    Keiningham, Aksoy, Buoye and Cooil (2011), Customer loyalty isn't enough, grow your share of wallet, Harvard
    Business Review 89(10), 29-31.

    Examples
    --------
    >>> [round(wallet_allocation_rule(rank, 3), 2) for rank in (1, 2, 3)]
    [0.5, 0.33, 0.17]
    """
    rank, brands = (one if isinstance(one, pd.Series) else np.asarray(one) for one in (rank, brands))
    if not (np.all(np.asarray(rank) >= 1) and np.all(np.asarray(rank) <= np.asarray(brands))):
        raise ValueError("rank must be from 1 to the number of brands")
    share = (1 - rank / (brands + 1)) * (2 / brands)
    return share.item() if np.ndim(share) == 0 else share
