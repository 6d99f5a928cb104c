"""An index of a catalogue: a vector for each item, one half from its text and one from its picture.

    python -m msr index --catalogue PATH --out DIR

It is built once, kept on disk, and updated for items that have changed. A folder holds `index.json` (ids and content
keys, in order), one `<name>.npy` (N, WIDTH) float16, one `<name>.npz` with the fitted spaces, and the views.
`index.json` is replaced last, in one step, so a reader sees the old index or the new one. The name is the index's
digest, so damage is found. Files that an index did not make are never overwritten or removed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from msr.retrieval.spaces import PICTURE, TEXT, PictureSpace, Report, TextSpace, ViewStore
from msr.schema import InputProblem, Item, Picture
from msr.storage import content_key

WIDTH = TEXT + PICTURE
FILE, LAYOUT = "index.json", 1
_VIEWS = "views"
_NAME = re.compile(r"[0-9a-f]{16}")
_OURS = re.compile(rf"{FILE}(\.\d+\.tmp)?|{_NAME.pattern}\.np[yz]|{_VIEWS}")
_REFIT = 2.0  # growth of the catalogue after which the spaces are fitted anew

See = Callable[[Sequence[Picture]], np.ndarray]  # (N, F) views


@dataclass(frozen=True)
class Index:
    """Items by id with their content keys and vectors (N, WIDTH) float32, ordered by id.

    `tower` names the vision tower whose views were used; `fitted` is how many items the spaces were fitted on.
    """

    ids: tuple[str, ...]
    keys: tuple[str, ...]
    vectors: np.ndarray
    texts: TextSpace
    pictures: PictureSpace
    tower: str
    fitted: int

    @property
    def digest(self) -> str:
        """A hash of everything that a search depends on."""
        found = hashlib.sha256(content_key(ids=self.ids, keys=self.keys, tower=self.tower).encode())
        found.update(self.vectors.astype(np.float16).tobytes())
        return found.hexdigest()[:16]

    def place(self, texts: Sequence[str], views: np.ndarray | None) -> np.ndarray:
        """A query vector (WIDTH,): the mean vector of texts, and that of views (N, F) if there are any; unit halves."""
        halves = [self.texts.place(texts).mean(axis=0) if texts else np.zeros(TEXT, np.float32)]
        if views is not None and len(views) and len(self.pictures.mean):
            halves.append(self.pictures.place(views).mean(axis=0))
        else:
            halves.append(np.zeros(PICTURE, np.float32))
        lengths = [float(np.linalg.norm(half)) or 1.0 for half in halves]
        return np.concatenate([half / length for half, length in zip(halves, lengths, strict=True)])

    def vectors_of(self, items: Sequence[Item]) -> tuple[list[Item], np.ndarray]:
        """The items in the order of their ids, and their vectors (N, WIDTH).

        Raises InputProblem for items whose ids the index does not hold.
        """
        rows = dict(zip(self.ids, range(len(self.ids)), strict=True))
        unknown = [item for item in items if item.id not in rows]
        if unknown:
            raise InputProblem(
                f"The index does not hold {len(unknown)} of {len(items)} items of the catalogue (the first is "
                f"{unknown[0].id!r}): bring it up to date with python -m msr index."
            )
        items = sorted(items, key=lambda item: rows[item.id])
        part = self.vectors
        if len(items) < len(self.ids):
            part = part[[rows[item.id] for item in items]]
        return items, part

    def save(self, folder: Path) -> None:
        """Replace the index in the folder, in one step. Raises InputProblem, as `at` does."""
        before = Index._record(folder)
        folder.mkdir(parents=True, exist_ok=True)
        name = self.digest
        np.save(folder / f"{name}.npy", self.vectors.astype(np.float16))
        arrays: dict[str, Any] = {**self.texts.arrays(), **self.pictures.arrays()}
        np.savez(folder / f"{name}.npz", **arrays)
        record = {
            "layout": LAYOUT, "name": name, "tower": self.tower, "fitted": self.fitted, "ids": self.ids,
            "keys": self.keys,
        }  # fmt: skip
        draft = folder / f"{FILE}.{os.getpid()}.tmp"
        draft.write_text(json.dumps(record), "utf-8")
        os.replace(draft, folder / FILE)
        if before and before["name"] != name:
            for ending in (".npy", ".npz"):
                (folder / f"{before['name']}{ending}").unlink(missing_ok=True)

    @classmethod
    def open(cls, folder: Path) -> Index:
        """The index in the folder. Raises InputProblem where there is none, or a damaged one."""
        found = cls.at(folder)
        if found is None:
            raise InputProblem(
                f"{folder} holds no index. Build one: python -m msr index --catalogue PATH --out {folder}"
            )
        return found

    @classmethod
    def at(cls, folder: Path) -> Index | None:
        """The index in the folder; None where one may be built.

        Raises InputProblem for a damaged index, and for a folder with other files. Vectors are converted to float32,
        which makes a search five times faster.
        """
        record = cls._record(folder)
        if record is None:
            return None
        try:
            name = record["name"]
            vectors = np.load(folder / f"{name}.npy", mmap_mode="r").astype(np.float32)
            with np.load(folder / f"{name}.npz") as arrays:
                texts, pictures = TextSpace.of(arrays), PictureSpace.of(arrays)
            ids, keys = tuple(record["ids"]), tuple(record["keys"])
            if vectors.shape != (len(ids), WIDTH) or len(keys) != len(ids):
                raise ValueError("its files do not fit each other")
            found = cls(ids, keys, vectors, texts, pictures, record["tower"], int(record["fitted"]))
            if found.digest != name:
                raise ValueError("its files were changed after they were written")
            return found
        except Exception as error:  # json, zipfile and numpy report damage with a dozen kinds of exceptions
            raise _damaged(folder, error) from None

    @staticmethod
    def _record(folder: Path) -> dict[str, Any] | None:
        """The content of `index.json`; None for a folder that is missing, empty, or holds an interrupted build."""
        try:
            there = sorted(path.name for path in folder.iterdir())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputProblem(f"{folder} is not a folder that can be read ({error}). Name another one.") from None
        others = [name for name in there if not _OURS.fullmatch(name) and not name.startswith(".")]
        others += [path.name for path in (folder / _VIEWS).glob("[!.]*") if not _NAME.fullmatch(path.name)]
        if others and FILE not in there:
            raise InputProblem(
                f"{folder} holds {others[0]!r}, which no index made, and no {FILE}. Name a new or an empty folder."
            )
        if FILE not in there:
            return None
        try:
            record = json.loads((folder / FILE).read_text("utf-8"))
            if record["layout"] != LAYOUT:
                raise ValueError(f"it is of layout {record['layout']}")
            if not _NAME.fullmatch(record["name"]):
                raise ValueError("its name is not one that an index has")
            return record
        except Exception as error:
            raise _damaged(folder, error) from None


def _damaged(folder: Path, error: Exception) -> InputProblem:
    return InputProblem(
        f"The index in {folder} cannot be read ({type(error).__name__}: {error}). If it is an index, delete "
        f"{folder / FILE} and build it anew with python -m msr index --catalogue PATH --out {folder}, which keeps "
        "the pictures that were encoded; else name another folder."
    )


def build(
    items: Sequence[Item],
    see: See,
    tower: str,
    descriptions: Mapping[str, str] | None = None,
    before: Index | None = None,
    folder: Path | None = None,
    report: Report = lambda done, total: None,
) -> Index:
    """Build the index of these items; their order does not matter.

    `before` is an older index: its spaces and the vectors of unchanged items are used again, unless the catalogue has
    doubled since the spaces were fitted or the views come from another tower. Views are kept under `folder`, so an
    interrupted build goes on. `descriptions`, by item id, are added to the titles as text.
    """
    items = sorted(items, key=lambda item: item.id)
    described = descriptions or {}
    keys = tuple(_content(item, described.get(item.id, "")) for item in items)
    pictures_of = {item.id: item.picture for item in items if item.picture}
    pictured = list(pictures_of.values())
    store = ViewStore(folder / _VIEWS / tower if folder else None)
    known: dict[tuple[str, str], int] = {}
    if before and before.tower == tower and len(items) < _REFIT * max(before.fitted, 1):
        known = {pair: row for row, pair in enumerate(zip(before.ids, before.keys, strict=True))}
        texts, pictures, fitted = before.texts, before.pictures, before.fitted
        if pictured and not len(pictures.mean):
            known = {}
    if not known:
        store.ensure(_by_digest(pictured), see, report)
        texts = TextSpace.fit([_text(item, described) for item in items])
        pictures, fitted = PictureSpace.fit(store.take(p.digest for p in pictured)), len(items)
    vectors = np.zeros((len(items), WIDTH), np.float32)
    new = []
    for row, (item, key) in enumerate(zip(items, keys, strict=True)):
        if before and (item.id, key) in known:
            vectors[row] = before.vectors[known[item.id, key]]
        else:
            new.append(row)
    if new:
        vectors[new, :TEXT] = texts.place([_text(items[row], described) for row in new])
        shown = {row: pictures_of[items[row].id] for row in new if items[row].id in pictures_of}
        store.ensure(_by_digest(shown.values()), see, report)
        if shown:
            vectors[list(shown), TEXT:] = pictures.place(store.take(p.digest for p in shown.values()))
    stored = vectors.astype(np.float16).astype(np.float32)  # a search finds the same before and after a save
    return Index(tuple(i.id for i in items), keys, stored, texts, pictures, tower, fitted)


def top(vectors: np.ndarray, query: np.ndarray, count: int) -> list[int]:
    """Rows of the `count` largest products of (N, WIDTH) with (WIDTH,), largest first, then by row."""
    return largest(vectors @ query, count)


def largest(values: np.ndarray, count: int) -> list[int]:
    """Positions of the `count` largest of (N,) values, largest first; equal values keep their order."""
    count = min(count, len(values))
    if not count:
        return []
    edge = np.partition(values, -count)[-count]
    best = np.flatnonzero(values >= edge)
    return best[np.lexsort((best, -values[best]))][:count].tolist()


def _by_digest(pictures: Iterable[Picture]) -> dict[str, Picture]:
    return {picture.digest: picture for picture in pictures}


def _content(item: Item, description: str) -> str:
    return content_key(title=item.title, picture=item.picture.digest if item.picture else None, text=description)[:32]


def _text(item: Item, described: Mapping[str, str]) -> str:
    return f"{item.title} {described.get(item.id, '')}"
