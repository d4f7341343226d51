"""The books of the dirty twin of Harbour & Hill (simulated), each value beside what a repair would put in its place.

Each amount and each day has a second witness in another system, and a booking under the wrong customer is found where
two systems disagree. So any kind of error can be repaired alone, without the truth; only the delivery note of a
disputed order, which a clerk would look up, is played by it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crmlab.data.firms import Firm
from crmlab.data_quality.golden import shared_bookings
from crmlab.data_quality.measures import is_known, read_days
from crmlab.data_quality.repairs import after, amount_faults, day_faults

KINDS = ("duplicate", "missing", "impossible", "wrong unit", "inconsistent", "misbooked")
FACTS = {  # columns without errors
    "invoices": ["order_id"],
    "costs": ["month", "activity"],
    "orders": ["order_id"],
    "complaints": ["order_id", "recovered"],
}


@dataclass(frozen=True)
class Books:
    """Invoices, costs, orders and complaints, as booked and as mended.

    Attributes
    ----------
    booked : dict of Series
        By table: the accountants' id of the customer under whom each row is booked; for rows of the other two systems,
        the one with which their id shares most orders.
    looked_up : dict of Series
        The same, with the disputed rows under the customer that their delivery note names.
    one : Series
        By each of the accountants' ids: the first id of the same customer.
    faults : dict of dicts of DataFrame
        By table and column, as `amount_faults` and `day_faults` give it.
    facts : dict of DataFrame
        By table: the columns without errors.
    """

    booked: Mapping[str, pd.Series]
    looked_up: Mapping[str, pd.Series]
    one: pd.Series
    faults: Mapping[str, Mapping[str, pd.DataFrame]]
    facts: Mapping[str, pd.DataFrame]

    def after(self, repairs: Collection[str] = ()) -> dict[str, pd.DataFrame]:
        """The books after some kinds of error have been repaired.

        Parameters
        ----------
        repairs : collection of str
            Kinds of `KINDS`; none for the books as they are. "duplicate" puts all records of a customer under its first
            id, "misbooked" the disputed rows under the customer of their delivery note.

        Returns
        -------
        dict of DataFrame
            `invoices` (customer, day, amount in EUR), `costs` (customer, month, activity, amount in EUR), `orders`
            (customer, day) and `complaints` (customer, day, recovered). Days and amounts that nobody knows are missing.

        Raises
        ------
        ValueError
            There is no such kind.
        """
        if strange := set(repairs) - set(KINDS):
            raise ValueError(f"there is no repair of {min(strange)!r}; there are: {', '.join(KINDS)}")
        whose = self.looked_up if "misbooked" in repairs else self.booked
        tables = {}
        for name, columns in self.faults.items():
            customer = whose[name].map(self.one) if "duplicate" in repairs else whose[name]
            mended = {column: after(faults, repairs) for column, faults in columns.items()}
            tables[name] = self.facts[name].assign(customer=customer, **mended)
        return tables

    def cells(self) -> pd.Series:
        """How many cells, rows and records each repair touches, by kind."""
        kinds = pd.concat([faults["kind"] for columns in self.faults.values() for faults in columns.values()])
        count = kinds[kinds != ""].value_counts().reindex(list(KINDS), fill_value=0)
        count["duplicate"] = int((self.one != self.one.index).sum())
        changed = [(self.booked[name] != self.looked_up[name]).sum() for name in self.booked]
        count["misbooked"] = int(sum(changed))
        return count.rename("cells")


def read_books(systems: Firm, customer: pd.Series, formats: Sequence[str] = ()) -> Books:
    """The books of three systems, read with a second witness for each amount and day.

    Parameters
    ----------
    systems : Firm
        `Firm.dirtied` of Harbour & Hill.
    customer : Series
        Whose each record is, by its id, as `one_customer` gives it.
    formats : sequence of str
        Formats of days that are in use beside yyyy-mm-dd, as `read_days` takes them.

    Returns
    -------
    Books

    Raises
    ------
    ValueError
        The systems are not those of a dirty Harbour & Hill, or a record of the accountants is in no customer.

    Notes
    -----
    The witnesses: of an invoice, its order; of a cost, its minutes at the usual rate of its activity; of an order's
    day, the day of its invoice less the usual delay, and the other way round; of a complaint's day, the day on which it
    was closed. Where a witness is wrong itself, the repair is.

    Examples
    --------
    >>> from crmlab.data.firms import simulate
    >>> systems = simulate("harbour_and_hill", customers=60, months=12, seed=3).dirtied(seed=1)
    >>> whose = systems.truth.records.set_index("record_id")["customer_id"]
    >>> books = read_books(systems, whose, ["%d.%m.%Y", "%m/%d/%Y", "%d %b %Y"])
    >>> before, mended = (books.after(kinds)["invoices"]["amount"].sum() for kinds in ([], ["wrong unit"]))
    >>> bool(before > mended)
    True
    """
    firm = systems.draw.firm if isinstance(systems, Firm) else type(systems).__name__
    if firm != "harbour_and_hill_dirty":
        raise ValueError(f"read_books reads the three systems of a dirty Harbour & Hill (see dirtied), not {firm}")
    ids = systems.finance_customers["finance_id"]
    if (lost := ~ids.isin(customer.index)).any():
        raise ValueError(f"customer knows nothing of the record {ids[lost].iloc[0]!r}")
    first = customer[ids].groupby(customer[ids].to_numpy()).transform(lambda one: one.index[0])
    tables = {
        "invoices": systems.finance_invoices,
        "costs": systems.finance_costs,
        "orders": systems.sales_orders,
        "complaints": systems.service_complaints,
    }
    payer = _paying_id(systems)
    booked = {
        "invoices": tables["invoices"]["finance_id"],
        "costs": tables["costs"]["finance_id"],
        "orders": tables["orders"]["sales_id"].map(payer),
        "complaints": tables["complaints"]["service_id"].map(payer),
    }
    facts = {name: tables[name][columns] for name, columns in FACTS.items()}
    return Books(booked, _looked_up(systems, booked, first), first, _faults(systems, tables, formats), facts)


def bookings_in_common(systems: Firm) -> pd.DataFrame:
    """Ids of sales and of service (`left`) and of the accountants (`right`), by the orders that they share.

    Parameters
    ----------
    systems : Firm
        `Firm.dirtied` of Harbour & Hill.

    Returns
    -------
    DataFrame
        As `shared_bookings` gives it.
    """
    paid = systems.finance_invoices.set_index("order_id")["finance_id"]
    heard = pd.concat([systems.service_complaints, systems.service_calls])
    by_sales = shared_bookings(systems.sales_orders["sales_id"], systems.sales_orders["order_id"].map(paid))
    by_desk = shared_bookings(heard["service_id"], heard["order_id"].map(paid))
    return pd.concat([by_sales, by_desk], ignore_index=True)


def _paying_id(systems: Firm) -> pd.Series:
    """By each id of sales and service: the accountants' id with which it shares most orders."""
    most = bookings_in_common(systems).sort_values(["shared", "left", "right"]).drop_duplicates("left", keep="last")
    return most.set_index("left")["right"]


def _looked_up(systems: Firm, booked: Mapping[str, pd.Series], one: pd.Series) -> dict[str, pd.Series]:
    """Whose each row is, the orders that two systems book under two customers looked up."""
    orders, invoices = systems.sales_orders["order_id"], systems.finance_invoices["order_id"]
    records = systems.truth.records.query("system == 'finance'").drop_duplicates("account_id")
    home = records.set_index("account_id")["record_id"]
    right = systems.truth.orders.set_index("order_id")["customer_id"].map(home)
    sold = pd.Series(booked["orders"].map(one).to_numpy(), orders)
    heard = systems.service_complaints["order_id"]
    by_desk = pd.Series(booked["complaints"].map(one).to_numpy(), heard)
    paid = pd.Series(booked["invoices"].map(one).to_numpy(), invoices)
    disputed = set(invoices[sold.reindex(invoices).to_numpy() != paid.to_numpy()])
    disputed |= set(heard[sold.reindex(heard).to_numpy() != by_desk.to_numpy()])
    of = {"invoices": invoices, "orders": orders, "complaints": heard}
    found = {name: booked[name].mask(order.isin(disputed), order.map(right)) for name, order in of.items()}
    return {**booked, **found}


def _faults(
    systems: Firm, tables: Mapping[str, pd.DataFrame], formats: Sequence[str]
) -> dict[str, dict[str, pd.DataFrame]]:
    invoices, costs, complaints = tables["invoices"], tables["costs"], tables["complaints"]
    orders = tables["orders"].set_index("order_id")
    earliest: Any = costs["month"].min()
    latest: Any = systems.today
    ordered, sent = read_days(orders["ordered_on"], formats), read_days(invoices["invoiced_on"], formats)
    possible = ordered.where(ordered.between(earliest, latest))
    of_order = invoices["order_id"].map(possible)
    sent = sent.where(sent.between(earliest, latest))
    delay = (sent - of_order).median()
    of_invoice = tables["orders"]["order_id"].map(pd.Series(sent.to_numpy(), invoices["order_id"]))
    rate = (_number(costs["cost"]) / costs["minutes"].where(costs["minutes"] > 0)).groupby(costs["activity"])

    def day(held: pd.Series, witness: pd.Series) -> pd.DataFrame:
        return day_faults(held, witness, earliest=earliest, latest=latest, formats=formats)

    return {
        "invoices": {
            "amount": amount_faults(invoices["amount"], invoices["order_id"].map(_number(orders["amount"]))),
            "day": day(invoices["invoiced_on"], (of_order + delay).clip(upper=latest)),
        },
        "costs": {"amount": amount_faults(costs["cost"], costs["minutes"] * rate.transform("median"))},
        "orders": {"day": day(tables["orders"]["ordered_on"], (of_invoice - delay).clip(lower=earliest))},
        "complaints": {"day": day(complaints["opened_on"], complaints["resolved_on"])},
    }


def _number(values: pd.Series) -> pd.Series:
    return pd.to_numeric(values.where(is_known(values)), errors="coerce")
