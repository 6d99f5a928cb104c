"""The drawn demo catalogue: products drawn by a program, so that nobody else has rights to the pictures.

.venv/bin/python -m train.draw --out assets/demo --seed 7
"""

from train.draw.attributes import Look, sample, title
from train.draw.render import render

__all__ = ["Look", "render", "sample", "title"]
