"""Uploaded files: which are taken in, and which are read."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from fastapi.testclient import TestClient

from msr.config import Limits
from msr.ui.uploads import Uploads, upload_input
from tests.ui.serve import app

pytestmark = pytest.mark.slow  # a server of its own


@pytest.mark.parametrize("path", ["http://127.0.0.1:9/x.png", "https://example.org/x.png", __file__, "../x.png"])
def test_only_files_that_were_uploaded_reach_a_handler(path: str) -> None:
    """The component alone; the guard in front of it refuses these too."""
    files = upload_input(Uploads())
    with pytest.raises(gr.Error, match="must be uploaded; paths and web addresses are not read"):
        files.preprocess(SimpleNamespace(root=[SimpleNamespace(path=path)]))
    assert asyncio.run(files.async_move_resource_to_block_cache(path)) == path, "nothing is fetched or copied"


def test_an_uploaded_file_reaches_a_handler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    uploads = Uploads()
    upload = uploads.begin("ann")
    path = str(upload.folder / "a.png")
    uploads.done(upload, [path])
    assert upload_input(uploads).preprocess(SimpleNamespace(root=[SimpleNamespace(path=path)])) == [path]
    assert upload_input(uploads).preprocess(None) is None
    uploads.close()


def test_one_file_has_at_most_twice_the_size_of_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to that size intake refuses it, and says why."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    small = Limits(max_image_bytes=1_000)
    with TestClient(app(recorded=[], limits=small), base_url="http://127.0.0.1") as client:
        fits = client.post("/gradio_api/upload", files={"files": ("a.png", bytes(2_000))})
        large = client.post("/gradio_api/upload", files={"files": ("a.png", bytes(2_001))})
        assert fits.status_code == 200 and large.status_code == 413
        assert "maximum allowed size" in large.text
        assert [path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()] == [2_000]


def test_a_boundary_that_makes_no_sense_is_refused_in_a_sentence() -> None:
    with TestClient(app(recorded=[]), base_url="http://127.0.0.1") as client:
        headers = {"Content-Type": "multipart/form-data; boundary=" + "x" * 5_000}
        refused = client.post("/gradio_api/upload", content="nonsense", headers=headers)
    assert refused.status_code == 400 and refused.text == "The upload is not a multipart form that can be read."
