"""`python -m train speed`: how much faster packed slates train than one pair a row, on the same content in one run.

*packed* is what the loop does: the candidates of a user behind one prefix, two logits where an answer is read. *plain*
is the usual loop: each candidate's whole prompt in a row of its own, and the logits of the whole vocabulary at each
place. Both compute the same loss of the same slates, forwards and backwards; the report says how far they differ.
"""

from __future__ import annotations

import argparse
import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median
from typing import cast

import psutil
import torch
from accelerate import Accelerator
from tqdm import tqdm

from msr.backbones.pocket import assemble
from msr.schema import InputProblem
from train.learn import artifacts, distributed
from train.learn.encode import IGNORE, Batch, Counts, Encoder
from train.learn.model import Learner, preference_loss, views_of
from train.teach import pictures
from train.teach.examples import Example, Slate
from train.teach.tasks import Tasks
from train.teach.views import FeatureStore

_DRAWN = 400  # pictures that the slates are made of
_MIB = 2**20
_WATCH = 0.005  # seconds between two looks at the memory
Views = Mapping[str, torch.Tensor]


def packed_batches(encoder: Encoder, slates: Sequence[Slate]) -> list[Batch]:
    """All slates in one batch, a user a row."""
    return [encoder.slates(slates)]


def packed_loss(learner: Learner, batch: Batch, views: Views, whole: Counts) -> torch.Tensor:
    return learner.slate_loss(batch, views_of(views, batch), whole)


def plain_batches(encoder: Encoder, slates: Sequence[Slate]) -> list[Batch]:
    """A batch a slate and a row a pair: whole prompts, each with its answer."""
    made = []
    for slate in slates:
        pairs = zip(slate.prompts, slate.liked, strict=True)
        batch = encoder.answers([Example(prompt, "Yes" if liked else "No") for prompt, liked in pairs])
        batch.liked, batch.slate = torch.tensor(slate.liked), torch.zeros(len(slate.liked), dtype=torch.long)
        made.append(batch)
    return made


def plain_loss(learner: Learner, batch: Batch, views: Views, whole: Counts) -> torch.Tensor:
    """The same share of the same loss, from every logit of every place."""
    logits = learner.head(learner.hidden(batch, views_of(views, batch))).float()
    answer = torch.ne(batch.labels, IGNORE).int().argmax(dim=1)  # its first token, which the place before predicts
    read = logits[torch.arange(len(answer), device=logits.device), answer - 1]
    yes, no = learner.yes_no
    return preference_loss(read[:, yes] - read[:, no], batch.liked, batch.slate, whole)


LOOPS: dict[str, tuple[Callable, Callable]] = {
    "packed": (packed_batches, packed_loss),
    "plain": (plain_batches, plain_loss),
}


def one_step(name: str, accelerator: Accelerator, learner: Learner, slates: Sequence[Slate], views: Views) -> dict:
    """{"loss", "tokens", "seconds"} of one step of a loop: encoding, forwards, backwards. Gradients are left."""
    batches_of, loss_of = LOOPS[name]
    learner.zero_grad()
    started, total, tokens = time.perf_counter(), 0.0, 0
    liked = sum(sum(slate.liked) for slate in slates)
    whole = Counts(liked=liked, disliked=sum(len(slate.liked) for slate in slates) - liked)
    for batch in batches_of(learner.encoder(), slates):
        with accelerator.autocast():
            loss = loss_of(learner, batch.to(learner.device), views, whole)
        accelerator.backward(loss)
        total, tokens = total + loss.item(), tokens + batch.tokens
    return {"loss": total, "tokens": tokens, "seconds": time.perf_counter() - started}


def compare(accelerator: Accelerator, learner: Learner, steps: Sequence[Sequence[Slate]], views: Views) -> dict:
    """Figures of both loops, which take turns over the same steps; the first step is for warming up and not counted.

    Returns {"pairs", "packed": {"pairs_per_second", "seconds", "tokens", "peak_mib"}, "plain": ..., "faster",
    "loss_difference"}: medians over steps, tokens with padding, the peak of the whole process (or of the GPU), how
    often faster packed is, and the largest difference of a step's two losses.
    """
    learner.to(accelerator.device).eval()  # without dropout, which would make two losses of one
    found: dict[str, list[dict]] = {name: [] for name in LOOPS}
    for slates in tqdm(steps, "steps of both loops", unit="step"):
        for name in LOOPS:
            with _peak_memory(learner.device) as peak:
                done = one_step(name, accelerator, learner, slates, views)
            found[name].append(done | {"peak": peak[0], "pairs": sum(len(slate.prompts) for slate in slates)})
    figures = {name: _figures(rows[1:]) for name, rows in found.items()}
    differences = [abs(a["loss"] - b["loss"]) for a, b in zip(found["packed"], found["plain"], strict=True)]
    return {
        "pairs": sum(row["pairs"] for row in found["packed"][1:]),
        **figures,
        "faster": round(figures["packed"]["pairs_per_second"] / figures["plain"]["pairs_per_second"], 2),
        "loss_difference": max(differences),
    }


def as_row(figures: dict, pairs: int) -> dict:
    """The comparison as a row that `python -m msr bench --include` puts into its table."""
    packed, plain = figures["packed"], figures["plain"]
    return {
        "task": "training step",
        "n": pairs,
        "ours_s": packed["seconds"],
        "plain_s": plain["seconds"],
        "ratio_plain": plain["seconds"] / packed["seconds"],
        "peak_mb": packed["peak_mib"],
        "rate": packed["pairs_per_second"],
        "unit": "pairs/s",
        "note": "plain: one pair a row, all its logits",
    }


def _figures(rows: Sequence[dict]) -> dict:
    return {
        "pairs_per_second": round(median(row["pairs"] / row["seconds"] for row in rows), 2),
        "seconds": round(median(row["seconds"] for row in rows), 3),
        "tokens": median(row["tokens"] for row in rows),
        "peak_mib": round(max(row["peak"] for row in rows) / _MIB),
    }


@contextmanager
def _peak_memory(device: torch.device) -> Iterator[list[int]]:
    """A list of one number, which at the end is the most bytes that were in use at a time."""
    peak = [0]
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        yield peak
        peak[0] = torch.cuda.max_memory_allocated(device)
        return
    over, process = threading.Event(), psutil.Process()

    def watch() -> None:
        while True:
            peak[0] = max(peak[0], process.memory_info().rss)
            if over.wait(_WATCH):
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()


def steps_of(count: int, slates: int, candidates: int, seed: int, view: tuple[int, int]) -> tuple[list, Views]:
    """`count` steps of simulated users, and views of their pictures: noise, since speed does not depend on them."""
    shots = list(pictures.drawn(_DRAWN, seed))
    generator = torch.Generator().manual_seed(seed)
    views = {shot.key: torch.rand(view, generator=generator) for shot in shots}
    tasks, rng = Tasks(shots, [], cast(FeatureStore, views)), random.Random(seed)
    liked = max(1, candidates // 4)
    made = [[tasks.simulated_slate(rng, liked, candidates - liked) for _ in range(slates)] for _ in range(count)]
    return made, views


def run(args: argparse.Namespace) -> None:
    """Measures and writes `args.json`.

    Raises:
        InputProblem: fewer than one step or slate, fewer than two candidates, or a precision that the device lacks.
    """
    for name, least in (("steps", 1), ("slates", 1), ("candidates", 2)):
        if getattr(args, name) < least:
            raise InputProblem(f"--{name} is {getattr(args, name)}; it must be at least {least}.")
    torch.manual_seed(args.seed)
    accelerator = distributed.accelerator(args.precision)
    learner = Learner(str(args.checkpoint or assemble.fetch()), args.rank, 2 * args.rank, train_connector=True)
    steps, views = steps_of(args.steps + 1, args.slates, args.candidates, args.seed, learner.view)
    figures = compare(accelerator, learner, steps, views)
    settings = {name: getattr(args, name) for name in ("slates", "candidates", "steps", "rank", "precision", "seed")}
    machine = {"device": accelerator.device.type, "threads": torch.get_num_threads(), "versions": artifacts.versions()}
    rows = [as_row(figures, args.slates * args.candidates)]
    whole = {**figures, "rows": rows, "settings": settings, **machine}
    args.json.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    packed, plain = figures["packed"], figures["plain"]
    print(
        f"packed {packed['pairs_per_second']} pairs/s, {packed['peak_mib']} MiB; "
        f"plain {plain['pairs_per_second']} pairs/s, {plain['peak_mib']} MiB; {figures['faster']} times as fast"
    )
