"""The words of an evaluation: data sets, negatives, preferences, systems. No imports, so that --help is quick."""

from __future__ import annotations

PICTURES = "pictures"
DATASETS = (PICTURES, "microlens", "amazon", "movielens", "folder")
UNIFORM, POPULARITY, EVERY = "uniform", "popularity", "all"
GENERATED, SYMBOLIC, TITLES = PREFERENCES = ("generated", "symbolic", "titles")

BASELINES = (
    "random", "popularity", "item-knn", "gru4rec-ids", "gru4rec-titles", "gru4rec-images", "gru4rec-summaries",
    "sasrec",
)  # fmt: skip
MODELS = ("untuned", "titles-only", "mllm")
FUSED = {  # name: what is in it
    "popularity+item-knn": ("popularity", "item-knn"),
    "mllm+popularity": ("popularity", "mllm"),
    "fused": ("popularity", "item-knn", "mllm"),
}
SYSTEMS = (*BASELINES, *MODELS, *FUSED)
DEFAULT_SYSTEMS = ("random", "popularity", "item-knn", *MODELS, *FUSED)
ASK_MODEL = {*MODELS, *(name for name, parts in FUSED.items() if "mllm" in parts)}
NEED_BACKBONE = {"gru4rec-images", "gru4rec-summaries", *ASK_MODEL}
