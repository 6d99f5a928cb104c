"""Interaction logs: users' chronological histories, split by user.

Rules against leaks (docs/evaluation.md): a history holds only what came before its target; test users are never trained
on; a statistic counts training users only, and where times are known only what came before the target
(`train.data.dataset`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

TEST_PERCENT, VALIDATION_PERCENT = 20, 6  # of the users


def bucket(user: str) -> int:
    """A number from 0 to 99 that follows from the user's id alone, so nobody moves when data are added."""
    return int(hashlib.sha256(f"user/{user}".encode()).hexdigest()[:8], 16) % 100


@dataclass(frozen=True)
class UserLog:
    """One user's items in time order (ties keep the file's order); `times` in seconds, empty where unknown.

    Raises:
        ValueError: times that are not one an item, or that go back.
    """

    user: str
    items: tuple[str, ...]
    times: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.times and len(self.times) != len(self.items):
            raise ValueError(f"user {self.user!r} has {len(self.items)} items and {len(self.times)} times")
        if any(later < earlier for earlier, later in zip(self.times, self.times[1:], strict=False)):
            raise ValueError(f"the times of user {self.user!r} are not in order")

    @property
    def split(self) -> str:
        """ "test" for 20 % of the users, "validation" for 6 %, else "train"."""
        place = bucket(self.user)
        if place < TEST_PERCENT:
            return "test"
        return "validation" if place < TEST_PERCENT + VALIDATION_PERCENT else "train"

    def time_of(self, place: int) -> int | None:
        """Seconds of the interaction at `place`; None where times are unknown."""
        return self.times[place] if self.times else None
