"""What a customer is worth: models of buying and of spending, and the value that follows from them."""

from crmlab.lifetime_value.beta_geo_nbd import BetaGeoNBD
from crmlab.lifetime_value.fitting import FitError, fit_or_limit
from crmlab.lifetime_value.gamma_gamma import GammaGamma
from crmlab.lifetime_value.value import customer_lifetime_value, new_customer_value

__all__ = ["BetaGeoNBD", "FitError", "GammaGamma", "customer_lifetime_value", "fit_or_limit", "new_customer_value"]
