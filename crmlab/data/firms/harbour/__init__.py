"""Harbour & Hill Building Supply, a simulated distributor without contracts."""
