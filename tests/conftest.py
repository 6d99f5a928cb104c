"""Put every test into a tier: fast, slow, package, pocket or browser."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
TIERS = {"slow", "package", "pocket", "browser"}
SLOW_FOLDERS = ("backbones", "bench", "train/learn", "train/evaluate")


@pytest.hookimpl(tryfirst=True)  # before pytest selects by -m
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of folders that run small networks as slow, and those without a tier as fast."""
    for item in items:
        if any(item.path.is_relative_to(HERE / folder) for folder in SLOW_FOLDERS):
            item.add_marker("slow")
        if not TIERS & {mark.name for mark in item.iter_markers()}:
            item.add_marker("fast")
    # The browser's driver keeps an event loop running in this thread, where no other test could start its own.
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
