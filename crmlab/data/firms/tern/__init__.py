"""Tern Mobile, a simulated telecom with contracts."""
