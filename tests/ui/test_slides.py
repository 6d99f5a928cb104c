"""The presentation of a recorded run in a real browser: large enough for a room, and led by the keyboard."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import visiting

pytestmark = pytest.mark.browser


def presented(page: Page) -> Locator:
    """The stage with the first recorded run, paused on its first slide."""
    page.locator("[data-recording]").first.click()
    stage = page.locator("dialog.stage")
    expect(stage).to_be_visible()
    page.keyboard.press(" ")
    expect(stage.locator("[data-stage=play]")).to_have_text("Play")
    page.keyboard.press("Home")
    expect(stage.locator(".stage-place")).to_have_text("1 / 6")
    return stage


@pytest.mark.parametrize(("width", "height", "least"), [(1920, 1080, 24), (390, 844, 13)])
def test_every_slide_fits_and_is_large_enough(
    browser: Browser, quick: str, width: int, height: int, least: int
) -> None:
    with visiting(browser, quick, width, height=height) as page:
        stage = presented(page)
        for number in range(1, 7):
            expect(stage.locator(".stage-place")).to_have_text(f"{number} / 6")
            sizes = stage.locator(".slide:visible :is(b, p, span)").evaluate_all(
                "all => all.filter(e => e.textContent.trim() && !e.closest('.sr-only'))"
                ".map(e => parseFloat(getComputedStyle(e).fontSize))"
            )
            assert min(sizes) >= least, number
            assert stage.locator(".slides").evaluate("e => e.scrollWidth - e.clientWidth") <= 0
            close = stage.locator("[data-stage=close]").bounding_box()
            assert close["x"] + close["width"] < stage.evaluate("e => e.getBoundingClientRect().right")
            page.keyboard.press("ArrowRight")


def test_the_keyboard_leads_wherever_the_focus_is(browser: Browser, quick: str) -> None:
    with visiting(browser, quick) as page:
        stage = presented(page)
        place = stage.locator(".stage-place")
        for _ in range(5):
            stage.locator("[data-stage=next]").click()
        expect(place).to_have_text("6 / 6")  # the button that was clicked last is disabled now
        page.keyboard.press("PageUp")
        expect(place).to_have_text("5 / 6")
        page.keyboard.press("Home")
        expect(place).to_have_text("1 / 6")
        page.keyboard.press("End")
        expect(place).to_have_text("6 / 6")
        page.keyboard.press("Escape")
        expect(stage).to_be_hidden()
