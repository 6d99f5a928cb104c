"""The stages of a run: describe items, rewrite the preference, rank candidates, explain the ranks."""
