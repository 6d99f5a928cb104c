"""Amazon Reviews 2023: reviews and metadata in JSON lines, the k-core, pictures fetched only when asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from msr import intake
from msr.intake import IntakeError
from tests.intake_files import png
from tests.train.data.readers.files import gzipped, jsonl, meta, review, write
from train.data import readers
from train.data.dataset import Dataset, UserLog
from train.data.readers import amazon, downloads

CORE = [review(user, item, 1_600_000_000_000 + n) for n, user in enumerate("uvw") for item in "ab"]
FRINGE = [review("u", "c"), review("x", "a"), review("x", "d")]
FILES = {
    "All_Beauty.jsonl": jsonl(*CORE, *FRINGE),
    "meta_All_Beauty.jsonl": jsonl(*(meta(item) for item in "abcde")),
    "images/a.jpg": png(),
}


def read(root: Path, files: dict, **options) -> Dataset:
    return readers.read("amazon", write(root, files), **options)


def test_the_category_with_titles_words_and_seconds(tmp_path):
    data = read(tmp_path, FILES, k_core=1)
    assert data.users[0] == UserLog("u", ("a", "b", "c"), (1_600_000_000,) * 3)
    assert list(data.items) == ["a", "b", "c", "d"]  # e was never reviewed
    assert data.items["a"].title == "Title of a" and data.items["a"].words == ("beauty & personal care", "hair care")
    assert data.items["a"].image == tmp_path / "images" / "a.jpg" and data.items["b"].image is None
    assert data.dropped == {} and set(data.hashes) == {"All_Beauty.jsonl", "meta_All_Beauty.jsonl"}


def test_packed_files_read_the_same(tmp_path):
    plain = read(tmp_path / "plain", FILES, k_core=2)
    packed = {f"{name}.gz": gzipped(text) for name, text in FILES.items() if name.endswith("jsonl")}
    data = read(tmp_path / "packed", packed, k_core=2, images=tmp_path / "plain" / "images")
    assert (data.items, data.users, data.dropped) == (plain.items, plain.users, plain.dropped)


def test_the_core_by_hand(tmp_path):
    # c and d have one user each; without d, x has one item. a and b have u, v and w.
    data = read(tmp_path, FILES, k_core=2)
    assert [(log.user, log.items) for log in data.users] == [(user, ("a", "b")) for user in "uvw"]
    assert list(data.items) == ["a", "b"]
    assert data.dropped == {
        "interactions outside the 2-core": 3,
        "users of whom nothing is left": 1,
    }


def test_the_core_is_taken_again_when_metadata_are_missing(tmp_path):
    reviews = [*CORE, review("y", "a"), review("y", "nameless"), review("u", "nameless")]
    files = FILES | {"All_Beauty.jsonl": jsonl(*reviews), "meta_All_Beauty.jsonl": jsonl(meta("a"), meta("b"))}
    data = read(tmp_path, files, k_core=2)
    assert [log.user for log in data.users] == ["u", "v", "w"]
    assert data.dropped == {
        "interactions with unknown items": 2,
        "interactions outside the 2-core": 1,
        "users of whom nothing is left": 1,
    }


def test_an_empty_core_is_said(tmp_path):
    with pytest.raises(IntakeError, match="None of the 9 interactions is in the 4-core"):
        read(tmp_path, FILES, k_core=4)


def test_five_is_the_default_core(tmp_path):
    reviews = [review(f"u{u}", f"i{i}") for u in range(5) for i in range(5)]
    files = {"A.jsonl": jsonl(*reviews, review("u0", "x")), "meta_A.jsonl": jsonl(*(meta(f"i{i}") for i in range(5)))}
    data = read(tmp_path, files)
    assert len(data.users) == len(data.items) == 5 and all(len(log.items) == 5 for log in data.users)


@pytest.mark.parametrize(
    "line",
    [
        "no json", "[]", '"text"', "{", "[" * 100_000, '{"user_id": "u"}',
        jsonl(review("u", "a", -1)).strip(), jsonl(review("u", "a", True)).strip(), jsonl(review("u", "")).strip(),
        jsonl(review("u", "a", "2020")).strip(), jsonl(review("u", "a") | {"timestamp": float("nan")}).strip(),
        jsonl(review("u", "a") | {"timestamp": 10**400}).strip(), jsonl(review("u", "a") | {"user_id": 5}).strip(),
    ],
)  # fmt: skip
def test_a_malformed_review_is_counted_and_skipped(tmp_path, line):
    data = read(tmp_path, FILES | {"All_Beauty.jsonl": jsonl(*CORE, line)}, k_core=2)
    assert len(data.users) == 3 and data.dropped["malformed lines in All_Beauty.jsonl"] == 1


@pytest.mark.parametrize(
    "more", [{"images": "x"}, {"images": [None, {"large": 5}]}, {"categories": [1, None]}, {"images": None}]
)
def test_odd_metadata_cost_the_detail_and_not_the_item(tmp_path, more):
    data = read(tmp_path, FILES | {"meta_All_Beauty.jsonl": jsonl(meta("a", **more), meta("b"))}, k_core=2)
    assert list(data.items) == ["a", "b"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, r"must have one CATEGORY.jsonl or CATEGORY.jsonl.gz; it has none"),
        ({"A.jsonl": "", "B.jsonl.gz": b""}, "it has A.jsonl, B.jsonl.gz"),
        ({"A.jsonl": jsonl(*CORE)}, r"No meta_A.jsonl or meta_A.jsonl.gz in"),
        ({"A.jsonl": "user,item\nu,a\n", "meta_A.jsonl": "{}"}, "A.jsonl, line 1: .* 2 of 2 lines are malformed"),
        ({"A.jsonl": jsonl(*CORE), "meta_A.jsonl": jsonl(*CORE)}, "None of the 6 interactions is with a known item"),
    ],
)
def test_another_format_is_refused(tmp_path, files, message):
    if "meta_A.jsonl" in files and "asin" in files["meta_A.jsonl"]:
        files = files | {"meta_A.jsonl": jsonl(meta("z"))}
    with pytest.raises(IntakeError, match=message):
        read(tmp_path, files, k_core=2)


def test_metadata_and_pictures_may_come_from_the_fallback(tmp_path):
    whole = write(tmp_path / "whole", FILES)
    part = {"All_Beauty.jsonl": jsonl(review("new", "a"), review("new", "b"))}
    data = read(tmp_path / "part", part, fallback=whole, k_core=1)
    assert data.users == (UserLog("new", ("a", "b"), (1_600_000_000,) * 2),)
    assert data.items["a"].image == whole / "images" / "a.jpg"


def test_options_that_make_no_sense_are_refused(tmp_path):
    with pytest.raises(IntakeError, match="k_core is 0"):
        read(tmp_path, FILES, k_core=0)
    with pytest.raises(IntakeError, match="nowhere' is not a folder"):
        read(tmp_path, FILES, images=tmp_path / "nowhere")


def test_nothing_is_fetched_unless_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "fetch_https", lambda *_: pytest.fail("the network was used"))
    assert read(tmp_path, FILES, k_core=2).items["b"].image is None


def test_missing_pictures_of_the_core_are_fetched_once(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(downloads, "fetch_https", lambda url, *_: asked.append(url) or png("blue"))
    data = read(tmp_path, FILES, k_core=2, download_images=True)
    assert asked == ["https://img.example/b.jpg"]  # a is there; the main picture, at the smaller size
    assert data.items["b"].image == tmp_path / "images" / "b.webp"
    assert intake.picture(data.items["b"].image.read_bytes(), "b").width == 8
    assert readers.read("amazon", tmp_path, k_core=2, download_images=True).items == data.items and len(asked) == 1


@pytest.mark.parametrize(
    "images",
    [
        [{"variant": "PT01", "large": "https://x/1.jpg"}, {"variant": "MAIN", "large": "https://x/2.jpg"}],
        {"variant": ["PT01", "MAIN"], "large": ["https://x/1.jpg", "https://x/2.jpg"], "hi_res": [None, None]},
        {"variant": ["PT01", "MAIN"], "large": [None, "https://x/2.jpg"], "thumb": ["t"]},
    ],
)
def test_both_published_forms_of_pictures_are_read(tmp_path, monkeypatch, images):
    asked = {}
    monkeypatch.setattr(amazon, "download", lambda urls, *_: asked.update(urls))
    files = {"A.jsonl": jsonl(review("u", "a")), "meta_A.jsonl": jsonl(meta("a", images=images))}
    (tmp_path / "pictures").mkdir()
    read(tmp_path / "in", files, k_core=1, download_images=True, images=tmp_path / "pictures")
    assert asked == {"a": "https://x/2.jpg"}
