"""The Evaluate tab: results of evaluations, with their intervals and baselines."""
