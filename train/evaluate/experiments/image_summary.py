"""`python -m train experiment image-summary`: does a summary in words keep what the image said?

    python -m train experiment image-summary --data movielens-posters --users 100 --json image-summary.json

The first experiment of the paper (arXiv 2408.09698, section 2.2): GRU4Rec over frozen features of the pictures against
GRU4Rec over the words of the model's summaries. The app describes a picture together with its title, and a title may
tell more than the picture, so there are summaries of the pictures alone, too, and the titles without any summary.
Every picture must be looked at and described, therefore only the pictured items that training users chose most often
take part; interactions with others are left out for all systems.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial

from msr.schema import InputProblem
from train.data import splits
from train.data.dataset import Dataset
from train.data.logs import UserLog
from train.evaluate.experiments.grid import Cell, Plan
from train.evaluate.experiments.study import Study
from train.names import UNIFORM

PICTURES = "GRU4Rec, picture features"


def narrowed(data: Dataset, count: int) -> Dataset:
    """The `count` pictured items that training users chose most often, and the users' interactions with them.

    Raises:
        InputProblem: there are no pictures.
    """
    chosen = Counter(item for log in splits.roles(data).train for item in log.items if data.items[item].image)
    if not chosen:
        raise InputProblem("no item that training users chose has a picture.")
    kept = {item: data.items[item] for item in sorted(chosen, key=lambda item: (-chosen[item], item))[:count]}
    return replace(data, items=kept, users=tuple(log for u in data.users if (log := _only(u, kept)).items))


def plan(study: Study) -> Plan:
    """The study is of `narrowed` data."""
    ways = {
        "picture features": partial(study.baseline, "gru4rec-images"),
        "summaries of pictures alone": partial(study.baseline, "gru4rec-summaries", titled=False),
        "summaries of pictures and titles": partial(study.baseline, "gru4rec-summaries"),
        "titles": partial(study.baseline, "gru4rec-titles"),
    }
    cells = [Cell(f"GRU4Rec, {name}", make, name, "GRU4Rec") for name, make in ways.items()]
    return Plan(
        f"Image summaries, {len(study.data.items)} items",
        "what GRU4Rec reads of an item",
        (*cells, *study.levels()),
        study.cases([UNIFORM]),
        reference=PICTURES,
    )


def _only(log: UserLog, items: dict) -> UserLog:
    places = [place for place, item in enumerate(log.items) if item in items]
    return UserLog(log.user, tuple(log.items[n] for n in places), tuple(log.times[n] for n in places if log.times))
