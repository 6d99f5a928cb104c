"""What all parts of the page share."""

from __future__ import annotations

from dataclasses import dataclass, field

from msr.catalog import Catalogue
from msr.config import LIMITS, Limits, PipelineConfig
from msr.ui.engine import Engine
from msr.ui.history import Example
from msr.ui.media import Media
from msr.ui.run import Visits

MODEL = "model"  # the concurrency id of everything that runs the model: one job at a time


@dataclass(frozen=True)
class Studio:
    """One app: its model, what it can recommend, its example histories, and who is using it."""

    engine: Engine
    catalogue: Catalogue
    examples: tuple[Example, ...] = ()
    config: PipelineConfig = PipelineConfig()
    limits: Limits = LIMITS
    media: Media = field(default_factory=Media)
    visits: Visits = field(default_factory=Visits)
