"""Pictures by URL into a local folder: asked for explicitly, bounded, resumable, each one checked by `msr.intake`.

URLs come from a data file, so they are hostile until proven otherwise: https on its own port only, no redirects, and a
connection only to the public address that was looked at (a second look-up could answer with another one).
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
from train.data.readers.places import pictures_in


@dataclass(frozen=True)
class Bounds:
    """What one download may cost; `failures` in a row end it, as the network is probably gone."""

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
    """Fetches the pictures that `folder` lacks, by item id, as `<id>.webp`; failures are counted in `dropped`.

    A second call goes on where the first stopped. `fetch` is called as `fetch_https` is, which is the default.
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
    """The bytes behind a public https URL, at most `cap` + 1 of them.

    Raises:
        IntakeError: the URL, its address or the answer is refused.
        OSError: the network failed, or connecting or the answer took longer than `seconds`.
    """
    host, target = _parts(url)
    connection = _Pinned(host, public_address(host), seconds)
    connection.connect()
    guard = threading.Timer(seconds, connection.abort)  # a socket's own time-out begins anew at every byte
    guard.start()
    try:
        connection.request("GET", target, headers={"Accept": "image/jpeg,image/png,image/webp"})
        answer = connection.getresponse()
        if answer.status != 200:  # a redirect is not followed: it may lead anywhere
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
    """The IP address of a host, if all that it has are public.

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
    """Host, and path with query; refuses what is not plain https."""
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
    """Speaks TLS with `host` at one address."""

    def __init__(self, host: str, address: str, seconds: float) -> None:
        self._tls = ssl.create_default_context()
        super().__init__(host, 443, timeout=seconds, context=self._tls)
        self._address = address

    def connect(self) -> None:
        raw = socket.create_connection((self._address, self.port), self.timeout)
        # The handshake comes with the first byte sent, so that `abort` can end it.
        self.sock = self._tls.wrap_socket(raw, server_hostname=self.host, do_handshake_on_connect=False)

    def abort(self) -> None:
        """Ends whatever waits for the other side; called from another thread."""
        if (sock := self.sock) is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # below TLS, whose own shutdown would wait
