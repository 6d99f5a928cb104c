"""Who asks: an account, a browser with a cookie, or a network address; and how often a password may be tried."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import cookie_parser

VISITOR = "msr.visitor"  # of an ASGI scope: the visitor's name
COOKIE = "msr-visitor"
_VALUE = re.compile(r"[0-9A-Za-z_-]{24}")
_NAMED = ("session_hash", "upload_id")  # parameters of an address: what a visitor calls its page and its upload
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # IPv4 addresses, as a translator between the two writes them
_HEARTBEAT = re.compile(r"(/gradio_api/heartbeat/)([^/]+)")


@dataclass(frozen=True)
class Visitor:
    """Whose a session, an upload or a run is. The same `name` is the same visitor."""

    name: str

    @classmethod
    def of(cls, user: str | None, cookies: str, address: str) -> Visitor:
        """The account `user`, else the browser of the `Cookie` header, else the network address of a script."""
        value = cookie_parser(cookies).get(COOKIE, "")
        if user:
            return cls(f"user {user}")
        return cls(f"cookie {value}" if _VALUE.fullmatch(value) else f"address {address}")

    def own(self, name: str) -> str:
        """A name that this visitor chose, made different from the same name of anybody else."""
        return f"{hashlib.blake2b(self.name.encode(), digest_size=16).hexdigest()}-{name}"

    def naming(self, scope: Any) -> Any:
        """The request with the names in its address made this visitor's own."""
        path, query = scope["path"], scope["query_string"]
        if found := _HEARTBEAT.fullmatch(path):
            path = found[1] + self.own(found[2])
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        query = urlencode([(k, self.own(v) if k in _NAMED else v) for k, v in pairs]).encode("ascii")
        return {**scope, "path": path, "raw_path": path.encode("ascii"), "query_string": query, VISITOR: self.name}


def new_cookie(secure: bool) -> str:
    """A `Set-Cookie` header that makes a browser a visitor of its own."""
    value = f"{COOKIE}={secrets.token_urlsafe(18)}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"
    return f"{value}; Secure" if secure else value


def visitor_of(request: Any) -> str:
    """The name of the visitor whose request Gradio hands to a function; empty where there is none."""
    return str(getattr(getattr(request, "request", None), "scope", {}).get(VISITOR, ""))


def network(client: Any) -> str:
    """The address of a client, for limits; of IPv6 the first half, since one computer has many of them."""
    address = _plain(client)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(address), 64), strict=False))
    return str(address)


def _plain(client: Any) -> ipaddress.IPv4Address | ipaddress.IPv6Address | str:
    """The address of a client; of IPv4 that was written as IPv6, the IPv4 address. Other names stay as they are."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return str(client or "")
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) % 2**32)
        return address.ipv4_mapped or address
    return address


def address_of(scope: Mapping[str, Any]) -> str:
    """The address that a request came from, for limits."""
    return network(_client(scope))


def full_address_of(scope: Mapping[str, Any]) -> str:
    """The whole address that a request came from, which says whose a thing is where there is no cookie."""
    return str(_plain(_client(scope)))


def _client(scope: Mapping[str, Any]) -> Any:
    return (scope.get("client") or ("unknown", 0))[0]


class Attempts:
    """Failed logins of the last `window` seconds.

    At most `each` with one name from one address, and `wide` from one address. Beyond `most` of all together, logins
    are `crowded` and should be slow. So whoever guesses passwords keeps nobody at another address out.
    """

    def __init__(
        self,
        each: int = 10,
        wide: int = 200,
        most: int = 5_000,
        window: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._each, self._wide, self._most = each, wide, most
        self._window = window
        self._clock = clock
        self._tried: deque[tuple[float, str, str]] = deque()

    def begin(self, address: str, name: str) -> float:
        """Seconds until this name may be tried from here; 0 allows it now, which counts as failed until `succeeded`."""
        now = self._clock()
        while self._tried and self._tried[0][0] <= now - self._window:
            self._tried.popleft()
        here = [(when, tried) for when, where, tried in self._tried if where == address]
        for times, limit in (
            ([when for when, tried in here if tried == name], self._each),
            ([when for when, _ in here], self._wide),
        ):
            if len(times) >= limit:
                return times[-limit] + self._window - now
        self._tried.append((now, address, name))
        return 0.0

    @property
    def crowded(self) -> bool:
        return len(self._tried) > self._most

    def succeeded(self, address: str, name: str) -> None:
        """The latest try was right."""
        for attempt in reversed(self._tried):
            if attempt[1:] == (address, name):
                self._tried.remove(attempt)
                return
