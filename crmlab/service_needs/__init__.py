"""What customers want from a service: what goes together, what matters, and whether they are satisfied."""

from crmlab.service_needs.correlation import (
    KMO,
    ChiSquareTest,
    Correlations,
    bartlett_sphericity,
    centred_by_respondent,
    correlations,
    cronbach_alpha,
    kmo,
    parallel_analysis,
)
from crmlab.service_needs.factors import (
    FactorAnalysis,
    congruence,
    factor_analysis,
)
from crmlab.service_needs.pairs import (
    AHP,
    ahp,
    comparison_matrix,
    comparisons,
    consistency,
)
from crmlab.service_needs.performance import (
    derived_importance,
    importance_performance,
    quadrants,
    servqual,
)
from crmlab.service_needs.pilot import pilot_response
from crmlab.service_needs.satisfaction import (
    Estimate,
    acsi,
    csat,
    loyalty_curve,
    nps,
    response_weights,
    straight_line_test,
)
from crmlab.service_needs.shares import (
    importance,
    importance_draws,
    importance_shares,
    pairs_in_order,
    rank_chances,
)
from crmlab.service_needs.survey import answered_both, survey_counts
from crmlab.service_needs.views import (
    holm,
    perception_gap,
    wave_change,
)

__all__ = [
    "AHP",
    "KMO",
    "ChiSquareTest",
    "Correlations",
    "Estimate",
    "FactorAnalysis",
    "acsi",
    "ahp",
    "answered_both",
    "bartlett_sphericity",
    "centred_by_respondent",
    "comparison_matrix",
    "comparisons",
    "congruence",
    "consistency",
    "correlations",
    "cronbach_alpha",
    "csat",
    "derived_importance",
    "factor_analysis",
    "holm",
    "importance",
    "importance_draws",
    "importance_performance",
    "importance_shares",
    "kmo",
    "loyalty_curve",
    "nps",
    "pairs_in_order",
    "parallel_analysis",
    "perception_gap",
    "pilot_response",
    "quadrants",
    "rank_chances",
    "response_weights",
    "servqual",
    "straight_line_test",
    "survey_counts",
    "wave_change",
]
