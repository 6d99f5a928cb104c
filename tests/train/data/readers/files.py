"""Tiny files in the official formats, written by the tests themselves."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

from tests.intake_files import png

MICROLENS = {
    "MicroLens-9_pairs.csv": "user,item,timestamp\n7,1,1583378629552\n8,2,1583378629000\n7,3,1583378628000\n",
    "MicroLens-9_titles.csv": 'item,title\r\n1,"Pumpkin, play armor"\r\n2,duck intestines # food\r\n3,reversal\r\n',
    "MicroLens-9_covers/1.jpg": png("red"),
    "MicroLens-9_covers/9.jpg": png("blue"),
}
MOVIELENS = {
    "ratings.csv": "userId,movieId,rating,timestamp\n1,10,4.0,964982703\n1,20,0.5,964981247\n2,10,5.0,1000000000\n",
    "movies.csv": "movieId,title,genres\n10,Toy Story (1995),Adventure|Children\n"
    '20,"American President, The (1995)",(no genres listed)\n30,Alone (2000),Drama\n',
    "posters/10.jpg": png("red"),
}
FOLDER = {
    "items.csv": "id,title,image,words,price\n"
    "a,Red mug,images/a.png,mug|red,3\nb,Blue mug,b.png,,4\nc,No picture,,,5\n",
    "interactions.csv": "user,item,timestamp\nu,b,20\nu,a,10\nv,c,5\n",
    "images/a.png": png("red"),
    "images/b.png": png("blue"),
}


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """The folder with its files, written byte for byte."""
    for name, data in files.items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data.encode() if isinstance(data, str) else data)
    return root


def review(user: str, item: str, milliseconds: int = 1_600_000_000_000, **more: object) -> dict:
    """A review as published, with an `asin` that is not the item's id."""
    return {
        "rating": 5.0, "title": "Nice", "text": "…", "images": [], "asin": f"{item}-RED", "parent_asin": item,
        "user_id": user, "timestamp": milliseconds, "helpful_vote": 0, "verified_purchase": True,
    } | more  # fmt: skip


def meta(item: str, title: str | None = "", **more: object) -> dict:
    return {
        "main_category": "All Beauty", "title": f"Title of {item}" if title == "" else title, "average_rating": 4.8,
        "images": [
            {"thumb": f"https://img.example/{item}.SS40.jpg", "large": f"https://img.example/{item}.PT01.jpg",
             "hi_res": None, "variant": "PT01"},
            {"thumb": f"https://img.example/{item}.SS40.jpg", "large": f"https://img.example/{item}.jpg",
             "hi_res": f"https://img.example/{item}.SL1500.jpg", "variant": "MAIN"},
        ],
        "videos": [], "store": "Howard", "categories": ["Beauty & Personal Care", "Hair Care"], "details": {},
        "parent_asin": item, "bought_together": None,
    } | more  # fmt: skip


def jsonl(*records: dict | str) -> str:
    """JSON lines; a text stands as it is."""
    return "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in records)


def gzipped(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)
