"""Who leaves, why, and what to do about it: the arithmetic of retention planning."""

from crmlab.retention.charts import control_chart, run_rules
from crmlab.retention.response import answer_queue, best_answers, break_even_save_rate
from crmlab.retention.staying import LogRank, cohort_triangle, hazard_by_tenure, kaplan_meier, logrank
from crmlab.retention.wallet import share_of_wallet, wallet_allocation_rule

__all__ = [
    "LogRank",
    "answer_queue",
    "best_answers",
    "break_even_save_rate",
    "cohort_triangle",
    "control_chart",
    "hazard_by_tenure",
    "kaplan_meier",
    "logrank",
    "run_rules",
    "share_of_wallet",
    "wallet_allocation_rule",
]
