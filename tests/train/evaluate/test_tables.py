"""The Markdown table says what the JSON says."""

from __future__ import annotations

from train.evaluate import comparison


def value(mean: float) -> dict:
    return {"mean": mean, "low": mean - 0.1, "high": mean + 0.1}


def row(system: str, negatives: str, mean: float) -> dict:
    names = [f"{m}@{k}" for m in ("hr", "mrr", "ndcg") for k in (3, 5, 10)]
    return {
        "system": system,
        "negatives": negatives,
        "users": 7,
        "auc": value(mean),
        **dict.fromkeys(names, value(0.5)),
    }


def test_one_table_for_each_kind_of_negatives_and_one_of_differences():
    text = comparison.render(
        {
            "dataset": "films",
            "users": 7,
            "seconds": 12.4,
            "rows": [row("popularity", "uniform", 0.7), row("mllm", "uniform", 0.8), row("popularity", "all", 0.9)],
            "differences": [
                {
                    "system": "mllm",
                    "minus": "popularity",
                    "negatives": "uniform",
                    "auc": value(0.1),
                    "hr@5": value(-0.2),
                }
            ],
        }
    )
    assert text.splitlines() == [
        "films: 7 users, 12 s",
        "",
        "Last item against 20 negatives, uniform:",
        "",
        "| system | users | AUC | HR@5 | MRR@5 | NDCG@5 | HR@10 | NDCG@10 |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        "| popularity | 7 | 0.700 [0.600, 0.800] |" + " 0.500 [0.400, 0.600] |" * 5,
        "| mllm | 7 | 0.800 [0.700, 0.900] |" + " 0.500 [0.400, 0.600] |" * 5,
        "",
        "Last item against the full catalogue:",
        "",
        "| system | users | AUC | HR@5 | MRR@5 | NDCG@5 | HR@10 | NDCG@10 |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        "| popularity | 7 | 0.900 [0.800, 1.000] |" + " 0.500 [0.400, 0.600] |" * 5,
        "",
        "Differences, paired over users:",
        "",
        "| systems | negatives | AUC | HR@5 |",
        "| --- | --- | --- | --- |",
        "| mllm - popularity | uniform | 0.100 [0.000, 0.200] | -0.200 [-0.300, -0.100] |",
    ]


def test_without_differences_there_is_no_such_table():
    text = comparison.render({"dataset": "films", "users": 1, "seconds": 0.2, "rows": [], "differences": []})
    assert text == "films: 1 users, 0 s"
