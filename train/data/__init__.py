"""Interaction data: readers, splits, negatives and the evaluation protocol."""
