"""Who is served first when there is not enough: priority by grades or by money, scarce goods, waiting in line."""

from crmlab.service_priority.allocation import allocate, shadow_prices
from crmlab.service_priority.table import priority_table
from crmlab.service_priority.waits import priority_waits, simulate_priority_queue

__all__ = ["allocate", "priority_table", "priority_waits", "shadow_prices", "simulate_priority_queue"]
