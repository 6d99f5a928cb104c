"""Measured evidence as pictures in HTML, the same in the page and in the report."""

from __future__ import annotations

from msr.figures.evidence import evidence
from msr.figures.pen import Pen

__all__ = ["Pen", "evidence"]
