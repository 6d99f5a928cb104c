"""MSR Studio: preference summaries and explained recommendations from a multimodal language model."""

__version__ = "0.1.0"
