"""Vector spaces in which similar items are near each other, and a store of the vision tower's views.

Texts: TF-IDF reduced by a truncated SVD (latent semantic analysis, Deerwester et al. 1990). Pictures: the tower's
views reduced by principal components. Both are fitted on the catalogue and saved as plain arrays, so later items
need no new fit.

The views are the slow part of an index and of training, so they are kept on disk, in shards of up to 256. A shard is
written whole: `<n>.npy` (float16) first, then the pictures' keys as `<n>.json`. A shard without keys was cut off. Such
a shard and a damaged one are ignored and written again, so an interrupted job goes on. (The pocket backbone keeps its
views in a `TextCache`, which many processes share and which drops the oldest when it is full; a shard can do neither.)
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer

TEXT, PICTURE = 128, 128  # widths
_TERMS = 20_000
_FIT = 20_000  # a fit reads at most so many items, evenly spaced
SHARD = 256  # views in a shard
_BATCH = 8

T = TypeVar("T")
Report = Callable[[int, int], None]  # (done, total)


@dataclass(frozen=True)
class TextSpace:
    """`terms` (V,), their inverse document frequencies (V,), and the directions (V, K) of the SVD; K <= TEXT."""

    terms: tuple[str, ...]
    idf: np.ndarray
    directions: np.ndarray

    def __post_init__(self) -> None:
        _check(self.directions, len(self.terms), TEXT)
        _check(self.idf[:, None], len(self.terms), 1)
        if len(set(self.terms)) < len(self.terms):
            raise ValueError("a term of a space occurs twice")

    @classmethod
    def fit(cls, texts: Sequence[str]) -> TextSpace:
        """Fit on texts; deterministic for one order of them. If they have no words, every vector is zero."""
        some = _evenly(texts)
        vectoriser = _vectoriser(max_features=_TERMS)
        try:
            weights = vectoriser.fit_transform(some)
        except ValueError:  # an empty vocabulary
            return cls((), np.zeros(0, np.float32), np.zeros((0, TEXT), np.float32))
        terms = tuple(str(term) for term in vectoriser.get_feature_names_out())
        return cls(terms, vectoriser.idf_.astype(np.float32), _directions(weights, TEXT))

    def place(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of texts, (N, TEXT) float32 of length 1; zeros for a text with no known word."""
        if not self.terms:
            return np.zeros((len(texts), TEXT), np.float32)
        vectoriser = _vectoriser(vocabulary=self.terms)
        vectoriser.idf_ = self.idf
        return unit(_widened(vectoriser.transform(texts) @ self.directions, TEXT))

    def arrays(self) -> dict[str, np.ndarray]:
        return {
            "text_terms": np.array(self.terms, dtype=np.str_),
            "text_idf": self.idf,
            "text_directions": self.directions,
        }

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray]) -> TextSpace:
        terms = tuple(arrays["text_terms"].tolist())
        return cls(terms, arrays["text_idf"], arrays["text_directions"])


@dataclass(frozen=True)
class PictureSpace:
    """The mean (F,) of the views and their principal directions (F, K); K <= PICTURE."""

    mean: np.ndarray
    directions: np.ndarray

    def __post_init__(self) -> None:
        _check(self.directions, len(self.mean), PICTURE)
        _check(self.mean[:, None], len(self.mean), 1)

    @classmethod
    def fit(cls, views: np.ndarray) -> PictureSpace:
        """Fit on `views` (N, F). Without views, F is 0."""
        if not len(views):
            return cls(np.zeros(0, np.float32), np.zeros((0, PICTURE), np.float32))
        some = unit(np.asarray(_evenly(views), np.float32))
        mean = some.mean(axis=0)
        return cls(mean, _directions(some - mean, PICTURE))

    def place(self, views: np.ndarray) -> np.ndarray:
        """Vectors of views (N, F), (N, PICTURE) float32 of length 1."""
        return unit(_widened((unit(np.asarray(views, np.float32)) - self.mean) @ self.directions, PICTURE))

    def arrays(self) -> dict[str, np.ndarray]:
        return {"picture_mean": self.mean, "picture_directions": self.directions}

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray]) -> PictureSpace:
        return cls(arrays["picture_mean"], arrays["picture_directions"])


def _check(rows: np.ndarray, count: int, widest: int) -> None:
    """Raise ValueError unless `rows` are finite numbers of shape (count, F <= widest)."""
    if rows.ndim != 2 or len(rows) != count or rows.shape[1] > widest or not np.isfinite(rows).all():
        raise ValueError(f"an array of a space has the shape {rows.shape} or numbers that are not finite")


def unit(rows: np.ndarray) -> np.ndarray:
    """Scale rows to length 1; rows of zeros stay."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def _vectoriser(**options) -> TfidfVectorizer:
    from sklearn.feature_extraction.text import TfidfVectorizer  # slow to import and seldom needed

    return TfidfVectorizer(
        strip_accents="unicode", token_pattern=r"\b\w+\b", ngram_range=(1, 2), sublinear_tf=True, **options
    )


def _directions(rows, width: int) -> np.ndarray:
    """(N, F) rows, sparse or dense -> (F, K) leading right singular vectors."""
    from sklearn.utils.extmath import randomized_svd

    _, _, right = randomized_svd(rows, n_components=min(width, *rows.shape), n_iter=4, random_state=0)
    return right.T.astype(np.float32)


def _widened(rows: np.ndarray, width: int) -> np.ndarray:
    return np.pad(rows, ((0, 0), (0, width - rows.shape[1])))


def _evenly(rows):
    """At most _FIT of the rows (a sequence or an array), evenly spaced."""
    if len(rows) <= _FIT:
        return rows
    picks = np.linspace(0, len(rows) - 1, _FIT).astype(int)
    return rows[picks] if isinstance(rows, np.ndarray) else [rows[n] for n in picks]


class ViewStore:
    """Maps a picture's key to its view, an array of one shape for all; on disk in `folder`, or in memory without one.

    A folder holds the views of one tower.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._shards: list[np.ndarray] = []
        self._where: dict[str, tuple[int, int]] = {}  # key -> number of the shard, row in it
        self._used: set[str] = set()  # file names of whole shards
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            for path in sorted(folder.glob("*.json")):
                if shard := self._read(path):
                    self._add(*shard)
                    self._used.add(path.stem)

    def __contains__(self, key: str) -> bool:
        return key in self._where

    def __getitem__(self, key: str) -> np.ndarray:
        shard, row = self._where[key]
        return self._shards[shard][row]

    @property
    def shape(self) -> tuple[int, ...] | None:
        """That of every view; None as long as there is none."""
        return self._shards[0].shape[1:] if self._shards else None

    def take(self, keys: Iterable[str]) -> np.ndarray:
        """Views (N, ...) in float16; (0, 0) for no key. Raises KeyError for a picture without a view."""
        rows = [self[key] for key in keys]
        return np.stack(rows) if rows else np.zeros((0, 0), np.float16)

    def ensure(
        self,
        pictures: Mapping[str, T],
        see: Callable[[Sequence[T]], np.ndarray],
        report: Report = lambda done, total: None,
        batch: int = _BATCH,
    ) -> None:
        """Compute the views that are missing: `see` maps a batch of pictures to an array (B, ...)."""
        missing = [key for key in pictures if key not in self]
        for start in range(0, len(missing), SHARD):
            keys, views = missing[start : start + SHARD], []
            for first in range(0, len(keys), batch):
                some = keys[first : first + batch]
                views.append(see([pictures[key] for key in some]).astype(np.float16))
                report(start + first + len(some), len(missing))
            self._append(keys, np.concatenate(views))

    def _read(self, path: Path) -> tuple[list[str], np.ndarray] | None:
        """Keys and views of the shard whose keys are in `path`; None for a damaged shard."""
        try:
            keys = json.loads(path.read_text("utf-8"))
            views = np.load(path.with_suffix(".npy"), mmap_mode="r")
            fits = views.dtype == np.float16 and views.ndim > 1 and len(views) == len(keys)
            fits = fits and all(isinstance(key, str) for key in keys) and bool(np.isfinite(views).all())
            alike = not self._shards or views.shape[1:] == self._shards[0].shape[1:]
            return (keys, views) if fits and alike else None
        except Exception:  # json and numpy report damage with a dozen kinds of exceptions
            return None

    def _append(self, keys: list[str], views: np.ndarray) -> None:
        if self._folder:
            name = next(name for name in map("{:05d}".format, count()) if name not in self._used)
            self._used.add(name)
            path = self._folder / name
            np.save(path.with_suffix(".npy"), views)
            draft = path.with_suffix(".tmp")
            draft.write_text(json.dumps(keys), "utf-8")
            os.replace(draft, path.with_suffix(".json"))
            views = np.load(path.with_suffix(".npy"), mmap_mode="r")  # the disk holds them from here on
        self._add(keys, views)

    def _add(self, keys: Sequence[str], views: np.ndarray) -> None:
        self._where.update((key, (len(self._shards), row)) for row, key in enumerate(keys))
        self._shards.append(views)
