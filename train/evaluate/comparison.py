"""Compare recommenders on the same users and the same candidates.

The last item of each test user is ranked against 20 negatives (`train.data.protocol`). Ties get midranks. Means have
bootstrap 95 % intervals over users, and differences between systems are paired over users. Counts come from training
users only, and the weights of fused systems from validation users only. `render` writes the figures as Markdown.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tqdm import tqdm

from msr.backbones.protocol import even_batches
from msr.schema import InputProblem
from train import metrics
from train.data import protocol
from train.data.dataset import CatalogueItem, Interactions, UserLog
from train.data.protocol import TEST_NEGATIVES, System
from train.data.splits import Case, Roles
from train.evaluate import preference_quality
from train.evaluate.model_system import Model
from train.evaluate.systems import Builder, Fused
from train.names import ASK_MODEL, DEFAULT_SYSTEMS, EVERY, FUSED, MODELS, POPULARITY, SYSTEMS, UNIFORM
from train.teach.examples import HISTORY
from train.teach.pictures import movie
from train.teach.vocabulary import Vocabulary

# Pairs of systems whose difference gets an interval: what adapter, pictures, preference, model and counts add.
DIFFERENCES = (
    ("mllm", "untuned"),
    ("mllm", "titles-only"),
    ("mllm", "tallrec"),
    ("mllm", "popularity"),
    ("mllm", "recent-popularity"),
    ("mllm", "item-knn"),
    ("fused", "statistics"),
    ("fused", "mllm"),
    ("gru4rec-summaries", "gru4rec-images"),
)
_BATCH = 8  # users whose preferences are written at once
_SHOWN = ("auc", "hr@5", "mrr@5", "ndcg@5", "hr@10", "ndcg@10")


@dataclass(frozen=True)
class EvalConfig:
    """What is compared. full_model_users: for how many users the model also ranks the full catalogue.

    Raises:
        InputProblem: an unknown name, or a number of users that is too small.
    """

    users: int = 100
    validation_users: int = 200
    negatives: tuple[str, ...] = (UNIFORM, POPULARITY)
    systems: tuple[str, ...] = DEFAULT_SYSTEMS
    full_catalogue: bool = False
    full_model_users: int = 0
    seed: int = 1

    def __post_init__(self) -> None:
        for name, least in (("users", 1), ("validation_users", 0), ("full_model_users", 0)):
            if getattr(self, name) < least:
                raise InputProblem(f"{name} is {getattr(self, name)}; it must be at least {least}")
        for kind in self.negatives or ("none",):
            if kind not in (UNIFORM, POPULARITY):
                raise InputProblem(f"negatives are {kind!r}; they must be {UNIFORM} or {POPULARITY}")
        for name in self.systems or ("none",):
            if name not in SYSTEMS:
                raise InputProblem(f"system {name!r}; there are {', '.join(SYSTEMS)}")


def compare(builder: Builder, people: Roles, config: EvalConfig) -> dict:
    """Evaluate the systems, and return the figures.

    They are {"users", "seconds", "rows", "differences", "fusion", "protocol", "preference_samples",
    "preference_quality"}. A row is {"system", "negatives", "users", "seconds", "auc": {"mean", "low", "high"}, "hr@3":
    ..., ...}; negatives "all" is the full catalogue. A difference is {"system", "minus", "negatives", "auc", "hr@5"},
    paired over users.

    Raises:
        InputProblem: no test user has a case, or a system cannot be built from these items.
    """
    started = time.monotonic()
    train = Interactions(people.train, list(builder.items))
    tested = protocol.choose(people.test, config.users, config.seed)
    tuning = protocol.choose(people.validation, config.validation_users, config.seed)
    made = _build(builder, people, config, fusing=bool(tuning))
    systems = {name: system for name, system in made.items() if name in config.systems}
    rows, differences, weights = [], [], {}
    for kind in config.negatives:
        cases = list(_cases(tested, train, kind, config.seed))
        tuning_cases = list(_cases(tuning, train, kind, config.seed))
        if not cases or (tuning and not tuning_cases):
            raise InputProblem(f"no user has a history and {TEST_NEGATIVES} possible negatives{_why_none(people)}")
        _write_preferences(made, cases, tuning_cases)
        weights[kind] = _fit_fusion(systems, tuning_cases)
        measured = {}
        for name, system in systems.items():
            measured[name], row = _measure(system, kind, cases, len(cases))
            rows.append(row)
        for one, other in DIFFERENCES:
            if one in measured and other in measured:
                differences.append(_difference(one, other, kind, measured))
    if config.full_catalogue:
        _fit_fusion(systems, list(_cases(tuning, train, config.negatives[0], config.seed)))
        for name, system in systems.items():
            if logs := tested[: config.full_model_users] if name in ASK_MODEL else tested:
                # A generator: every case holds the whole catalogue.
                rows.append(_measure(system, EVERY, _cases(logs, train, EVERY, config.seed), len(logs))[1])
    return {
        "users": len(tested),
        "seconds": round(time.monotonic() - started, 1),
        "rows": rows,
        "differences": differences,
        "fusion": weights,
        "protocol": {
            **asdict(config),
            "target": "last item",
            "negatives_each": TEST_NEGATIVES,
            "preference": builder.preference,
            "history_items_read": HISTORY,
            "train_users": len(people.train),
            "fusion_users": len(tuning),
            "items": len(builder.items),
        },
        "preference_samples": {
            name: dict(list(system.texts.items())[:3]) for name, system in made.items() if isinstance(system, Model)
        },
        "preference_quality": _quality(made, builder.items, cases),
    }


def _why_none(people: Roles) -> str:
    """What it may be due to, if anything is known."""
    times = {time for logs in (people.train, people.test) for log in logs for time in log.times}
    if len(times) != 1:
        return ""
    return ": all times in the logs are equal, so nothing came before. Leave the times out; then the order counts"


def _build(builder: Builder, people: Roles, config: EvalConfig, fusing: bool) -> dict[str, System]:
    """Build and fit the wanted systems and their parts. Fused ones are fitted later, on validation users."""
    wanted = [name for name in SYSTEMS if name in config.systems and (fusing or name not in FUSED)]
    parts = {part for name in wanted for part in FUSED.get(name, (name,))}
    made: dict[str, Any] = {}
    for name in SYSTEMS:
        if name in FUSED and name in wanted:
            made[name] = Fused(name, [made[part] for part in FUSED[name]])
        elif name in parts:
            ask = name in MODELS
            made[name] = builder.model(name) if ask else builder.baseline(name)
            if not ask:
                made[name].fit(people.train, list(builder.items), people.validation)
    return made


def _write_preferences(made: Mapping[str, System], cases: Sequence[Case], tuning: Sequence[Case]) -> None:
    """Write the preferences of several users at once, since a batch of texts takes little longer than one.

    Those of tuning cases are written only if a fused system needs them.
    """
    fused = any(name in FUSED and name in ASK_MODEL for name in made)
    for name, system in made.items():
        if isinstance(system, Model):
            asked = [*cases, *tuning] if name == "mllm" and fused else cases
            with tqdm(total=len(asked), desc=f"preferences, {name}", unit="user") as bar:
                for some in even_batches(asked, _BATCH):
                    system.prepare(some)
                    bar.update(len(some))


def _cases(logs: Sequence[UserLog], train: Interactions, kind: str, seed: int) -> Iterator[Case]:
    """The users' cases, in order, without users for whom there are too few negatives."""
    return (case for log in logs if (case := protocol.case(log, train, kind, seed)))


def _fit_fusion(systems: Mapping[str, System], validation: Sequence[Case]) -> dict[str, dict[str, float]]:
    """Fit every fused system, and return its weights."""
    return {
        name: system.fit(tqdm(validation, f"fitting {name}", unit="user")).weights
        for name, system in systems.items()
        if isinstance(system, Fused)
    }


def _quality(made: Mapping[str, System], items: Mapping[str, CatalogueItem], cases: Sequence[Case]) -> dict:
    """Precision and recall of the tested users' preference texts (`train.evaluate.preference_quality`).

    The result is empty if no item has known words.
    """
    if not any(item.words for item in items.values()):
        return {}
    shots = {item_id: movie(item) for item_id, item in items.items()}
    vocabulary = Vocabulary(shots.values())
    histories = {case.user: [shots[item_id] for item_id in case.history[-HISTORY:]] for case in cases}
    return {
        name: preference_quality.of_histories(
            {u: t for u, t in system.texts.items() if u in histories}, histories, vocabulary
        )
        for name, system in made.items()
        if isinstance(system, Model)
    }


def _measure(system: System, kind: str, cases: Iterable[Case], total: int) -> tuple[list[dict[str, float]], dict]:
    """Each user's metrics, and the row of the table."""
    started, found = time.monotonic(), []
    for case in tqdm(cases, f"{system.name}, {kind}", total, unit="user"):
        scores = system.scores(case)
        found.append(metrics.user_metrics(scores[0], scores[1:].tolist()))
    seconds = round(time.monotonic() - started, 1)
    means = {name: metrics.interval([user[name] for user in found]) for name in found[0]}
    return found, {"system": system.name, "negatives": kind, "users": len(found), "seconds": seconds, **means}


def _difference(one: str, other: str, kind: str, measured: Mapping[str, list[dict[str, float]]]) -> dict:
    pairs = list(zip(measured[one], measured[other], strict=True))
    means = {name: metrics.interval([a[name] - b[name] for a, b in pairs]) for name in ("auc", "hr@5")}
    return {"system": one, "minus": other, "negatives": kind, **means}


def render(figures: Mapping) -> str:
    """One table for each kind of negatives, and one of the paired differences; brackets are 95 % intervals."""
    parts = [f"{figures['dataset']}: {figures['users']} users, {figures['seconds']:.0f} s"]
    for kind in dict.fromkeys(row["negatives"] for row in figures["rows"]):
        title = "against the full catalogue" if kind == "all" else f"against 20 negatives, {kind}"
        rows = [
            [row["system"], str(row["users"]), *(interval_text(row[name]) for name in _SHOWN)]
            for row in figures["rows"]
            if row["negatives"] == kind
        ]
        parts.append(
            f"Last item {title}:\n\n" + markdown_table(["system", "users", *(n.upper() for n in _SHOWN)], rows)
        )
    if figures["differences"]:
        rows = [
            [f"{d['system']} - {d['minus']}", d["negatives"], interval_text(d["auc"]), interval_text(d["hr@5"])]
            for d in figures["differences"]
        ]
        parts.append(
            "Differences, paired over users:\n\n" + markdown_table(["systems", "negatives", "AUC", "HR@5"], rows)
        )
    return "\n\n".join(parts)


def interval_text(value: Mapping[str, float]) -> str:
    """ "0.732 [0.655, 0.801]"."""
    return f"{value['mean']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"


def markdown_table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; a cell is one line of text."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
