"""Experiments on explanations: `python -m train experiment {planted,faithfulness}`."""
