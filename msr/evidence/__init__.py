"""Measured evidence: what happens to a score when a piece of the input is taken away."""
