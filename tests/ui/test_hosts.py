"""Names that the server answers to, and requests of other sites' pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from msr.ui.hosts import Hosts
from tests.ui.serve import app, serving

pytestmark = pytest.mark.slow  # a server of its own

OPEN = Hosts(frozenset({"studio.example.org"}))


@pytest.fixture(scope="module")
def public() -> Iterator[str]:
    """A studio that answers to studio.example.org too, without a proxy."""
    with serving(app(hosts=OPEN)) as url:
        yield url


@pytest.fixture(scope="module")
def behind() -> Iterator[str]:
    """The same behind a proxy on this computer."""
    with serving(app(hosts=replace(OPEN, proxies=frozenset({"127.0.0.1"})))) as url:
        yield url


@pytest.mark.parametrize("host", ["localhost:7860", "127.0.0.1:7860", "[::1]:7860", "localhost", "LOCALHOST:80"])
def test_local_names_are_answered_to(host: str) -> None:
    assert Hosts().refusal("GET", "/", {"host": host}) is None


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("evil.example", "--allow-host evil.example"),
        ("127.0.0.1.evil.example:7860", "does not answer"),
        ("localhost.", "no host that can be read"),
        ("0.0.0.0:7860", "does not answer"),
        ("user@localhost", "no host that can be read"),
        ("localhost:7860/x", "no host that can be read"),
        ("", "no host that can be read"),
    ],
)
def test_other_names_are_refused_and_the_option_is_named(host: str, said: str) -> None:
    assert said in str(Hosts().refusal("GET", "/", {"host": host}))


@pytest.mark.parametrize("name", ["http://x.org", "x.org:80", "x.org/", "*.x.org", "", "X.org", "a b"])
def test_what_is_not_a_host_name_cannot_be_allowed(name: str) -> None:
    with pytest.raises(ValueError, match="is not a host name"):
        Hosts(frozenset({name}))


@pytest.mark.parametrize(
    ("scheme", "host", "origin", "fine"),
    [
        ("http", "localhost:7860", "http://localhost:7860", True),
        ("http", "localhost", "http://localhost:80", True),
        ("https", "studio.example.org", "https://studio.example.org", True),
        ("https", "studio.example.org:443", "https://studio.example.org", True),
        ("https", "studio.example.org:8443", "https://studio.example.org:8443", True),
        ("http", "localhost:7860", "https://localhost:7860", False),
        ("http", "studio.example.org", "https://studio.example.org", False),
        ("https", "studio.example.org", "http://studio.example.org", False),
        ("http", "localhost:7860", "http://localhost:3000", False),
        ("http", "localhost:7860", "http://127.0.0.1:7860", False),
        ("https", "studio.example.org", "https://evil.example", False),
        ("https", "studio.example.org", "https://studio.example.org.evil.example", False),
        ("http", "localhost:7860", "null", False),
        ("http", "localhost:7860", "", False),
        ("http", "localhost:7860", "file://localhost:7860", False),
    ],
)
def test_pages_of_this_server_alone_may_ask(scheme: str, host: str, origin: str, fine: bool) -> None:
    assert (OPEN.refusal("POST", "/login", {"host": host, "origin": origin}, scheme) is None) is fine


def test_a_page_over_https_is_told_of_the_proxy() -> None:
    headers = {"host": "localhost:7860", "origin": "https://localhost:7860"}
    assert "--proxy" in str(OPEN.refusal("POST", "/login", headers))


@pytest.mark.parametrize("proxy", ["nginx", "127.0.0.1:80", "10.0.0.0/8", "*", ""])
def test_a_proxy_is_one_address(proxy: str) -> None:
    with pytest.raises(ValueError, match="is not an IP address"):
        Hosts(proxies=frozenset({proxy}))


@pytest.mark.parametrize(
    ("method", "path", "site", "mode", "fine"),
    [
        ("POST", "/gradio_api/queue/join", "same-origin", "cors", True),
        ("GET", "/", "none", "navigate", True),
        ("GET", "/", "cross-site", "navigate", True),
        ("GET", "/logout", "cross-site", "navigate", False),
        ("POST", "/", "cross-site", "navigate", False),
        ("GET", "/media/x.webp", "cross-site", "no-cors", False),
        ("GET", "/media/x.webp", "same-site", "no-cors", False),
    ],
)
def test_what_the_browser_says_of_the_sender_counts(method: str, path: str, site: str, mode: str, fine: bool) -> None:
    headers = {"host": "localhost", "sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": "document"}
    assert (Hosts().refusal(method, path, headers) is None) is fine
    framed = Hosts().refusal(method, path, {**headers, "sec-fetch-dest": "iframe"})
    assert (framed is None) is (fine and site != "cross-site")


def test_a_forged_host_is_refused_before_gradio(public: str) -> None:
    for path in ("/", "/config", "/healthz", "/theme.css", "/gradio_api/info", "/gradio_api/heartbeat/x"):
        answer = httpx.get(public + path, headers={"Host": "evil.example"})
        assert answer.status_code == 403 and "gradio" not in answer.text


def test_forwarded_headers_count_from_a_proxy_alone(public: str, behind: str) -> None:
    for forged in ({"X-Forwarded-Host": "evil.example"}, {"X-Forwarded-Host": "evil.example, studio.example.org"}):
        assert httpx.get(f"{behind}/config", headers=forged).status_code == 403
        assert httpx.get(f"{public}/config", headers=forged).json()["root"] == public
    proto = {"X-Forwarded-Proto": "https"}
    assert httpx.get(f"{public}/config", headers=proto).json()["root"] == public
    assert httpx.get(f"{behind}/config", headers=proto).json()["root"].startswith("https://")


def test_uploads_and_runs_of_other_sites_are_refused(public: str) -> None:
    for forged in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        for host in ({}, {"Host": "studio.example.org"}):
            headers = {**forged, **host}
            file = {"files": ("x.csv", b"id,title,image\n")}
            answers = (
                httpx.post(f"{public}/gradio_api/upload", files=file, headers=headers),
                httpx.post(f"{public}/gradio_api/queue/join", json={"data": []}, headers=headers),
                httpx.options(f"{public}/config", headers={**headers, "Access-Control-Request-Method": "POST"}),
            )
            assert [answer.status_code for answer in answers] == [403] * 3
            assert not any("access-control-allow-origin" in answer.headers for answer in answers)


def test_the_public_name_is_answered_to_behind_a_proxy(behind: str, public: str) -> None:
    """A proxy keeps the host, or says it in a header of its own; the page's addresses begin with it."""
    kept = {"Host": "studio.example.org", "X-Forwarded-Proto": "https"}
    told = {"X-Forwarded-Host": "studio.example.org", "X-Forwarded-Proto": "https"}
    for headers in (kept, told):
        asked = {**headers, "Origin": "https://studio.example.org", "Sec-Fetch-Site": "same-origin"}
        answer = httpx.get(f"{behind}/config", headers=asked)
        assert answer.status_code == 200 and answer.json()["root"] == "https://studio.example.org"
        joined = httpx.post(f"{behind}/gradio_api/call/describe", json={"data": [[], ["red mug"]]}, headers=asked)
        assert joined.status_code == 200
        assert httpx.get(f"{public}/config", headers=asked).status_code == 403, "nothing vouches for https"


def test_a_server_named_in_a_header_is_not_believed(public: str) -> None:
    answer = httpx.get(f"{public}/config", headers={"X-Gradio-Server": "http://evil.example"})
    assert "evil" not in answer.text
