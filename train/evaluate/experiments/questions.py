"""Plan the experiments on recommending with real users; each answers one question.

    python -m train experiment image-summary --data movielens-posters --users 100 --json image-summary.json
    python -m train experiment block-size --data movielens-posters --users 60 --json block-size.json

The other names are `ablation`, `context-length` and `negatives`, with the same options.
`train.evaluate.experiments.grid` runs a plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from tqdm import tqdm

from msr.backbones.protocol import Backbone
from msr.backbones.wrappers import CachedBackbone
from msr.schema import InputProblem
from msr.storage import TextCache
from train.data import protocol, splits
from train.data.dataset import CatalogueItem, Dataset, Interactions, UserLog
from train.data.protocol import HARD_POOL, TEST_NEGATIVES, System, hardest
from train.data.splits import Case
from train.evaluate.experiments.grid import Asked, Cell, Plan, UserLines
from train.evaluate.model_system import Reading, ScoreLog
from train.evaluate.systems import Builder
from train.names import CATALOGUE, GENERATED, HARD, POPULARITY, UNIFORM
from train.teach.examples import AppItems

PICTURES = "GRU4Rec, picture features"
SIZES = (1, 3, 5, 7, 9)
FULL = "full system"
LENGTHS = (3, 6, 9, 15, 30)
NEGATIVES = {CATALOGUE: "whole catalogue", UNIFORM: "chosen by then", POPULARITY: "by popularity", HARD: "hard"}
BASELINES = ("random", "popularity", "item-knn")
MODEL = "model"


class Study:
    """What the experiments share: up to `users` test users of `data`, chosen by `seed`, and the systems to compare.

    cache: keeps the model's descriptions of items. Equal questions for scores are asked once.
    """

    def __init__(self, data: Dataset, backbone: Backbone, cache: TextCache, users: int, seed: int) -> None:
        self.data = data
        self.people = splits.roles(data)
        self.train = Interactions(self.people.train, list(data.items))
        self.seed = seed
        self._users = users
        self._backbone = backbone
        self._cache = cache
        self._scores = ScoreLog()
        self._items = AppItems(data.items)

    def cases(self, kinds: Sequence[str], least: int = 1) -> dict[str, list[Case]]:
        """The cases of the same users by kind of negatives; the users have at least `least` items before their target.

        Users are left out if one kind has too few negatives for them. "hard" cases still have HARD_POOL negatives here.

        Raises:
            InputProblem: there is no such user.
        """
        logs = protocol.choose(self.people.test, self._users, self.seed, least)
        drawn = [{kind: case for kind in kinds if (case := self._case(log, kind))} for log in logs]
        whole = [cases for cases in drawn if len(cases) == len(kinds)]
        if not whole:
            raise InputProblem(f"no test user has {least} items before the last one and enough possible negatives")
        return {kind: [cases[kind] for cases in whole] for kind in kinds}

    def levels(self) -> list[Cell]:
        """Chance and popularity, to compare every figure with."""
        return [Cell(name, partial(self.baseline, name)) for name in ("random", "popularity")]

    def baseline(self, name: str, titled: bool = True) -> System:
        """A baseline of `train.evaluate.systems`, fitted on the training users.

        titled: False hides the items' titles from it.

        Raises:
            InputProblem: the items lack the pictures or words that it needs.
        """
        items = self.data.items if titled else {id: replace(item, title="") for id, item in self.data.items.items()}
        made = Builder(items, self._backbone, self._cache, self._scores, GENERATED).baseline(name)
        return made.fit(self.people.train, list(items), self.people.validation)

    def asked(self, name: str, reading: Reading, tuned: bool = True, summarised: bool = True) -> Asked:
        """The model; with `summarised=False` it describes the history from titles alone, without pictures."""
        cached = CachedBackbone(self._backbone, self._cache)
        described = self._items if summarised else AppItems(self.data.items, pictured=False)
        return Asked(name, self._backbone, cached, self._items, self._scores, reading, tuned, described)

    def _case(self, log: UserLog, kind: str) -> Case | None:
        return protocol.case(log, self.train, kind, self.seed, HARD_POOL if kind == HARD else TEST_NEGATIVES)


def narrowed(data: Dataset, count: int) -> Dataset:
    """Keep the `count` items with pictures that training users chose most often, and interactions with them.

    Raises:
        InputProblem: there are no pictures.
    """
    chosen = Counter(item for log in splits.roles(data).train for item in log.items if data.items[item].image)
    if not chosen:
        raise InputProblem("No item that training users chose has a picture. Use a data set with pictures.")
    kept = {item: data.items[item] for item in sorted(chosen, key=lambda item: (-chosen[item], item))[:count]}
    return replace(data, items=kept, users=tuple(log for u in data.users if (log := _only(u, kept)).items))


def image_summary(study: Study) -> Plan:
    """Does a summary in words keep what the image shows? The study must have `narrowed` data.

    The first experiment of the paper (arXiv 2408.09698, section 2.2): GRU4Rec over frozen features of the pictures
    against GRU4Rec over the words of the model's summaries. The app describes a picture together with its title, and a
    title may tell more than the picture. So there are also summaries of the pictures alone, and titles without any
    summary. Every picture must be encoded and described, so only the most chosen items with pictures take part;
    interactions with other items are left out for all systems.
    """
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


def block_size(study: Study, history: int) -> Plan:
    """How many items should one step of the recurrent preference read? `history` latest items are read.

    The third question of the paper (arXiv 2408.09698, section 4.5, best at 3): the same histories in blocks of 1, 3,
    5, 7 and 9. With the usual 9 items of history, a block of 9 is one direct summary. Descriptions, candidates and
    recent titles are the same in all cells.
    """
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


def ablation(study: Study, history: int) -> Plan:
    """What does each part of the system add? `history` latest items are read.

    The second experiment of the paper (arXiv 2408.09698, section 4.4): the full system; without image summaries (the
    history is described by its titles, the candidates keep their pictures); one direct preference of the whole history
    in place of the recurrent one; without fine-tuning (the adapter is off for every text and answer; a pocket model
    keeps its connector, without which it would see nothing).
    """
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


def context_length(study: Study) -> Plan:
    """Does a longer history help, and what does it cost?

    The latest 3, 6, 9, 15 and 30 items, summarised block by block (recurrent) or all at once (direct), for users who
    have 30. The paper's reason for the recurrence is that long multimodal contexts are costly and hard to follow
    (arXiv 2408.09698, section 1). Beside the AUC, the table has the prompt tokens and the seconds that one user's
    preference took, in batches of eight users. Descriptions of the items, which both ways need, are not counted.
    """
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


def negatives(study: Study, history: int, log: UserLines) -> Plan:
    """How much does a figure depend on the way its negatives were drawn?

    The same users and targets against 20 negatives of four kinds (`train.data.protocol`): uniform over the whole
    catalogue; uniform over what training users had chosen by then; in proportion to popularity; hard, the 20 that the
    model itself scores highest of 100 uniform ones. Hard negatives are chosen against the model, so they show how it
    ranks its own near misses, and do not compare it with other systems. Sampled figures can reverse an order of systems
    (Krichene and Rendle, KDD 2020).

    history: latest items that the model reads; log: stores the hard negatives, which take the longest.
    """
    asked = study.asked(MODEL, Reading(history))
    drawn = study.cases(list(NEGATIVES))
    makers = {MODEL: lambda: asked} | {name: partial(study.baseline, name) for name in BASELINES}
    cells = [Cell(name, make, NEGATIVES[kind], name, kind) for name, make in makers.items() for kind in NEGATIVES]
    return Plan(
        "Negatives",
        "what the last item is ranked against",
        tuple(cells),
        drawn | {HARD: _hard(asked, drawn[HARD], log)},
        reference="popularity",
    )


def _hard(asked: Asked, cases: Sequence[Case], log: UserLines) -> list[Case]:
    """The cases with the hardest of their negatives; those in the log are not computed again."""
    found = []
    for case in tqdm(cases, "hard negatives", unit="user"):
        key = f"{case.user}/hard negatives"
        if key not in log.known:
            log.add(key, {"negatives": hardest(case, asked.scores).negatives})
        found.append(replace(case, negatives=tuple(log.known[key]["negatives"])))
    return found


def _only(log: UserLog, items: Mapping[str, CatalogueItem]) -> UserLog:
    """The log without items that are not in `items`."""
    places = [place for place, item in enumerate(log.items) if item in items]
    return UserLog(log.user, tuple(log.items[n] for n in places), tuple(log.times[n] for n in places if log.times))
