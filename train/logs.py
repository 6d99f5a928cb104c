"""Interaction logs: users' chronological histories, split by user.

Leakage rules: a history holds only what came before its target; test users are never trained on. Popularity counts
training users only, but their whole logs: what came after a test target too, which flatters that baseline.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class UserLog:
    """One user's items in time order (ties keep the file's order)."""

    user: str
    items: tuple[str, ...]

    @property
    def split(self) -> str:
        """ "test" for 20 % of the users, "validation" for 6 %, else "train"."""
        bucket = int(hashlib.sha256(f"user/{self.user}".encode()).hexdigest()[:8], 16) % 100
        return "test" if bucket < 20 else "validation" if bucket < 26 else "train"


def movielens(root: Path) -> list[UserLog]:
    """Users of `ratings.csv`; every rating is an interaction."""
    rows: dict[str, list[tuple[int, int, str]]] = {}
    with (root / "ratings.csv").open(encoding="utf-8", newline="") as file:
        for place, row in enumerate(csv.DictReader(file)):
            rows.setdefault(row["userId"], []).append((int(row["timestamp"]), place, row["movieId"]))
    return [UserLog(user, tuple(item for *_, item in sorted(seen))) for user, seen in rows.items()]


def popularity(logs: list[UserLog]) -> Counter[str]:
    """Interactions of training users, by item."""
    return Counter(item for log in logs if log.split == "train" for item in log.items)
