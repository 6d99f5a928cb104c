"""The words of the command line: data sets, negatives, preferences, systems. No imports, so that --help is quick."""

from __future__ import annotations

POCKET = "pocket"
PICTURES = "pictures"
OPEN = "open"  # everyday pictures and titles that no training saw; a benchmark, not a data set to train on
DATASETS = (PICTURES, "microlens", "amazon", "movielens", "folder")
BY_USER, BY_TIME = SPLITS = ("user", "time")
UNIFORM, POPULARITY, CATALOGUE, HARD, EVERY = "uniform", "popularity", "catalogue", "hard", "all"
PRECISIONS = ("no", "bf16", "fp16")  # as accelerate calls them; "no" is 32 bits
GENERATED, SYMBOLIC, TITLES = PREFERENCES = ("generated", "symbolic", "titles")

COUNTED = ("random", "popularity", "recent-popularity", "item-knn")
BASELINES = (*COUNTED, "gru4rec-ids", "gru4rec-titles", "gru4rec-images", "gru4rec-summaries", "sasrec")
TALLREC = "tallrec"  # wants an adapter of its own, so it is asked for
MODELS = ("untuned", "titles-only", "mllm", TALLREC)
FUSED = {  # name: what is in it
    "statistics": ("popularity", "recent-popularity", "item-knn"),
    "mllm+popularity": ("popularity", "mllm"),
    "fused": ("popularity", "recent-popularity", "item-knn", "mllm"),
}
SYSTEMS = (*BASELINES, *MODELS, *FUSED)
DEFAULT_SYSTEMS = tuple(name for name in (*COUNTED, *MODELS, *FUSED) if name != TALLREC)
ASK_MODEL = {*MODELS, *(name for name, parts in FUSED.items() if "mllm" in parts)}
NEED_BACKBONE = {"gru4rec-images", "gru4rec-summaries", *ASK_MODEL}
