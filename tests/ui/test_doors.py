"""What an attacker sends: paths, web addresses, requests that pass by the queue, calls of Gradio's other routes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio.utils import get_upload_folder

from msr.config import LIMITS
from msr.reviews import A_MINUTE
from msr.reviews import EACH as JUDGEMENTS_EACH
from msr.reviews import MOST as JUDGEMENTS
from msr.ui.bodies import _MOST_PARTS, _PATIENCE, _RATE, Bodies
from msr.ui.callers import GRACE
from msr.ui.doors import Body
from msr.ui.jobs import Visits
from msr.ui.serving import CONNECTIONS, HEAD
from msr.ui.stores import Downloads, Media, RunStore
from msr.ui.studio import Studio
from msr.ui.turns import EACH, MOST
from msr.ui.visitors import Attempts
from tests.ui.serve import app, serving

pytestmark = pytest.mark.slow  # a server of its own

SECRET = "the-content-of-a-foreign-file"
ANN = {"username": "ann", "password": "secret"}


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.csv"
    path.write_text(f"id,title,image\n1,{SECRET},\n", "utf-8")
    return path


@pytest.fixture(params=["open", "signed in"])
def visitor(request: pytest.FixtureRequest, quick: str) -> Iterator[httpx.Client]:
    """Somebody who may use the server: one that asks for no name, or one that was told it."""
    if request.param == "open":
        with httpx.Client(base_url=quick) as client:
            yield client
    else:
        with serving(app(auth=[("ann", "secret")])) as url, httpx.Client(base_url=url) as client:
            client.post("/login", data=ANN).raise_for_status()
            yield client


def file_data(path: str) -> dict[str, Any]:
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def named(path: str) -> list[Any]:
    """Ways to name a file."""
    whole = file_data(path)
    return [whole, [whole], {"value": whole}, {"path": path}, {**whole, "url": f"http://127.0.0.1:9/{path}"}]


def arguments(config: dict[str, Any], path: str) -> Iterator[tuple[dict[str, Any], list[Any]]]:
    """Every event that the page has, with every argument of it in turn naming the file, in each way."""
    for dependency in config["dependencies"]:
        for n in range(max(1, len(dependency["inputs"]))):
            for form in named(path):
                data: list[Any] = [None] * len(dependency["inputs"])
                data[n : n + 1] = [form]
                yield dependency, data


def copies(secret: str = SECRET) -> list[Path]:
    """Files that Gradio keeps, and may serve, with the secret in them."""
    kept = Path(get_upload_folder()).rglob("*")
    return [path for path in kept if path.is_file() and secret.encode() in path.read_bytes()]


def test_no_endpoint_takes_a_path_that_was_not_handed_out(visitor: httpx.Client, foreign: Path) -> None:
    config = visitor.get("/config").json()
    sent = 0
    for dependency, data in arguments(config, str(foreign)):
        name = dependency["api_name"] or "predict"
        body = {"data": data, "fn_index": dependency["id"], "session_hash": "visitor"}
        for route in ("run/predict", f"api/{name}", f"call/{name}", "queue/join"):
            answer = visitor.post(f"/gradio_api/{route}", json=body)
            assert answer.status_code == 400 and "not known here" in answer.text, (route, dependency["id"], data)
            sent += 1
    assert sent > 400 and copies() == []


def test_behind_the_guard_gradio_refuses_foreign_paths_too(foreign: Path) -> None:
    inner = app().routes[-1].app

    async def attack() -> int:
        refused = 0
        async with httpx.AsyncClient(transport=httpx.ASGITransport(inner), base_url="http://localhost") as client:
            config = (await client.get("/config")).json()
            for dependency, data in arguments(config, str(foreign)):
                body = {"data": data, "fn_index": dependency["id"], "session_hash": "visitor"}
                answer = await client.post("/gradio_api/run/predict", json=body)
                assert SECRET not in answer.text
                refused += answer.status_code != 200
        return refused

    assert asyncio.run(attack()) > 100 and copies() == []


@pytest.mark.parametrize("where", ["data", "event_data", "deep", "in call/v2"])
def test_a_path_is_refused_wherever_it_stands(quick: str, foreign: Path, where: str) -> None:
    body: dict[str, Any] = {"data": [], "fn_index": 0}
    if where == "deep":
        body["data"] = [[[{"a": [{"b": file_data(str(foreign))}]}]]]
    elif where == "in call/v2":
        body = {"files": [file_data(str(foreign))]}
    else:
        body[where] = [file_data(str(foreign))]
    route = "call/v2/describe" if where == "in call/v2" else "queue/join"
    answer = httpx.post(f"{quick}/gradio_api/{route}", json=body)
    assert answer.status_code == 400 and "not known here" in answer.text


def test_an_upload_is_known_to_whom_it_was_handed_out() -> None:
    with serving(app(auth=[("ann", "secret"), ("bob", "hidden")])) as url:
        ann, bob = httpx.Client(base_url=url), httpx.Client(base_url=url)
        with ann, bob:
            ann.post("/login", data=ANN)
            bob.post("/login", data={"username": "bob", "password": "hidden"})
            files = [("files", (f"{n}.csv", b"id,title,image\n1,mine,\n")) for n in range(40)]  # a long answer
            compressed = {"Accept-Encoding": "br"}
            (path, *_) = ann.post("/gradio_api/upload", files=files, headers=compressed).json()
            body = {"data": [[file_data(path)], []]}
            assert ann.post("/gradio_api/call/describe", json=body).status_code == 200
            assert "not known here" in bob.post("/gradio_api/call/describe", json=body).text


def test_an_endless_file_does_not_stop_the_server(quick: str) -> None:
    began = time.monotonic()
    for path in ("/dev/zero", "/dev/stdin", "/proc/self/mem"):
        for form in named(path):
            body = {"data": [[form], []], "fn_index": 0}
            assert httpx.post(f"{quick}/gradio_api/run/describe", json=body, timeout=5).status_code == 400
    assert httpx.get(f"{quick}/healthz", timeout=5).status_code == 200
    assert time.monotonic() - began < 5


def test_nothing_passes_by_the_queue(quick: str) -> None:
    config = httpx.get(f"{quick}/config").json()
    queued = [d for d in config["dependencies"] if d["queue"] is not False and d["backend_fn"]]
    assert {"recommend", "describe", "what_if", "follow"} <= {d["api_name"] for d in queued}
    for dependency in queued:
        body = {"data": [None] * len(dependency["inputs"]), "fn_index": dependency["id"], "session_hash": "x"}
        for route in ("run/predict", f"run/{dependency['api_name']}", f"api/{dependency['api_name']}"):
            answer = httpx.post(f"{quick}/gradio_api/{route}", json=body)
            assert answer.status_code == 404 and "queue" in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=http://127.0.0.1:9/x.png",
        "/gradio_api/file=https://example.org/x.png",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file//etc/passwd",
        "/gradio_api/proxy=https://x.hf.space/",
        "/gradio_api/custom_component/x/client/x/x.py",
        "/static/../../../etc/passwd",
        "/static/%2e%2e/%2e%2e/app.py",
        "/monitoring",
        "/gradio_api/token",
        "/gradio_api/deep_link?session_hash=x",
        "/gradio_api/stream/x/y/1/playlist-file",
        "/gradio_api/dev/reload",
        "/gradio_api/queue/status",
        "/gradio_api/startup-events",
        "/gradio_api/vibe-code",
        "/pwa_icon",
        "/gradio_api/mcp/",
    ],
)
def test_routes_that_read_files_and_addresses_are_closed(quick: str, path: str) -> None:
    assert httpx.get(quick + path).status_code in (403, 404)


@pytest.mark.parametrize(
    "path", ["component_server", "process_recording", "vibe-edit", "vibe-code", "stream/x", "run-history/connect"]
)
def test_routes_that_record_and_edit_are_closed(quick: str, path: str) -> None:
    assert httpx.post(f"{quick}/gradio_api/{path}", json={}).json() == {"detail": "There is no such page here."}


def test_no_name_is_looked_up_and_no_address_fetched(quick: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    asked: list[Any] = []
    connect, lookup = socket.socket.connect, socket.getaddrinfo
    here = ("127.0.0.1", int(quick.rsplit(":", 1)[1]))

    def connecting(self: socket.socket, address: Any) -> None:
        asked.append(address) if address != here else None
        connect(self, address)

    def looking_up(host: Any, *rest: Any, **more: Any) -> Any:
        asked.append(host) if host not in ("127.0.0.1", b"127.0.0.1") else None
        return lookup(host, *rest, **more)

    monkeypatch.setattr(socket.socket, "connect", connecting)
    monkeypatch.setattr(socket, "getaddrinfo", looking_up)
    address = "http://files.example.org/x.png"
    config = httpx.get(f"{quick}/config").json()
    with httpx.Client(base_url=quick) as client:
        for dependency, data in arguments(config, address):
            client.post("/gradio_api/run/predict", json={"data": data, "fn_index": dependency["id"]})
        for path in (f"file={address}", f"file/{address}", f"proxy={address}"):
            client.get(f"/gradio_api/{path}")
        for header in ("X-Forwarded-Host", "X-Gradio-Server", "Origin"):
            client.get("/config", headers={header: address})
    assert asked == []


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (b"[" * 90_000, 400, "not JSON"),
        (b"[" + b"[]," * 400_000 + b"[]]", 413, "too many parts"),
        (b'{"data": [' + b"9" * 10_000 + b"]}", 400, "not JSON"),
        (b'{"data": [NaN]}', 400, "not JSON"),
        (b'{"data": [], "session_hash": "' + b"x" * 101 + b'"}', 400, "session_hash is too long"),
        (b'{"data": [], "event_id": [' + b"1," * 101 + b"1]}", 400, "event_id is too long"),
        (b'{"data": ["' + b"x" * (5 * 2**20) + b'"]}', 413, "too large"),
        (b"", 400, "not JSON"),
    ],
)
def test_a_body_is_bounded_before_it_is_read(quick: str, content: bytes, status: int, said: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = httpx.post(f"{quick}/gradio_api/queue/join", content=content, headers=headers)
    assert answer.status_code == status and said in answer.json()["detail"]


def test_a_number_that_is_too_large_for_any_reader_is_not_read(quick: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = httpx.post(f"{quick}/gradio_api/cancel", content=b'{"fn_index": 1e400}', headers=headers)
    assert answer.status_code == 400 and "not JSON" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/static/" + "a" * 300, "/?x=" + "a" * 3000, "/static/%C3%A9", "/media/%ff.webp"])
def test_an_address_is_short_and_plain(quick: str, path: str) -> None:
    assert httpx.get(quick + path).status_code == 414


@pytest.mark.parametrize("said", [None, [1], "x", 3, {}, {"key": {}, "run": [], "item": {}, "story": None}])
def test_what_a_script_says_of_an_event_is_not_trusted(quick: str, said: Any) -> None:
    """Handlers that ask what was clicked; nothing that is known was."""
    asked = {"present": 0, "go_live": 0, "pick": 2, "asked": 1}
    dependencies = {d["api_name"]: d["id"] for d in httpx.get(f"{quick}/config").json()["dependencies"]}
    for name, count in asked.items():
        data = [[], 3, ""][:count] if name == "pick" else [""] * count
        body = {"data": data, "fn_index": dependencies[name], "session_hash": "x", "event_data": said}
        answer = httpx.post(f"{quick}/gradio_api/run/predict", json=body)
        assert answer.status_code == 200, (name, answer.text)


def test_half_an_emoji_breaks_no_answer(quick: str) -> None:
    def answer(name: str, data: list[Any]) -> str:
        body, kind = json.dumps({"data": data}), {"Content-Type": "application/json"}
        event = httpx.post(f"{quick}/gradio_api/call/{name}", content=body, headers=kind).json()["event_id"]
        return httpx.get(f"{quick}/gradio_api/call/{name}/{event}", timeout=30).text

    assert '"title": "mug ?"' in answer("describe", [None, ["mug \ud83d"]])
    assert "There is no such story" in answer("recommend", ["\ud83d", None, [], 3, 5])


def test_a_body_that_hides_its_length_is_bounded_too(quick: str) -> None:
    def growing() -> Iterator[bytes]:
        yield b'{"data": ["'
        for _ in range(100):
            yield b"x" * 2**20

    headers = {"Content-Type": "application/json"}
    try:
        answer = httpx.post(f"{quick}/gradio_api/queue/join", content=growing(), headers=headers)
        assert answer.status_code == 413
    except httpx.TransportError:
        pass  # the server had closed the connection before all was sent
    assert httpx.get(f"{quick}/healthz").status_code == 200


def test_only_json_is_read_as_json(quick: str) -> None:
    """A form of another site can send text, not JSON."""
    body = json.dumps({"data": [], "fn_index": 0, "session_hash": "x"})
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        answer = httpx.post(f"{quick}/gradio_api/queue/join", content=body, headers={"Content-Type": kind})
        assert answer.status_code == 415


def test_the_limits_that_are_promised_are_those_that_hold() -> None:
    text = (Path(__file__).parents[2] / "docs" / "security.md").read_text("utf-8")
    table = text.split("## Limits")[1].split("##")[0]
    mb, attempts, reads, visits = 2**20, Attempts(), Studio.__dataclass_fields__["readers"].default_factory(), Visits()
    for row in (
        f"| JSON (also of MCP tools) | {Body.JSON.value // mb} MB, {_MOST_PARTS:,} parts "
        f"| {Bodies()._budget // 4 // mb} MB at a time | {Bodies()._budget // mb} MB at a time |",
        f"| upload | {LIMITS.max_upload_bytes // mb} MB; a picture {LIMITS.max_image_bytes // mb} MB and "
        f"{LIMITS.max_jpeg_pixels // 10**6} megapixels | {LIMITS.max_held_bytes // 4 // mb} MB unread "
        f"| {LIMITS.max_held_bytes // mb:,} MB unread |",
        f"| reading what was uploaded | {LIMITS.max_seconds} seconds, {LIMITS.max_total_pixels // 10**6:,} megapixels, "
        f"{LIMITS.max_catalogue:,} rows | {reads._each} at a time | {reads._most} at a time |",
        f"| work that waits for the model | one at a time is done | {EACH} | {MOST} |",
        f"| runs that were begun on a page | | {visits._each} | {visits._waiting} |",
        f"| failed logins in five minutes | | {attempts._each} with one name, {attempts._wide} in all "
        f"| {attempts._most:,}; beyond that each login takes a second longer, and none is refused for it |",
        f"| login form | {Body.FORM.value // 2**10} KB | | |",
        f"| connections and open requests (of one network address) | {HEAD:.0f} seconds for the first lines; "
        f"{_PATIENCE:.0f} seconds for the rest, and one more for each {_RATE // 2**10} KB | {CONNECTIONS} | |",
        f"| judgements | a note of 1,000 characters | {A_MINUTE} a minute, {JUDGEMENTS_EACH:,} since the server began "
        f"| {JUDGEMENTS:,} |",
        f"| catalogues that visitors brought | {LIMITS.max_zip_bytes // mb} MB unpacked | "
        f"| {LIMITS.max_offer_bytes // mb} MB, the oldest go first |",
        f"| finished runs, downloads, pictures on show | | | {RunStore()._budget // mb}, "
        f"{Downloads()._budget // mb} and "
        f"{Media()._pictures.maxsize // mb} MB, the oldest go first |",
    ):
        assert row in table, row
    assert attempts._window == 300 and f"{GRACE:.0f} seconds" in table
