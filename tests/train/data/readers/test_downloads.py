"""Pictures by URL: bounded, resumable, and nowhere but to public https addresses. No test leaves this machine."""

from __future__ import annotations

import contextlib
import http.client
import shutil
import socket
import ssl
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from msr.intake import IntakeError
from tests.intake_files import png
from train.data.readers import downloads
from train.data.readers.downloads import Bounds, download, fetch_https

RED = png("red")


def fetched(folder: Path, answers: dict[str, bytes | Exception], **bounds) -> tuple[list[str], Counter]:
    """The ids that were asked for, and what was dropped; the URL of each item is its id."""
    asked: list[str] = []
    dropped: Counter[str] = Counter()

    def fetch(url: str, cap: int, seconds: float) -> bytes:
        asked.append(url)
        if isinstance(answers[url], Exception):
            raise answers[url]
        return answers[url][: cap + 1]

    download({id: id for id in answers}, folder, Bounds(**bounds), dropped, fetch)
    return asked, dropped


def test_pictures_are_kept_clean_and_under_their_ids(tmp_path):
    assert fetched(tmp_path / "new", {"B0AB": RED, "B0CD": RED}) == (["B0AB", "B0CD"], {})
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == ["B0AB.webp", "B0CD.webp"]
    assert (tmp_path / "new" / "B0AB.webp").read_bytes()[8:12] == b"WEBP"


def test_a_second_call_asks_only_for_what_is_missing(tmp_path):
    (tmp_path / "b.jpg").write_bytes(RED)
    (tmp_path / "c.part").write_bytes(RED[:20])  # of a call that was interrupted
    answers = {"a": OSError("gone"), "b": RED, "c": RED}
    assert fetched(tmp_path, answers) == (["a", "c"], {"pictures that could not be fetched": 1})
    assert fetched(tmp_path, answers | {"a": RED}) == (["a"], {})


@pytest.mark.parametrize("data", [b"", b"<svg/>", b"GIF89a", RED[:40], b"<html>not found</html>"])
def test_what_is_no_picture_is_not_kept(tmp_path, data):
    assert fetched(tmp_path, {"a": data})[1] == {"pictures refused": 1}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("id", ["../x", "a/b", "", ".", "x" * 65, "é"])
def test_an_id_that_is_no_file_name_is_not_asked_for(tmp_path, id):
    assert fetched(tmp_path / "d", {id: RED}) == ([], {"pictures with unsafe names": 1})
    assert not list(tmp_path.glob("*.webp"))


OVER = "pictures not fetched: over the bounds, or the network is gone"


@pytest.mark.parametrize(
    ("bounds", "asked", "dropped"),
    [
        ({"pictures": 2}, "ab", {OVER: 3}),
        ({"bytes": len(RED) + 1}, "ab", {"pictures refused": 1, OVER: 3}),  # one byte is left for b
        ({"bytes_each": len(RED) - 1}, "abcde", {"pictures refused": 5}),
    ],
)
def test_bounds_hold(tmp_path, bounds, asked, dropped):
    assert fetched(tmp_path, dict.fromkeys("abcde", RED), **bounds) == (list(asked), dropped)


def test_a_network_that_is_gone_is_not_asked_for_ever(tmp_path):
    answers = {"a": RED} | {f"x{n}": TimeoutError() for n in range(9)}
    asked, dropped = fetched(tmp_path, answers, failures=3)
    assert asked == ["a", "x0", "x1", "x2"] and dropped == {"pictures that could not be fetched": 3, OVER: 6}


@pytest.mark.parametrize("field", ["pictures", "bytes", "bytes_each", "seconds_each", "failures"])
def test_bounds_are_above_zero(field):
    with pytest.raises(ValueError, match=f"{field} is 0"):
        Bounds(**{field: 0})


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.jpg", "file:///etc/passwd", "ftp://example.com/a", "//example.com/a", "", "https://",
        "https://example.com:8443/a", "https://user:pw@example.com/a", "https://example.com:x/a", "https://[::1/a",
        "https://example.com/a b", "https://example.com/a\r\nHost: b", "https://exämple.com/a", "data:image/png,",
    ],
)  # fmt: skip
def test_only_plain_https_is_asked_for(url, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("a name was looked up"))
    with pytest.raises(IntakeError, match=r"is not a (plain https |well-formed https |web )address"):
        fetch_https(url, 100, 1)


def resolving(monkeypatch, *addresses: str) -> None:
    found = [(socket.AF_INET6 if ":" in a else socket.AF_INET, 1, 6, "", (a, 443)) for a in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1"],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(address, monkeypatch):
    resolving(monkeypatch, "93.184.216.34", address)
    monkeypatch.setattr(socket, "create_connection", lambda *_: pytest.fail("a connection was made"))
    with pytest.raises(IntakeError, match="which is not public"):
        fetch_https("https://example.com/a.jpg", 100, 1)


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch):
    resolving(monkeypatch, "93.184.216.34")
    seen = []

    def connect(address: tuple, timeout: float) -> None:
        seen.append((address, timeout))
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(ConnectionRefusedError):
        fetch_https("https://example.com/a.jpg", 100, 1.5)
    assert seen == [(("93.184.216.34", 443), 1.5)]


# -- a server on this machine, without TLS --------------------------------------------------------------------


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "https://example.com/ok?x=1")
            self.end_headers()
        elif self.path == "/slow":
            self.server.stop.wait(20)
        elif self.path == "/nonsense":
            self.wfile.write(b"SMTP ready\r\n\r\n")
        else:
            self.send_response(404 if self.path == "/gone" else 200)
            self.send_header("Content-Length", "90" if self.path == "/short" else "10")
            self.end_headers()
            self.wfile.write(b"0123456789")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch) -> Iterator[None]:
    """Stands in for every https host."""
    server = HTTPServer(("127.0.0.1", 0), Answers)
    server.stop = threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()

    def connect(self: http.client.HTTPSConnection) -> None:
        self.sock = socket.socket()
        self.sock.settimeout(self.timeout)
        self.sock.connect(server.server_address)

    monkeypatch.setattr(downloads._Pinned, "connect", connect)
    resolving(monkeypatch, "93.184.216.34")
    yield
    server.stop.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_good_answer_is_read_up_to_the_cap(server):
    assert fetch_https("https://example.com/ok?x=1", 10, 5) == b"0123456789"
    assert fetch_https("https://example.com/ok", 4, 5) == b"01234"  # one more, which says that there is more


@pytest.mark.parametrize(("path", "status"), [("redirect", 302), ("gone", 404)])
def test_redirects_and_failures_are_not_followed(server, path, status):
    with pytest.raises(IntakeError, match=f"answers {status}"):
        fetch_https(f"https://example.com/{path}", 100, 5)


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path, monkeypatch):
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed, so there is no certificate to refuse")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=example.com"]
    subprocess.run(["openssl", *made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    ours, theirs = socket.socketpair()

    def shake() -> None:
        with contextlib.suppress(OSError), context.wrap_socket(theirs, server_side=True) as server:
            server.recv(10)

    thread = threading.Thread(target=shake)
    thread.start()
    resolving(monkeypatch, "93.184.216.34")
    monkeypatch.setattr(socket, "create_connection", lambda *_: ours)
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
        fetch_https("https://example.com/a.jpg", 100, 20)
    thread.join()


@pytest.mark.parametrize("path", ["slow", "short", "nonsense"])
def test_an_answer_that_does_not_come_or_breaks_off_is_a_failure_of_the_network(server, path):
    with pytest.raises(OSError):  # a time-out or a reset, in the words of the system
        fetch_https(f"https://example.com/{path}", 100, 0.3 if path == "slow" else 5)
