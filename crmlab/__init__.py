"""crmlab: a workbook on customer relationships in supply chains, and the small package behind it."""

__version__ = "0.1.0"
