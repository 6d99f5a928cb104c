"""Convert interaction data in any known format to one plain folder, and report what was dropped and why.

    python -m train prepare --dataset movielens --data ml-latest-small --out data/movies

    items.csv          id,title,image,words
    interactions.csv   user,item[,timestamp]: user by user, in time order; timestamps in seconds
    images/            <digest>.webp
    prepare.json       counts, what was dropped and why, hashes of the files read and written

Pictures are copied as `msr.intake` cleans them (upright, RGB, at most 512 pixels a side, WebP, no metadata) and named
by their content. So training sees what the app would see, no file name comes from outside, and `msr` can read the
folder as a catalogue. Titles are not escaped for spreadsheets (a "'" before "="), because they are read back unchanged.
"""

from __future__ import annotations

import argparse
import csv
import html
import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from tqdm import tqdm

from msr import intake
from msr.config import LIMITS
from msr.intake import IntakeError
from msr.intake.files import read_file
from msr.intake.text import plain, unmarked
from train.data import readers
from train.data.dataset import Dataset, UserLog
from train.data.readers.assemble import spelled
from train.data.readers.folder import INTERACTIONS, ITEMS
from train.data.readers.text_files import digest

IMAGES, REPORT = "images", "prepare.json"


def run(args: argparse.Namespace) -> None:
    """Read the data, write the folder and print the report. Raises IntakeError."""
    named = {name: getattr(args, name) for name in ("k_core", "images", "download_images")}
    options = {name: value for name, value in named.items() if value is not None}
    if options and args.dataset != "amazon":
        raise IntakeError(f"--{next(iter(options)).replace('_', '-')} is for --dataset amazon only.")
    check_free(args.out)  # before hours of reading
    print(told(write(readers.read(args.dataset, args.data, args.fallback, **options), args.out)))


def write(dataset: Dataset, out: Path) -> dict:
    """Write the folder completely or not at all; return the report, as in prepare.json.

    Raises:
        IntakeError: `out` is not empty or cannot be written.
    """
    check_free(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch:
            made = Path(scratch) / "made"
            (made / IMAGES).mkdir(parents=True)
            report = _fill(dataset, made)
            if out.exists():
                out.rmdir()
            made.rename(out)
    except OSError as error:
        raise IntakeError(f"{spelled(out)} cannot be written ({error.strerror}).") from None
    return report


def check_free(out: Path) -> None:
    """Raise IntakeError unless `out` is new or an empty folder."""
    try:
        free = not out.exists() or (out.is_dir() and not any(out.iterdir()))
    except OSError as error:
        raise IntakeError(f"{spelled(out)} cannot be written ({error.strerror}).") from None
    if not free:
        raise IntakeError(f"{spelled(out)} is not empty. Name another folder, or remove it.")


def told(report: Mapping) -> str:
    """The report as a few lines of text."""
    lines = [f"{name}: {count:,}" for name, count in report["kept"].items()]
    lines += [f"kept, {what}: {count:,}" for what, count in report["noted"].items() if count]
    lines += [f"dropped, {reason}: {count:,}" for reason, count in report["dropped"].items()]
    return "\n".join([*lines, *(f"  {example}" for example in report["refused"])])


def _fill(dataset: Dataset, folder: Path) -> dict:
    dropped, refused = Counter(dataset.dropped), []
    images, items = {}, {}
    for one in tqdm(dataset.items.values(), desc="items", unit="item", delay=1, leave=False):
        if one.image:
            try:
                images[one.id] = _picture(one.image, folder)
            except IntakeError as error:
                dropped["pictures refused"] += 1
                refused.append(str(error))
        if one.title or one.id in images:
            items[one.id] = one
    dropped["items without a title or a picture"] += len(dataset.items) - len(items)
    users = dataset.users if len(items) == len(dataset.items) else _with_items(dataset.users, items, dropped)
    timed = any(log.times for log in users)
    _table(
        folder / ITEMS,
        ("id", "title", "image", "words"),
        (
            (one.id, _marked(one.title), images.get(one.id, ""), "|".join(map(_marked, one.words)))
            for one in items.values()
        ),
    )
    _table(
        folder / INTERACTIONS,
        ("user", "item", "timestamp") if timed else ("user", "item"),
        ((log.user, *cells) for log in users for cells in zip(log.items, *([log.times] if timed else []), strict=True)),
    )
    times = [time for log in users for time in (log.times[:1] + log.times[-1:])]
    report = {
        "dataset": dataset.kind,
        "kept": {
            "users": len(users),
            "items": len(items),
            "items with a picture": len(images),
            "interactions": sum(len(log.items) for log in users),
        },
        "seconds": [min(times), max(times)] if times else None,
        "noted": {
            "users with one item": sum(len(log.items) == 1 for log in users),
            "interactions in the same second as the one before": sum(_ties(log) for log in users),
        },
        "dropped": dict(sorted((+dropped).items())),
        "refused": refused[:10],
        "read": dict(dataset.hashes),
        "written": {name: digest(folder / name) for name in (ITEMS, INTERACTIONS)},
    }
    (folder / REPORT).write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return report


def _picture(image: Path, folder: Path) -> str:
    """Copy an item's picture; return its path within the folder."""
    where = f"{plain(image.parent.name)}/{plain(image.name)}"
    picture = intake.picture(read_file(image, LIMITS.max_image_bytes, where), where)
    name = f"{IMAGES}/{picture.digest}.webp"
    (folder / name).write_bytes(picture.data)
    return name


def _marked(text: str) -> str:
    """The text as the table must hold it to read back as it is; readers take HTML out of titles."""
    return text if unmarked(text) == text else html.escape(text, quote=False)


def _ties(log: UserLog) -> int:
    return sum(later == earlier for earlier, later in pairwise(log.times))


def _with_items(users: Iterable[UserLog], known: Mapping[str, object], dropped: Counter[str]) -> tuple[UserLog, ...]:
    """The logs without interactions with unknown items, and without users who then have none."""
    kept = []
    for log in users:
        places = [place for place, item in enumerate(log.items) if item in known]
        dropped["interactions with unknown items"] += len(log.items) - len(places)
        if places:
            times = tuple(log.times[place] for place in places) if log.times else ()
            kept.append(replace(log, items=tuple(log.items[place] for place in places), times=times))
        else:
            dropped["users of whom nothing is left"] += 1
    return tuple(kept)


def _table(path: Path, header: tuple[str, ...], rows: Iterable[tuple]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
