"""`python -m train experiment faithfulness`: does the score depend on the items that have the largest influence?

    python -m train experiment faithfulness --users 200 --json faithfulness.json

For simulated users of drawn things, 21 candidates are ranked. For the first five, history items are taken away (or all
others are) in three orders: by measured influence, at random, and items first that the written reason names. Patches of
the picture are taken away by the heat map or at random. Comprehensiveness and sufficiency (`msr.evidence.faithfulness`)
are in P(Yes), averaged over a user's five, with bootstrap 95 % intervals over users; differences are paired.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tqdm import tqdm

from msr.backbones.wrappers import CachedBackbone
from msr.evidence import reason_check
from msr.evidence.faithfulness import asked, at_random, by_effect, faithfulness, named_first
from msr.evidence.kinds import occlusion
from msr.evidence.probe import Probe
from msr.evidence.units import ITEM, Inputs, units
from msr.schema import Recommendation, Unit, YesNo
from train import metrics
from train.evaluate.experiments import users as walk
from train.evaluate.experiments.grid import UserLines
from train.evaluate.experiments.users import PlantedUser

BLOCKS = 3
TOP = 5
GRID = 3  # patches on a side: nine units, as many as history items
MEASURED, RANDOM, REASON = "measured influence", "random", "named in the reason"
HISTORY, PICTURE = "history items", "picture patches"

Figures = dict[str, dict[str, float]]  # by order, by name


def run(
    backbone: CachedBackbone, users: Sequence[PlantedUser], reading: str, pictures: bool, seed: int, log: UserLines
) -> None:
    """Measure the users whom the log does not have yet."""
    for number, user in enumerate(tqdm(users, "faithfulness", unit="user")):
        if user.name not in log.known:
            log.add(user.name, {"figures": _measure(backbone, user, reading, pictures, seed + number)})


def _measure(
    backbone: CachedBackbone, user: PlantedUser, reading: str, pictures: bool, seed: int
) -> dict[str, Figures]:
    given, top = walk.ranked(backbone, user, TOP)
    found = {HISTORY: _history(backbone, given, top, reading, seed)}
    if pictures:
        found[PICTURE] = [_picture(backbone, given, r, seed) for r in top]
    return {family: _mean(rows) for family, rows in found.items()}


def _history(
    backbone: CachedBackbone, given: Inputs, top: Sequence[Recommendation], reading: str, seed: int
) -> list[Figures]:
    """The figures of each recommendation. A shortened history is scored for all of them at once."""
    probe, items = Probe(backbone, given), units(given, (ITEM,))
    known: dict[frozenset[Unit], list[float]] = {}  # scores of the candidates, by what is gone

    def learn(gone: Iterable[frozenset[Unit]]) -> None:
        new = [removed for removed in dict.fromkeys(gone) if removed not in known]
        for removed, logits in zip(new, probe.logits(new, reading), strict=True):
            known[removed] = [YesNo(logit, 0.0).score for logit in logits]

    learn([frozenset(), *(frozenset({unit}) for unit in items)])
    orders = []
    for place, shown in enumerate(top):
        effects = {unit: known[frozenset()][place] - known[frozenset({unit})][place] for unit in items}
        named = reason_check.named_items(shown.rationale, given.history, given.summaries)
        orders.append(
            {
                MEASURED: by_effect(items, effects),
                RANDOM: at_random(items, seed),
                REASON: named_first(items, {unit: named.get(unit.key, 0) for unit in items}, seed),
            }
        )
    learn(gone for some in orders for gone in asked(items, some.values()))
    found = []
    for place, some in enumerate(orders):

        def value(sets: Sequence[frozenset[Unit]], place: int = place) -> list[float]:
            return [known[gone][place] for gone in sets]

        of = faithfulness(items, some, value)
        found.append({name: figures.figures() for name, figures in of.items()})
    return found


def _picture(backbone: CachedBackbone, given: Inputs, shown: Recommendation, seed: int) -> Figures:
    candidate = next(item for item in given.candidates if item.id == shown.item_id)
    titles = [item.title for item in given.history]
    patches = range(GRID * GRID)

    def value(gone: Sequence[frozenset[int]]) -> Iterator[float]:
        found = occlusion.logits(backbone, given.preference, titles, candidate, gone, GRID)
        return (YesNo(logit, 0.0).score for logit in found)

    full, *less = value([frozenset(), *(frozenset({patch}) for patch in patches)])
    effects = {patch: full - score for patch, score in zip(patches, less, strict=True)}
    orders = {MEASURED: by_effect(patches, effects), RANDOM: at_random(patches, seed)}
    return {name: f.figures() for name, f in faithfulness(patches, orders, value).items()}


def _mean(rows: Sequence[Figures]) -> Figures:
    """Average figures over a user's recommendations."""
    return {
        order: {name: statistics.mean(row[order][name] for row in rows) for name in rows[0][order]} for order in rows[0]
    }


def summary(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """{"users", "top", "rows", "differences"} with intervals over users.

    There is a row for each order of each kind of units. Differences are measured influence minus another order, paired
    over users.
    """
    rows, differences = [], []
    for family in records[0]["figures"]:
        found = [record["figures"][family] for record in records]
        for order in found[0]:
            means = {name: metrics.interval([f[order][name] for f in found]) for name in found[0][order]}
            rows.append({"system": order, "negatives": family, **means})
            if order != MEASURED:
                less = {
                    name: metrics.interval([f[MEASURED][name] - f[order][name] for f in found])
                    for name in found[0][order]
                }
                differences.append({"system": MEASURED, "minus": order, "negatives": family, **less})
    return {"users": len(records), "top": TOP, "rows": rows, "differences": differences}


def markdown(found: Mapping[str, Any]) -> str:
    """The tables of rows and differences, and a verdict on each difference."""
    parts = [f"{found['users']} users, first {found['top']} recommendations of each; falls of P(Yes)", ""]
    for rows in (found["rows"], found["differences"]):
        names = [name for name in rows[0] if isinstance(rows[0][name], Mapping)]
        parts += [f"| units | order | {' | '.join(names)} |", "| --- " * (len(names) + 2) + "|"]
        for row in rows:
            order = row["system"] + (f" - {row['minus']}" if "minus" in row else "")
            cells = (f"{row[n]['mean']:.3f} [{row[n]['low']:.3f}, {row[n]['high']:.3f}]" for n in names)
            parts.append(f"| {row['negatives']} | {order} | {' | '.join(cells)} |")
        parts.append("")
    parts += verdicts(found["differences"])
    parts.append("At k = 1 measured influence is the largest by construction; from k = 2 on it need not be.")
    return "\n".join(parts)


def verdicts(differences: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence on each difference: is its interval above zero, below zero or neither?"""
    said = []
    for row in differences:
        area = row["comprehensiveness area"]
        verdict = "loses to" if area["high"] < 0 else "beats" if area["low"] > 0 else "does not measurably beat"
        said.append(f"Taking away {row['negatives']}: measured influence {verdict} {row['minus']} (area, 95 %).")
    return said
