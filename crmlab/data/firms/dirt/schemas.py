"""The contracts of the dirty twins: little more than what each column is, for a dirty table breaks every other rule.

Columns in which there are errors are text, as in the export of a real system; an id that is booked is always one that
the system has.
"""

from __future__ import annotations

from typing import Any

from crmlab.data.firms.dirt.twin import DIRTY, KINDS
from crmlab.data.firms.schemas import flag, ident
from crmlab.data.schemas import column, contract, one_of

HARBOUR, TERN = f"harbour_and_hill{DIRTY}", f"tern_mobile{DIRTY}"


def text(meaning: str) -> Any:
    """A column that may hold anything, or nothing."""
    return column("text", meaning, "", gaps=True)


def amount(meaning: str, unit: str = "EUR") -> Any:
    """A column that should hold amounts."""
    return column("text", meaning, f"{unit}, where nothing went wrong", gaps=True)


def number(meaning: str, unit: str) -> Any:
    """A column of numbers without errors."""
    return column("number", meaning, unit)


def day(meaning: str, **settings: Any) -> Any:
    """A column of days without errors."""
    return column("date", meaning, "day", **settings)


ENTERED = text("when the record was entered, or last looked over")
CODED = "code of the system's own: see codes"


def codes(firm: str, *systems: str) -> Any:
    """The contract of what the codes stand for."""
    columns = {
        "system": column("text", "whose code", "", one_of(*systems)),
        "what": column("text", "of what", ""),
        "code": column("text", "the code", ""),
        "meaning": column("text", "what it stands for", ""),
    }
    return contract(f"{firm}.codes", "Simulated. The codes of each system.", columns, key=["system", "what", "code"])


def complaints(firm: str, customers: str, **more: Any) -> Any:
    """The contract of the service desk's complaints."""
    columns = {
        "complaint_id": ident("the complaint"),
        **more,
        "service_id": ident("whom it is booked under", customers),
        "category": text("what about"),
        "opened_on": text("when it came"),
        "resolved_on": day("when it was closed; missing while it is open", gaps=True),
        "recovered": flag("whether it was made good"),
        "compensation": amount("paid or credited"),
    }
    about = "Simulated, dirty. Complaints, by the service desk."
    return contract(f"{firm}.service_complaints", about, columns, key=["complaint_id"])


def truths(firm: str, booked: str, key: str, *systems: str) -> tuple[Any, ...]:
    """The contracts of what the truth of a dirty twin has beyond the firm's."""
    system = column("text", "sales, service, or who sends the invoices", "", one_of(*systems))
    records = {
        "system": system,
        "record_id": ident("its id of a customer"),
        "account_id": ident("the account, or the line, that the record is about, in the firm's own tables"),
        "customer_id": ident("the true customer, under the first of its accounts or lines"),
    }
    errors = {
        "system": system,
        "table": column("text", "where", ""),
        "record_id": ident("the row: its key"),
        "column": column("text", "where in it; its key, if the record is there twice", ""),
        "kind": column("text", "what is wrong", "", one_of(*KINDS)),
        "held": text("what stands there; missing: nothing"),
        "right": column("text", "what should stand there; for a record that is there twice, the id of the first", ""),
    }
    whose = {
        key: ident("the booking"),
        "booked_customer_id": ident("the account, or the line, that it is booked under"),
        "customer_id": ident("the one it is of, as in the firm's own tables"),
    }
    told = "The truth about the dirty twin: "
    return (
        contract(f"{firm}.truth.records", f"{told}whose each record is.", records, key=["system", "record_id"]),
        contract(
            f"{firm}.truth.errors",
            f"{told}each error, at most one a cell.",
            errors,
            key=["table", "record_id", "column"],
        ),
        contract(f"{firm}.truth.{booked}", f"{told}whose each booking is.", whose, key=[key]),
    )


HARBOUR_TABLES = (
    contract(
        f"{HARBOUR}.sales_customers",
        "Simulated, dirty. Customers, by the sales force.",
        {
            "sales_id": ident("the record"),
            "name": text("as it was entered"),
            "street": text("address"),
            "region": text("where it is"),
            "depot": text("which depot serves it"),
            "phone": text("telephone"),
            "group": text(f"what kind of customer; {CODED}"),
            "contact_name": text("whom to ask for"),
            "customer_since": text("when it became a customer"),
            "rating": text("how the firm ranks it when goods are short"),
            "shares_forecasts": flag("whether it tells its needs ahead"),
            "entered_on": ENTERED,
        },
        key=["sales_id"],
    ),
    contract(
        f"{HARBOUR}.service_customers",
        "Simulated, dirty. Customers, by the service desk: in capitals.",
        {
            "service_id": ident("the record"),
            "name": text("as it was entered"),
            "phone": text("telephone"),
            "depot_code": text(f"which depot serves it; {CODED}"),
            "region_code": text(f"where it is; {CODED}"),
            "entered_on": ENTERED,
        },
        key=["service_id"],
    ),
    contract(
        f"{HARBOUR}.finance_customers",
        "Simulated, dirty. Customers, by the accountants: with the legal form in full.",
        {
            "finance_id": ident("the record"),
            "legal_name": text("with its legal form"),
            "street": text("address"),
            "depot_code": text(f"which depot serves it; {CODED}"),
            "group_code": text(f"what kind of customer; {CODED}"),
            "discount_percent": amount("off the list price", "percent"),
            "credit_limit": amount("how much it may owe"),
            "payment_days": number("within which it is to pay", "days"),
            "acquisition_cost": amount("what winning it cost"),
            "entered_on": ENTERED,
        },
        key=["finance_id"],
    ),
    contract(
        f"{HARBOUR}.sales_orders",
        "Simulated, dirty. Orders, by the sales force.",
        {
            "order_id": ident("the order"),
            "sales_id": ident("whom it is booked under", "sales_customers"),
            "ordered_on": text("when it came"),
            "amount": amount("of what was delivered, net of discount"),
        },
        key=["order_id"],
    ),
    contract(
        f"{HARBOUR}.finance_invoices",
        "Simulated, dirty. Invoices: one for each order that was delivered.",
        {
            "invoice_id": ident("the invoice"),
            "order_id": ident("the order", "sales_orders"),
            "finance_id": ident("whom it is sent to", "finance_customers"),
            "invoiced_on": text("when it was sent: the day of delivery"),
            "amount": amount("invoiced"),
        },
        key=["invoice_id"],
    ),
    complaints(HARBOUR, "service_customers", order_id=ident("the order it is about", "sales_orders")),
    contract(
        f"{HARBOUR}.service_calls",
        "Simulated, dirty. Telephone calls about orders, by the service desk.",
        {
            "call_id": ident("the call"),
            "order_id": ident("the order it is about", "sales_orders"),
            "service_id": ident("whom it is booked under", "service_customers"),
            "called_on": text("when"),
            "category": text("what about"),
            "minutes": amount("how long", "minutes"),
            "resolved": flag("whether it was settled"),
        },
        key=["call_id"],
    ),
    contract(
        f"{HARBOUR}.finance_costs",
        "Simulated, dirty. What serving the customers cost, by month and activity.",
        {
            "cost_id": ident("the entry"),
            "finance_id": ident("whom it is booked under", "finance_customers"),
            "month": day("its first day"),
            "activity": text("the activity"),
            "units": number("of its driver", "see activities of the firm"),
            "minutes": number("units at the standard", "minutes"),
            "cost": amount("minutes at the cost of a minute"),
        },
        key=["cost_id"],
    ),
    codes(HARBOUR, "sales", "service", "finance"),
    *truths(HARBOUR, "orders", "order_id", "sales", "service", "finance"),
)
TERN_TABLES = (
    contract(
        f"{TERN}.sales_lines",
        "Simulated, dirty. Lines and whose they are, by the shops.",
        {
            "sales_id": ident("the record"),
            "name": text("of the person; invented"),
            "street": text("address"),
            "phone": text("number of the line"),
            "plan": text("its plan"),
            "region": text("where it is used"),
            "started_on": text("first day of the contract"),
            "device_months": number("age of the device when the contract began", "months"),
            "preferred_channel": text("how the person wants to be written to or called"),
            "entered_on": ENTERED,
        },
        key=["sales_id"],
    ),
    contract(
        f"{TERN}.service_lines",
        "Simulated, dirty. Lines and whose they are, by the service desk: in capitals.",
        {
            "service_id": ident("the record"),
            "name": text("of the person; invented"),
            "phone": text("number of the line"),
            "plan_code": text(f"its plan; {CODED}"),
            "entered_on": ENTERED,
        },
        key=["service_id"],
    ),
    contract(
        f"{TERN}.billing_lines",
        "Simulated, dirty. Lines and whose they are, by billing: surname first.",
        {
            "billing_id": ident("the record"),
            "name": text("of the person; invented"),
            "street": text("address"),
            "phone": text("number of the line"),
            "plan_code": text(f"its plan; {CODED}"),
            "region_code": text(f"where it is used; {CODED}"),
            "autopay": flag("whether bills are debited"),
            "entered_on": ENTERED,
        },
        key=["billing_id"],
    ),
    contract(
        f"{TERN}.billing_bills",
        "Simulated, dirty. Bills.",
        {
            "bill_id": ident("the bill"),
            "billing_id": ident("whom it is sent to", "billing_lines"),
            "month": day("first day of the month"),
            "amount": amount("what is billed"),
            "minutes": number("minutes called", "minutes"),
            "data_gb": amount("data used", "gigabyte"),
            "paid_late": flag("whether it was paid late"),
        },
        key=["bill_id"],
    ),
    complaints(TERN, "service_lines"),
    codes(TERN, "sales", "service", "billing"),
    *truths(TERN, "bills", "bill_id", "sales", "service", "billing"),
)
TABLES = (*HARBOUR_TABLES, *TERN_TABLES)
