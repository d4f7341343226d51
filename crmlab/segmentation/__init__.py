"""Which customers are alike, and which matter: classes by value, groups by behaviour, groups by what they prefer."""

from crmlab.segmentation.clusters import gap_choice, number_of_groups, stability
from crmlab.segmentation.mallows import MallowsMixture, draw_rankings
from crmlab.segmentation.rankings import (
    borda,
    consensus,
    distance_matrix,
    kemeny,
    kendall_distance,
    places,
    ranking_groups,
    spearman_distance,
)
from crmlab.segmentation.value import Migration, abc_classes, migration, regression_to_mean, rfm_scores

__all__ = [
    "MallowsMixture",
    "Migration",
    "abc_classes",
    "borda",
    "consensus",
    "distance_matrix",
    "draw_rankings",
    "gap_choice",
    "kemeny",
    "kendall_distance",
    "migration",
    "number_of_groups",
    "places",
    "ranking_groups",
    "regression_to_mean",
    "rfm_scores",
    "spearman_distance",
    "stability",
]
