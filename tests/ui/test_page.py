"""The page in a real browser, on the fake model."""

from __future__ import annotations

import io

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from msr.backbones.protocol import BackboneError
from msr.pipeline import Pipeline
from tests import fakes
from tests.browser import visiting
from tests.ui import hostile
from tests.ui.serve import app, serving

pytestmark = pytest.mark.browser


def titles(page: Page) -> list[str]:
    return page.eval_on_selector_all("#history .entry-title", "all => all.map(e => e.value)")


def png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(buffer, "PNG")
    return buffer.getvalue()


def upload(page: Page, *files: tuple[str, bytes]) -> None:
    page.set_input_files(
        "#drop input[type=file]", [{"name": n, "mimeType": "image/png", "buffer": b} for n, b in files]
    )


def add_title(page: Page, words: str) -> None:
    rows = page.locator("#history .entry").count()
    page.fill("#new-title :is(input, textarea)", words)
    page.click("#add-title")
    expect(page.locator("#history .entry")).to_have_count(rows + 1)


def test_the_whole_job_from_a_story(browser: Browser, slow: str) -> None:
    with visiting(browser, slow) as page:
        expect(page.locator(".badge.ready")).to_contain_text("fake")
        page.locator(".story").first.click()
        expect(page.locator("#history .entry")).to_have_count(9)
        expect(page.locator("#history .entry.begins")).to_have_count(3)
        page.evaluate(_WATCH)
        page.click("#recommend")
        expect(page.locator("#recommend")).to_be_disabled()
        page.wait_for_selector(".progress.finished", state="attached", timeout=40_000)
        assert page.evaluate("window.seen") == ["caret", "ghost", "ranked before explained", "skeleton"]
        assert page.locator(".step").count() == 3 and page.locator(".result").count() == 10
        assert all(len(words) > 20 for words in page.locator(".preference p").all_inner_texts())
        scores = [float(s.split()[0]) for s in page.locator(".score b").all_text_contents()]
        assert scores == sorted(scores, reverse=True)
        assert page.locator(".rationale > p").count() == 10
        assert page.locator(".result").first.locator(".bars li").count() == 9
        expect(page.locator(".tag.unsure").first).to_be_visible()
        expect(page.locator("#recommend")).to_be_enabled()
        broken = page.eval_on_selector_all("img", "all => all.filter(e => !e.complete || !e.naturalWidth).length")
        assert broken == 0


def test_a_history_of_ones_own(browser: Browser, quick: str) -> None:
    with visiting(browser, quick) as page:
        upload(page, ("red-mug.png", png("red")), ("notes.png", b"no picture"), ("IMG_1234.png", png("blue")))
        expect(page.locator("#history .entry")).to_have_count(2)
        expect(page.locator(".notice.problem")).to_contain_text("notes.png")
        assert titles(page) == ["red mug", ""]
        page.locator("#history .entry-title").nth(1).fill("a blue thing")
        add_title(page, "wooden kite")
        assert titles(page) == ["red mug", "a blue thing", "wooden kite"]  # what was typed is still there
        page.locator("#history").get_by_label("Move item 3 up").click()
        assert titles(page) == ["red mug", "wooden kite", "a blue thing"]
        assert page.evaluate("document.activeElement.dataset.act") == "up"
        page.locator("#history").get_by_label("Remove item 1").click()
        assert titles(page) == ["wooden kite", "a blue thing"]
        page.click("#history [data-act=undo]")
        assert titles(page) == ["red mug", "wooden kite", "a blue thing"]
        page.click("#history [data-act=clear]")
        assert titles(page) == []
        page.click("#history [data-act=undo]")
        page.click("#recommend")
        page.wait_for_selector(".progress.finished", state="attached")
        assert page.locator(".seen-title").all_inner_texts() == ["red mug", "wooden kite", "a blue thing"]
        assert page.locator(".seen img").count() == 2


def test_a_story_replaces_the_history_and_undo_brings_it_back(browser: Browser, quick: str) -> None:
    with visiting(browser, quick) as page:
        add_title(page, "my own thing")
        page.locator(".story").nth(1).click()
        expect(page.locator("#history .entry")).to_have_count(9)
        page.click("#history [data-act=undo]")
        assert titles(page) == ["my own thing"]
        page.locator(".story").nth(1).click()
        expect(page.locator("#history .entry")).to_have_count(9)


def test_the_keyboard_alone_moves_an_item_without_a_wait(browser: Browser, quick: str) -> None:
    with visiting(browser, quick) as page:
        page.locator(".story").first.click()
        expect(page.locator("#history .entry")).to_have_count(9)
        before = titles(page)
        page.locator("#history .entry-title").nth(3).focus()
        page.keyboard.press("Alt+ArrowUp")
        assert titles(page) == [*before[:2], before[3], before[2], *before[4:]]
        assert page.evaluate("document.activeElement.value") == before[3]
        expect(page.locator("#history .editor-said")).to_have_text(f"{before[3]} is now item 3")
        clicked = (
            "() => { const t = performance.now(); document.querySelectorAll('#history [data-act=down]')[2].click(); "
        )
        assert page.evaluate(clicked + "return performance.now() - t; }") < 200
        assert titles(page) == before


def test_stop_really_stops_and_keeps_what_was_made(browser: Browser) -> None:
    with serving(app(delay=0.15)) as url, visiting(browser, url) as page:
        page.locator(".story").nth(2).click()
        expect(page.locator("#history .entry")).to_have_count(9)
        page.click("#recommend")
        page.wait_for_selector(".step:nth-child(2).writing, .step:nth-child(3).writing", state="attached")
        page.click("#stop")
        page.wait_for_selector(".progress.stopped", state="attached", timeout=2_000)
        words = page.locator(".preference p").first.inner_text()
        assert len(words) > 20
        page.wait_for_timeout(700)
        assert page.locator(".preference p").first.inner_text() == words
        expect(page.locator(".caret")).to_have_count(0)
        expect(page.locator(".skeleton")).to_have_count(0)
        page.click("#recommend")  # and it can be taken up again
        page.wait_for_selector(".step:nth-child(3) .preference p[dir]", state="attached")


def test_nothing_to_recommend_from_is_said(browser: Browser, quick: str) -> None:
    with visiting(browser, quick) as page:
        page.click("#recommend")
        expect(page.locator(".notice.problem")).to_contain_text("Add at least one item first")


def test_hostile_titles_do_nothing(browser: Browser, quick: str) -> None:
    with visiting(browser, quick) as page:
        for title in hostile.ALL:
            add_title(page, title[:200])
        page.evaluate(
            "words => { document.querySelector('#history .entry-title').value = words; }",
            hostile.TEMPLATE + hostile.LONG,
        )
        page.click("#recommend")
        page.wait_for_selector(".progress.finished", state="attached")
        shown = page.locator(".seen-title").all_inner_texts()
        assert shown[0].startswith("${alert(1)} `${alert(2)}` C:\\users") and len(shown[0]) <= 200
        assert shown[1].startswith("<img src=x onerror=alert(1)>") or "onerror" in shown[1]
        assert page.locator("img[src=x], .seen script, [onfocus]").count() == 0


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_it_fits_and_can_be_read(browser: Browser, quick: str, width: int, scheme: str) -> None:
    with visiting(browser, quick, width, scheme) as page:
        page.locator(".story").nth(3).click()
        expect(page.locator("#history .entry")).to_have_count(9)
        page.click("#recommend")
        page.wait_for_selector(".progress.finished", state="attached")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.locator("#recommend").click(trial=True)  # within reach wherever the page is scrolled to
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(int(c) for c in ground[4:-1].split(",")) > 400) == (scheme == "light")
        for selector in ("#history .entry-title", ".seen-text", ".preference p", ".tag.model", ".tag.measured",
                         ".score b", ".heading p", "#recommend", ".said"):  # fmt: skip
            assert page.evaluate(_CONTRAST, selector) >= 4.5, selector


def test_a_model_that_cannot_be_had_is_said_and_tried_again(browser: Browser) -> None:
    tries: list[int] = []

    def load(report: object) -> Pipeline:
        tries.append(1)
        if len(tries) == 1:
            raise BackboneError("The package index cannot be reached. Check the connection, then press Retry. <b>")
        return Pipeline(fakes.FakeBackbone())

    with serving(app(load=load)) as url, visiting(browser, url) as page:
        expect(page.locator(".badge.failed")).to_contain_text("press Retry. <b>")
        page.click("#retry")
        page.wait_for_selector(".badge.ready")
        expect(page.locator("#retry")).to_be_hidden()


def test_a_second_visitor_waits_and_is_not_mixed_up(browser: Browser) -> None:
    with serving(app(delay=0.15)) as url, visiting(browser, url) as first, visiting(browser, url) as second:
        for page, story in ((first, 0), (second, 1)):
            page.locator(".story").nth(story).click()
            expect(page.locator("#history .entry")).to_have_count(9)
        first.click("#recommend")
        first.wait_for_selector(".progress.running", state="attached")
        second.click("#recommend")
        expect(second.locator("#actions .progress-line")).to_have_text("Waiting for another visitor; you are next")
        first.click("#stop")
        first.wait_for_selector(".progress.stopped", state="attached")
        second.wait_for_selector(".preference p[dir]", state="attached")
        assert first.locator(".seen-title").all_inner_texts() != second.locator(".seen-title").all_inner_texts()


def test_a_run_that_finds_no_place_in_the_queue_is_said_and_can_be_tried_again(browser: Browser) -> None:
    with serving(app(delay=0.05)) as url:
        page = browser.new_page()
        page.goto(url, wait_until="domcontentloaded")
        page.locator(".story").first.click()
        expect(page.locator("#history .entry")).to_have_count(9)
        call = f"{url}/gradio_api/call/recommend"
        while httpx.post(call, json={"data": ["sailor", None, [], 3, 5]}).status_code == 200:
            pass
        page.click("#recommend")
        expect(page.locator("#trouble")).to_contain_text("Too many runs are waiting")
        expect(page.locator("#recommend")).to_be_enabled()
        expect(page.locator("#stop")).to_be_disabled()
        page.context.close()


# Notes in `window.seen` what was in the page at some time while a run grew.
_WATCH = """() => {
  const signs = {
    'caret': () => document.querySelector('.step.writing .caret'),
    'skeleton': () => document.querySelector('.seen .skeleton'),
    'ghost': () => document.querySelector('.result.ghost'),
    'ranked before explained': () => document.querySelector('.result .rank')
      && document.querySelector('.rationale .skeleton'),
  };
  const seen = new Set();
  const look = () => {
    for (const [sign, there] of Object.entries(signs)) if (there()) seen.add(sign);
    window.seen = [...seen].sort();
  };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""

# WCAG contrast of an element's text against the nearest opaque ground, with see-through layers mixed in.
_CONTRAST = """selector => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  canvas.canvas.width = canvas.canvas.height = 1;
  const rgb = () => [...canvas.getImageData(0, 0, 1, 1).data];
  const paint = colour => { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); };
  const element = document.querySelector(selector), layers = [];
  for (let e = element; e; e = e.parentElement) layers.unshift(getComputedStyle(e).backgroundColor);
  layers.forEach(paint);
  const ground = rgb();
  paint(getComputedStyle(element).color);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
  const [a, b] = [light(rgb()), light(ground)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}"""
