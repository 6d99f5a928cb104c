"""The four tabs in a real browser, on the fake model: what goes beyond the main job."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from msr.reviews import ReviewLog
from msr.storage import assets
from tests.browser import visiting
from tests.intake_files import HEADER
from tests.ui.serve import app, serving
from tests.ui.test_page import add_title, png, titles, upload

pytestmark = pytest.mark.browser


def tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()
    page.wait_for_selector(f"#tab-{name.lower()}", state="visible")


def finish(page: Page, where: str) -> None:
    page.wait_for_selector(f"{where} .progress.finished", state="attached")


def test_a_history_survives_a_reload_and_travels_as_a_file(browser: Browser, quick: str, tmp_path: Path) -> None:
    with visiting(browser, quick) as page:
        upload(page, ("red-mug.png", png("red")))
        expect(page.locator("#history .entry")).to_have_count(1)
        add_title(page, "wooden kite")
        page.locator("#history .entry-title").first.fill("a mug, typed")
        page.reload(wait_until="domcontentloaded")
        expect(page.locator("#history .entry")).to_have_count(2)
        assert titles(page) == ["a mug, typed", "wooden kite"]
        expect(page.locator("#history .entry img")).to_have_count(1)
        page.get_by_role("button", name="Settings").first.click()
        with page.expect_download() as download:
            page.click("#save")
        file = tmp_path / download.value.suggested_filename
        download.value.save_as(file)
    with visiting(browser, quick) as other:
        other.set_input_files("#drop input[type=file]", file)
        expect(other.locator("#history .entry")).to_have_count(2)
        assert titles(other) == ["a mug, typed", "wooden kite"]
        expect(other.locator("#history .entry img")).to_have_count(1)


def test_a_table_as_history_and_pasted_candidates(browser: Browser, quick: str, tmp_path: Path) -> None:
    table = tmp_path / "mine.csv"
    table.write_text(HEADER + "a,Red mug,\nb,Blue mug,\n", "utf-8")
    with visiting(browser, quick) as page:
        page.set_input_files("#drop input[type=file]", table)
        expect(page.locator("#history .entry")).to_have_count(2)
        page.get_by_role("button", name="Catalogue").click()
        page.click("#use-pasted")
        expect(page.locator("#catalogue-problems")).to_contain_text("at least one title")
        page.fill("#pasted textarea", "Green mug\nRed mug\n\nYellow lamp")
        page.click("#use-pasted")
        expect(page.locator("#catalogue .notice.hint")).to_contain_text("pasted, 3 items")
        page.click("#recommend")
        finish(page, "#actions")
        names = page.locator("#results .result h3 bdi").all_inner_texts()
        assert sorted(names) == ["Green mug", "Yellow lamp"]  # the red mug is in the history


def test_the_evidence_of_a_result_and_the_files_of_a_run(browser: Browser, quick: str, tmp_path: Path) -> None:
    with visiting(browser, quick) as page:
        page.locator(".story").first.click()
        expect(page.locator("#history .entry")).to_have_count(9)
        page.click("#recommend")
        finish(page, "#actions")
        expect(page.locator(".drift circle")).to_have_count(2)
        page.click("[data-view=table]")
        expect(page.locator(".results-table")).to_be_visible()
        expect(page.locator("#results .results")).to_be_hidden()
        page.click("[data-view=gallery]")
        opened = "() => { const t = performance.now(); document.querySelector('.result .open').click(); "
        assert page.evaluate(opened + "return performance.now() - t; }") < 200
        sheet = page.locator("#sheet")
        expect(sheet).to_be_visible()
        for label in ("model-written reason", "model-written description", "measured influence", "What the model read"):
            expect(sheet).to_contain_text(label)
        assert page.locator("#sheet .influences tbody tr").count() == 9
        assert "Would the user like this item?" in page.locator("#sheet pre").inner_text()
        page.keyboard.press("Escape")
        expect(sheet).to_be_hidden()
        page.wait_for_selector("#run-tools", state="visible")
        for button, end in (("#run-report", ".html"), ("#run-json", ".json")):
            with page.expect_download() as download:
                page.click(button)
            assert download.value.suggested_filename.endswith(end)
        download.value.save_as(tmp_path / "run.json")
        assert len(json.loads((tmp_path / "run.json").read_text())["recommendations"]) == 10


def test_what_if_makes_a_run_beside_the_old_one(browser: Browser, quick: str) -> None:
    with visiting(browser, quick) as page:
        tab(page, "Inspect")
        expect(page.locator("#whatif .entry")).to_have_count(9)
        expect(page.locator("#compare .side")).to_have_count(2)
        before = page.locator("#subject input").input_value()
        page.locator("#whatif").get_by_label("Remove item 9").click()
        page.locator("#whatif").get_by_label("Mask the picture of item 2").click()
        page.locator("#whatif").get_by_label("Move item 1 down").click()
        page.click("#rerank")
        finish(page, "#whatif")
        expect(page.locator(".edits")).to_contain_text("without “Isla lamp”")
        expect(page.locator(".edits")).to_contain_text("picture of “Fjord retro backpack” masked")
        expect(page.locator(".edits")).to_contain_text("in another order")
        assert page.locator("#compare .side").last.locator(".move").count() > 0
        assert page.locator(".scatter circle").count() > 10
        page.fill("#edited-text textarea", "I only like mugs now.")
        page.locator("#pin input").check()
        page.click("#rerank")
        expect(page.locator("#compare .tag.own")).to_be_visible()
        finish(page, "#whatif")
        assert page.locator("#subject input").input_value() == before  # the original is as it was
        assert page.locator("#side-a input").input_value() == before
        assert "edited" in page.locator("#side-b input").input_value()
        moved = "() => { const t = performance.now(); document.querySelector('#whatif [data-act=down]').click(); "
        assert page.evaluate(moved + "return performance.now() - t; }") < 200


def test_a_page_with_runs_of_its_own_comes_to_rest_and_opens_on_the_newest(browser: Browser, quick: str) -> None:
    with visiting(browser, quick) as page:
        page.locator(".story").first.click()
        expect(page.locator("#history .entry")).to_have_count(9)
        page.click("#recommend")
        finish(page, "#actions")
        tab(page, "Inspect")
        expect(page.locator("#measure-run input")).to_have_value(re.compile("live"))
        page.fill("#edited-text textarea", "I only like mugs now.")
        page.click("#rerank")
        finish(page, "#whatif")
        page.wait_for_timeout(1000)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.wait_for_timeout(2000)
        assert asked == []


def test_two_reviewers_judge_and_their_words_are_kept(browser: Browser, tmp_path: Path) -> None:
    log = tmp_path / "reviews.jsonl"
    with serving(app(reviews=ReviewLog(log))) as url, visiting(browser, url) as page:
        tab(page, "Review")
        page.wait_for_selector("#review-card .review-card")  # the first text is there to be judged
        page.click("#verdict-wrong")
        expect(page.locator("#review-problems")).to_contain_text("Enter your name first")
        for name, keys in (("Ann", "113"), ("Bob", "112")):
            page.fill("#reviewer :is(input, textarea)", name)
            page.keyboard.press("Enter")
            expect(page.locator("#review-progress")).to_contain_text("0 of")
            page.locator("#tab-review h2").first.click()
            for n, key in enumerate(keys, 1):
                page.keyboard.press(key)
                expect(page.locator("#review-progress")).to_contain_text(f"{n} of")
        expect(page.locator("#agreement")).to_contain_text("67%")
        assert [json.loads(line)["verdict"] for line in log.read_text().splitlines()] == [
            "faithful", "faithful", "wrong", "faithful", "faithful", "partly",
        ]  # fmt: skip
        with page.expect_download() as download:
            page.click("#export-csv")
        download.value.save_as(tmp_path / "reviews.csv")
        rows = list(csv.DictReader(io.StringIO((tmp_path / "reviews.csv").read_text())))
        assert [row["reviewer"] for row in rows] == ["Ann"] * 3 + ["Bob"] * 3


def test_a_recorded_run_is_presented_without_a_model_and_run_live(browser: Browser, quick: str) -> None:
    with visiting(browser, quick) as page:
        page.locator("[data-recording]").first.click()
        stage = page.locator("dialog.stage")
        expect(stage).to_be_visible()
        expect(stage.locator(".tag.recorded")).to_have_text("recorded")
        page.keyboard.press("ArrowRight")
        page.wait_for_selector("dialog.stage .slide:not([hidden]) .word.shown")
        page.keyboard.press(" ")
        expect(stage.locator("[data-stage=play]")).to_have_text("Play")
        expect(stage.locator(".stage-place")).to_have_text("2 / 6")
        page.keyboard.press("Escape")
        expect(stage).to_be_hidden()
        page.locator("[data-recording]").first.click()
        stage.locator("[data-stage=live]").click()
        expect(page.locator("#history .entry")).to_have_count(9)
        finish(page, "#actions")


def test_evaluations_are_shown_with_intervals_and_baselines(browser: Browser) -> None:
    with serving(app(results=[assets() / "pocket"])) as url, visiting(browser, url) as page:
        tab(page, "Evaluate")
        expect(page.locator(".plot .baseline")).not_to_have_count(0)
        assert page.locator(".plot .system").count() > 0
        assert page.locator(".plot .interval").count() == page.locator(".plot .mean").count()
        expect(page.locator(".evaluation-table")).to_contain_text("popularity")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_plot_is_whole_and_readable_on_a_phone(browser: Browser, tmp_path: Path, scheme: str) -> None:
    figure = {"mean": 0.6, "low": 0.55, "high": 0.65}
    systems = ("GRU4Rec, summaries of pictures and titles", "a-name-without-any-break-that-is-wider-than-the-phone" * 2)
    rows = [{"system": s, "negatives": n, "auc": figure} for s in systems for n in ("uniform", "chosen by then")]
    (tmp_path / "run.json").write_text(json.dumps({"dataset": "films", "users": 9, "rows": rows}), "utf-8")
    with serving(app(results=[tmp_path])) as url, visiting(browser, url, 390, scheme) as page:
        tab(page, "Evaluate")
        expect(page.locator(".plot")).to_have_count(2)
        assert page.locator(".plot").evaluate_all(_CUT) == []
        sizes = page.locator(".plot :is(figcaption, .plot-name, .number, .ticks span)").evaluate_all(
            "all => all.map(e => parseFloat(getComputedStyle(e).fontSize))"
        )
        assert len(sizes) > 10 and min(sizes) >= 11


# Plots that scroll, and their parts that stick out of them or of the window.
_CUT = """plots => plots.flatMap(plot => [plot, ...plot.querySelectorAll('*')].filter(part => {
  const [box, room] = [part, plot].map(e => e.getBoundingClientRect());
  return plot.scrollWidth > plot.clientWidth || box.left < room.left || box.right > Math.min(room.right, innerWidth);
}).map(e => e.outerHTML))"""


def test_evaluations_without_a_metric_in_common_can_be_chosen_in_turn(browser: Browser, tmp_path: Path) -> None:
    for name, metric in (("films", "auc"), ("tastes", "named")):
        row = {"system": "mllm", "negatives": "uniform", metric: {"mean": 0.6}}
        (tmp_path / f"{name}.json").write_text(json.dumps({"dataset": name, "rows": [row]}), "utf-8")
    with serving(app(results=[tmp_path])) as url, visiting(browser, url) as page:
        tab(page, "Evaluate")
        for name, metric in (("tastes", "NAMED"), ("films", "AUC")):
            page.get_by_label("Evaluation", exact=True).click()
            page.get_by_role("option").filter(has_text=name).click()
            expect(page.locator(".plot figcaption")).to_contain_text(metric)
            page.wait_for_timeout(300)  # Gradio sends a choice twice; both must be answered


def test_no_tab_is_folded_away_where_there_is_no_room(browser: Browser, quick: str) -> None:
    with visiting(browser, quick, width=240) as page:
        for name in ("Recommend", "Inspect", "Review", "Evaluate"):
            expect(page.get_by_role("tab", name=name)).to_be_visible()
        page.wait_for_timeout(500)
        expect(page.get_by_role("tab")).to_have_count(4)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_every_tab_is_accessible_and_fits(browser: Browser, quick: str, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with visiting(browser, quick, width, scheme) as page:
        page.locator(".story").first.click()
        expect(page.locator("#history .entry")).to_have_count(9)
        page.click("#recommend")
        finish(page, "#actions")
        wrong = {}
        for name in ("Recommend", "Inspect", "Review", "Evaluate"):
            tab(page, name)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            page.wait_for_timeout(400)  # until what fades in has done so
            found = axe.run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
            wrong[name] = [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in found.response["violations"]]
        assert not any(wrong.values()), wrong
