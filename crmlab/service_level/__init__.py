"""How good the service is, and how good it should be: the perfect order, stock and its two service levels, demand."""

from crmlab.service_level.demand import demand_response, forecast_errors, partial_correlation, predictability
from crmlab.service_level.optimum import OptimalLevel, level_table, optimal_level
from crmlab.service_level.perfect import (
    COMPONENTS,
    FAULTS,
    PerfectOrder,
    cause_costs,
    failures,
    fill_rates,
    order_flags,
    perfect_by,
    perfect_order,
)
from crmlab.service_level.reorder import Replay, reorders, replay
from crmlab.service_level.stock import (
    Newsvendor,
    cycle_service,
    expected_short,
    fill_rate,
    least_cost_stock,
    newsvendor,
    pooled_sd,
    safety_stock,
    stock_for_fill,
)

__all__ = [
    "COMPONENTS",
    "FAULTS",
    "Newsvendor",
    "OptimalLevel",
    "PerfectOrder",
    "Replay",
    "cause_costs",
    "cycle_service",
    "demand_response",
    "expected_short",
    "failures",
    "fill_rate",
    "fill_rates",
    "forecast_errors",
    "least_cost_stock",
    "level_table",
    "newsvendor",
    "optimal_level",
    "order_flags",
    "partial_correlation",
    "perfect_by",
    "perfect_order",
    "pooled_sd",
    "predictability",
    "reorders",
    "replay",
    "safety_stock",
    "stock_for_fill",
]
