"""Download pictures into a folder, within bounds; each one is checked by `msr.intake`.

The addresses come from a data file and are not trusted. Only https on its own port is used, redirects are not followed,
and the host must have public addresses only. The connection goes to the address that was checked, since a second
look-up could give another one.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import re
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tqdm import tqdm

from msr import intake
from msr.config import LIMITS
from msr.intake import IntakeError
from msr.intake.text import shown
from train.data.readers.assemble import pictures_in


@dataclass(frozen=True)
class Bounds:
    """Limits of one download. After so many `failures` in a row it ends: the network is probably gone."""

    pictures: int = 20_000
    bytes: int = 4 * 2**30  # all pictures together
    bytes_each: int = LIMITS.max_image_bytes
    seconds_each: float = 20.0
    failures: int = 20

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be above 0")


def download(
    urls: Mapping[str, str],
    folder: Path,
    bounds: Bounds,
    dropped: Counter[str],
    fetch: Callable[..., bytes] | None = None,
) -> None:
    """Download the pictures that `folder` lacks as `<id>.webp`; failures are counted in `dropped`.

    A second call goes on where the first stopped. urls: by item id. fetch: a function like `fetch_https`, the default.
    """
    fetch = fetch or fetch_https
    folder.mkdir(parents=True, exist_ok=True)
    present = pictures_in([folder], Counter())
    room, failed = bounds.bytes, 0
    missing = [(id, url) for id, url in urls.items() if id not in present]
    for place, (id, url) in enumerate(tqdm(missing, desc="pictures", unit="picture")):
        if place >= bounds.pictures or room <= 0 or failed >= bounds.failures:
            dropped["pictures not fetched: over the bounds, or the network is gone"] += len(missing) - place
            return
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", id):
            dropped["pictures with unsafe names"] += 1
            continue
        cap = min(bounds.bytes_each, room)
        try:
            data = fetch(url, cap, bounds.seconds_each)
            failed, room = 0, room - len(data)
            if len(data) > cap:
                raise IntakeError(f"{shown(url)} is larger than {cap} bytes.")
            picture = intake.picture(data, shown(url))
        except IntakeError:
            dropped["pictures refused"] += 1
        except OSError:
            dropped["pictures that could not be fetched"] += 1
            failed += 1
        else:
            part = folder / f"{id}.part"
            part.write_bytes(picture.data)
            part.replace(folder / f"{id}.webp")


def fetch_https(url: str, cap: int, seconds: float) -> bytes:
    """Download at most `cap` + 1 bytes from a public https address.

    Raises:
        IntakeError: the URL, the host's address or the answer is not accepted.
        OSError: the network failed, or connecting or the answer took longer than `seconds`.
    """
    host, target = _parts(url)
    connection = _Pinned(host, public_address(host), seconds)
    connection.connect()
    guard = threading.Timer(seconds, connection.abort)  # the socket's own timeout starts again at every byte
    guard.start()
    try:
        connection.request("GET", target, headers={"Accept": "image/jpeg,image/png,image/webp"})
        answer = connection.getresponse()
        if answer.status != 200:  # redirects are not followed
            raise IntakeError(f"{shown(url)} answers {answer.status}.")
        data = answer.read(cap + 1)
    except http.client.HTTPException as error:
        raise ConnectionError(str(error)) from None
    finally:
        guard.cancel()
        connection.close()
    if answer.length and len(data) <= cap:
        raise ConnectionError(f"{shown(url)} broke off")
    return data


def public_address(host: str) -> str:
    """Look up the IP address of a host; all of its addresses must be public.

    Raises:
        IntakeError: one of them is private, local or reserved.
        OSError: the name is not known.
    """
    addresses = [str(info[4][0]) for info in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)]
    for address in addresses:
        number = ipaddress.ip_address(address.partition("%")[0])
        number = getattr(number, "ipv4_mapped", None) or number
        if not number.is_global or number.is_multicast:
            raise IntakeError(f"{shown(host)} has the address {address}, which is not public.")
    return addresses[0]


def _parts(url: str) -> tuple[str, str]:
    """Split a URL into host and path with query. Raises IntakeError unless it is plain https."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise IntakeError(f"{shown(url)} is not a web address.") from None
    if parts.scheme != "https" or not parts.hostname or port not in (None, 443) or parts.username is not None:
        raise IntakeError(f"{shown(url)} is not a plain https address.")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not (parts.hostname + target).isascii() or not target.isprintable() or " " in target:
        raise IntakeError(f"{shown(url)} is not a well-formed https address.")
    return parts.hostname, target


class _Pinned(http.client.HTTPSConnection):
    """A TLS connection to `host` at a given address."""

    def __init__(self, host: str, address: str, seconds: float) -> None:
        self._tls = ssl.create_default_context()
        super().__init__(host, 443, timeout=seconds, context=self._tls)
        self._address = address

    def connect(self) -> None:
        raw = socket.create_connection((self._address, self.port), self.timeout)
        # The handshake starts with the first byte sent, when `abort` can already end it.
        self.sock = self._tls.wrap_socket(raw, server_hostname=self.host, do_handshake_on_connect=False)

    def abort(self) -> None:
        """End the connection, whatever it waits for; may be called from another thread."""
        if (sock := self.sock) is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # below TLS, whose own shutdown would wait
