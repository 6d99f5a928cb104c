"""The web server: the page, its pictures and styles, downloads, a health check, and security headers."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI, Response
from starlette.requests import cookie_parser
from starlette.routing import Mount

from msr.ui.calls import Calls, answer_plainly
from msr.ui.guard import Guard, UserOf
from msr.ui.hosts import Forwarded, Hosts
from msr.ui.page import build_page
from msr.ui.quota import limit
from msr.ui.studio import Studio
from msr.ui.theme import STYLES, build_theme

SCRIPT = Path(__file__).with_name("studio.js")

_FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable"}  # the address changes with the content
# Gradio needs inline scripts and styles, and compiles templates. Everything else must come from this server.
_HEADERS = {
    b"content-security-policy": (
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
        b"object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
    ),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
}


Auth = list[tuple[str, str]] | None


def build_server(studio: Studio, auth: Auth = None, mcp: bool = False, hosts: Hosts = Hosts()) -> FastAPI:  # noqa: B008
    """The whole app, ready for uvicorn; `auth` are names and passwords, `mcp` offers the endpoints as tools.

    It answers to the names in `hosts`. `state.end` stops what is running, before the server ends.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    style, script = b"".join(path.read_bytes() for path in STYLES), SCRIPT.read_bytes()
    digest = hashlib.sha256(style + script).hexdigest()[:12]

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok", "model": studio.engine.status.phase}

    @app.get("/studio.css")
    def stylesheet() -> Response:
        return Response(style, media_type="text/css", headers=_FOR_EVER)

    @app.get("/studio.js")
    def javascript() -> Response:
        return Response(script, media_type="text/javascript", headers=_FOR_EVER)

    @app.get("/media/{digest}.webp")
    def media(digest: str) -> Response:
        picture = studio.media.get(digest)
        if picture is None:
            return Response(status_code=404)
        return Response(picture.data, media_type="image/webp", headers=_FOR_EVER)

    @app.get("/download/{token}")
    def download(token: str) -> Response:
        file = studio.downloads.get(token)
        if file is None:
            return Response("This download is no longer kept. Ask for it again.", status_code=404)
        headers = {"Content-Disposition": f'attachment; filename="{file.name}"', "Cache-Control": "no-store"}
        return Response(file.data, media_type=file.kind, headers=headers)

    if mcp:
        _quiet_mcp()
    page = build_page(studio)
    app = gr.mount_gradio_app(
        app,
        page,
        path="/",
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        show_error=False,
        ssr_mode=False,
        mcp_server=mcp,
        auth=auth,
        allowed_paths=[],
        theme=build_theme(),
        head=f'<link rel="stylesheet" href="studio.css?v={digest}"><script src="studio.js?v={digest}"></script>',
    )
    # Mounting leaves these unset, and Gradio then checks no path and takes every SVG for one of the program's own. The
    # guard lets no foreign path through; this holds if one ever came by.
    page.has_launched = page.is_running = True
    gradio_app = next(route.app for route in app.routes if isinstance(route, Mount))
    limit(app, page, studio)
    answer_plainly(gradio_app, page)
    ending, user_of = asyncio.Event(), _user_of(gradio_app) if auth else None
    app.add_middleware(Guard, hosts=hosts, ending=ending, user_of=user_of, mcp=mcp, calls=Calls(page))
    app.add_middleware(_Headers)
    app.add_middleware(Forwarded, proxies=hosts.proxies)

    def end() -> None:
        """Stops what visitors began, and the streams of their pages."""
        studio.visits.end()
        ending.set()

    app.state.end = end
    return app


def _user_of(gradio_app: Any) -> UserOf:
    """Who is signed in, by what Gradio's login put into a cookie."""

    def user_of(header: str) -> str | None:
        cookies = cookie_parser(header)
        names = (f"access-token-{gradio_app.cookie_id}", f"access-token-unsecure-{gradio_app.cookie_id}")
        return gradio_app.tokens.get(next(filter(None, map(cookies.get, names)), None))

    return user_of


def _quiet_mcp() -> None:
    """Keep the `mcp` package from logging what clients sent, under its own name and under none."""
    logging.getLogger("mcp").setLevel(logging.CRITICAL)
    logging.getLogger().addFilter(_not_of_mcp)


def _not_of_mcp(record: logging.LogRecord) -> bool:
    return "mcp" not in Path(record.pathname).parts


class _Headers:
    """Adds `_HEADERS` to every response, without touching its body, and keeps cookies from other sites' requests."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                own = [(name, _at_home(name, value)) for name, value in message.get("headers", [])]
                message["headers"] = [*own, *_HEADERS.items()]
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


def _at_home(name: bytes, value: bytes) -> bytes:
    """A header's value; a cookie is not sent along with the requests of other sites."""
    return re.sub(rb"(?i)samesite=none", b"SameSite=lax", value) if name.lower() == b"set-cookie" else value
