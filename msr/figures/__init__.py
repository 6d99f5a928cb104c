"""Measured evidence as pictures in HTML, the same in the page and in the report."""

from __future__ import annotations

from pathlib import Path

from msr.figures.evidence import evidence
from msr.figures.pen import Pen

STYLE = Path(__file__).with_name("figures.css")

__all__ = ["STYLE", "Pen", "evidence"]
