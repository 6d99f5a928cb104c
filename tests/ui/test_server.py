"""The server without a browser: headers, pictures, and the endpoint for scripts."""

from __future__ import annotations

import ast
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

import msr.ui
from msr.pipeline import Pipeline
from msr.ui.engine import Engine, Status
from msr.ui.stores import Downloads
from tests import fakes
from tests.intake_files import HEADER, png, write_folder
from tests.ui.serve import app, serving

pytestmark = pytest.mark.slow  # a server of its own


@pytest.fixture(scope="module")
def client(quick: str) -> Client:
    return Client(quick, verbose=False)


def test_health(quick: str) -> None:
    assert httpx.get(f"{quick}/healthz").json()["status"] == "ok"


def test_the_browser_is_kept_at_home(quick: str) -> None:
    page = httpx.get(quick)
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy and "http" not in policy and "*" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "fonts.googleapis" not in page.text and "fonts.googleapis" not in httpx.get(f"{quick}/theme.css").text


def test_files_of_the_server_are_not_served(quick: str) -> None:
    here = Path(__file__).resolve()
    for address in (f"/gradio_api/file={here}", "/media/..%2F..%2Fapp.py", "/media/unknown.webp"):
        assert httpx.get(quick + address).status_code in (403, 404)


def test_the_endpoint_runs_a_story(client: Client) -> None:
    run = client.predict(story="sailor", top=4, api_name="/recommend")
    assert len(run["history"]) == 9 and len(run["preferences"]) == 3
    assert [r["rank"] for r in run["recommendations"]] == [1, 2, 3, 4]
    assert all(r["rationale"] and r["influence"] for r in run["recommendations"])


def test_the_endpoint_takes_pictures_and_titles(client: Client, tmp_path: Path) -> None:
    Image.new("RGB", (30, 30), "red").save(tmp_path / "first.png")
    run = client.predict(
        files=[handle_file(str(tmp_path / "first.png"))], titles=["a red thing", "no picture of this"], block_size=1,
        top=3, api_name="/recommend",
    )  # fmt: skip
    assert [item["title"] for item in run["history"]] == ["a red thing", "no picture of this"]
    assert [bool(item["picture"]) for item in run["history"]] == [True, False]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"story": "nobody"}, "no such story"),
        ({}, "history is empty"),
        ({"story": "sailor", "block_size": 0}, "block_size is 0"),
        ({"titles": [1]}, "list of strings"),
    ],
)
def test_the_endpoint_says_what_is_wrong(client: Client, arguments: dict[str, object], said: str) -> None:
    with pytest.raises(AppError, match=said):
        client.predict(**arguments, api_name="/recommend")


def sent(folder: Path, files: Mapping[str, bytes | str]) -> list[dict[str, object]]:
    write_folder(folder, files)
    return [handle_file(str(folder / name)) for name in files]


def test_a_table_and_its_pictures_may_come_together(client: Client, tmp_path: Path) -> None:
    table = HEADER + "a,Orange mug,m1.png\nb,Lamp,M2.png\n"
    files = sent(tmp_path, {"items.csv": table, "m1.png": png(), "m2.png": png("blue")})
    assert [(r["id"], r["title"]) for r in client.predict(files=files, api_name="/describe")] == [
        ("a", "Orange mug"),
        ("b", "Lamp"),
    ]


def test_pictures_are_counted_as_people_count_unless_titles_give_an_order(client: Client, tmp_path: Path) -> None:
    files = sent(tmp_path, {name: png() for name in ("IMG_1.png", "IMG_10.png", "IMG_2.png")})
    told = client.predict(files=files, api_name="/describe")
    assert [r["id"] for r in told] == ["IMG_1", "IMG_2", "IMG_10"]
    told = client.predict(files=files, titles=["one", "ten", "two"], api_name="/describe")
    assert [(r["id"], r["title"]) for r in told] == [("IMG_1", "one"), ("IMG_10", "ten"), ("IMG_2", "two")]


def test_what_is_not_used_is_told_in_plain_text(client: Client, tmp_path: Path) -> None:
    files = sent(tmp_path, {"mug.png": png(), "lamp.gif": b"GIF89a", "o'hara.png": b"<html>"})
    *_, gif, bad = told = client.predict(files=files, api_name="/describe")
    assert [r["id"] for r in told] == ["mug", "", ""]
    assert gif["left_out"].startswith("lamp.gif: this is a GIF") and bad["left_out"].startswith(
        "o'hara.png: this is a web"
    )
    run = client.predict(files=files, top=2, api_name="/recommend")
    assert run["left_out"] == [gif["left_out"], bad["left_out"]]
    edited = client.predict(run=run["id"], preference="blue things", api_name="/what_if")
    assert edited["run"]["left_out"] == run["left_out"]
    with pytest.raises(AppError, match="^o'hara.png: this is a web page"):
        client.predict(files=files[2:], api_name="/describe")
    with pytest.raises(AppError, match="^lamp.gif: this is a GIF"):  # the titles could belong to others
        client.predict(files=files, titles=["mug", "lamp"], api_name="/describe")


def test_web_addresses_are_not_fetched(client: Client, quick: str) -> None:
    remote = {
        "path": "http://127.0.0.1:9/x.png",
        "meta": {"_type": "gradio.FileData"},
        "url": "http://127.0.0.1:9/x.png",
    }
    with pytest.raises(httpx.HTTPStatusError, match="400") as refused:
        client.predict(files=[remote], api_name="/recommend")
    assert "files must be uploaded, paths and web addresses are not read" in refused.value.response.text


def test_a_call_waits_for_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    release, waiting, engine_wait = threading.Event(), threading.Event(), Engine.wait

    def wait(engine: Engine, stop: threading.Event) -> Iterator[Status]:
        for status in engine_wait(engine, stop, 0.02):
            waiting.set()
            yield status

    monkeypatch.setattr(Engine, "wait", wait)

    def load(report: Callable[[str, float], None]) -> Pipeline:
        release.wait(30)
        return Pipeline(fakes.FakeBackbone())

    with serving(app(load=load, recorded=[])) as url, ThreadPoolExecutor(1) as pool:
        assert httpx.get(f"{url}/healthz").json() == {"status": "ok", "model": "loading"}
        called = pool.submit(Client(url, verbose=False).predict, titles=["red mug"], api_name="/describe")
        assert waiting.wait(30) and not called.done()
        release.set()
        assert [item["title"] for item in called.result(30)] == ["red mug"]


def test_three_endpoints_are_offered_and_explained(client: Client) -> None:
    offered = client.view_api(return_format="dict")["named_endpoints"]
    assert list(offered) == ["/recommend", "/describe", "/what_if"]
    names = {name: [p["parameter_name"] for p in about["parameters"]] for name, about in offered.items()}
    assert names == {
        "/recommend": ["story", "files", "titles", "block_size", "top"],
        "/describe": ["files", "titles"],
        "/what_if": ["run", "remove", "order", "mask_pictures", "mask_titles", "preference", "block_size"],
    }


def test_every_parameter_has_a_type_as_mcp_clients_demand(quick: str) -> None:
    offered = httpx.get(f"{quick}/gradio_api/info").json()["named_endpoints"]
    types = {p["parameter_name"]: p["type"].get("type") for about in offered.values() for p in about["parameters"]}
    assert all(types.values()), types
    assert types["titles"] == types["remove"] == "array" and types["top"] == "number" and types["story"] == "string"


def test_items_are_described(client: Client) -> None:
    (told,) = client.predict(titles=["red mug"], api_name="/describe")
    assert (told["title"], told["description"]) == ("red mug", "A not seen red mug.")
    with pytest.raises(AppError, match="nothing to describe"):
        client.predict(api_name="/describe")


def test_a_run_is_edited_and_its_parent_stays(client: Client) -> None:
    before = client.predict(story="sailor", top=4, api_name="/recommend")
    first, second, *rest = (item["id"] for item in before["history"])
    told = client.predict(
        run=before["id"], remove=[rest[0]], order=[second, first], mask_pictures=[first], mask_titles=[second],
        preference="I only like bags now.", api_name="/what_if",
    )  # fmt: skip
    after = told["run"]
    assert after["parent"] == before["id"] != after["id"]
    assert [i["id"] for i in after["history"]] == [second, first, *rest[1:]]
    assert after["history"][0]["title"] == "" and after["history"][1]["picture"] is None
    assert after["preferences"][-1] == {"block": 3, "items": [], "text": "I only like bags now.", "edited": True}
    assert len(told["edits"]) == 5
    assert [m["rank"] for m in told["moves"]] == [1, 2, 3, 4]
    again = client.predict(run=after["id"], api_name="/what_if")
    assert again["run"]["parent"] == after["id"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"run": "nobody"}, "not kept here"),
        ({"remove": ["x"]}, "has no item x"),
        ({"remove": [1]}, "remove must be a list of strings"),
        ({"block_size": 99}, "block_size is 99"),
    ],
)
def test_an_edit_that_cannot_be_made_is_explained(client: Client, arguments: dict[str, object], said: str) -> None:
    run = client.predict(story="sailor", top=1, api_name="/recommend")["id"]
    with pytest.raises(AppError, match=said):
        client.predict(**{"run": run, **arguments}, api_name="/what_if")


def test_downloads_are_handed_out_by_their_address_alone() -> None:
    downloads = Downloads(most=2)
    first, second, third = (downloads.put(f"{n}.txt", "text/plain", str(n)) for n in range(3))
    assert len({first, second, third}) == 3 and downloads.get(first.removeprefix("download/")) is None
    assert downloads.get(third.removeprefix("download/")).data == b"2"


def test_an_unknown_download_is_explained(quick: str) -> None:
    answer = httpx.get(f"{quick}/download/guess")
    assert answer.status_code == 404 and "Ask for it again" in answer.text


def test_accounts_are_asked_for() -> None:
    with serving(app(auth=[("ann", "secret")])) as url:
        assert httpx.get(f"{url}/config").status_code == 401
        assert httpx.get(f"{url}/healthz").json()["status"] == "ok"


def test_the_page_holds_no_model_code() -> None:
    for path in Path(msr.ui.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        imported = {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        imported |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        assert not {m.split(".")[0] for m in imported} & {"torch", "transformers", "peft"}, path.name
