from __future__ import annotations

import pytest

from msr.backbones.local import LocalBackbone
from tests import tiny_classes


@pytest.fixture(scope="session", params=tiny_classes.KINDS)
def backbone(request) -> LocalBackbone:
    """A tiny model of each class; tests that change one build their own."""
    return tiny_classes.backbone(request.param)
