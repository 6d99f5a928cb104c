"""`python -m train experiment planted`: does the preference text name a hidden taste, and notice when it switches?

    python -m train experiment planted --catalogue drawn --users 200 --json planted.json

Simulated users (`train.evaluate.experiments.users`) go through the stages of the app: their items are described, their
preference is written, and candidates are ranked. Shares are over users, with bootstrap 95 % intervals. Hit rates rank
one unseen item of the last taste against 20 others.
"""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tqdm import tqdm

from msr.backbones.protocol import even_batches
from msr.backbones.wrappers import CachedBackbone
from msr.schema import Item, ItemSummary
from msr.stages import rank
from train import metrics
from train.evaluate import preference_quality
from train.evaluate.experiments import plots
from train.evaluate.experiments import users as walk
from train.evaluate.experiments.grid import UserLines
from train.evaluate.experiments.users import PlantedUser, Taste
from train.evaluate.model_system import result
from train.teach import targets
from train.teach.pictures import Shot, app_item
from train.teach.vocabulary import Vocabulary, facts_of

RATES = ("named", "attributes", "replaced", "false", "false claims", "hr@1", "hr@5", "auc")
WAITS = ("first named", "named again", "gone")
_TOGETHER = 8  # users whose texts are written in one batch
_CASES = 6
# A clause with one of these words is about the past.
_PAST = re.compile(r"[^.;,]*\b(?:earlier|previously|formerly|in the past|no longer|used to)\b[^.;]*", re.IGNORECASE)


def current(text: str) -> str:
    """The text without clauses about the past."""
    return _PAST.sub("", text)


def measures(user: PlantedUser, texts: Sequence[str], vocabulary: Vocabulary) -> dict[str, float | None]:
    """One user's figures, from the texts after each block. Shares and truth values are in [0, 1].

    - "named": the last text names the whole taste; "attributes": the share of it that is named.
    - "first named", "named again": blocks from the start of the first or second taste until a text names all of it (1:
      the first block). "gone": blocks after the switch until a text no longer names the first taste as current. None if
      it never happens.
    - "replaced": named again and gone within two blocks.
    - "false": the last text names, even as past, something that no item of the history had; "false claims": the share
      of its claims.
    """
    now = [vocabulary.named(current(text)) for text in texts]
    after = now[user.switch :]
    again, gone = _first(user.after <= named for named in after), _first(not user.before & named for named in after)
    seen = set().union(*(facts_of(shot) for block in user.blocks for shot in block))
    claims = vocabulary.claims(texts[-1])
    wrong = sum(not claim & seen for claim in claims)
    return {
        "named": float(user.after <= now[-1]),
        "attributes": len(user.after & now[-1]) / len(user.after),
        "first named": _first(user.before <= named for named in now[: user.switch]),
        "named again": again,
        "gone": gone,
        "replaced": float(again is not None and again <= 2 and gone is not None and gone <= 2),
        "false": float(wrong > 0),
        "false claims": wrong / len(claims) if claims else 0.0,
    }


def by_block(user: PlantedUser, texts: Sequence[str], vocabulary: Vocabulary) -> dict[str, dict[str, float]]:
    """Whether the text names all of each taste, and anything of the first, by blocks since the switch.

    Block 0 is the first one with the new taste.
    """
    found = {}
    for index, text in enumerate(texts):
        named = vocabulary.named(current(text))
        found[str(index - user.switch)] = {
            "first taste": float(user.before <= named),
            "second taste": float(user.after <= named),
            "anything of the first": float(bool(user.before & named)),
        }
    return found


def told(taste: Taste) -> str:
    return " and ".join(value for _, value in sorted(taste))


def _first(happened) -> int | None:
    return next((count for count, yes in enumerate(happened, start=1) if yes), None)


def run(backbone: CachedBackbone, users: Sequence[PlantedUser], vocabulary: Vocabulary, log: UserLines) -> None:
    """Measure the users whom the log does not have yet."""
    left = [user for user in users if user.name not in log.known]
    with tqdm(total=len(users), initial=len(users) - len(left), desc="planted", unit="user") as bar:
        for some in even_batches(left, _TOGETHER):
            items = [walk.shown(user) for user in some]
            described, texts = walk.write(backbone, items)
            for user, shown, own in zip(some, items, texts, strict=True):
                log.add(user.name, _record(backbone, user, shown, described, own, vocabulary))
                bar.update()


def _record(
    backbone: CachedBackbone,
    user: PlantedUser,
    shown: Sequence[Sequence[Item]],
    described: Mapping[str, ItemSummary],
    texts: Sequence[str],
    vocabulary: Vocabulary,
) -> dict[str, Any]:
    recent = [item.title for block in shown for item in block]
    candidates = [app_item(shot, titled=True) for shot in (user.liked, *user.others)]
    scored = result(rank.score(backbone, texts[-1], recent, candidates))
    logits = {candidate.item_id: candidate.answer.logit for candidate in scored}
    liked, *others = (logits[item.id] for item in candidates)
    ranked = metrics.user_metrics(liked, others)
    figures = measures(user, texts, vocabulary)
    return {
        "before": told(user.before),
        "after": told(user.after),
        "switch": user.switch,
        "figures": figures | {k: ranked[k] for k in ("hr@5", "auc")} | {"hr@1": float(liked > max(others))},
        "by_block": by_block(user, texts, vocabulary),
        "texts": list(texts),
        "items": [[targets.phrase(shot) for shot in block] for block in user.blocks],
        "described": [[described[item.id].text for item in block] for block in shown],
    }


def summary(records: Sequence[Mapping[str, Any]], catalogue: str) -> dict[str, Any]:
    """{"users", "rows", "waits", "curves", "cases"}: shares with intervals, blocks until an event, shares by block."""
    figures = [record["figures"] for record in records]
    row = {name: preference_quality.summary(f[name] for f in figures) for name in RATES}
    return {
        "users": len(records),
        "rows": [{"system": f"planted, {catalogue}", "negatives": "uniform", **row}],
        "waits": {name: _waits([f[name] for f in figures]) for name in WAITS},
        "curves": _curves(records),
        "cases": list(_cases(records)),
    }


def _waits(blocks: Sequence[int | None]) -> dict[str, Any]:
    """The share of users for whom it happens, the median of their blocks, and the share within 1, 2, ... blocks."""
    there = [count for count in blocks if count is not None]
    return {
        "share": round(len(there) / len(blocks), 4),
        "median": statistics.median(there) if there else None,
        "within": {n: round(sum(c <= n for c in there) / len(blocks), 4) for n in range(1, max(there, default=0) + 1)},
    }


def _curves(records: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """The share of users whose text names a taste, by curve and by blocks since the switch."""
    found: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        for offset, named in record["by_block"].items():
            for curve, value in named.items():
                found[curve][int(offset)].append(value)
    return {
        curve: {str(n): round(statistics.mean(values[n]), 4) for n in sorted(values)} for curve, values in found.items()
    }


def _cases(records: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """A few cases to read: half in which the taste is replaced, half in which it is not."""
    for good in (1.0, 0.0):
        fitting = [r for r in records if r["figures"]["replaced"] == good]
        for record in fitting[: _CASES // 2]:
            yield {key: record[key] for key in ("user", "before", "after", "switch", "items", "described", "texts")}


def plot(found: Mapping[str, Any]) -> str:
    """The curves around the switch as SVG."""
    steps = list(next(iter(found["curves"].values())))
    names = [f"{n} before" if (n := -int(step)) > 0 else f"+{-n + 1}" for step in steps]
    curves = {name: [values.get(step) for step in steps] for name, values in found["curves"].items()}
    title = "Share of users whose preference text names the taste"
    return plots.svg(plots.shares(title, "blocks around the switch", names, curves))


def markdown(found: Mapping[str, Any]) -> str:
    """The tables of shares and of blocks, and the cases."""
    (row,) = found["rows"]
    parts = [f"{row['system']}: {found['users']} users; brackets are bootstrap 95 % intervals over users", ""]
    parts += ["| figure | share |", "| --- | --- |"]
    parts += [f"| {name} | {v['mean']:.3f} [{v['low']:.3f}, {v['high']:.3f}] |" for name in RATES if (v := row[name])]
    parts += ["", "| blocks until | ever | median | within 1, 2, ... |", "| --- | --- | --- | --- |"]
    for name, waits in found["waits"].items():
        within = ", ".join(f"{share:.2f}" for share in waits["within"].values())
        median = "never" if waits["median"] is None else f"{waits['median']:g}"
        parts.append(f"| {name} | {waits['share']:.2f} | {median} | {within} |")
    for case in found["cases"]:
        parts += ["", f"{case['user']}: {case['before']}, then {case['after']} from block {case['switch'] + 1}:", ""]
        parts += [
            f"{n}. {'; '.join(items)}: {t}"
            for n, (items, t) in enumerate(zip(case["items"], case["texts"], strict=True), 1)
        ]
    return "\n".join(parts)


def vocabulary_of(users: Iterable[PlantedUser], pool: Sequence[Shot]) -> Vocabulary:
    """All attribute words of the pool and of the users' items."""
    given = [s for user in users for s in (*(s for block in user.blocks for s in block), user.liked, *user.others)]
    return Vocabulary([*pool, *given])
