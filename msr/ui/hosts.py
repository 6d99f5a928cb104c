"""The names that the server answers to, and whose pages may talk to it.

A browser lets any web page send requests to any address, this computer's own among them, and a page can give its name
the address of this computer (DNS rebinding). So a request must name a host that was allowed, and one that a page sent
must come from a page of this server.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})

_NAME = r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*"
_AUTHORITY = re.compile(rf"(?P<name>{_NAME}|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{{1,5}}))?", re.IGNORECASE)
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<authority>.+)", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}
_ELSEWHERE = ("cross-site", "same-site")  # the browser's words for a page that is not of this server
_FORWARDED = (b"x-forwarded-", b"forwarded", b"x-real-ip")  # the beginnings of headers that only a proxy should send


@dataclass(frozen=True)
class Hosts:
    """Which hosts a request may name: those of `allowed`, host names or IP addresses, and the local ones.

    `proxies` are the IP addresses of proxies that are believed to say whom they ask for.
    """

    allowed: frozenset[str] = frozenset()
    proxies: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for proxy in self.proxies:
            try:
                ipaddress.ip_address(proxy)
            except ValueError:
                raise ValueError(f"{proxy!r} is not an IP address; write one such as 127.0.0.1") from None
        for name in self.allowed:
            bare = f"[{name}]" if ":" in name else name
            parts = _AUTHORITY.fullmatch(bare)
            if parts is None or parts["port"] or name != name.lower():
                raise ValueError(
                    f"{name!r} is not a host name; write one such as studio.example.org, in small letters, without "
                    "http:// and without a port"
                )

    def __contains__(self, name: str) -> bool:
        return name in LOCAL or name in self.allowed

    def refusal(self, method: str, path: str, headers: Mapping[str, str], scheme: str = "http") -> str | None:
        """Why a request is not answered, in a sentence; None where its host and its sender are in order.

        `headers` have names in small letters. A proxy may keep the host or send it on as `X-Forwarded-Host`.
        """
        named = [headers.get("host", "")]
        if "x-forwarded-host" in headers:
            named.append(headers["x-forwarded-host"].split(",")[0].strip())
        for host in named:
            name, _ = _parts(host)
            if name is None:
                return "The request names no host that can be read."
            if name not in self:
                return f"This server does not answer to the name {name}. Whoever runs it can add --allow-host {name}."
        if "origin" in headers and not _same(headers["origin"], named[-1], scheme):
            if scheme == "http" and _same(headers["origin"], named[-1], "https"):
                return (
                    "This page came over https, but the server was asked over http. Whoever runs it behind a proxy can "
                    "add --proxy with the proxy's address."
                )
            return "This server takes requests from its own pages only, not from those of other sites."
        if headers.get("sec-fetch-site") in _ELSEWHERE and not _link(method, path, headers):
            return "This server takes requests from its own pages only, not from those of other sites."
        return None


def _parts(authority: str) -> tuple[str | None, int | None]:
    """Name and port of `name:port`; the name of an IPv6 address is without brackets."""
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        return None, None
    return parts["name"].lower().strip("[]"), int(parts["port"]) if parts["port"] else None


def _same(origin: str, host: str, scheme: str) -> bool:
    """Is the origin of a page this host, asked by this scheme?"""
    parts = _ORIGIN.fullmatch(origin)
    if parts is None or parts["scheme"].lower() != scheme:  # "null" among others
        return False
    usual = _PORTS[scheme]
    (name, port), (own_name, own_port) = _parts(parts["authority"]), _parts(host)
    return name is not None and (name, port or usual) == (own_name, own_port or usual)


def _link(method: str, path: str, headers: Mapping[str, str]) -> bool:
    """Was a link to the page followed from another site? That shows the page and does nothing else."""
    mode, kind = headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")
    return method == "GET" and path == "/" and mode == "navigate" and kind == "document"


def without(scope: Any, *starts: bytes, more: Sequence[tuple[bytes, bytes]] = ()) -> Any:
    """The request without headers that start so, and with `more`."""
    return {**scope, "headers": [*(pair for pair in scope["headers"] if not pair[0].startswith(starts)), *more]}


class Forwarded:
    """ASGI: takes the caller's address and scheme from the headers of `proxies`, and drops such headers of others."""

    def __init__(self, app: Any, proxies: frozenset[str]) -> None:
        self._app = app
        self._proxies = proxies
        self._believing = ProxyHeadersMiddleware(app, sorted(proxies))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif (scope.get("client") or ("",))[0] in self._proxies:
            await self._believing(scope, receive, send)
        else:
            await self._app(without(scope, *_FORWARDED), receive, send)
