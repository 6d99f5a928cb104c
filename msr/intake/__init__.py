"""Read and check untrusted files and texts. They become records of `msr.schema`, or raise an IntakeError."""

from __future__ import annotations

from msr.intake.adapters import adapter_folder
from msr.intake.images import Budget, picture
from msr.intake.items import from_session, in_natural_order, load_items, read_items, to_session, uploads
from msr.intake.runs import recorded_run
from msr.intake.tables import csv_cell
from msr.intake.text import IntakeError, guess_title, title

__all__ = [
    "Budget", "IntakeError", "adapter_folder", "csv_cell", "from_session", "guess_title", "in_natural_order",
    "load_items", "picture", "read_items", "recorded_run", "title", "to_session", "uploads",
]  # fmt: skip
