"""Benches of the endpoint; each module with ``measure`` has its part."""
