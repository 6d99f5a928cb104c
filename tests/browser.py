"""Headless Chromium for tests of the page; anything that a page should not do fails its test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

_ARGUMENTS = (
    "--headless --no-sandbox --disable-dev-shm-usage --disable-gpu --disable-background-networking "
    "--disable-component-update --disable-sync --no-first-run --disable-quic"
)
_PATIENCE = 60_000  # milliseconds; a busy machine is slow, not wrong


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium; skips where there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS.split())
        yield browser
        browser.close()


@contextmanager
def visiting(browser: Browser, url: str, width: int = 1280, scheme: str = "light", height: int = 900) -> Iterator[Page]:
    """A page of its own at `url`; console errors, script errors, dialogs and requests elsewhere fail the test."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda m: wrong.append(f"console: {m.text}") if m.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(f"script: {error}"))
    page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda r: wrong.append(f"request: {r.url}") if not _own(r.url, url) else None)
    page.set_default_timeout(_PATIENCE)
    expect.set_options(timeout=_PATIENCE)
    page.goto(url, wait_until="domcontentloaded")
    page.wait_for_selector(".story, .editor")
    page.wait_for_function("() => window.msr?.editors.history")
    yield page
    context.close()
    assert wrong == []


def _own(address: str, url: str) -> bool:
    return address.startswith((url, "data:", "blob:"))
