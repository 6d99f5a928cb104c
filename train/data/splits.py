"""Split users for training, tuning and testing, and cut cases from their logs: a history, a target, negatives.

- By user: some users are never trained on, and their last items are the targets. This tests new users.
- By time: interactions before a moment are trained on, and each user's first choice after it is the target. Only in
  this split can nothing that was learned come from after a target (Meng et al. 2020, "Exploring data splitting
  strategies").

In both, a history ends before its target in the user's own time order; equal times keep the order of the file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from msr.schema import InputProblem
from train.data.dataset import Dataset, UserLog
from train.names import BY_TIME, BY_USER

TRAIN_SHARE = 0.9  # share of all interactions that lie before the moment of a split by time


@dataclass(frozen=True)
class Case:
    """One question to a recommender: after `history` (oldest first), did `user` choose `target` or one of `negatives`?

    moment: time of the target in seconds, None if unknown. Raises ValueError if a negative is the target or an item of
    the history, or occurs twice.
    """

    user: str
    history: tuple[str, ...]
    target: str
    negatives: tuple[str, ...] = ()
    moment: int | None = None

    def __post_init__(self) -> None:
        if wrong := set(self.negatives) & {self.target, *self.history}:
            raise ValueError(f"user {self.user!r}: {min(wrong)!r} was chosen and cannot be a negative")
        if len(set(self.negatives)) < len(self.negatives):
            raise ValueError(f"user {self.user!r}: a negative occurs twice")

    @property
    def candidates(self) -> tuple[str, ...]:
        """The items that are scored, the target first. Ranks are midranks, so the order gives no advantage."""
        return (self.target, *self.negatives)


def case_at(log: UserLog, place: int) -> Case:
    """The case whose target is the item at `place` of a log; earlier choices of this item leave the history."""
    target = log.items[place]
    history = tuple(item for item in log.items[:place] if item != target)
    return Case(log.user, history, target, moment=log.time_of(place))


@dataclass(frozen=True)
class Roles:
    """The logs to train on, to tune on (fusion, early stopping) and to test on.

    A log of `test` or `validation` ends with its target. Statistics and weights come from `train` alone. In a split by
    user, nobody has two roles; in a split by time, the earlier part of a tested user's log is in `train`.
    """

    train: tuple[UserLog, ...]
    validation: tuple[UserLog, ...]
    test: tuple[UserLog, ...]


def roles(data: Dataset, eval_data: Dataset | None = None, split: str = BY_USER) -> Roles:
    """Split `data`. With `eval_data`, its users are the test users, and nobody else is tested.

    Raises:
        InputProblem: a split by time, but there are no times or there is `eval_data`.
    """
    if split == BY_TIME:
        if eval_data is not None:
            raise InputProblem("a split by time divides one log; leave --eval-data out.")
        return by_time(data.users, moment_of(data.users, TRAIN_SHARE))
    return by_user(data.users) if eval_data is None else _apart(data.users, eval_data.users)


def by_user(logs: Iterable[UserLog]) -> Roles:
    """Split users by a hash of their id (`UserLog.split`)."""
    parts: dict[str, list[UserLog]] = {"train": [], "validation": [], "test": []}
    for log in logs:
        parts[log.split].append(log)
    return Roles(*map(tuple, parts.values()))


def by_time(logs: Iterable[UserLog], moment: int) -> Roles:
    """Split at a moment in seconds (see `moment_of`): train on what came strictly before it.

    The test log of a user ends with the first choice at or after the moment. Validation users, chosen by a hash of
    their id, are neither trained on nor tested, and only the part of their logs before the moment is used.

    Raises:
        InputProblem: a log has no times.
    """
    train: list[UserLog] = []
    validation: list[UserLog] = []
    test: list[UserLog] = []
    for log in logs:
        if log.items and not log.times:
            raise InputProblem(f"The log of user {log.user!r} has no times; split by user.")
        first = sum(time < moment for time in log.times)
        if first:
            (validation if log.split == "validation" else train).append(_cut(log, first))
        if log.split != "validation" and first < len(log.items):
            test.append(_cut(log, first + 1))
    return Roles(tuple(train), tuple(validation), tuple(test))


def moment_of(logs: Iterable[UserLog], share: float) -> int:
    """The moment in seconds before which at most `share` (in [0, 1)) of all interactions lie.

    Raises:
        InputProblem: there are no times.
    """
    times = sorted(time for log in logs for time in log.times)
    if not times:
        raise InputProblem("These logs have no times, so they cannot be split by time; split by user.")
    return times[int(share * len(times))]


def _apart(logs: Iterable[UserLog], tested: tuple[UserLog, ...]) -> Roles:
    names = {log.user for log in tested}
    known = [log for log in logs if log.user not in names]
    return Roles(
        train=tuple(log for log in known if log.split != "validation"),
        validation=tuple(log for log in known if log.split == "validation"),
        test=tested,
    )


def _cut(log: UserLog, end: int) -> UserLog:
    return UserLog(log.user, log.items[:end], log.times[:end])
