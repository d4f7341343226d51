"""Questions that answer back."""

from crmlab.grading.practice import check

__all__ = ["check"]
