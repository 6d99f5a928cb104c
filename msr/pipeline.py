"""Compose the stages: from a history and a catalogue to a stream of events and one finished `Run`.

The method is MLLM-MSR (arXiv 2408.09698, section 3): describe items, rewrite the preference block by block, score
candidates by Yes or No. Written reasons and measured influence are added.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from msr import prompts
from msr.backbones.protocol import Backbone, StopRequested
from msr.backbones.wrappers import CachedBackbone, UntunedBackbone, model_key
from msr.config import PipelineConfig
from msr.events import Event, Finished, Grown, ItemDescribed, PreferenceText, Ranked, StageProgress, Stopped
from msr.evidence.pipeline import influence, measure
from msr.evidence.units import Inputs
from msr.retrieval import shortlist
from msr.retrieval.index import Index
from msr.retrieval.shortlist import by_titles
from msr.schema import Block, Candidate, InputProblem, Item, ItemSummary, Preference, Recommendation, Run
from msr.stages import describe as summaries
from msr.stages import explain, preference
from msr.stages import rank as ranking
from msr.stages.timer import StageClock
from msr.storage import TextCache, content_key


class Pipeline:
    """Runs the stages on one backbone, one run at a time. No state of a run is kept.

    cache: keeps the model's texts; by default they are kept in memory. index: finds the `config.shortlist` candidates
    that are scored in a larger catalogue; by default an index of the titles, built at the first run and kept for the
    next.
    """

    def __init__(
        self,
        backbone: Backbone,
        config: PipelineConfig | None = None,
        cache: TextCache | None = None,
        index: Index | None = None,
    ) -> None:
        self.config = config or PipelineConfig()
        self.backbone = CachedBackbone(backbone, cache or TextCache())
        self._index = index
        self._titles: tuple[frozenset[Item], Index] | None = None

    def run(
        self,
        history: Sequence[Item],
        catalogue: Sequence[Item],
        config: PipelineConfig | None = None,
        stop: threading.Event | None = None,
        parent: str | None = None,
        top: int | None = None,
        edited: str | None = None,
        left_out: Sequence[str] = (),
    ) -> Generator[Event, None, None]:
        """Check the input now, and return an iterator that runs the stages and yields their events.

        Events come in the order of the stages. The first block is described and its preference written before the rest
        is described. The last event is `Finished`, or `Stopped` within one backbone call after `stop` was set.
        Closing the iterator ends the work. `top` overrides the setting of that name; `parent` is the id of the run
        that this one was edited from. `edited` is a preference text that a person wrote: it comes after the model's
        texts, and candidates are scored by it. `left_out` says which parts of the input's files are not used; it is
        kept in the run.

        Raises InputProblem (a ValueError) for a history or a catalogue that cannot be run. The iterator raises
        the errors of the backbone.
        """
        config = config or self.config
        if top is not None:
            config = replace(config, top=top)
        history, catalogue = tuple(history), tuple(catalogue)
        candidates = _checked(history, catalogue)
        backbone = self.backbone if config.adapter else UntunedBackbone(self.backbone)
        stop = stop or threading.Event()
        work = _Work(
            backbone,
            history,
            candidates,
            config,
            stop,
            parent,
            edited,
            lambda: self._index_of(catalogue, stop),
            tuple(left_out),
        )
        return work.events(len(catalogue))

    def measure(
        self, run: Run, item_id: str, other: str | None = None, stop: threading.Event | None = None
    ) -> Iterator[StageProgress | Grown]:
        """Measure more evidence about one recommendation of a finished run (`msr.evidence.pipeline`)."""
        return measure(self.backbone, run, item_id, other, stop)

    def _index_of(self, catalogue: tuple[Item, ...], stop: threading.Event) -> Index:
        if self._index is not None:
            return self._index
        wanted = frozenset(catalogue)
        if self._titles is None or self._titles[0] != wanted:
            self._titles = wanted, by_titles(self.backbone, catalogue, stop)
        return self._titles[1]

    def describe(
        self, items: Sequence[Item], config: PipelineConfig | None = None, stop: threading.Event | None = None
    ) -> Iterator[ItemDescribed]:
        """Describe items only; events come as batches finish. Raises StopRequested."""
        return summaries.describe(self.backbone, items, config or self.config, stop)


class _Work:
    """A run in progress."""

    def __init__(
        self,
        backbone: CachedBackbone | UntunedBackbone,
        history: tuple[Item, ...],
        candidates: tuple[Item, ...],
        config: PipelineConfig,
        stop: threading.Event,
        parent: str | None,
        edited: str | None,
        index: Callable[[], Index],
        left_out: tuple[str, ...],
    ) -> None:
        self.backbone = backbone
        self.history = history
        self.candidates = candidates
        self.config = config
        self.stop = stop
        self.parent = parent
        self.edited = edited
        self.index = index
        self.left_out = left_out
        self.search: Callable[..., shortlist.Scoring] | None = None  # set if only a shortlist is scored
        self.found_by: str | None = None  # digest of the index that the shortlist comes from
        self.items = {item.id: item for item in (*history, *candidates)}
        self.blocks = preference.blocks(history, config.block_size)
        self.summaries: dict[str, ItemSummary] = {}
        self.preferences: list[Preference] = []
        self.scored: tuple[Candidate, ...] = ()
        self.recommended: tuple[Recommendation, ...] = ()

    def events(self, catalogue_size: int) -> Generator[Event, None, None]:
        clock = StageClock(self.stop)
        try:
            # The first preference should not wait until all pictures are described.
            for blocks in filter(None, (self.blocks[:1], self.blocks[1:])):
                yield from clock.timed("describe", self.describe(blocks))
                for block in blocks:
                    yield from clock.timed("preference", self.prefer(block))
            if self.edited is not None:
                own = Preference(Block(len(self.blocks), ()), self.edited, edited=True)
                self.preferences.append(own)
                yield PreferenceText(own, final=True)
            if len(self.candidates) > self.config.shortlist:
                yield from clock.timed("shortlist", self.shorten())
            yield from clock.timed("rank", self.rank())
            if self.config.explain_top:
                yield from clock.timed("explain", self.explain())
                yield from clock.timed("influence", self.measure())
        except StopRequested:
            yield Stopped(clock.stage)
            return
        yield Finished(self.finished(catalogue_size, clock.timings()))

    def describe(self, blocks: Sequence[Block]) -> Generator[Event, None, None]:
        wanted = [self.items[item_id] for block in blocks for item_id in block.item_ids]
        yield StageProgress("describe", len(self.summaries), len(self.history))
        for event in summaries.describe(self.backbone, wanted, self.config, self.stop):
            self.summaries[event.summary.item_id] = event.summary
            yield event
            yield StageProgress("describe", len(self.summaries), len(self.history))

    def prefer(self, block: Block) -> Generator[Event, None, None]:
        yield StageProgress("preference", block.index, len(self.blocks))
        previous = self.preferences[-1].text if self.preferences else ""
        read = preference.described(block, self.items, self.summaries)
        limit = self.config.max_preference_tokens
        step = yield from preference.update(self.backbone, previous, block, read, limit, self.stop)
        self.preferences.append(step)
        yield StageProgress("preference", block.index + 1, len(self.blocks))

    def shorten(self) -> Generator[Event, None, None]:
        """Find the shortlist, the only candidates that will be scored."""
        yield StageProgress("shortlist", 0, 1)
        index = self.index()
        near = shortlist.query(index, self.backbone, self.history, self.summaries, self.text, self.stop)
        index.vectors_of(self.candidates)  # raises now if the index lacks a candidate
        self.search = partial(shortlist.search, index, near, self.candidates, self.config.shortlist)
        self.found_by = index.digest
        yield StageProgress("shortlist", 1, 1)

    def rank(self) -> Generator[Event, None, None]:
        titles = [item.title for item in self.history]

        def score(items: Sequence[Item]) -> Generator[StageProgress, None, tuple[Candidate, ...]]:
            return ranking.score(self.backbone, self.text, titles, items, self.stop)

        self.scored = yield from (self.search(score) if self.search else score(self.candidates))
        scored = {candidate.item_id for candidate in self.scored}
        self.candidates = tuple(item for item in self.candidates if item.id in scored)
        best = ranking.recommendations(self.scored, self.items, self.config.top)
        asked = [prompts.recommend(self.text, titles, self.items[r.item_id]) for r in best]
        read = self.backbone.reading(asked)
        self.recommended = tuple(
            replace(r, prompt=one.text, tokens=one.tokens) for r, one in zip(best, read, strict=True)
        )
        yield Ranked(self.recommended)

    def explain(self) -> Generator[Event, None, None]:
        top, rest = self._explained()
        top, seen = yield from explain.explain(self.backbone, self.text, top, self.items, self.config, self.stop)
        self.summaries |= seen
        self.recommended = top + rest

    def measure(self) -> Generator[Event, None, None]:
        top, rest = self._explained()
        answers = {candidate.item_id: candidate.answer for candidate in self.scored}
        drafts = tuple(step.text for step in self.preferences)
        candidates = tuple(self.items[r.item_id] for r in top)
        top = yield from influence(
            self.backbone,
            Inputs(self.history, self.blocks, self.summaries, self.text, candidates, drafts),
            top,
            tuple(answers[r.item_id] for r in top),
            self.config.max_preference_tokens,
            self.stop,
            regenerate=self.edited is None,
        )
        self.recommended = top + rest

    def finished(self, catalogue_size: int, timings: dict[str, float]) -> Run:
        identity = dict(self.backbone.identity())
        settings = asdict(self.config) | {
            "decoding": "greedy",
            "seed": None,  # nothing is sampled
            "history_items": len(self.history),
            "catalogue_items": catalogue_size,
            "candidates": len(self.candidates),
        }
        if self.found_by is not None:
            settings |= {"shortlisted": f"{len(self.candidates):,} of {catalogue_size:,}", "index": self.found_by}
        if self.edited is not None:
            settings["edited_preference"] = self.edited
        return Run(
            id=_run_id(self.history, self.candidates, settings, identity),
            model=identity,
            settings=settings,
            history=self.history,
            summaries=tuple(self.summaries[item_id] for item_id in self.items if item_id in self.summaries),
            preferences=tuple(self.preferences),
            recommendations=self.recommended,
            scores=self.scored,
            timings=timings,
            parent=self.parent,
            offered=tuple(self.items[r.item_id] for r in self.recommended),
            left_out=self.left_out,
        )

    @property
    def text(self) -> str:
        """The last preference text, by which candidates are scored."""
        return self.preferences[-1].text

    def _explained(self) -> tuple[tuple[Recommendation, ...], tuple[Recommendation, ...]]:
        """The recommendations that are explained, and those that are not."""
        return self.recommended[: self.config.explain_top], self.recommended[self.config.explain_top :]


def _checked(history: Sequence[Item], catalogue: Sequence[Item]) -> tuple[Item, ...]:
    """The catalogue items that are not in the history. Raises InputProblem for input that cannot be run."""
    if not history:
        raise InputProblem("The history is empty: add at least one item with a title or a picture.")
    if not catalogue:
        raise InputProblem("The catalogue is empty: choose one with at least one item.")
    for name, items in (("history", history), ("catalogue", catalogue)):
        item_id, count = Counter(item.id for item in items).most_common(1)[0]
        if count > 1:
            raise InputProblem(f"The {name} has {count} items with the id {item_id!r}: give each its own id.")
    left = tuple(ranking.candidates(history, catalogue))
    if not left:
        raise InputProblem(
            f"All {len(catalogue)} catalogue items are in the history already: choose a catalogue with other items."
        )
    return left


def _run_id(
    history: Iterable[Item], candidates: Iterable[Item], settings: dict[str, Any], identity: dict[str, Any]
) -> str:
    """An id that follows from inputs, settings and model; the order of the catalogue does not matter."""

    def content(item: Item) -> list[Any]:
        return [item.id, item.title, item.picture.digest if item.picture else None]

    return content_key(
        history=[content(item) for item in history],
        candidates=sorted((content(item) for item in candidates), key=lambda parts: parts[0]),
        settings=settings,
        model=model_key(identity),
    )[:12]
