"""Measured evidence: what happens to a score when a piece of the input is taken away."""

from __future__ import annotations

from msr.evidence.influence import influence
from msr.evidence.pipeline import measure

__all__ = ["influence", "measure"]
