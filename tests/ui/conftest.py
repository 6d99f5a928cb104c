from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium
from tests.ui.serve import app, serving


@pytest.fixture(scope="session", autouse=True)
def uploads_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What is uploaded goes into a folder of the test run, where nothing lies that another program left."""
    folder = tmp_path_factory.mktemp("gradio")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        yield folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def quick() -> Iterator[str]:
    """The address of a studio whose model answers at once."""
    with serving(app()) as url:
        yield url


@pytest.fixture
def slow() -> Iterator[str]:
    """The address of a studio whose model takes its time and remembers nothing yet."""
    with serving(app(delay=0.02)) as url:
        yield url
