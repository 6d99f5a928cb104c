"""How soon the page answers where no model is asked: tabs, evidence, a moved item."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import visiting
from tests.ui.test_tabs import finish

pytestmark = pytest.mark.browser

SOON = 200  # milliseconds from the click to the next frame after the page has changed
TRIES = 5  # the fastest counts: what else runs on the machine is not the page's doing

_ANSWER = """async ([press, changed]) => {
  const before = performance.now(), there = new Function(`return ${changed}`);
  document.querySelector(press).click();
  while (!there() && performance.now() - before < 5000) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return there() ? performance.now() - before : Infinity;
}"""


def answer(page: Page, press: str, changed: str) -> float:
    """Milliseconds from a click on `press` until `changed` holds and a frame has begun after it."""
    found = page.evaluate(_ANSWER, [press, changed])
    page.wait_for_timeout(300)
    return found


def shown(name: str) -> tuple[str, str]:
    return f"#tab-{name}-button", f"document.querySelector('#tab-{name}')?.offsetParent"


def test_the_page_answers_soon_where_no_model_is_asked(browser: Browser, quick: str) -> None:
    with visiting(browser, quick) as page:
        page.locator(".story").first.click()
        expect(page.locator("#history .entry")).to_have_count(9)
        page.click("#recommend")
        finish(page, "#actions")
        names = ("inspect", "review", "evaluate", "recommend")
        for name in names:  # what a tab loads when it is opened for the first time is not measured
            page.click(f"#tab-{name}-button")
            page.wait_for_selector(f"#tab-{name}", state="visible")
        rounds = [{name: answer(page, *shown(name)) for name in names} for _ in range(TRIES)]
        waits = {name: min(waited[name] for waited in rounds) for name in names}
        titles = "[...document.querySelectorAll('#history .entry-title')].map(e => e.value).join()"
        moves = []
        for _ in range(TRIES):
            page.evaluate(f"window.order = {titles}")
            moves.append(
                answer(page, "#history .entry:nth-child(3) [aria-label^='Move item 3 up']", f"{titles} !== order")
            )
        waits["moving an item"] = min(moves)
        opened = []
        for _ in range(TRIES):
            opened.append(answer(page, "#results .result .open", "document.querySelector('dialog[open]')"))
            page.keyboard.press("Escape")
            expect(page.locator("dialog[open]")).to_have_count(0)
        waits["opening evidence"] = min(opened)
        assert {name: wait for name, wait in waits.items() if wait >= SOON} == {}
