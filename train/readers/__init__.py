"""Interaction data in the official formats -> `train.dataset.Dataset`; one file a format."""
