"""`python -m train experiment context-length`: does a longer history help, and what does it cost?

    python -m train experiment context-length --data movielens-posters --users 60 --json context-length.json

The latest 3, 6, 9, 15 and 30 items, summarised block by block (recurrent) or all at once (direct), for users who have
30. The paper's reason for the recurrence is that long multimodal contexts are costly and hard to follow
(arXiv 2408.09698, section 1); beside the AUC stand the prompt tokens and the seconds that one user's preference took,
in batches of eight users and without the descriptions of the items, which both ways need.
"""

from __future__ import annotations

from functools import partial

from train.evaluate.experiments.grid import Cell, Plan
from train.evaluate.experiments.study import Study
from train.evaluate.preferences import Reading
from train.names import UNIFORM

LENGTHS = (3, 6, 9, 15, 30)


def plan(study: Study) -> Plan:
    cells = [
        Cell(name, partial(study.asked, name, reading), str(reading.history), way)
        for way in ("recurrent", "direct")
        for length in LENGTHS
        for reading in [Reading(length) if way == "recurrent" else Reading(length, block_size=length)]
        for name in [f"{way}, {length} items"]
    ]
    return Plan(
        "Context length",
        "latest items of the history",
        (*cells, *study.levels()),
        study.cases([UNIFORM], least=max(LENGTHS)),
        reference="recurrent, 9 items",
        joined=True,
    )
