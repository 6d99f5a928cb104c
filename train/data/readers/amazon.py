"""Read the k-core of one category of Amazon Reviews 2023 (Hou et al. 2024).

    CATEGORY.jsonl[.gz]        user_id, parent_asin, timestamp (milliseconds), ...; every review is an interaction
    meta_CATEGORY.jsonl[.gz]   parent_asin, title, images [{variant, thumb, large, hi_res}], categories [...], ...;
                               `images` may be one object of lists, too
    images/                    <parent_asin>.jpg; may be absent, or be filled from the URLs above

An item is a `parent_asin`, as the authors of the data set recommend: an `asin` is one colour or size of it.
"""

from __future__ import annotations

import glob
import json
from collections import Counter
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from msr.intake import IntakeError
from msr.intake.text import shown
from train.data.dataset import Dataset
from train.data.readers.assemble import Interactions, Places, assemble, catalogue, item, narrow, pictures_in, spelled
from train.data.readers.downloads import Bounds, download
from train.data.readers.text_files import MAX_SECONDS, checked_id, decode, read_lines, sift


@dataclass(frozen=True)
class _Meta:
    """The fields that are kept of a line of metadata."""

    id: str
    title: str
    url: str | None
    words: tuple[str, ...]


def read(
    path: Path,
    fallback: Path | None = None,
    k_core: int = 5,
    images: Path | None = None,
    download_images: bool = False,
) -> Dataset:
    """Read the category in a folder, with users and items that have at least `k_core` interactions (1: all of them).

    images: folder of pictures, by default `images/` in `path`. With `download_images`, pictures that it lacks are
    downloaded into it, within the default `Bounds`. Raises IntakeError for a folder that is not in this format.
    """
    if k_core < 1:
        raise IntakeError(f"k_core is {k_core}; it must be at least 1")
    if images and not download_images and not images.is_dir():
        raise IntakeError(f"{spelled(images)} is not a folder.")
    places = Places(path, fallback)
    dropped: Counter[str] = Counter()
    reviews = _reviews_file(places)
    category = glob.escape(reviews.name.removesuffix(".gz").removesuffix(".jsonl"))
    meta = places.file(f"meta_{category}.jsonl", f"meta_{category}.jsonl.gz")
    interactions = Interactions.collect(sift(reviews, read_lines(reviews), _review, dropped), per_second=1000)
    # The metadata of a category do not fit in memory, so only those of the core are kept. Items without metadata are
    # dropped below, and the core of what is left is a part of this core.
    interactions = narrow(interactions, k_core, dropped)
    wanted = interactions.item_ids()
    found = [one for one in sift(meta, read_lines(meta), _meta, dropped) if one.id in wanted]
    folder = images or path / "images"
    if download_images:
        download({one.id: one.url for one in found if one.url}, folder, Bounds(), dropped)
    folders = [folder, *(root / "images" for root in places.all()[1:])]
    pictures = pictures_in([one for one in folders if one.is_dir()], dropped)
    items = catalogue((item(one.id, one.title, pictures.get(one.id), one.words) for one in found), dropped)
    return assemble("amazon", items, interactions, dropped, (reviews, meta), k_core)


def _reviews_file(places: Places) -> Path:
    files = [f for p in ("*.jsonl", "*.jsonl.gz") for f in places.path.glob(p) if not f.name.startswith("meta_")]
    if len(files) != 1:
        names = ", ".join(sorted(file.name for file in files)) or "none"
        raise IntakeError(f"{spelled(places.path)} must have one CATEGORY.jsonl or CATEGORY.jsonl.gz; it has {names}.")
    return files[0]


def _object(line: bytes) -> dict:
    try:
        record = json.loads(decode(line))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(record, dict):
        raise ValueError("not a JSON object")
    return record


def _review(line: bytes) -> tuple[str, str, int]:
    record = _object(line)
    when = record.get("timestamp")
    if isinstance(when, bool) or not isinstance(when, (int, float)) or not 0 <= when < MAX_SECONDS * 1000:
        raise ValueError(f"the timestamp {shown(str(when))} is not in milliseconds from 1970")
    return checked_id(record.get("user_id")), checked_id(record.get("parent_asin")), int(when)


def _meta(line: bytes) -> _Meta:
    record = _object(line)
    title, categories = record.get("title"), record.get("categories")
    words = tuple(word for word in categories if isinstance(word, str)) if isinstance(categories, list) else ()
    return _Meta(
        checked_id(record.get("parent_asin")),
        title if isinstance(title, str) else "",
        _url(record.get("images")),
        words,
    )


def _url(images: object) -> str | None:
    """The address of the main picture. `large` is preferred: it is 500 pixels wide, and intake keeps no more.

    In the published files, `images` is a list of objects; in their copy on Hugging Face it is an object of lists.
    """
    if isinstance(images, dict) and all(isinstance(values, list) for values in images.values()):
        images = [dict(zip(images, values, strict=True)) for values in zip_longest(*images.values())]
    pictures = [one for one in images if isinstance(one, dict)] if isinstance(images, list) else []
    for one in sorted(pictures, key=lambda picture: picture.get("variant") != "MAIN"):
        for size in ("large", "hi_res", "thumb"):
            if isinstance(one.get(size), str) and one[size]:
                return one[size]
    return None
