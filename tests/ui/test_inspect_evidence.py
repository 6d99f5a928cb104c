"""More evidence in the Inspect tab, in a real browser on the fake model."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from msr.pipeline import Pipeline
from tests import fakes
from tests.browser import visiting
from tests.ui import hostile
from tests.ui.serve import app, serving
from tests.ui.test_page import add_title
from tests.ui.test_tabs import finish, tab

pytestmark = pytest.mark.browser


def opened(page: Page) -> None:
    tab(page, "Inspect")
    expect(page.locator("#measured h3")).to_have_count(1)


def measure(page: Page) -> None:
    page.click("#measure-more")
    finish(page, "#measure")


def test_everything_measured_is_shown_and_stays_with_the_run(browser: Browser, tmp_path: Path) -> None:
    with serving(app()) as url, visiting(browser, url) as page:
        opened(page)
        page.locator("#measure-more").focus()
        page.keyboard.press("Enter")
        finish(page, "#measure")
        assert page.locator("#measured .effects .direct").count() > page.locator("#measured .effects .anew").count() > 0
        assert page.locator("#measured .shares li").count() == 9
        expect(page.locator("#measured .shares")).to_contain_text("standard error is at most")
        expect(page.locator("#measured .words .word").first).to_be_visible()
        assert page.locator("#measured .patches-pair img").count() == 2
        page.click("#measure-against")
        finish(page, "#measure")
        expect(page.locator("#measured .contrast p")).to_contain_text("ahead of")
        page.get_by_label("Recommendation", exact=True).click()
        page.get_by_role("option").nth(1).click()
        expect(page.locator("#measured .effects")).to_have_count(1)  # effects were those of all
        expect(page.locator("#measured .shares")).to_have_count(0)
        with page.expect_download() as download:
            page.click("#subject-json")
        download.value.save_as(tmp_path / "run.json")
        measured = json.loads((tmp_path / "run.json").read_text())["recommendations"][0]["measured"]
        assert measured["shares"] and measured["words"] and measured["patches"] and measured["contrasts"]
        with page.expect_download() as download:
            page.click("#subject-report")
        download.value.save_as(tmp_path / "report.html")
        assert "Fair shares of the history" in (tmp_path / "report.html").read_text("utf-8")


def test_first_results_come_at_once_and_stop_keeps_them(browser: Browser) -> None:
    with serving(app(delay=0.02)) as url, visiting(browser, url) as page:
        opened(page)
        page.click("#measure-more")
        page.wait_for_selector("#measured .effects .direct")
        expect(page.locator("#measure .progress-line")).to_contain_text("left")
        expect(page.locator("#measured .figure-awaited").first).to_be_visible()
        page.click("#measure-stop")
        page.wait_for_selector("#measure .progress.stopped", state="attached", timeout=2_000)
        expect(page.locator("#measured .figure-awaited")).to_have_count(0)
        expect(page.locator("#measured .effects .direct").first).to_be_attached()
        expect(page.locator("#measure-more")).to_be_enabled()


def test_a_model_without_gradients_is_said_calmly(browser: Browser) -> None:
    with (
        serving(app(load=lambda report: Pipeline(fakes.FakeBackbone()))) as url,
        visiting(browser, url) as page,
    ):
        opened(page)
        measure(page)
        expect(page.locator("#measured .words .figure-closed")).to_contain_text("Word weights are not available")
        expect(page.locator("#measure .notice.problem")).to_have_count(0)


def test_hostile_titles_stay_words(browser: Browser) -> None:
    with serving(app()) as url, visiting(browser, url) as page:
        for title in hostile.ALL:
            add_title(page, title[:200])
        page.click("#recommend")
        finish(page, "#actions")
        tab(page, "Inspect")
        page.wait_for_timeout(500)  # until the new run can be chosen
        page.get_by_label("Run", exact=True).click()
        page.get_by_role("option").filter(has_text="live").first.click()
        expect(page.locator("#measure-run input")).to_have_value(re.compile("alert"))
        page.wait_for_timeout(500)  # until the run's recommendations are there
        measure(page)
        assert page.locator("img[src=x], #measured script, [onfocus]").count() == 0
        assert "alert(1)" in page.locator("#measured .effects").inner_text()


def test_the_sheet_of_a_result_leads_to_its_evidence(browser: Browser, quick: str) -> None:
    with visiting(browser, quick) as page:
        page.locator(".story").first.click()
        expect(page.locator("#history .entry")).to_have_count(9)
        page.click("#recommend")
        finish(page, "#actions")
        for nth in (2, 1):  # a run that was not chosen yet, then one that was
            tab(page, "Recommend")
            result = page.locator("#results .result .open").nth(nth)
            title = result.locator("bdi").inner_text()
            result.click()
            page.get_by_role("button", name="Measure more in Inspect").click()
            expect(page.locator("#sheet")).to_be_hidden()
            expect(page.locator("#measured h3")).to_have_text(title)
            expect(page.locator("#measure-run input")).to_have_value(re.compile("live"))
            expect(page.locator("#measure-item input")).to_have_value(f"{nth + 1}. {title}")
            expect(page.locator("#measure-more")).to_be_focused()
            page.wait_for_timeout(500)  # nothing that comes later takes it away again
            expect(page.locator("#measured h3")).to_have_text(title)
        measure(page)
        expect(page.locator("#measured h3")).to_have_text(title)
        expect(page.locator("#measured .shares li")).to_have_count(9)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_it_is_accessible_and_fits(browser: Browser, quick: str, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with visiting(browser, quick, width, scheme) as page:
        opened(page)
        measure(page)
        page.click("#measure-against")
        finish(page, "#measure")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.wait_for_timeout(400)
        found = axe.run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
        wrong = [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in found.response["violations"]]
        assert not wrong, wrong
