"""Tables: their contracts, the loaders that keep them, and the summary of a purchase log. Knows no chapter."""

from crmlab.data.contracts import Breach, ContractError, check, contract_table
from crmlab.data.importing import Imported, ImportRefusal, import_table
from crmlab.data.loaders import load_cdnow, load_cohorts, load_donations, load_transactions
from crmlab.data.transactions import split, summarize

__all__ = [
    "Breach",
    "ContractError",
    "ImportRefusal",
    "Imported",
    "check",
    "contract_table",
    "import_table",
    "load_cdnow",
    "load_cohorts",
    "load_donations",
    "load_transactions",
    "split",
    "summarize",
]
