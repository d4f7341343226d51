"""Two simulated firms with known truth, that can be run again under another decision."""

from crmlab.data.firms.firm import Draw, Firm
from crmlab.data.firms.simulation import Played, load, play, simulate

__all__ = ["Draw", "Firm", "Played", "load", "play", "simulate"]
