"""What it costs to serve customers, which of them make money, and what is saved if one goes."""

from crmlab.cost_to_serve.avoidable import DeathSpiral, avoidable_cost, death_spiral
from crmlab.cost_to_serve.costing import (
    TimeDriven,
    activity_based_costing,
    time_driven_costing,
    time_equation,
)
from crmlab.cost_to_serve.customers import (
    CustomerProfit,
    WhaleCurve,
    customer_profit,
    price_waterfall,
    ranking_loss,
    whale_curve,
)
from crmlab.cost_to_serve.doubt import drop_regret, loser_chance, profit_draws

__all__ = [
    "CustomerProfit",
    "DeathSpiral",
    "TimeDriven",
    "WhaleCurve",
    "activity_based_costing",
    "avoidable_cost",
    "customer_profit",
    "death_spiral",
    "drop_regret",
    "loser_chance",
    "price_waterfall",
    "profit_draws",
    "ranking_loss",
    "time_driven_costing",
    "time_equation",
    "whale_curve",
]
