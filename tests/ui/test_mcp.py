"""The endpoints as tools of a language model, called by the official client over HTTP."""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("mcp", reason='needs "gradio[mcp]"')

from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client

from msr.pipeline import Pipeline
from tests import fakes
from tests.intake_files import png
from tests.ui.serve import app, serving

pytestmark = pytest.mark.slow  # it has a server of its own

BACKBONE = fakes.OpenBackbone()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where this server alone keeps uploads."""
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("uploads")
        patch.setenv("GRADIO_TEMP_DIR", str(path))
        yield path


@pytest.fixture(scope="module")
def studio(folder: Path) -> Iterator[str]:
    with serving(app(mcp=True, recorded=[], load=lambda report: Pipeline(BACKBONE))) as url:
        while httpx.get(f"{url}/healthz").json()["model"] != "ready":
            time.sleep(0.02)
        yield url


def call(url: str, tool: str, **arguments: Any) -> tuple[bool, str]:
    """Whether the tool failed, and what it said."""

    async def calling() -> Any:
        async with (
            streamablehttp_client(f"{url}/gradio_api/mcp/") as (reading, writing, _),
            ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            return await session.call_tool(tool, arguments)

    told = asyncio.run(asyncio.wait_for(calling(), 60))
    return bool(told.isError), told.content[0].text


def test_nothing_that_a_client_sent_is_logged(studio: str, caplog: pytest.LogCaptureFixture) -> None:
    accept = {"Accept": "application/json, text/event-stream"}
    for method, params in (
        ("tools/call", {"name": "FORGED"}),
        ("FORGED", {"a": "FORGED"}),
        ("tools/call", {"FORGED": 1}),
    ):
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        httpx.post(f"{studio}/gradio_api/mcp/", json=body, headers=accept, timeout=30)
    assert "FORGED" not in caplog.text


def files(folder: Path) -> list[str]:
    return [name for _, _, names in os.walk(folder) for name in names]


def sent(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def test_pictures_are_sent_as_text_and_leave_nothing(studio: str, folder: Path) -> None:
    failed, told = call(studio, "describe", files=[sent(png("red")), sent(png("blue"))], titles=["mug"])
    assert not failed and "red" in told and "blue" in told and "mug" in told, told
    failed, told = call(studio, "recommend", files=[sent(b"id,title,image\n1,red mug,\n", "text/csv")], top=2)
    assert not failed and "recommendations" in told, told
    assert files(folder) == []


def test_titles_and_stories_need_no_files(studio: str) -> None:
    failed, told = call(studio, "describe", titles=["red mug"])
    assert not failed and "red mug" in told
    failed, told = call(studio, "recommend", story="sailor", top=2)
    assert not failed and "recommendations" in told


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (__file__, "not read"),
        ("http://127.0.0.1:9/x.png", "not read"),
        ("data:image/png,red", "base64"),
        ("data:image/png;base64,%%%", "base64"),
    ],
)
def test_what_is_no_file_is_said_and_leaves_nothing(studio: str, folder: Path, file: str, said: str) -> None:
    failed, told = call(studio, "describe", files=[sent(png()), file])
    assert failed and said in told and "Traceback" not in told, told
    assert files(folder) == []


@pytest.mark.parametrize(
    ("file", "said"), [(sent(b"no picture"), "picture"), (sent(b"PK\3\4 broken", "application/zip"), "zip")]
)
def test_a_bad_file_costs_itself_alone_and_is_named(studio: str, folder: Path, file: str, said: str) -> None:
    failed, told = call(studio, "describe", files=[sent(png()), file])
    assert not failed and "A red" in told and "left_out" in told and said in told, told
    failed, told = call(studio, "describe", files=[sent(png()), file], titles=["mug", "bowl"])
    assert failed and said in told  # else the titles could belong to other files
    assert files(folder) == []


def test_a_tool_says_what_it_takes(studio: str) -> None:
    async def asking() -> Any:
        async with (
            streamablehttp_client(f"{studio}/gradio_api/mcp/") as (reading, writing, _),
            ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            return await session.list_tools()

    tools = {tool.name: tool.inputSchema["properties"] for tool in asyncio.run(asking()).tools}
    assert set(tools) == {"recommend", "describe", "what_if"}
    item = tools["describe"]["files"]["items"]
    assert item["type"] == "string" and "data:image/png;base64," in item["description"]


def test_a_run_ends_when_the_client_of_its_tool_goes(studio: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BACKBONE, "delay", 0.1)
    monkeypatch.setattr(BACKBONE, "adapter", "another")  # nothing that was answered before is remembered
    asked = {"name": "recommend", "arguments": {"story": "sailor"}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": asked}
    accept = {"Accept": "application/json, text/event-stream"}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{studio}/gradio_api/mcp/", json=body, headers=accept, timeout=2)
    assert soon(lambda: not working()), "nobody waits for it"


def working() -> bool:
    """Whether the model is asked anything further within two seconds."""
    before = sum(BACKBONE.calls.values())
    return soon(lambda: sum(BACKBONE.calls.values()) > before, 2.0)


def soon(happened: Callable[[], bool], within: float = 6.0) -> bool:
    end = time.monotonic() + within
    while not happened() and time.monotonic() < end:
        time.sleep(0.05)
    return happened()
