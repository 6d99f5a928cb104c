"""Who is trained on, tuned on and tested; and the cases that are measured: a history, the next item, negatives.

- by user: some users are never trained on; their last items are the targets. New users, known items.
- by time: what came before a moment trains; each user's first choice from then on is the target. The one split in
  which nothing that was learned can come from after a target (Meng et al. 2020, "Exploring data splitting strategies").

In both a history ends before its target, in the user's own time order (ties keep the file's order).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from msr.schema import InputProblem
from train.data.dataset import Dataset
from train.data.logs import UserLog
from train.names import BY_TIME, BY_USER

TRAIN_SHARE = 0.9  # of all interactions lie before the moment of a split by time


@dataclass(frozen=True)
class Case:
    """What a model is asked: after `history` (oldest first), which of `target` and `negatives` did `user` choose?

    moment: seconds of the target, None where times are unknown. Raises ValueError where a negative is the target, an
    item of the history, or there twice.
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
            raise ValueError(f"user {self.user!r}: a negative is there twice")

    @property
    def candidates(self) -> tuple[str, ...]:
        """What is scored, the target first; ranks are midranks, so the order favours nobody."""
        return (self.target, *self.negatives)


def case_at(log: UserLog, place: int) -> Case:
    """The case whose target is the item at `place` of a log; an earlier choice of it is no part of the history."""
    target = log.items[place]
    history = tuple(item for item in log.items[:place] if item != target)
    return Case(log.user, history, target, moment=log.time_of(place))


@dataclass(frozen=True)
class Roles:
    """Who is trained on, who is tuned on (fusion, early stopping), and who is tested.

    A log of `test` ends with the item that is asked for, and so does one of `validation` where it is asked about.
    Statistics and weights come from `train` alone. By user nobody is in two roles. By time the earlier part of a
    tested user's log is in `train` too.
    """

    train: tuple[UserLog, ...]
    validation: tuple[UserLog, ...]
    test: tuple[UserLog, ...]


def roles(data: Dataset, eval_data: Dataset | None = None, split: str = BY_USER) -> Roles:
    """The roles in `data`; with `eval_data`, all of its users are the test users and nobody else is.

    Raises:
        InputProblem: a split by time of logs without times, or with `eval_data`.
    """
    if split == BY_TIME:
        if eval_data is not None:
            raise InputProblem("a split by time divides one log; leave --eval-data out.")
        return by_time(data.users, moment_of(data.users, TRAIN_SHARE))
    return by_user(data.users) if eval_data is None else _apart(data.users, eval_data.users)


def by_user(logs: Iterable[UserLog]) -> Roles:
    """By the hash of the user's name (`UserLog.split`)."""
    parts: dict[str, list[UserLog]] = {"train": [], "validation": [], "test": []}
    for log in logs:
        parts[log.split].append(log)
    return Roles(*map(tuple, parts.values()))


def by_time(logs: Iterable[UserLog], moment: int) -> Roles:
    """What came strictly before `moment` (seconds; `moment_of` finds one) trains.

    The test log of a user ends with the first choice from then on. Validation users, a share of them by the hash of
    their names, are neither trained on nor tested; of their logs, too, only what came before the moment is used.

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
    """The time in seconds strictly before which at most `share` (in [0, 1)) of all interactions lie.

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
