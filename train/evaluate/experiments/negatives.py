"""`python -m train experiment negatives`: how much of a figure is the way in which its negatives were drawn?

    python -m train experiment negatives --data movielens-posters --users 60 --json negatives.json

The same users and targets against 20 negatives of four kinds (`train.data.negatives`): uniform over the whole
catalogue; uniform over what training users had chosen by then; in proportion to popularity; hard, the 20 that the model
itself scores highest of 100 uniform ones. Hard negatives are chosen against the model, so they show how it ranks its
own near misses, and do not compare it with other systems. Sampled figures can reverse an order of systems (Krichene
and Rendle, KDD 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from tqdm import tqdm

from train.data.negatives import hardest
from train.data.splits import Case
from train.evaluate.experiments.grid import Asked, Cell, Plan, UserLines
from train.evaluate.experiments.study import Study
from train.evaluate.preferences import Reading
from train.names import CATALOGUE, HARD, POPULARITY, UNIFORM

KINDS = {CATALOGUE: "whole catalogue", UNIFORM: "chosen by then", POPULARITY: "by popularity", HARD: "hard"}
BASELINES = ("random", "popularity", "item-knn")
MODEL = "model"


def plan(study: Study, history: int, log: UserLines) -> Plan:
    """history: latest items that the model reads; log: keeps the hard negatives, which take the longest."""
    asked = study.asked(MODEL, Reading(history))
    drawn = study.cases(list(KINDS))
    makers = {MODEL: lambda: asked} | {name: partial(study.baseline, name) for name in BASELINES}
    cells = [Cell(name, make, KINDS[kind], name, kind) for name, make in makers.items() for kind in KINDS]
    return Plan(
        "Negatives",
        "what the last item is ranked against",
        tuple(cells),
        drawn | {HARD: _hard(asked, drawn[HARD], log)},
        reference="popularity",
    )


def _hard(asked: Asked, cases: Sequence[Case], log: UserLines) -> list[Case]:
    """The cases with the hardest of their negatives, which the log may know."""
    found = []
    for case in tqdm(cases, "hard negatives", unit="user"):
        key = f"{case.user}/hard negatives"
        if key not in log.known:
            log.add(key, {"negatives": hardest(case, asked.scores).negatives})
        found.append(replace(case, negatives=tuple(log.known[key]["negatives"])))
    return found
