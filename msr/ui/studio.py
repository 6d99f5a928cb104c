"""What all parts of the page share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from msr.catalogue import Catalogue
from msr.config import LIMITS, Limits, PipelineConfig
from msr.reviews import ReviewLog
from msr.ui.engine import Engine
from msr.ui.jobs import Visits
from msr.ui.media import Downloads, Media
from msr.ui.recommend.history import Example
from msr.ui.run_store import Shelf

MODEL = "model"  # the concurrency id of everything that runs the model: one job at a time


@dataclass(frozen=True)
class Studio:
    """One app: its model, what it can recommend, its example histories, and who is using it.

    `reviews` is where judgements are kept, `results` the folders whose evaluations are shown.
    """

    engine: Engine
    catalogue: Catalogue
    examples: tuple[Example, ...] = ()
    config: PipelineConfig = PipelineConfig()
    limits: Limits = LIMITS
    shelf: Shelf = field(default_factory=Shelf)
    reviews: ReviewLog = field(default_factory=ReviewLog)
    results: tuple[Path, ...] = ()
    media: Media = field(default_factory=Media)
    visits: Visits = field(default_factory=Visits)
    downloads: Downloads = field(default_factory=Downloads)
