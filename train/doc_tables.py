"""Write the tables of README.md and docs/ from the JSON of recorded runs: `python -m train tables`.

A page marks the place of a table by its name in TABLES:

    <!-- table: held-out pictures -->
    (the table)
    <!-- end of table -->

The text between the two lines is replaced. The figures come from `assets/results/` and
`assets/pocket/training.json`.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msr.bench.timing import markdown_rows
from msr.schema import InputProblem
from train.evaluate.comparison import interval_text, markdown_table
from train.names import POPULARITY, UNIFORM

_PLACE = re.compile(r"(<!-- table: (.+?) -->\n)(.*?)(<!-- end of table -->)", re.DOTALL)
_START = "<!-- table:"

Figures = Callable[[str], Mapping[str, Any]]  # the content of a JSON file, by its path without ".json"
Table = Callable[[Figures], str]

_SYSTEMS = {
    "random": "random",
    "untuned": "untuned",
    "popularity": "popularity",
    "recent-popularity": "recent popularity",
    "item-knn": "item-kNN",
    "gru4rec-ids": "GRU4Rec over ids",
    "gru4rec-titles": "GRU4Rec over titles",
    "gru4rec-images": "GRU4Rec over picture features",
    "gru4rec-summaries": "GRU4Rec over summaries",
    "sasrec": "SASRec over ids",
    "statistics": "the three counts, fused",
    "titles-only": "this model, posters taken away",
    "mllm": "this model",
    "tallrec": "an adapter trained on titles alone (TALLREC)",
    "mllm+popularity": "this model and popularity, fused",
    "fused": "this model and the three counts, fused",
}
_FILMS = "results/movielens-128-users"
_FILM_SYSTEMS = (  # file, and the systems that are taken from it
    (_FILMS, ("random", "untuned", "popularity", "recent-popularity", "item-knn")),
    (f"{_FILMS}-sequence-models", ("gru4rec-titles", "gru4rec-images", "gru4rec-summaries", "gru4rec-ids", "sasrec")),
    (_FILMS, ("titles-only", "mllm")),
    (f"{_FILMS}-titles-adapter", ("tallrec",)),
)
_VIDEO_SYSTEMS = (
    "random", "untuned", "popularity", "gru4rec-titles", "item-knn", "mllm", "mllm+popularity", "recent-popularity",
    "statistics", "fused", "sasrec", "gru4rec-ids",
)  # fmt: skip
_PICTURES = {
    "fashion, picture only": "fashion photos, picture only",
    "fashion, picture and title": "fashion photos with their titles",
    "object, picture only": "everyday objects (Caltech), picture only",
    "drawn, picture only": "drawn pictures",
}
_TASTE = {
    "named": "hidden taste named in the last text",
    "replaced": "switched taste replaced within two blocks",
    "false": "users whose last text names something that was never there",
    "hr@5": "an unseen thing of the taste among the first 5 of 21",
}
_QUALITY = {
    "preference precision": "claims of the last preference that the history supports",
    "preference recall": "attributes shared by the last block that it names",
    "rationale precision": "claims of reasons that candidate and history support",
}


def run(args: argparse.Namespace) -> None:
    """Rewrite the pages and print those that changed. Raises InputProblem."""
    try:
        for page in pages(args.root):
            before = page.read_text(encoding="utf-8")
            after = filled(before, args.root)
            if after != before:
                page.write_text(after, encoding="utf-8")
                print(page)
    except OSError as error:
        raise InputProblem(str(error)) from None


def pages(root: Path) -> list[Path]:
    """README.md and every Markdown file in docs/."""
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def filled(text: str, root: Path) -> str:
    """The text of a page with every table written anew from the JSON files below `root`/assets.

    Raises:
        InputProblem: a table has no end, or a name that TABLES does not know.
    """

    def figures(name: str) -> Mapping[str, Any]:
        return json.loads((root / "assets" / f"{name}.json").read_text(encoding="utf-8"))

    def table(place: re.Match[str]) -> str:
        start, name, _, end = place.groups()
        if name not in TABLES:
            raise InputProblem(f"There is no table {name!r}; there are {', '.join(TABLES)}.")
        return f"{start}\n{TABLES[name](figures)}\n\n{end}"

    found, marked = len(_PLACE.findall(text)), text.count(_START)
    if found != marked:
        raise InputProblem(f"{marked} tables begin in a page and {found} of them end; write <!-- end of table -->.")
    return _PLACE.sub(table, text)


def _benchmark(run: str) -> Table:
    return lambda figures: markdown_rows(figures("results/benchmark")["runs"][run]["rows"])


def _shortlist(figures: Figures) -> str:
    found = figures("results/shortlist-recall")
    rows = [
        [str(row["scored"]), *(f"{row[name]:.2f}" for name in ("recall", "lowest", "chance"))] for row in found["rows"]
    ]
    header = [f"scored, of {found['items']:,}", f"recall of the first {found['top']}", "lowest", "by chance"]
    return markdown_table(header, rows)


def _ranking(
    parts: Sequence[tuple[str, Sequence[str]]],
    negatives: Sequence[str] = (UNIFORM, POPULARITY),
    names: Mapping[str, str] | None = None,
) -> Table:
    """AUC and HR@5 of systems from one or more evaluations, against each kind of negatives."""
    called = {UNIFORM: "uniform", POPULARITY: "by popularity"}
    header = ["system", *(f"{m}, {called[kind]}" for kind in negatives for m in ("AUC", "HR@5"))]

    def table(figures: Figures) -> str:
        rows = []
        for file, systems in parts:
            found = {(row["system"], row["negatives"]): row for row in figures(file)["rows"]}
            for system in systems:
                cells = [interval_text(found[system, kind][m]) for kind in negatives for m in ("auc", "hr@5")]
                rows.append([{**_SYSTEMS, **(names or {})}[system], *cells])
        return markdown_table(header, rows)

    return table


def _differences(file: str, names: Mapping[str, str] | None = None) -> Table:
    called = {**_SYSTEMS, **(names or {})}

    def table(figures: Figures) -> str:
        rows = [
            [
                f"{called[one['system']]} − {called[one['minus']]}",
                one["negatives"],
                interval_text(one["auc"]),
                interval_text(one["hr@5"]),
            ]
            for one in figures(file)["differences"]
        ]
        return markdown_table(["systems", "negatives", "AUC", "HR@5"], rows)

    return table


def _held_out_pictures(figures: Figures) -> str:
    now, before = figures("pocket/training")["held_out"], figures("results/held-out-before")["mention"]
    rows = [
        [
            called,
            attribute,
            str(value["n"]),
            f"{value['mean']:.2f} [{value['low']:.2f}, {value['high']:.2f}]",
            f"{before[kind][attribute]['mean']:.2f}",
        ]
        for kind, called in _PICTURES.items()
        for attribute, value in now[kind]["mention"].items()
    ]
    return markdown_table(["unseen pictures", "true value named", "pictures", "share", "before"], rows)


def _held_out_users(figures: Figures) -> str:
    rows = {row["system"]: row for row in figures("pocket/training")["held_out"]["unseen users"]["rows"]}
    before = figures("results/held-out-before")["unseen users"]["auc"]
    shown = [
        [
            _SYSTEMS[system],
            interval_text(rows[system]["auc"]),
            interval_text(rows[system]["hr@5"]),
            f"{before[system]['mean']:.3f}" if system in before else "",
        ]
        for system in ("mllm", "titles-only", "item-knn", "popularity", "random")
    ]
    return markdown_table(["system", "AUC", "HR@5", "AUC before"], shown)


def _planted(figures: Figures) -> str:
    found = figures("results/experiments-before")["experiments"]
    rows = [
        [called, *(interval_text(found[f"planted, {kind}"]["rows"][0][rate]) for kind in ("drawn", "fashion"))]
        for rate, called in _TASTE.items()
    ]
    return markdown_table(["share of 200 simulated users", "drawn things", "unseen photos"], rows)


def _faithfulness(figures: Figures) -> str:
    found = {
        (row["negatives"], row["system"]): row
        for row in figures("results/experiments-before")["experiments"]["faithfulness"]["rows"]
    }
    orders = (
        ("history items", "measured influence", "measured influence"),
        ("history items", "named in the reason", "as the written reason names them"),
        ("history items", "random", "random"),
        ("picture patches", "measured influence", "measured influence"),
        ("picture patches", "random", "random"),
    )
    rows = [
        [
            units,
            called,
            *(interval_text(found[units, order][f"{m} area"]) for m in ("comprehensiveness", "sufficiency")),
        ]
        for units, order, called in orders
    ]
    return markdown_table(["units", "order", "without", "alone"], rows)


def _quality(figures: Figures) -> str:
    found = figures("pocket/training")["preference_quality"]
    rows = [
        [called, *(interval_text(found[k][name]) for k in ("drawn", "fashion"))] for name, called in _QUALITY.items()
    ]
    return markdown_table(["share of claims", "drawn things", "unseen photos"], rows)


TABLES: Mapping[str, Table] = {
    "benchmark, two cores with AVX-512": _benchmark("two cores with AVX-512"),
    "benchmark, growing history": _benchmark("growing history"),
    "benchmark, two cores without AVX-512": _benchmark("two cores without AVX-512"),
    "benchmark, one H100": _benchmark("one H100"),
    "shortlist recall": _shortlist,
    "held-out pictures": _held_out_pictures,
    "held-out users": _held_out_users,
    "films": _ranking(_FILM_SYSTEMS),
    "films, differences": _differences(_FILMS, {"tallrec": "this model, asked behind titles alone"}),
    "films, six systems": _ranking(
        (
            (_FILMS, ("random", "popularity", "item-knn")),
            (f"{_FILMS}-sequence-models", ("sasrec",)),
            (_FILMS, ("mllm",)),
            (f"{_FILMS}-titles-adapter", ("tallrec",)),
        )
    ),
    "films, fused": _ranking((("results/movielens", ("mllm", "fused", "statistics")),)),
    "films, fused, differences": _differences("results/movielens"),
    "short videos": _ranking(
        (("results/microlens", _VIDEO_SYSTEMS),),
        names={"mllm": "this model (titles alone: there are no pictures)"},
    ),
    "short videos, differences": _differences("results/microlens"),
    "short videos, no model": _ranking(
        (
            (
                "results/microlens-5000-users",
                (
                    "popularity", "gru4rec-titles", "item-knn", "recent-popularity", "statistics", "sasrec",
                    "gru4rec-ids",
                ),
            ),
        ),
        (UNIFORM,),
    ),
    "planted tastes": _planted,
    "faithfulness": _faithfulness,
    "what texts claim": _quality,
}  # fmt: skip
