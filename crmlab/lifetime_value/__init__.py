"""What a customer is worth: models of buying and of spending, and the value that follows from them."""

from crmlab.lifetime_value.beta_geo_beta_binomial import BetaGeoBetaBinomial
from crmlab.lifetime_value.beta_geo_nbd import BetaGeoNBD, ModifiedBetaGeoNBD
from crmlab.lifetime_value.budget import best_split, saturating_response
from crmlab.lifetime_value.constant_retention import margin_multiple, retention_elasticity
from crmlab.lifetime_value.fitting import FitError, fit_or_limit
from crmlab.lifetime_value.gamma_gamma import GammaGamma
from crmlab.lifetime_value.pareto_nbd import ParetoNBD
from crmlab.lifetime_value.shifted_beta_geometric import ShiftedBetaGeometric
from crmlab.lifetime_value.validation import alive_path, rolling_origin, tracking
from crmlab.lifetime_value.value import customer_lifetime_value, new_customer_value

__all__ = [
    "BetaGeoBetaBinomial",
    "BetaGeoNBD",
    "FitError",
    "GammaGamma",
    "ModifiedBetaGeoNBD",
    "ParetoNBD",
    "ShiftedBetaGeometric",
    "alive_path",
    "best_split",
    "customer_lifetime_value",
    "fit_or_limit",
    "margin_multiple",
    "new_customer_value",
    "retention_elasticity",
    "rolling_origin",
    "saturating_response",
    "tracking",
]
