"""The main job on the real pocket model: once through `gradio_client`, once through the page in Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from gradio_client import Client
from safetensors.torch import load_file

from msr import backbones, catalogue, prompts
from msr.backbones.pocket import assemble
from msr.backbones.pocket.seal import whole
from msr.backbones.transformers.backbone import LocalBackbone
from msr.config import BackboneConfig
from msr.pipeline import Pipeline
from msr.schema import ItemSummary
from msr.storage import TextCache
from msr.ui import build_app
from tests.browser import chromium, visiting
from tests.ui.serve import serving

pytestmark = pytest.mark.pocket
MINUTES = 60_000  # milliseconds
CANDIDATES = 40  # of the bundled catalogue, beside the story's own items


@pytest.fixture(scope="module")
def studio() -> Iterator[str]:
    """The address of the app with the bundled stories, remembering nothing from earlier runs."""
    examples = [(story, catalogue.story_items(story.id)) for story in catalogue.stories()]
    own = {item.id for _, items in examples for item in items}
    offered = tuple(item for item in catalogue.demo().items if item.id not in own)[:CANDIDATES]

    def load(report: object) -> Pipeline:
        return Pipeline(backbones.load(BackboneConfig(), report), cache=TextCache())

    with serving(build_app(load, catalogue.Catalogue("demo", offered), examples)) as url:
        yield url


def test_a_script_gets_a_whole_run(studio: str) -> None:
    story = catalogue.stories()[0]
    run = Client(studio, verbose=False).predict(story=story.id, block_size=3, top=5, api_name="/recommend")

    assert [item["id"] for item in run["history"]] == list(story.items)
    assert all(item["description"] for item in run["history"])
    assert [p["items"] for p in run["preferences"]] == [list(story.items[n : n + 3]) for n in (0, 3, 6)]
    assert all(p["text"].startswith("The user appears to have a preference for") for p in run["preferences"])
    assert len({p["text"] for p in run["preferences"]}) > 1
    assert [r["rank"] for r in run["recommendations"]] == [1, 2, 3, 4, 5]
    scores = [r["score"] for r in run["recommendations"]]
    assert scores == sorted(scores, reverse=True) and all(0 < score < 1 for score in scores)
    assert len(set(scores)) > 1
    assert not {r["id"] for r in run["recommendations"]} & set(story.items)
    for recommendation in run["recommendations"]:
        assert recommendation["rationale"]
        assert {e["history_id"] for e in recommendation["influence"]} == set(story.items)
    assert any(e["delta"] for r in run["recommendations"] for e in r["influence"])
    assert {"describe", "preference", "rank", "explain", "influence", "total"} <= set(run["timings"])


def test_guessing_ahead_writes_what_transformers_writes() -> None:
    """In whole precision: in half of it, equal prompts in other batches are answered in slightly other ways."""
    backbone = backbones.load(BackboneConfig(dtype="float32"))
    items = catalogue.story_items(catalogue.stories()[0].id)[:6]
    described = [prompts.describe(item) for item in items]
    texts = backbone.generate(described, 40)
    read = [(item, ItemSummary(item.id, answer.text)) for item, answer in zip(items, texts, strict=True)]
    first = prompts.preference("", read[:3])
    second = prompts.preference(backbone.generate([first], 90)[0].text, read[3:])
    reasons = [prompts.explain("Likes striped things.", item, seen.text, liked=True) for item, seen in read]
    asked = [*described, first, second, *reasons]
    with torch.inference_mode():
        alone = [LocalBackbone._written(backbone, [prompt], 90, None)[0] for prompt in asked]
    together = backbone.generate(asked, 90)
    assert [answer.text for answer in together] == [answer.text for answer in alone]
    assert [a.confidence for a in together] == pytest.approx([a.confidence for a in alone], rel=1e-3)


@pytest.mark.browser
def test_a_visitor_sees_every_stage(studio: str) -> None:
    with chromium() as browser, visiting(browser, studio) as page:
        page.set_default_timeout(5 * MINUTES)
        page.wait_for_selector(".badge.ready")
        page.locator(".story").nth(1).click()
        page.wait_for_selector("#history .entry:nth-child(9)")
        page.click("#recommend")
        tab = page.locator("#tab-recommend")
        for stage in (".seen-text bdi", ".step.writing", ".result .rank", ".rationale p[dir]", ".bars", ".finished"):
            tab.locator(stage).first.wait_for(state="attached")

        assert tab.locator(".seen-text bdi").count() == 9
        texts = tab.locator(".preference p").all_inner_texts()
        assert len(texts) == 3 and all(len(words) > 20 for words in texts)
        assert tab.locator(".result .rank").count() == 10
        scores = [float(s.split()[0].strip("<>%")) for s in tab.locator(".score b").all_inner_texts()]
        assert scores == sorted(scores, reverse=True)
        assert all(words.strip() for words in tab.locator(".rationale p").all_inner_texts())
        assert tab.locator(".result .bars").count() == 10 and tab.locator(".result .bars li").count() == 90


def test_the_stored_model_is_whole_and_holds_nothing_of_where_it_was_made() -> None:
    folder = assemble.fetch()
    assert whole(folder)
    assert str(folder.parent) not in "".join(path.read_text("utf-8") for path in folder.glob("*.json"))
    tensors = load_file(folder / "model.safetensors")
    (rows,) = (tensor for name, tensor in tensors.items() if name.endswith("embed_tokens.weight"))
    assert rows.shape[0] == 49_216 and rows[:49_152].any(dim=1).all() and not rows[49_152:].any()
