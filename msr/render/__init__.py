"""Measured evidence as pictures in HTML, the same in the page and in the report."""

from __future__ import annotations

from pathlib import Path

from msr.render.drawing import Pen
from msr.render.sheet import evidence

STYLE = Path(__file__).with_name("figures.css")

__all__ = ["STYLE", "Pen", "evidence"]
