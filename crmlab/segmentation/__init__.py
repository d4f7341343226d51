"""Which customers are alike, and which matter: classes by value, groups by behaviour, groups by what they prefer."""

from crmlab.segmentation.rankings import borda, kemeny, kendall_distance, places, spearman_distance
from crmlab.segmentation.value import Migration, abc_classes, migration, regression_to_mean, rfm_scores

__all__ = [
    "Migration",
    "abc_classes",
    "borda",
    "kemeny",
    "kendall_distance",
    "migration",
    "places",
    "regression_to_mean",
    "rfm_scores",
    "spearman_distance",
]
