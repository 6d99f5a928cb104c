"""The figures of an evaluation as Markdown."""

from __future__ import annotations

from collections.abc import Mapping

_SHOWN = ("auc", "hr@5", "mrr@5", "ndcg@5", "hr@10", "ndcg@10")


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
    """Cells of one line each."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
