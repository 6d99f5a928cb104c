"""`python -m train experiment block-size`: how many items should one step of the recurrent preference read?

    python -m train experiment block-size --data movielens-posters --users 60 --json block-size.json

The third question of the paper (arXiv 2408.09698, section 4.5, best at 3): the same histories in blocks of 1, 3, 5, 7
and 9. With the usual 9 items of history the last is one direct summary. Descriptions, candidates and recent titles
are the same in all of them.
"""

from __future__ import annotations

from functools import partial

from train.evaluate.experiments.grid import Cell, Plan
from train.evaluate.experiments.study import Study
from train.evaluate.preferences import Reading
from train.names import UNIFORM

SIZES = (1, 3, 5, 7, 9)


def plan(study: Study, history: int) -> Plan:
    """history: latest items that are read."""
    cells = [
        Cell(name, partial(study.asked, name, Reading(history, size)), str(size), "model")
        for size in SIZES
        for name in [f"blocks of {size}"]
    ]
    return Plan(
        f"Block size, {history} items of history",
        "items that one step of the preference reads",
        (*cells, *study.levels()),
        study.cases([UNIFORM]),
        reference="blocks of 3",
        joined=True,
    )
