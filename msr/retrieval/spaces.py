"""Vector spaces in which similar items are near each other.

Texts: TF-IDF reduced by a truncated SVD (latent semantic analysis, Deerwester et al. 1990). Pictures: the tower's
views reduced by principal components. Both are fitted on the catalogue and saved as plain arrays, so later items are
placed without a new fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer

TEXT, PICTURE = 128, 128  # widths
_TERMS = 20_000
_FIT = 20_000  # a fit reads at most so many items, evenly spaced


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
            raise ValueError("a term of a space is there twice")

    @classmethod
    def fit(cls, texts: Sequence[str]) -> TextSpace:
        """Fit on texts; deterministic for one order of them. If they hold no word, every text is placed at zero."""
        some = _evenly(texts)
        vectoriser = _vectoriser(max_features=_TERMS)
        try:
            weights = vectoriser.fit_transform(some)
        except ValueError:  # an empty vocabulary
            return cls((), np.zeros(0, np.float32), np.zeros((0, TEXT), np.float32))
        terms = tuple(str(term) for term in vectoriser.get_feature_names_out())
        return cls(terms, vectoriser.idf_.astype(np.float32), _directions(weights, TEXT))

    def place(self, texts: Sequence[str]) -> np.ndarray:
        """(N, TEXT) float32 unit rows; a text with no known word is a row of zeros."""
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
        """(N, F) -> (N, PICTURE) float32 unit rows."""
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
    """Rows scaled to length 1; rows of zeros stay."""
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
