from __future__ import annotations

import pytest

from msr.backbones.local import LocalBackbone
from tests import tiny


@pytest.fixture(scope="session", params=["pocket", "llava"])
def backbone(request) -> LocalBackbone:
    """A tiny model of each class; tests that change one build their own."""
    return tiny.pocket_backbone() if request.param == "pocket" else tiny.llava_backbone()
