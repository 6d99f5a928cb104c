"""Any transformers checkpoint as a backbone."""
