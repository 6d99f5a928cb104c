"""All that can be measured about one recommendation of a finished run: what is quick comes first.

Stages: direct and regenerated (effects in either reading), words, patches, shares; and contrast, against another
recommendation. What a run holds already is not measured again, so a measurement that was stopped goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from msr.backbones.protocol import GRADIENT, BackboneError
from msr.backbones.wrappers import CachedBackbone, UntunedBackbone, model_key
from msr.config import PipelineConfig
from msr.events import Grown, StageProgress
from msr.evidence.attribution import words
from msr.evidence.contrast import contrast, most
from msr.evidence.effects import effects
from msr.evidence.occlusion import GRID, heat_map
from msr.evidence.probe import DIRECT, READINGS, REGENERATED, Probe
from msr.evidence.shapley import MOST, Shapley, shapley
from msr.evidence.units import BLOCK, ITEM, REWRITTEN, Inputs, units
from msr.schema import InputProblem, Item, Measured, Run, Share, Unit

ORDERS = 12  # sampled for Shapley values
WORDS, PATCHES, SHARES, CONTRAST = "words", "patches", "shares", "contrast"


def measure(
    backbone: CachedBackbone,
    run: Run,
    item_id: str,
    other: str | None = None,
    stop: threading.Event | None = None,
) -> Iterator[StageProgress | Grown]:
    """Yields the run with more and more evidence about one recommendation; with `other`, their contrast alone.

    Effects are those of all recommendations, which are asked about together anyway. The first events name every stage
    and its steps. Raises InputProblem for a run of another model, one without a preference text, or an item that it
    does not recommend; and StopRequested.
    """
    work = _Work(_that_made(run, backbone), run, item_id, stop)
    return work.contrast(work.offered(other)) if other else work.all()


def _that_made(run: Run, backbone: CachedBackbone) -> CachedBackbone | UntunedBackbone:
    """The backbone as the run had it."""
    asked = backbone if run.settings.get("adapter", True) else UntunedBackbone(backbone)
    rounding = {"dtype": None}  # how numbers are rounded does not make another model
    now, then = ({**model_key(model), **rounding} for model in (asked.identity(), run.model))
    if now != then:
        raise InputProblem(
            f"This run was made by another model ({then['name']}). Nothing can be measured with the one loaded now."
        )
    return asked


class _Work:
    """One recommendation while it is measured."""

    def __init__(
        self, backbone: CachedBackbone | UntunedBackbone, run: Run, item_id: str, stop: threading.Event | None
    ) -> None:
        if not run.preferences:
            raise InputProblem("This run holds no preference text, so nothing can be measured.")
        self.backbone = backbone
        self.run = run
        self.stop = stop
        self.item = self.offered(item_id)
        self.inputs = Inputs.of(run)
        self.text = self.inputs.preference
        self.titles = [item.title for item in run.history]
        # What a person wrote cannot be written anew, nor what follows from items that were not described.
        described = all(i in self.inputs.summaries for block in self.inputs.blocks for i in block.item_ids)
        self.readings = READINGS if described and not run.preferences[-1].edited else (DIRECT,)
        self.history = units(self.inputs, (ITEM,))
        if len(self.history) > MOST:
            self.history = units(self.inputs, (BLOCK,))

    def offered(self, item_id: str) -> Item:
        found = next((item for item in self.run.offered if item.id == item_id), None)
        if found is None:
            raise InputProblem("Choose an item that the run recommends.")
        return found

    def known(self, item_id: str | None = None) -> Measured:
        wanted = item_id or self.item.id
        return next(r.measured for r in self.run.recommendations if r.item_id == wanted) or Measured()

    def all(self) -> Iterator[StageProgress | Grown]:
        known = self.known()
        closed = dict(known.unavailable)
        mapped = known.patches is not None and known.patches.complete
        steps = {
            DIRECT: len(self.lacking(DIRECT)),
            WORDS: 0 if known.words or WORDS in closed else 1,
            PATCHES: 0 if mapped or PATCHES in closed else GRID**2,
            REGENERATED: len(self.lacking(REGENERATED)),
            SHARES: 0 if known.orders >= ORDERS or SHARES in closed else ORDERS,
        }
        work = {WORDS: self.words, PATCHES: self.patches, SHARES: self.shares}
        stages = [stage for stage, count in steps.items() if count]
        yield from (StageProgress(stage, 0, steps[stage]) for stage in stages)
        for stage in stages:
            yield StageProgress(stage, 0, steps[stage])
            for done, _ in enumerate(work[stage]() if stage in work else self.effects(stage), start=1):
                yield StageProgress(stage, done, steps[stage])
                yield Grown(self.run)
            yield StageProgress(stage, steps[stage], steps[stage])

    def lacking(self, reading: str) -> list[Unit]:
        """Units whose effect in a reading is not in the run."""
        if reading not in self.readings:
            return []
        measured = [r.measured for r in self.run.recommendations if r.measured]
        known = {effect.unit for one in measured for effect in one.effects if effect.reading == reading}
        return [u for u in units(self.inputs) if u not in known and (reading == DIRECT or u.kind in REWRITTEN)]

    def effects(self, reading: str) -> Iterator[None]:
        probe = Probe(self.backbone, self.inputs, self.limit, self.stop)
        for found in effects(probe, self.lacking(reading), (reading,)):
            for item_id, effect in found.items():
                self.grow(item_id, effects=(*self.known(item_id).effects, effect))
            yield

    def words(self) -> Iterator[None]:
        try:
            found = words(self.backbone, self.text, self.titles, self.item, GRADIENT, self.stop)
        except BackboneError as error:
            self.cannot(WORDS, f"Word weights are not available: {error}.")
        else:
            self.grow(self.item.id, words=found.words)
        yield

    def patches(self) -> Iterator[None]:
        if self.item.picture is None:
            self.cannot(PATCHES, "This item has no picture.")
            yield
            return
        grid = min(GRID, self.item.picture.width, self.item.picture.height)
        for found in heat_map(self.backbone, self.text, self.titles, self.item, grid, stop=self.stop):
            self.grow(self.item.id, patches=found)
            yield

    def shares(self) -> Iterator[None]:
        if len(self.history) > MOST:
            self.cannot(SHARES, f"Shapley values are sampled for up to {MOST} items or blocks; this history has more.")
            yield
            return
        reading = self.readings[-1]
        probe = Probe(self.backbone, replace(self.inputs, candidates=(self.item,)), self.limit, self.stop)
        for found in shapley(self.history, lambda sets: list(probe.logits(sets, reading)), ORDERS):
            if found.permutations > 1:  # one order alone has no error
                self.grow(self.item.id, shares=_shares(self.history, reading, found), orders=found.permutations)
            yield

    def contrast(self, other: Item) -> Iterator[StageProgress | Grown]:
        """Raises InputProblem for the item itself."""
        if other.id == self.item.id:
            raise InputProblem("Choose two different items.")
        steps = most(len(self.history))
        yield StageProgress(CONTRAST, 0, steps)
        probe = Probe(self.backbone, replace(self.inputs, candidates=(self.item, other)), self.limit, self.stop)
        search = contrast(probe, self.history, self.readings[-1])
        while True:
            try:
                yield StageProgress(CONTRAST, min(next(search), steps), steps)
            except StopIteration as end:
                found = end.value
                break
        others = (known for known in self.known().contrasts if known.other != other.id)
        self.grow(self.item.id, contrasts=(*others, found))
        yield StageProgress(CONTRAST, steps, steps)
        yield Grown(self.run)

    @property
    def limit(self) -> int:
        """Tokens of a preference text; the settings of a recorded run may say anything."""
        asked = self.run.settings.get("max_preference_tokens")
        return asked if isinstance(asked, int) and 1 <= asked <= 1024 else PipelineConfig.max_preference_tokens

    def cannot(self, part: str, why: str) -> None:
        self.grow(self.item.id, unavailable=(*self.known().unavailable, (part, why)))

    def grow(self, item_id: str, **parts: Any) -> None:
        more = replace(self.known(item_id), **parts)
        changed = (replace(r, measured=more) if r.item_id == item_id else r for r in self.run.recommendations)
        self.run = replace(self.run, recommendations=tuple(changed))


def _shares(history: Sequence[Unit], reading: str, found: Shapley) -> tuple[Share, ...]:
    """Of the one candidate that was asked about."""
    return tuple(
        Share(unit, reading, value, error)
        for unit, (value,), (error,) in zip(history, found.values, found.errors, strict=True)
    )
