"""The model card says nothing in numbers that the training record does not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from msr.schema import InputProblem
from train import card
from train.evaluate.experiments import planted
from train.learn.artifacts import PUBLISHED


def interval(mean: float) -> dict[str, float]:
    return {"mean": mean, "low": mean - 0.0311, "high": mean + 0.0417, "n": 187}


ALIGN = {
    "steps": 1313,
    "seconds": 4321.7,
    "tokens": 2345678,
    "pictures": {"fashion": 5511, "object": 4422},
    "users": 377,
}
FIGURES = {
    "sft": {**ALIGN, "steps": 2626, "seconds": 9988.0, "tokens": 7654321, "started_from": "aaaa000011112222"},
    "adapter_sha256": "beefbeefbeefbeef",
    "held_out": {
        "fashion, picture only": {
            "pictures": 193,
            "hedged": 17,
            "mention": {"type": interval(0.7123), "colour": interval(0.5234)},
            "samples": [],
        },
        "unseen users": {
            "dataset": "movielens-posters",
            "users": 91,
            "rows": [
                {"system": "mllm", "auc": interval(0.8342), "hr@5": interval(0.6151)},
                {"system": "popularity", "auc": interval(0.7777), "hr@5": interval(0.5959)},
            ],
        },
    },
}
WARM_UP = {"steps": 808, "validation_before": 6.2154, "validation_after": 3.1477}
WHOLE = {**FIGURES, "align": ALIGN, "warm_up": WARM_UP}


def numbers(value) -> Iterator[float]:
    if isinstance(value, dict):
        for one in value.values():
            yield from numbers(one)
    elif isinstance(value, list):
        for one in value:
            yield from numbers(one)
    elif isinstance(value, int | float):
        yield value


def printed(text: str) -> list[str]:
    return re.findall(r"\d[\d,]*(?:\.\d+)?", text)


def unmeasured(text: str, figures: dict) -> list[str]:
    """Numbers of a card that are neither in its fixed words nor a rounding of a figure (seconds as minutes)."""
    fixed = set(printed(card.render({})) + printed(" ".join(card._DATA.values())) + ["20", "95", "5"])
    known = set()
    for value in (*numbers(figures), *(v / 60 for v in numbers(figures))):
        known |= {f"{value:.0f}", f"{value:.2f}", f"{value:.3f}", f"{value:,}"}
    return [n for n in printed(text) if n.rstrip(",") not in known | fixed]


def test_every_number_of_the_card_was_measured():
    text = card.render(WHOLE)
    hashes = text.replace("`beefbeefbeefbeef`", "")
    assert unmeasured(hashes, WHOLE) == []
    assert unmeasured(hashes + "Accuracy is 0.99.", WHOLE) == ["0.99."] or unmeasured("0.99", WHOLE) == ["0.99"]


@pytest.mark.parametrize(
    "row",
    [
        "| align | 1313 | 72 | cpu | 2,345,678 | 5,511 fashion, 4,422 object; 377 users |",  # 4321.7 s
        "| sft | 2626 | 166 | cpu | 7,654,321 | 5,511 fashion, 4,422 object; 377 users |",
        "| fashion, picture only | 193 | 17 | type 0.71 [0.68, 0.75]; colour 0.52 [0.49, 0.57] |",
        "| mllm | 0.834 [0.803, 0.876] | 0.615 [0.584, 0.657] |",
        "| popularity | 0.778 [0.747, 0.819] | 0.596 [0.565, 0.638] |",
        "Last item against 20 uniform negatives, 91 unseen users of movielens-posters:",
        "The connector was warmed up first (808 steps): held-out loss from 6.22 to 3.15 nats.",
        "Adapter and connector SHA-256 (16 digits): `beefbeefbeefbeef`.",
    ],
)
def test_the_figures_stand_in_the_card_as_they_were_measured(row):
    assert row in card.render(WHOLE).splitlines()


EXPLAINED = {
    "evaluated": {"name": "pocket", "revision": "r", "adapter_sha256": "a"},
    "preference_quality": {
        "model": {"name": "pocket"},
        "fashion": {
            "users": 211,
            "preference precision": interval(0.9321),
            "preference recall": interval(0.8123),
            "rationale precision": interval(0.9511),
        },
    },
}
PLANTED = {
    "dataset": "planted, drawn",
    "users": 202,
    "rows": [{name: interval(0.3 + n / 50) for n, name in enumerate(planted.RATES)}],
    "cases": ["long"],
}
FAITHFULNESS = {
    "dataset": "faithfulness",
    "users": 203,
    "top": 5,
    "rows": [
        {
            "system": "measured influence",
            "negatives": "history items",
            "comprehensiveness area": interval(0.2411),
            "sufficiency area": interval(0.0922),
        }
    ],
    "differences": [
        {"system": "m", "minus": "random", "negatives": "history items", "comprehensiveness area": interval(0.1711)},
        {"system": "m", "minus": "random", "negatives": "picture patches", "comprehensiveness area": interval(0.0111)},
    ],
}


@pytest.fixture
def explained(tmp_path) -> Path:
    """A published folder with both experiments in its training.json and its card."""
    folder = stage(tmp_path / "pocket", {**WHOLE, **EXPLAINED})
    for name in PUBLISHED:
        (folder / name).write_bytes(b"weights")
    files = []
    for found in (PLANTED, FAITHFULNESS):
        files.append(tmp_path / f"{found['dataset']}.json")
        files[-1].write_text(json.dumps({**found, "settings": {"model": EXPLAINED["evaluated"]}}))
    card.publish(folder, folder, files)
    return folder


@pytest.mark.parametrize(
    "row",
    [
        "| fashion | 211 | 0.932 [0.901, 0.974] | 0.812 [0.781, 0.854] | 0.951 [0.920, 0.993] |",
        "planted, drawn: a hidden taste that switches once, 202 simulated users, shares:",
        "| named | 0.300 [0.269, 0.342] |",
        "| history items | measured influence | 0.241 [0.210, 0.283] | 0.092 [0.061, 0.134] |",
        "Taking away history items: measured influence beats random (area, 95 %).",
        "Taking away picture patches: measured influence does not measurably beat random (area, 95 %).",
    ],
)
def test_measured_explanations_stand_in_the_card(explained, row):
    assert row in (explained / "README.md").read_text().splitlines()


def test_experiments_are_kept_without_their_cases(explained):
    kept = json.loads((explained / "training.json").read_text())["experiments"]
    assert list(kept) == ["planted, drawn", "faithfulness"]
    assert "cases" not in kept["planted, drawn"] and kept["planted, drawn"]["users"] == 202
    assert (explained / PUBLISHED[0]).read_bytes() == b"weights", "a folder may be published in place"


def test_experiments_on_other_weights_are_refused(tmp_path):
    folder = stage(tmp_path / "pocket", {**WHOLE, **EXPLAINED})
    other = tmp_path / "faithfulness.json"
    model = {**EXPLAINED["evaluated"], "adapter_sha256": "b"}
    other.write_text(json.dumps({**FAITHFULNESS, "settings": {"model": model}}))
    with pytest.raises(InputProblem, match="measured with other weights"):
        card.run(SimpleNamespace(run=folder, out=folder, experiments=[other]))
    assert "experiments" not in json.loads((folder / "training.json").read_text())


def test_the_record_of_an_older_run_is_read_under_its_old_name(explained, tmp_path):
    (explained / "training.json").rename(explained / "run.json")
    card.publish(explained, tmp_path / "out")
    published = json.loads((tmp_path / "out" / "training.json").read_text())
    assert published["experiments"] == json.loads((explained / "run.json").read_text())["experiments"]


def test_everyday_pictures_and_titles_are_shown_where_they_were_measured(tmp_path):
    def share(mean: float) -> dict[str, float]:
        return {"mean": mean, "low": mean - 0.1, "high": mean + 0.1, "n": 40}

    told = {"all": {"right": share(0.5), "group": share(0.1), "hedged": share(0.3), "wrong": share(0.2)}}
    taste = {"named": share(0.7), "among the first 5 of 21": share(0.9)}
    titles = {"right domain": share(0.6), "says little": share(0.3), "wrong domain": share(0.11)}
    measured = {
        "names": told, "commonest": told, "unseen classes": told | {"group or not sure": share(0.8)},
        "confidence": {"expected calibration error": share(0.15), "n": 40}, "titles": {"all": titles},
        "tastes": {"one thing": taste},
    }  # fmt: skip
    text = card.render({**FIGURES, "open": measured})
    assert "| unseen pictures of all domains | 40 | 0.500 [0.400, 0.600] | 0.100 [0.000, 0.200] | 0.300 [" in text
    assert 'group or "not sure" 0.800 [0.700, 0.900].' in text and "right: 0.150 (n = 40)" in text
    assert "wrong domain 0.110 [" in text and "| one thing | 0.700 [0.600, 0.800] | 0.900 [" in text
    assert "Everyday pictures" not in card.render(FIGURES)

    other = {
        "dataset": "open",
        "model": {"name": "pocket", "revision": "another", "adapter_sha256": "other"},
        **measured,
    }
    (tmp_path / "open.json").write_text(json.dumps(other))
    with pytest.raises(InputProblem, match="other weights"):
        card._merge({**FIGURES}, tmp_path / "open.json")


def test_the_figures_of_an_older_run_are_read_under_their_old_name():
    mentions = FIGURES["held_out"]["fashion, picture only"]
    older = {name: value for name, value in mentions.items() if name != "hedged"} | {"called_unfamiliar": 23}
    assert "| fashion, picture only | 193 | 23 |" in card.render(
        {**FIGURES, "held_out": {"fashion, picture only": older}}
    )


def test_a_folder_without_a_record_is_refused_before_anything_is_copied(tmp_path):
    with pytest.raises(InputProblem, match="empty has no training.json"):
        card.run(SimpleNamespace(run=tmp_path / "empty", out=tmp_path / "out", experiments=[]))
    assert not (tmp_path / "out").exists()


def test_without_figures_the_card_says_so():
    text = card.render({"sft": FIGURES["sft"]})
    assert "Not evaluated yet." in text
    assert "AUC" not in text


@pytest.mark.parametrize(("kind", "words"), [("object", "CC BY 4.0"), ("scene", "Flickr8k"), ("movie", "MovieLens")])
def test_terms_are_named_of_the_data_that_were_used_and_of_no_other(kind, words):
    used = {"sft": FIGURES["sft"] | {"pictures": {kind: 3}}}
    assert words in card.render(used)
    assert words not in card.render({"sft": FIGURES["sft"] | {"pictures": {"fashion": 3}}})


def test_titles_alone_count_as_used_data():
    part = FIGURES["sft"] | {"pictures": {"fashion": 3}, "titles_without_picture": {"movie": 9742}}
    text = card.render({"sft": part})
    assert "titles only: 9,742 movie" in text and "MovieLens" in text


def stage(folder: Path, figures: dict) -> Path:
    folder.mkdir(parents=True)
    (folder / "training.json").write_text(json.dumps(figures))
    for name in PUBLISHED:
        (folder / name).write_text(f"{folder.name} {name}")
    return folder


def test_publishing_takes_the_weights_and_the_figures_of_both_stages(tmp_path):
    stage(tmp_path / "align", {"align": ALIGN, "warm_up": WARM_UP, "adapter_sha256": "aaaa000011112222"})
    stage(tmp_path / "align-other", {"align": {**ALIGN, "steps": 9}, "adapter_sha256": "cccc000011112222"})
    run = stage(tmp_path / "sft", FIGURES)
    out = tmp_path / "published"
    card.publish(run, out)
    assert {p.name for p in out.iterdir()} == {*PUBLISHED, "training.json", "README.md"}
    assert all((out / name).read_text() == f"sft {name}" for name in PUBLISHED)
    published = json.loads((out / "training.json").read_text())
    assert published == WHOLE, "the aligned stage is the one that this run started from"
    assert (out / "README.md").read_text() == card.render(WHOLE)


def test_an_earlier_run_whose_lora_went_on_stays_in_the_card(tmp_path):
    older = {"align": {**ALIGN, "steps": 17}, "adapter_sha256": "0dd50dd50dd50dd5"}
    out = stage(tmp_path / "published", older)
    started = {**ALIGN, "started_from": "0dd50dd50dd50dd5"}
    stage(tmp_path / "align", {"align": started, "warm_up": WARM_UP, "adapter_sha256": "aaaa000011112222"})
    run = stage(tmp_path / "sft", FIGURES)
    for _ in range(2):  # publishing again loses nothing
        card.publish(run, out)
        assert json.loads((out / "training.json").read_text())["earlier"] == [{"align": older["align"]}]
        text = (out / "README.md").read_text()
        assert "| align (run 1) | 17 | 72 | cpu |" in text and "| sft (run 2) |" in text


def test_every_run_that_a_lora_went_through_stays_in_the_card(tmp_path):
    first = {"align": {**ALIGN, "steps": 5}}
    older = {"align": {**ALIGN, "steps": 17}, "adapter_sha256": "0dd50dd50dd50dd5", "earlier": [first]}
    out = stage(tmp_path / "published", older)
    started = {**ALIGN, "started_from": "0dd50dd50dd50dd5"}
    stage(tmp_path / "align", {"align": started, "warm_up": WARM_UP, "adapter_sha256": "aaaa000011112222"})
    card.publish(stage(tmp_path / "sft", FIGURES), out)
    text = (out / "README.md").read_text()
    assert text.index("| align (run 1) | 5 |") < text.index("| align (run 2) | 17 |") < text.index("| align (run 3) |")


def test_a_run_that_went_on_from_the_published_one_keeps_its_warm_up_and_stages(tmp_path):
    older = {"align": {**ALIGN, "steps": 17}, "warm_up": WARM_UP, "adapter_sha256": "aaaa000011112222"}
    out = stage(tmp_path / "published", older)
    run = stage(tmp_path / "sft", {**FIGURES, "sft": {**FIGURES["sft"], "device": "a GPU"}})
    for _ in range(2):
        card.publish(run, out)
        published = json.loads((out / "training.json").read_text())
        assert published["earlier"] == [{"align": older["align"]}]
        assert published["warm_up"] == WARM_UP and "align" not in published
        text = (out / "README.md").read_text()
        assert "| align (run 1) | 17 | 72 | cpu |" in text and "| sft (run 2) | 2626 | 166 | a GPU |" in text


def test_an_earlier_run_that_was_not_the_start_is_not_in_the_card(tmp_path):
    out = stage(tmp_path / "published", {"align": {**ALIGN, "steps": 17}, "adapter_sha256": "0dd50dd50dd50dd5"})
    stage(tmp_path / "align", {"align": ALIGN, "warm_up": WARM_UP, "adapter_sha256": "aaaa000011112222"})
    card.publish(stage(tmp_path / "sft", FIGURES), out)
    assert "(run" not in (out / "README.md").read_text()


def test_the_words_of_warm_image_tokens_stand_in_the_card():
    warm = {**WARM_UP, "nearest_word": {"fashion colour": 0.6223, "object thing": 0.825}}
    assert "for: fashion colour 0.62, object thing 0.82." in card.render({**WHOLE, "warm_up": warm})
