"""The state that all parts of the page share."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import gradio as gr

from msr.catalogue import Catalogue, Example
from msr.config import LIMITS, Limits, PipelineConfig
from msr.intake import Budget
from msr.reviews import ReviewLog
from msr.ui.callers import Callers, Places, name_of
from msr.ui.engine import Engine
from msr.ui.jobs import Visits
from msr.ui.stores import CatalogueStore, Downloads, Media, RunStore
from msr.ui.uploads import Uploads

MODEL = "model"  # the concurrency id of everything that runs the model: one job at a time


@dataclass(frozen=True)
class Studio:
    """One running app: its model, its catalogue, its example histories, and what its visitors have made.

    `reviews` keeps judgements; `results` are folders of evaluations.
    """

    engine: Engine
    catalogue: Catalogue
    examples: tuple[Example, ...] = ()
    config: PipelineConfig = PipelineConfig()
    limits: Limits = LIMITS
    runs: RunStore = field(default_factory=RunStore)
    reviews: ReviewLog = field(default_factory=ReviewLog)
    results: tuple[Path, ...] = ()
    media: Media = field(default_factory=Media)
    visits: Visits = field(default_factory=Visits)
    downloads: Downloads = field(default_factory=Downloads)
    callers: Callers = field(default_factory=Callers)
    readers: Places = field(default_factory=lambda: Places(most=4, each=2, patience=5.0))

    @functools.cached_property
    def uploads(self) -> Uploads:
        """Uploaded files that have not been read yet."""
        return Uploads(self.limits)

    @functools.cached_property
    def catalogues(self) -> CatalogueStore:
        """The catalogues that visitors brought."""
        return CatalogueStore(self.limits.max_offer_bytes)

    @contextmanager
    def reading(self, files: Sequence[str] | None, request: gr.Request | None) -> Iterator[tuple[list[Path], Budget]]:
        """Lend uploaded files and a budget for reading them; then remove the files. Raises InputProblem."""
        caller = name_of(request)
        with self.uploads.reading(files, caller) as paths, self.readers.one(caller):
            yield paths, Budget.of(self.limits, self.callers.left(request))
