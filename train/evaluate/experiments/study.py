"""What the experiments on recommending share: the data, who is asked about what, and the systems that answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from msr.backbones.protocol import Backbone
from msr.backbones.wrappers import CachedBackbone
from msr.schema import InputProblem
from msr.storage import TextCache
from train.data import protocol, splits
from train.data.dataset import Dataset, Interactions
from train.data.logs import UserLog
from train.data.negatives import HARD_POOL, TEST_NEGATIVES
from train.data.protocol import System
from train.data.splits import Case
from train.evaluate.experiments.grid import Asked, Cell
from train.evaluate.model_system import ScoreLog
from train.evaluate.preferences import Reading
from train.evaluate.systems import Builder
from train.names import GENERATED, HARD
from train.teach.examples import AppItems


class Study:
    """Up to `users` test users of `data`, drawn by `seed`, and the systems that they are asked through.

    `cache` keeps the model's descriptions of items; equal questions for a score are asked once.
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
        """By kind of negatives the cases of the same users, who have `least` items before their target.

        A user for whom one kind has too few negatives is left out. "hard" cases still have HARD_POOL negatives.

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
        """Chance and popularity, beside which every figure is to be read."""
        return [Cell(name, partial(self.baseline, name)) for name in ("random", "popularity")]

    def baseline(self, name: str, titled: bool = True) -> System:
        """A baseline of `train.evaluate.systems`, fitted on the training users.

        titled: False hides the items' titles from it.

        Raises:
            InputProblem: it needs pictures or words that the items do not have.
        """
        items = self.data.items if titled else {id: replace(item, title="") for id, item in self.data.items.items()}
        made = Builder(items, self._backbone, self._cache, self._scores, GENERATED).baseline(name)
        return made.fit(self.people.train, list(items), self.people.validation)

    def asked(self, name: str, reading: Reading, tuned: bool = True, summarised: bool = True) -> Asked:
        """The model; `summarised=False` describes the history by its titles, with no look at the pictures."""
        cached = CachedBackbone(self._backbone, self._cache)
        described = self._items if summarised else AppItems(self.data.items, pictured=False)
        return Asked(name, self._backbone, cached, self._items, self._scores, reading, tuned, described)

    def _case(self, log: UserLog, kind: str) -> Case | None:
        return protocol.case(log, self.train, kind, self.seed, HARD_POOL if kind == HARD else TEST_NEGATIVES)
