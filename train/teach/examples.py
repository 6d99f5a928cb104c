"""Training examples: prompts with their answers, and slates of candidates; among them slates from interaction logs.

Slates from logs are in the manner of TALLREC (arXiv 2305.00447): recent titles stand in place of a preference text,
then come the next choices among items that were passed over. The prompts are those of the preference kind "titles" in
`train.evaluate.model_system`. Any data set with titles will do; candidates may show their pictures.

    python -m train sft --dataset movielens --data DATA --start assets/pocket --out runs/titles
    python -m train eval --dataset movielens --data DATA --systems tallrec --adapter runs/titles --json titles.json
"""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from msr import prompts
from msr.config import LIMITS
from msr.intake.files import read_file
from msr.intake.images import picture
from msr.intake.text import IntakeError, plain, title
from msr.prompts import Prompt
from msr.schema import InputProblem, Item
from train.data.dataset import CatalogueItem, Interactions, UserLog
from train.data.protocol import TooFewItems, draw
from train.data.splits import case_at
from train.names import UNIFORM

HISTORY = 9  # latest items that are read: three blocks, as in the tasks of `train.teach.tasks`
_ATTEMPTS = 200  # places in logs that are tried for one slate


@dataclass(frozen=True)
class Example:
    """A prompt and the answer to learn (tasks describe, preference, explain). Pictures are keyed by digest."""

    prompt: Prompt
    answer: str


@dataclass(frozen=True)
class Slate:
    """One user's candidates behind one shared prefix (task recommend); `liked[k]` belongs to `prompts[k]`."""

    prompts: tuple[Prompt, ...]
    liked: tuple[bool, ...]


class AppItems:
    """The items of a data set as the app sees them: titles and pictures pass through `msr.intake`.

    pictured: False takes the pictures away. refused: gets a sentence for each picture that cannot be read, by the id of
    its item, which is then seen by its title alone.
    """

    def __init__(
        self, items: Mapping[str, CatalogueItem], pictured: bool = True, refused: dict[str, str] | None = None
    ) -> None:
        self.items = items
        self.pictured = pictured
        self.refused = {} if refused is None else refused
        self._kept = functools.lru_cache(maxsize=20_000)(self._make)

    def __getitem__(self, item_id: str) -> Item:
        return self._kept(item_id)

    def pick(self, ids: Sequence[str]) -> list[Item]:
        """The items with these ids, in their order."""
        return [self[item_id] for item_id in ids]

    def title(self, item_id: str) -> str:
        """The cleaned title, which may be empty; the picture is not read."""
        return title(self.items[item_id].title)

    def _make(self, item_id: str) -> Item:
        item = self.items[item_id]
        image = None
        if self.pictured and item.image:
            where = f"{plain(item.image.parent.name)}/{plain(item.image.name)}"
            try:
                image = picture(read_file(item.image, LIMITS.max_image_bytes, where), where)
            except IntakeError as error:
                self.refused[item_id] = str(error)
        name = title(item.title)
        return Item(item_id, name or ("" if image else "untitled"), image)


class LogSlates:
    """Samples slates of one user each, as a function of a `random.Random`, so that a resumed run draws the same.

    Raises:
        InputProblem: no user has a history and a next item.
        TooFewItems: when a slate is drawn, and hardly any place in a log leaves enough items as negatives.
    """

    def __init__(self, items: Mapping[str, CatalogueItem], logs: Sequence[UserLog], pictured: bool = False) -> None:
        self._items = AppItems(items, pictured)
        self._logs = [log for log in logs if len(set(log.items)) >= 2]
        if not self._logs:
            raise InputProblem("No user chose two items, so there is nothing to learn from. Use a larger data set.")
        self._log = Interactions(logs, list(items))

    def __call__(self, rng: random.Random, liked: int = 3, disliked: int = 12) -> Slate:
        """Up to `liked` next items of one user against `disliked` uniform negatives (`train.data.protocol`)."""
        for attempt in range(_ATTEMPTS):
            log = rng.choice(self._logs)
            end = rng.randrange(1, len(log.items))
            history = log.items[:end]
            good = list(dict.fromkeys(i for i in log.items[end : end + liked] if i not in history))
            if not good:
                continue
            try:
                numbers = np.random.default_rng(rng.getrandbits(64))
                bad = draw(case_at(log, end), self._log, UNIFORM, numbers, disliked, chosen=log.items).negatives
            except TooFewItems:
                if attempt + 1 == _ATTEMPTS:
                    raise
                continue
            recent = [self._items.title(i) or "untitled" for i in history[-HISTORY:]]
            return Slate(
                tuple(prompts.recommend("", recent, self._items[i]) for i in (*good, *bad)),
                (True,) * len(good) + (False,) * len(bad),
            )
        raise InputProblem(
            f"{_ATTEMPTS} places in the logs were tried and none has a new next item. Use logs with fewer repetitions."
        )
