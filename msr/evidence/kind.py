"""What a kind of evidence is: how it is measured, stored, read back, drawn and labelled.

Each kind is one file in `msr.evidence.kinds`, which lists them. The idea of one class that a tool finds everything in
is that of LIT's `Interpreter` (Tenney et al. 2020, arXiv 2008.05122).
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar, cast

from msr import untrusted
from msr.backbones.wrappers import CachedBackbone, UntunedBackbone
from msr.config import PipelineConfig
from msr.evidence.probe import DIRECT, Probe
from msr.evidence.units import BLOCK, ITEM, Inputs, units
from msr.render.html import Addresses
from msr.schema import READINGS, UNITS, Item, Recommendation, Record, Run, Unit

R = TypeVar("R", bound=Record)


class Unavailable(Exception):
    """A kind cannot be measured for this recommendation; the message is a sentence that the page shows."""


@dataclass(frozen=True)
class Stage:
    """A part of measuring a kind, with its own line of progress.

    `label` is what that line says. `seconds` is a first guess of the time of one step on two CPU cores. All stages
    that are not `slow` come first.
    """

    name: str
    label: str
    seconds: float
    slow: bool = False


@dataclass(frozen=True)
class Step(Generic[R]):
    """The stage has done `done` steps; `records` are those that grew, by the id of the recommended item."""

    done: int
    records: Mapping[str, R]


@dataclass(frozen=True)
class Subject:
    """One recommendation of a finished run, with what is needed to measure it.

    `backbone` answers as the run had it, with the adapter or without. `other` is the recommendation that this one is
    compared with, if any.
    """

    backbone: CachedBackbone | UntunedBackbone
    run: Run
    item: Item
    other: Item | None = None
    stop: threading.Event | None = None

    @cached_property
    def inputs(self) -> Inputs:
        """What the scores of the run follow from."""
        return Inputs.of(self.run)

    @cached_property
    def titles(self) -> list[str]:
        """Titles of the history, oldest first; "" where an item has none."""
        return [item.title for item in self.run.history]

    @cached_property
    def readings(self) -> tuple[str, ...]:
        """The readings that this run allows.

        A preference that a person wrote cannot be written anew, nor one about items that were not described.
        """
        described = all(i in self.inputs.summaries for block in self.inputs.blocks for i in block.item_ids)
        return READINGS if described and not self.run.preferences[-1].edited else (DIRECT,)

    def history_units(self, most: int) -> tuple[Unit, ...]:
        """The items of the history, or its blocks if it has more than `most` items."""
        items = units(self.inputs, (ITEM,))
        return items if len(items) <= most else units(self.inputs, (BLOCK,))

    def probe(self, *candidates: Item) -> Probe:
        """Ask about these candidates, or without any about all that the run recommends."""
        inputs = replace(self.inputs, candidates=candidates) if candidates else self.inputs
        # The settings of a recorded run may say anything.
        asked = self.run.settings.get("max_preference_tokens")
        limit = asked if isinstance(asked, int) and 1 <= asked <= 1024 else PipelineConfig.max_preference_tokens
        return Probe(self.backbone, inputs, limit, self.stop)

    def known(self, kind: Kind[R], item_id: str | None = None) -> R:
        """What the run holds of a kind about a recommended item, by default the subject itself."""
        wanted = item_id or self.item.id
        measured = next(r.measured for r in self.run.recommendations if r.item_id == wanted)
        return cast(R, measured.records.get(kind.name, kind.empty)) if measured else kind.empty


@dataclass(frozen=True)
class FigureContext:
    """What a figure may show besides its record: the run, the recommendation, and where pictures are found."""

    run: Run
    shown: Recommendation
    media: Addresses

    @cached_property
    def items(self) -> Mapping[str, Item]:
        """The items of the history and the recommended ones, by id."""
        return {item.id: item for item in (*self.run.history, *self.run.offered)}

    @cached_property
    def ranks(self) -> Mapping[str, int]:
        """The ranks of the recommended items, by id."""
        return {r.item_id: r.rank for r in self.run.recommendations}


class Kind(ABC, Generic[R]):
    """One kind of evidence. `R` is its record: what it found about one recommendation.

    Attributes:
        name: Key of the record, and the CSS class of the figure.
        title: Heading of the figure.
        empty: The record before anything was measured.
        stages: The parts of measuring it, in order.
        between_two: Whether it compares two recommendations. Such a kind is measured only when both are named.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    stages: ClassVar[tuple[Stage, ...]]
    between_two: ClassVar[bool] = False
    empty: R

    @abstractmethod
    def steps(self, stage: Stage, subject: Subject) -> int:
        """Count the steps that a stage still has to do; 0 if the run holds all, or the stage does not apply."""

    @abstractmethod
    def measure(self, stage: Stage, subject: Subject) -> Iterator[Step[R]]:
        """Do one stage, and yield each step as soon as it is done. Raises Unavailable and StopRequested."""

    @abstractmethod
    def read(self, stored: Mapping[str, Any]) -> R:
        """Read the record back from the entry `measured` of a `run.json`, which anybody may have written.

        Every value is checked and cleaned with `msr.untrusted`. Raises KeyError, TypeError or ValueError.
        """

    @abstractmethod
    def draw(self, record: R, context: FigureContext) -> str:
        """Draw the record as HTML (`msr.render.html.figure`); "" if there is nothing to see.

        Titles and texts become inert HTML with `msr.render.html.text`.
        """


def read_unit(row: Mapping[str, Any]) -> Unit:
    """Read back what `Unit.to_json` wrote, checked and cleaned."""
    return Unit(
        untrusted.one_of(row["unit"], UNITS),
        untrusted.text(row["key"], untrusted.MAX_ID),
        untrusted.text(row["text"]),
    )


def read_reading(row: Mapping[str, Any]) -> str:
    """Read back the reading of a row."""
    return untrusted.one_of(row["reading"], READINGS)
