"""The stages of a run: describe the items, rewrite the preference, rank the candidates, explain the best."""
