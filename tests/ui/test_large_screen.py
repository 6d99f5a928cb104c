"""The page on a screen of 3840x2160 at its own resolution, on the fake model."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import visiting
from tests.ui.test_tabs import finish, tab

pytestmark = pytest.mark.browser

WIDE, TALL = 3840, 2160


def test_every_tab_uses_the_room_and_is_sharp_and_large_enough(browser: Browser, quick: str) -> None:
    with visiting(browser, quick, WIDE, height=TALL) as page:
        page.locator(".story").first.click()
        expect(page.locator("#history .entry")).to_have_count(9)
        page.click("#recommend")
        finish(page, "#actions")
        for name in ("Recommend", "Inspect", "Review", "Evaluate"):
            tab(page, name)
            if name == "Inspect":
                page.click("#measure-more")
                finish(page, "#measure")
                expect(page.locator("#measured .patches-pair img")).to_have_count(2)
            assert page.evaluate("document.documentElement.scrollWidth") <= WIDE, name
            box = page.locator(f"#tab-{name.lower()}").bounding_box()
            assert WIDE * 0.6 < box["width"] < WIDE * 0.9, name
            assert abs(box["x"] + box["width"] / 2 - WIDE / 2) < 20, name  # in the middle, but for the scroll bar
            assert page.evaluate(_SMALL) == [], name
            assert page.evaluate(_BLOWN_UP) == [], name
        gap = page.locator(".review-card").evaluate("card => getComputedStyle(card).paddingTop")
        assert gap == "35px", "gaps grow with the type: 1.25 of 28 px"


# Words smaller than 16 px. Those for screen readers alone have a box of one pixel, Gradio's own at a drop no size.
_SMALL = """() => {
  const size = e => parseFloat(getComputedStyle(e).fontSize) * (e.getScreenCTM?.().a ?? 1);
  return [...document.querySelectorAll('body *')].filter(e => e.clientWidth > 1 && e.checkVisibility()
    && size(e) < 16 && size(e) > 0
    && [...e.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.textContent.trim())).map(e => e.outerHTML);
}"""

# Pictures that are shown larger than they are.
_BLOWN_UP = """() => [...document.images].filter(e => e.checkVisibility() && e.naturalWidth
  && Math.min(e.clientWidth / e.naturalWidth, e.clientHeight / e.naturalHeight) > 1.01).map(e => e.outerHTML)"""
