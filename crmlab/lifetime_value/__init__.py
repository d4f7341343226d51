"""What a customer is worth: models of buying and of spending, and the value that follows from them."""

from crmlab.lifetime_value.beta_geo_nbd import BetaGeoNBD
from crmlab.lifetime_value.fitting import FitError
from crmlab.lifetime_value.gamma_gamma import GammaGamma
from crmlab.lifetime_value.value import customer_lifetime_value, new_customer_value

__all__ = ["BetaGeoNBD", "FitError", "GammaGamma", "customer_lifetime_value", "new_customer_value"]
