"""`python -m train experiment ablation`: what does each part of the system add?

    python -m train experiment ablation --data movielens-posters --users 60 --json ablation.json

The second experiment of the paper (arXiv 2408.09698, section 4.4): the full system; without image summaries (the
history is described by its titles, the candidates keep their pictures); one direct preference of the whole history
instead of the recurrent one; without fine-tuning (the adapter is off for every text and answer; a pocket model keeps
its connector, without which it would be blind).
"""

from __future__ import annotations

from functools import partial

from train.evaluate.experiments.grid import Cell, Plan
from train.evaluate.experiments.study import Study
from train.evaluate.preferences import Reading
from train.names import UNIFORM

FULL = "full system"


def plan(study: Study, history: int) -> Plan:
    """history: latest items that are read."""
    usual = Reading(history)
    ways = {
        FULL: partial(study.asked, FULL, usual),
        "no image summary": partial(study.asked, "no image summary", usual, summarised=False),
        "direct preference": partial(study.asked, "direct preference", Reading(history, block_size=history)),
        "no fine-tuning": partial(study.asked, "no fine-tuning", usual, tuned=False),
    }
    cells = [Cell(name, make, name, "model") for name, make in ways.items()]
    return Plan(
        f"Ablation, {history} items of history",
        "what the model does without",
        (*cells, *study.levels()),
        study.cases([UNIFORM]),
        reference=FULL,
    )
