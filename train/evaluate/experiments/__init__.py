"""Experiments: `python -m train experiment --help`."""
