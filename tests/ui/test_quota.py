"""What callers may hold: places in the queue, runs that nobody waits for, uploads, memory. Over HTTP, no browser."""

from __future__ import annotations

import json
import os
import resource
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from gradio.blocks import BlocksConfig

from msr.config import Limits
from msr.intake import items as reader
from msr.pipeline import Pipeline
from msr.ui.callers import Attendance
from msr.ui.hosts import Hosts
from msr.ui.turns import EACH, MOST
from msr.ui.visitors import Visitor
from tests import fakes
from tests.intake_files import jpeg_of_scans, png
from tests.ui.serve import app, serving

pytestmark = pytest.mark.slow  # a server of its own

PROXY = Hosts(proxies=frozenset({"127.0.0.1"}))  # so that a test can be many callers
ONE = {"X-Forwarded-For": "10.0.0.1"}
OWN = Visitor("address 10.0.0.1").own
BIG = Limits(max_upload_bytes=100_000, max_held_bytes=10 * 2**20)  # two uploads of one caller wait to be read


class Served:
    """A server with a model of its own, and its temporary folder."""

    def __init__(self, served: FastAPI, url: str, backbone: fakes.FakeBackbone, folder: Path) -> None:
        self.url, self.backbone, self.folder = url, backbone, folder
        self.api = f"{url}/gradio_api"
        self.gradio = served.routes[-1].app
        self.page = self.gradio.get_blocks()
        self.callers = next(m.kwargs["callers"] for m in served.user_middleware if m.cls is Attendance)
        studio = self.page.fns[self.function("begin")].fn.__self__._studio
        self.uploads, self.visits = studio.uploads, studio.visits

    def files(self) -> list[Path]:
        return [Path(folder, name) for folder, _, names in os.walk(self.folder) for name in names]

    def upload(self, *files: bytes, name: str = "mug.png", caller: str = "10.0.0.1") -> httpx.Response:
        parts = [("files", (name, data)) for data in files]
        return httpx.post(f"{self.api}/upload", files=parts, headers={"X-Forwarded-For": caller})

    def call(self, name: str, *data: Any, caller: str = "10.0.0.1", **body: Any) -> httpx.Response:
        headers = {"X-Forwarded-For": caller}
        return httpx.post(f"{self.api}/call/{name}", json={"data": list(data), **body}, headers=headers)

    def answer(self, name: str, event: str, caller: str = "10.0.0.1") -> list[str]:
        """Event and data of the last message."""
        headers = {"X-Forwarded-For": caller}
        with httpx.stream("GET", f"{self.api}/call/{name}/{event}", timeout=30, headers=headers) as stream:
            lines = [line for line in stream.iter_lines() if line]
        return lines[-2:]

    def function(self, name: str, tab: str = "recommend") -> int:
        """The number of a tab's event handler."""
        fns = self.page.fns.items()
        return next(n for n, f in fns if getattr(f.fn, "__name__", "") == name and tab in f.fn.__module__)

    def working(self) -> bool:
        """Whether the model is asked anything further; one answer takes less than a second."""
        before = sum(self.backbone.calls.values())
        return soon(lambda: sum(self.backbone.calls.values()) > before, 1.5)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("uploads")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        backbone = fakes.OpenBackbone()
        built = app(load=lambda report: Pipeline(backbone), limits=BIG, recorded=[], hosts=PROXY)
        with serving(built) as url:
            while httpx.get(f"{url}/healthz").json()["model"] != "ready":
                time.sleep(0.02)
            yield Served(built, url, backbone, folder)


@pytest.fixture
def server(served: Served) -> Iterator[Served]:
    """As if it had just been started."""
    served.callers.grace, served.backbone.delay = 30.0, 0.0
    served.backbone.adapter = secrets.token_hex(4)  # nothing that was answered before is remembered
    served.backbone.calls.clear()
    yield served
    served.callers.grace, served.backbone.delay = -1.0, 0.0
    queue = served.page._queue
    assert soon(lambda: not queue.event_ids_to_events), "all work has ended"
    for upload in list(served.uploads._uploads.values()):
        served.uploads.drop(upload)


@pytest.fixture
def slow(server: Served) -> Served:
    server.backbone.delay = 0.05
    return server


def soon(happened: Callable[[], bool], within: float = 10.0) -> bool:
    end = time.monotonic() + within
    while not happened() and time.monotonic() < end:
        time.sleep(0.05)
    return happened()


# ---- uploads


def test_the_same_picture_of_many_callers_at_once(server: Served) -> None:
    together = threading.Barrier(6)

    def describe(n: int) -> list[str]:
        together.wait()
        (path,) = server.upload(png(), caller=f"10.0.0.{n}").json()
        together.wait()
        files = [{"path": path, "meta": {"_type": "gradio.FileData"}}]
        event = server.call("describe", files, [], caller=f"10.0.0.{n}").json()["event_id"]
        return server.answer("describe", event, f"10.0.0.{n}")

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(describe, range(6)))
    assert [kind for kind, _ in answers] == ["event: complete"] * 6, answers
    assert all("A red" in data or "red" in data for _, data in answers)
    assert server.files() == [], "what was read is gone, and Gradio left nothing either"


def test_equal_names_in_one_upload_are_two_files(server: Served) -> None:
    first, second = server.upload(png("red"), png("blue"), name="../../a b.png").json()
    assert first != second and Path(first).name == Path(second).name == "a b.png"
    assert Path(first).read_bytes() == png("red") and Path(second).read_bytes() == png("blue")
    assert all(Path(path).is_relative_to(server.folder) for path in (first, second))


@pytest.mark.parametrize(
    ("name", "kept"), [("..", "file"), (".", "file"), ("a/..", "file"), (".hidden.png", "hidden.png"), ("/", "file")]
)
def test_a_name_that_is_a_folder_is_no_name(server: Served, name: str, kept: str) -> None:
    (path,) = server.upload(png(), name=name).json()
    assert Path(path).name == kept and Path(path).read_bytes() == png()


def test_refused_uploads_leave_nothing(server: Served) -> None:
    large = server.upload(bytes(60_000), bytes(60_000))
    assert large.status_code == 413 and "At most 0.0953674 MB are taken at a time" in large.text
    field = httpx.post(f"{server.api}/upload", files={"files": ("a.png", b"x")}, data={"more": "x" * 100})
    assert field.status_code == 400 and "Only files" in field.text
    nonsense = httpx.post(
        f"{server.api}/upload", content=b"x" * 100, headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert nonsense.status_code == 400
    assert [path for path in server.folder.rglob("*") if path != server.folder and path.parent != server.folder] == []


def test_aborted_uploads_leave_nothing(server: Served) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    head = (
        f"POST /gradio_api/upload HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        'Content-Length: 90000\r\n\r\n--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
    )
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + b"x" * 20_000)
        assert soon(lambda: len(server.files()) == 1), "the file is being written"
    assert soon(lambda: server.files() == [])


def test_an_upload_that_the_disk_has_no_room_for_leaves_nothing(server: Served) -> None:
    assert server.upload(png()).status_code == 200
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        answer = server.upload(bytes(50_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert answer.status_code == 507 and "disk of the server is full" in answer.text
    assert len(server.files()) == 1, "what was there before"


def test_nothing_is_left_when_the_server_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with TestClient(app(recorded=[]), base_url="http://127.0.0.1") as client:
        (path,) = client.post("/gradio_api/upload", files={"files": ("a.png", png())}).json()
        assert Path(path).is_relative_to(tmp_path) and Path(path).exists()
    assert list(tmp_path.iterdir()) == []


def test_uploads_that_nobody_reads_take_only_their_callers_room(server: Served) -> None:
    path = None
    for _ in range(2):
        (path,) = server.upload(png()).json()
    refused = server.upload(png())
    assert refused.status_code == 507 and "wait to be read" in refused.text
    assert server.upload(png(), caller="10.0.0.2").status_code == 200
    files = [{"path": path, "meta": {"_type": "gradio.FileData"}}]
    event = server.call("describe", files, []).json()["event_id"]
    assert server.answer("describe", event)[0] == "event: complete"
    assert server.upload(png()).status_code == 200, "what was read makes room"


@pytest.mark.parametrize("path", [__file__, "http://127.0.0.1:9/x.png"])
def test_a_file_that_was_not_uploaded_is_not_read(server: Served, path: str) -> None:
    for more in ({}, {"is_stream": True}, {"url": path}):
        files = [{"path": path, "meta": {"_type": "gradio.FileData"}, **more}]
        answer = server.call("describe", files, [])
        if answer.status_code == 200:  # else it was refused at the door
            assert server.answer("describe", answer.json()["event_id"])[0] == "event: error"
    assert Path(__file__).exists() and server.backbone.calls["generate"] == 0


# ---- callers who have gone


def test_a_run_ends_when_its_caller_goes(slow: Served) -> None:
    event = slow.call("recommend", "sailor", None, [], 3, 5).json()["event_id"]
    with httpx.stream("GET", f"{slow.api}/call/recommend/{event}", timeout=30, headers=ONE):
        assert soon(lambda: slow.backbone.calls["generate"] > 0)
        assert slow.working()
    assert soon(lambda: not slow.working(), 5)
    assert event not in slow.page._queue.event_ids_to_events


def test_a_run_that_nobody_ever_reads_ends(slow: Served) -> None:
    slow.callers.grace = 1.0
    slow.call("recommend", "sailor", None, [], 3, 5)
    assert soon(lambda: slow.backbone.calls["generate"] > 0)
    assert soon(lambda: not slow.working(), 5)


def test_a_followed_run_that_nobody_reads_ends(slow: Served) -> None:
    slow.callers.grace = 1.0
    begun(slow, "lost")
    join(slow, slow.function("follow"), [""], "lost")
    assert soon(lambda: slow.backbone.calls["generate"] > 0)
    assert soon(lambda: not slow.working(), 5)


def test_reading_for_an_upload_ends_when_the_client_goes(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    def slowly(data: bytes, *_: Any, **__: Any) -> Any:
        read.append(1)
        time.sleep(0.1)
        return real(data, *_, **__)

    real = reader.picture
    monkeypatch.setattr(reader, "picture", slowly)
    paths = server.upload(*[png()] * 50).json()
    files = [{"path": path, "meta": {"_type": "gradio.FileData"}} for path in paths]
    body = {"data": [[], 3, files], "fn_index": server.function("upload"), "session_hash": "s"}
    with pytest.raises(httpx.ReadTimeout, match="timed out"):
        httpx.post(f"{server.api}/run/predict", json=body, timeout=1.0, headers=ONE)
    assert soon(lambda: server.files() == [], 3)
    assert 0 < len(read) < 40


def test_a_run_that_is_read_goes_on_to_its_end(slow: Served) -> None:
    slow.callers.grace, slow.backbone.delay = 0.0, 0.01
    event = slow.call("recommend", "sailor", None, [], 3, 5).json()["event_id"]
    with httpx.stream("GET", f"{slow.api}/call/recommend/{event}", timeout=60, headers=ONE) as stream:
        lines = [line for line in stream.iter_lines() if line]
    assert lines[-2] == "event: complete" and '"recommendations"' in lines[-1]


# ---- the queue


def begun(server: Served, session: str, caller: str = "10.0.0.1") -> Any:
    draft = [{"id": "a", "title": "red mug"}, {"id": "b", "title": "blue mug"}]
    body = {"data": [draft, 3, 3, ""], "fn_index": server.function("begin"), "session_hash": session}
    answer = httpx.post(f"{server.api}/run/predict", json=body, headers={"X-Forwarded-For": caller})
    return answer.json()["data"]


def join(server: Served, function: int, data: list[Any], session: str, caller: str = "10.0.0.1") -> httpx.Response:
    body = {"data": data, "fn_index": function, "session_hash": session}
    return httpx.post(f"{server.api}/queue/join", json=body, headers={"X-Forwarded-For": caller})


def test_joins_that_nobody_reads_do_not_lock_others_out(slow: Served) -> None:
    answers = [slow.call("recommend", "sailor", None, [], 3, 5) for _ in range(MOST + 1)]
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(refused) >= MOST - EACH and "Try again when one of them is done" in refused[0].text
    slow.callers.grace = 0.5
    event = slow.call("describe", None, ["red mug"], caller="10.0.0.2").json()["event_id"]
    kind, data = slow.answer("describe", event, "10.0.0.2")
    assert kind == "event: complete" and "red mug" in data


def test_what_nobody_reads_makes_room_for_its_own_caller_too(slow: Served) -> None:
    first = slow.call("recommend", "sailor", None, [], 3, 5).json()["event_id"]
    with httpx.stream("GET", f"{slow.api}/call/recommend/{first}", timeout=30, headers=ONE):
        assert soon(lambda: slow.backbone.calls["generate"] > 0)
        for _ in range(EACH):
            assert slow.call("describe", None, ["red mug"]).status_code == 200
        assert slow.call("describe", None, ["red mug"]).status_code == 503
        slow.callers.grace = 0.0
        assert slow.call("describe", None, ["red mug"]).status_code == 200
        assert len(slow.page._queue) == 1 and slow.working()


def test_a_visit_ends_when_the_queue_has_no_place_for_it(slow: Served) -> None:
    running = slow.call("recommend", "sailor", None, [], 3, 5).json()["event_id"]
    assert soon(lambda: slow.backbone.calls["generate"] > 0)
    for _ in range(EACH):
        slow.call("recommend", "sailor", None, [], 3, 5)
    begun(slow, "mine")
    mine = OWN("mine")
    assert slow.visits.of(mine).state.phase == "waiting"
    assert join(slow, slow.function("follow"), [""], "mine").status_code == 503
    assert slow.visits.of(mine).state.phase == "failed" and slow.visits.place(mine) is None
    body = {"data": [], "fn_index": slow.function("stop"), "session_hash": "mine"}
    shown = httpx.post(f"{slow.api}/run/predict", json=body, headers=ONE).json()["data"]
    assert "Too many runs are waiting" in json.dumps(shown), running


def test_old_answers_of_nobody_are_dropped_first(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("msr.ui.turns._SESSIONS", 5)
    kept = server.page._queue.pending_messages_per_session
    for n in range(20):
        server.call("describe", None, ["red mug"], caller=f"10.0.1.{n}", session_hash=f"s{n}")
        assert soon(lambda: not server.page._queue.event_ids_to_events)
    assert len(kept) <= 7


# ---- memory


def test_sessions_do_not_keep_what_was_sent(server: Served) -> None:
    body = {"data": ["x" * 50_000], "fn_index": server.function("offer_words"), "session_hash": "s"}
    assert httpx.post(f"{server.api}/run/predict", json=body, headers=ONE).status_code == 200
    session = server.gradio.state_holder[OWN("s")]
    assert session.config_values == {} and "xxxx" not in str(session.state_data)


def test_a_new_session_costs_next_to_nothing(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BlocksConfig, "config_for_block", lambda *_: pytest.fail("settings were gathered"))
    session = server.gradio.state_holder[secrets.token_hex(4)]
    assert session.config_values == {} and set(session.blocks_config.blocks) == set(server.page.blocks)


def test_many_pages_that_close_at_once_hold_nobody_up(server: Served) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    pages = []
    for n in range(150):
        page = socket.create_connection((host, int(port)))
        head = f"GET /gradio_api/heartbeat/page-{n} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: 10.0.2.{n}\r\n\r\n"
        page.sendall(head.encode())
        pages.append(page)
    for page in pages:
        assert page.recv(12) == b"HTTP/1.1 200"
        page.close()
    began = time.monotonic()
    for _ in range(5):
        httpx.get(f"{server.url}/healthz", timeout=30)
        time.sleep(0.1)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("recommend", ["", None, ["x"] * 61, 3, 5]),
        ("describe", [None, ["x"] * 61]),
    ],
)
def test_too_many_titles_are_refused_before_they_are_read(
    server: Served, name: str, data: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("msr.intake.title", lambda *_: pytest.fail("a title was read"))
    kind, said = server.answer(name, server.call(name, *data).json()["event_id"])
    assert kind == "event: error" and "titles has 61 entries; at most 60 are read" in said


def test_a_dear_picture_costs_one_sentence(server: Served) -> None:
    (path,) = server.upload(jpeg_of_scans(400, (400, 400)), name="a.jpg").json()
    files = [{"path": path, "meta": {"_type": "gradio.FileData"}}]
    kind, said = server.answer("describe", server.call("describe", files, []).json()["event_id"])
    assert kind == "event: error" and "a JPEG of 400 scans" in said and server.files() == []
