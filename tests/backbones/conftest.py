from __future__ import annotations

from collections.abc import Iterator

import pytest

from msr.backbones.transformers.backbone import LocalBackbone
from tests import tiny_classes
from tests.backbones.served import Served


@pytest.fixture(scope="session", params=tiny_classes.KINDS)
def backbone(request) -> LocalBackbone:
    """A tiny model of each class; tests that change one build their own."""
    return tiny_classes.backbone(request.param)


@pytest.fixture
def server() -> Iterator[Served]:
    """A small server that does as told."""
    with Served().running() as running:
        yield running
