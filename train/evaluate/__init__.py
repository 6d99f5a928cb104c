"""Figures that can be believed: metrics, systems, baselines and experiments."""
