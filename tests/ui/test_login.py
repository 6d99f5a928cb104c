"""A server that asks for a name and a password."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AuthenticationError

from msr.ui.visitors import Attempts
from tests.ui.serve import app, serving

pytestmark = pytest.mark.slow  # a server of its own

ANN = {"username": "ann", "password": "secret"}


@pytest.fixture
def locked() -> Iterator[str]:
    with serving(app(auth=[("ann", "secret")])) as url:
        yield url


@pytest.mark.parametrize(
    "path",
    ["config", "media/x.webp", "download/x", "gradio_api/heartbeat/x", "gradio_api/info", "gradio_api/app_id", "logout"]
    + ["gradio_api/queue/data?session_hash=x", "gradio_api/upload_progress?upload_id=x"],
)
def test_nothing_but_the_login_is_there_before_it(locked: str, path: str) -> None:
    assert httpx.get(f"{locked}/{path}").status_code == 401


def test_whoever_signed_in_comes_in_and_goes_out_again(locked: str) -> None:
    assert httpx.get(f"{locked}/healthz").json()["status"] == "ok"
    assert '"auth_required":true' in httpx.get(locked).text.replace(" ", "")
    for route in ("run/predict", "queue/join", "upload", "cancel", "call/describe"):
        assert httpx.post(f"{locked}/gradio_api/{route}", json={"data": []}).status_code == 401
    with httpx.Client(base_url=locked) as ann:
        answer = ann.post("/login", data=ANN)
        cookies = [value.lower() for value in answer.headers.get_list("set-cookie")]
        assert cookies and all("samesite=lax" in c and "httponly" in c for c in cookies)
        assert ann.get("/config").status_code == 200 and ann.get("/media/x.webp").status_code == 404
        ann.get("/logout")
        assert ann.get("/config").status_code == 401


def test_a_guessed_cookie_is_not_taken(locked: str) -> None:
    name = next(n for n in httpx.post(f"{locked}/login", data=ANN).cookies if "unsecure" in n)
    for value in ("x", "ann", "", "None"):
        assert httpx.get(f"{locked}/config", headers={"Cookie": f"{name}={value}"}).status_code == 401


def test_a_script_signs_in(locked: str) -> None:
    client = Client(locked, auth=("ann", "secret"), verbose=False)
    (told,) = client.predict(titles=["red mug"], api_name="/describe")
    assert told["title"] == "red mug"
    with pytest.raises(AuthenticationError, match="login|auth"):
        Client(locked, verbose=False)


def test_passwords_cannot_be_guessed_at_leisure_and_others_come_in() -> None:
    with serving(app(auth=[("ann", "secret"), ("bob", "hidden")])) as url:
        wrong = {"username": " ann", "password": "guess"}
        for n in range(10):  # nobody believes a caller that says it is another one each time
            said = {"X-Forwarded-For": f"10.0.0.{n}", "X-Real-IP": f"10.0.0.{n}", "Forwarded": f"for=10.0.0.{n}"}
            assert httpx.post(f"{url}/login", data=wrong, headers=said).status_code == 400
        for form in (wrong, ANN):
            answer = httpx.post(f"{url}/login", data=form, headers={"X-Forwarded-For": "10.0.0.99"})
            assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 200
            assert "Too many failed logins" in answer.json()["detail"]
        assert httpx.post(f"{url}/login", data={"username": "bob", "password": "hidden"}).status_code == 200
        for form in ({}, {"username": "bob"}):
            assert httpx.post(f"{url}/login", data=form).status_code == 400
        odd = httpx.post(f"{url}/login", files={"username": ("x", b"ann"), "password": (None, "x")})
        assert odd.status_code == 400


def test_a_long_login_is_refused(locked: str) -> None:
    answer = httpx.post(f"{locked}/login", data={"username": "ann", "password": "x" * 20_000})
    assert answer.status_code == 413


def test_attempts_are_counted_by_name_by_address_and_together_and_forgotten() -> None:
    now = [0.0]
    attempts = Attempts(each=2, wide=3, most=5, window=60, clock=lambda: now[0])
    assert [attempts.begin("a", "ann"), attempts.begin("a", "ann")] == [0, 0]
    assert attempts.begin("a", "ann") == 60
    assert attempts.begin("b", "ann") == 0, "from elsewhere the name is not locked"
    assert attempts.begin("a", "bob") == 0, "another name is not locked"
    now[0] = 10
    assert attempts.begin("a", "carl") == 50, "too many of one address"
    assert attempts.begin("c", "carl") == 0 and not attempts.crowded
    assert attempts.begin("d", "dora") == 0 and attempts.crowded, "too many of all together, which only slows"
    now[0] = 60
    assert attempts.begin("a", "ann") == 0 and not attempts.crowded


def test_a_login_is_slow_but_not_refused_while_very_many_fail(locked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Attempts, "crowded", True)
    began = time.monotonic()
    assert httpx.post(f"{locked}/login", data=ANN).status_code == 200
    assert time.monotonic() - began >= 1


def test_a_right_password_does_not_count() -> None:
    attempts = Attempts(each=2)
    for _ in range(10):
        assert attempts.begin("a", "ann") == 0
        attempts.succeeded("a", "ann")
