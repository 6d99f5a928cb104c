"""The drawn demo catalogue: products drawn by our own program, so that every pixel is ours.

.venv/bin/python -m train.draw --out assets/demo --seed 7
"""

from train.draw.attributes import Look, sample
from train.draw.render import render
from train.draw.titles import title

__all__ = ["Look", "render", "sample", "title"]
