"""The dirty twins of the simulated firms."""
