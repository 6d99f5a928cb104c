"""The Inspect tab: what if something were different, and how two runs compare."""
