"""All that can be asked of the server. What is not listed here is not there, whatever Gradio offers besides.

Gradio comes with routes that read files by path, fetch web addresses, or record and edit; the page needs none of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum


class Body(Enum):
    """What a request may bring, and at most how many bytes of it; files are counted as they arrive, by Gradio."""

    NOTHING = 0
    FORM = 16 * 2**10
    JSON = 4 * 2**20
    FILES = 2**63


@dataclass(frozen=True)
class Door:
    """One or more routes; `public` ones are there before a visitor has signed in."""

    methods: tuple[str, ...]
    path: re.Pattern[str]
    body: Body = Body.NOTHING
    public: bool = False


def _get(path: str, public: bool = False) -> Door:
    return Door(("GET", "HEAD"), re.compile(path), public=public)


def _post(path: str, body: Body = Body.JSON, public: bool = False) -> Door:
    return Door(("POST",), re.compile(path), body, public)


_DOORS = (
    _get(r"/|/healthz|/studio\.(?:css|js)|/theme\.css|/favicon\.ico|/manifest\.json|/robots\.txt", public=True),
    _get(r"/(?:assets|static|svelte)/.+", public=True),  # the code of the page
    _post(r"/login/?", Body.FORM, public=True),
    _get(r"/logout|/config/?"),
    _get(r"/(?:media|download)/[^/]+"),
    _get(r"/gradio_api/(?:info|app_id|theme\.css)/?"),
    _get(r"/gradio_api/(?:queue/data|upload_progress|heartbeat/[^/]+|call/(?:v2/)?[^/]+/[^/]+)"),
    _post(r"/gradio_api/(?:run|api|call|call/v2)/[^/]+/?|/gradio_api/(?:queue/join|cancel|reset/?)"),
    _post(r"/gradio_api/upload", Body.FILES),
)
_MCP = (_post(r"/gradio_api/mcp/?"), _get(r"/gradio_api/mcp/?"))


def find(method: str, path: str, mcp: bool = False) -> Door | None:
    """The door of a request, None where there is none; `mcp` adds those of MCP clients."""
    doors = _DOORS + _MCP if mcp else _DOORS
    return next((door for door in doors if method in door.methods and door.path.fullmatch(path)), None)
