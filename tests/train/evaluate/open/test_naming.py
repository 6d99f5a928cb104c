"""Which pictures are named, the shares of outcomes, and whether a stated confidence is to be believed."""

import random
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from msr.backbones.protocol import Generation
from msr.backbones.wrappers import CachedBackbone
from msr.storage import TextCache
from tests.fakes import KNOWN, FakeBackbone
from train.evaluate.open import naming
from train.evaluate.open.naming import Named
from train.evaluate.open.said import outcome, read
from train.teach.pictures import Shot
from train.teach.things import COMMONEST, GROUPS, REPORT, things


def shot(name, number=0, path=None, kept_out="", narrow=""):
    facts = {"type": name, "group": things().by_name[name].group} | ({"narrow": narrow} if narrow else {})
    return Shot(f"picture/{name}-{number}", "picture", "", facts, path, kept_out=kept_out)


def of_split(name, split, count):
    """Shots of a name whose keys fall into a split."""
    every = (shot(name, number) for number in range(100_000))
    return [one for one, _ in zip((s for s in every if s.split == split), range(count), strict=False)]


def told(text, name, confidence=0.5):
    one = shot(name)
    return Named(one, text, read(text), outcome(read(text), one.facts), confidence)


# -- which pictures -----------------------------------------------------------------------------------------


def test_every_group_is_in_one_domain():
    assert set(naming.DOMAIN) == set(GROUPS)
    assert sum(map(len, naming.DOMAINS.values())) == len(GROUPS)


def test_domains_take_turns_and_a_seed_decides_which_pictures():
    shots = [*of_split("dog", "test", 40), *of_split("banana", "test", 5), *of_split("hammer", "test", 5)]
    first = naming.samples(shots, 12, 1)["names"]
    assert Counter(one.facts["type"] for one in first) == {"dog": 4, "banana": 4, "hammer": 4}
    assert first == naming.samples(shots[::-1], 12, 1)["names"]
    assert first != naming.samples(shots, 12, 2)["names"]
    assert len(naming.samples(shots, 1000, 1)["names"]) == len(shots)


def test_only_unseen_pictures_are_named_and_unseen_classes_stand_apart():
    unseen = next(thing.name for thing in things().all if thing.kept_out == REPORT)
    shots = [*of_split("dog", "train", 5), *of_split("goldfish", "test", 3), *of_split("dog", "test", 3)]
    shots += [shot(unseen, n, kept_out=REPORT) for n in range(4)]
    picked = naming.samples(shots, 10, 1)
    assert Counter(one.facts["type"] for one in picked["names"]) == {"dog": 3, "goldfish": 3}
    assert {one.facts["type"] for one in picked["commonest"]} == {"dog"} <= set(COMMONEST)
    assert {one.facts["type"] for one in picked["unseen classes"]} == {unseen} and len(picked["unseen classes"]) == 4


def test_pictures_are_described_without_their_titles_as_the_app_does(tmp_path):
    path = tmp_path / "red.png"
    Image.new("RGB", (8, 8), "red").save(path)

    class Describer(FakeBackbone):
        def generate(self, prompts, max_new_tokens, stop=None):
            self.prompts["generate"].extend(prompts)
            return [Generation("A photo of a dog.", 0.75) for _ in prompts]

    backbone = Describer()
    dog = Shot("picture/a", "picture", "A secret title", {"type": "dog", "group": "animal"}, path)
    (named,) = naming.name(CachedBackbone(backbone, TextCache(tmp_path / "texts")), [dog])
    assert (named.text, named.outcome) == ("A photo of a dog.", "right")
    assert named.confidence == KNOWN.name
    assert "secret" not in backbone.prompts["generate"][0].text


# -- figures ------------------------------------------------------------------------------------------------


def test_shares_of_the_outcomes_sum_to_one():
    named = [
        told("A dog.", "dog"), told("A cat.", "dog"), told("An animal.", "dog"), told("Perhaps a dog.", "dog"),
        told("Perhaps a cup.", "dog"), told("Brown.", "dog"), told("An eagle.", "bird"), told("A bird.", "eagle"),
    ]  # fmt: skip
    shares = naming.shares(named)
    means = {each: value["mean"] for each, value in shares.items()}
    assert means == {
        "right": 0.25, "narrower": 0.125, "group": 0.125, "hedged": 0.25, "nothing": 0.125, "wrong": 0.125,
        "guess behind the hedge is right": 0.5,
    }  # fmt: skip
    assert all(value["low"] <= value["mean"] <= value["high"] and value["n"] in (8, 2) for value in shares.values())
    assert shares["guess behind the hedge is right"]["n"] == 2
    assert naming.honest(named)["mean"] == 0.625
    domains = naming.by_domain([*named, told("A hammer.", "hammer")])
    assert {domain: value["right"]["n"] for domain, value in domains.items()} == {"animals": 8, "work": 1}


def test_a_confidence_that_is_the_share_of_right_ones_has_no_calibration_error():
    named = [told("A dog.", "dog", 0.75)] * 75 + [told("A cat.", "dog", 0.75)] * 25
    sure = naming.confidence(named)
    assert sure["expected calibration error"]["mean"] == 0
    assert sure["reliability"] == [
        {"from": 0.7, "confidence": 0.75, "right": pytest.approx(sure["reliability"][0]["right"])}
    ]
    boast = naming.confidence([told("A cat.", "dog", 0.9)] * 10)
    assert boast["expected calibration error"]["mean"] == pytest.approx(0.9)
    assert boast["risk"]["1.0"]["mean"] == 1


def test_risk_falls_where_only_sure_claims_are_kept_and_only_then():
    honest = [told("A dog.", "dog", 0.9)] * 50 + [told("A cat.", "dog", 0.1)] * 50
    assert [naming.confidence(honest)["risk"][c]["mean"] for c in ("0.25", "0.5", "0.75", "1.0")] == [
        0, 0, pytest.approx(1 / 3, abs=1e-3), 0.5,
    ]  # fmt: skip
    blind = [told(text, "dog", 0.5) for text in random.Random(1).sample(["A dog.", "A cat."] * 100, 200)]
    assert naming.confidence(blind)["risk"]["0.25"]["mean"] == pytest.approx(0.5, abs=0.15)


def test_what_is_not_claimed_has_no_risk():
    assert naming.confidence([told("Perhaps a dog.", "dog"), told("Brown.", "dog")]) == {"n": 0}
    assert naming.confidence([told("A dog.", "dog", np.nan)]) == {"n": 0}
    assert naming.confidence([]) == {"n": 0}
