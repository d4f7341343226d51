"""Can these records be trusted, and may they be used? Measures, duplicates, one file a customer, repairs, privacy.

`read_books`, `bookings_in_common` and the pictures are for chapter 01's firm; all else takes any table.
"""

from crmlab.data_quality.books import KINDS, Books, bookings_in_common, read_books
from crmlab.data_quality.duplicates import (
    WRITTEN_OUT,
    candidate_pairs,
    comparable,
    one_customer,
    pair_scores,
    pairs_within,
    plain_words,
    threshold_table,
)
from crmlab.data_quality.golden import golden_record, shared_bookings
from crmlab.data_quality.measures import NOTHING, Expected, is_known, quality, read_days, seen, timeliness
from crmlab.data_quality.repairs import after, amount_faults, day_faults

__all__ = [
    "KINDS",
    "NOTHING",
    "WRITTEN_OUT",
    "Books",
    "Expected",
    "after",
    "amount_faults",
    "bookings_in_common",
    "candidate_pairs",
    "comparable",
    "day_faults",
    "golden_record",
    "is_known",
    "one_customer",
    "pair_scores",
    "pairs_within",
    "plain_words",
    "quality",
    "read_books",
    "read_days",
    "seen",
    "shared_bookings",
    "threshold_table",
    "timeliness",
]
