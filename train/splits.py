"""Splits of interaction logs, and the cases that they are measured on: a history, the next item, negatives.

- `by_user`: some users are never trained on; their last items are the targets. New users, known items.
- `by_time`: what came before a moment trains; each user's first choice after it is the target. The one split in which
  nothing that was learned can come from after a target (Meng et al. 2020, "Exploring data splitting strategies").
- `leave_last_out`: every user trains, except for the last two items. Widely used; the weights have seen other users'
  later choices, so compare it with itself only.

In all of them a history ends before its target, in the user's own time order (ties keep the file's order).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from train.logs import TEST_PERCENT, VALIDATION_PERCENT, UserLog, bucket


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


@dataclass(frozen=True)
class Split:
    """`train` holds all that weights and statistics may be made of; the cases have no negatives yet."""

    train: tuple[UserLog, ...]
    validation: tuple[Case, ...]
    test: tuple[Case, ...]


def case_at(log: UserLog, place: int) -> Case:
    """The case whose target is the item at `place` (from 0) of a log."""
    return Case(log.user, log.items[:place], log.items[place], moment=log.time_of(place))


def cases_of(log: UserLog, least: int = 1) -> Iterator[Case]:
    """A case for each item of a training log that has at least `least` items before it, oldest first."""
    return (case_at(log, place) for place in range(least, len(log.items)))


def by_user(
    logs: Iterable[UserLog], test: int = TEST_PERCENT, validation: int = VALIDATION_PERCENT, least: int = 1
) -> Split:
    """Sets about `test` and `validation` percent of the users apart by a hash of their ids, as `UserLog.split` does.

    Held-out users with fewer than `least` items before their last give no case.

    Raises:
        ValueError: the percentages leave nothing to train on.
    """
    if test < 0 or validation < 0 or test + validation >= 100:
        raise ValueError(f"test {test} % and validation {validation} % of the users leave none to train on")
    train, held_out = [], ([], [])
    for log in logs:
        place = bucket(log.user)
        if place >= test + validation:
            train.append(log)
        elif len(log.items) > least:
            held_out[place < test].append(case_at(log, len(log.items) - 1))
    return Split(tuple(train), *map(tuple, held_out))


def by_time(logs: Iterable[UserLog], validation_from: int, test_from: int, least: int = 1) -> Split:
    """Trains on what came strictly before `validation_from` (seconds; `moment_of` finds one).

    The validation target of a user is the first item from then on and before `test_from`, the test target the first
    from `test_from` on; their histories hold everything before, so a test history may hold validation targets.

    Raises:
        ValueError: the moments are in the wrong order, or a log has no times.
    """
    if validation_from > test_from:
        raise ValueError(f"validation from {validation_from} cannot come after test from {test_from}")
    train, validation, test = [], [], []
    for log in logs:
        if log.items and not log.times:
            raise ValueError(f"the log of user {log.user!r} has no times")
        first = sum(time < validation_from for time in log.times)
        later = sum(time < test_from for time in log.times)
        if first:
            train.append(UserLog(log.user, log.items[:first], log.times[:first]))
        if least <= first < later:
            validation.append(case_at(log, first))
        if least <= later < len(log.items):
            test.append(case_at(log, later))
    return Split(tuple(train), tuple(validation), tuple(test))


def leave_last_out(logs: Iterable[UserLog], least: int = 1) -> Split:
    """The last item of each user is the test target, the one before it the validation target; the rest trains.

    Users with fewer than `least` items before these two train with all they have.
    """
    train, validation, test = [], [], []
    for log in logs:
        end = len(log.items) - 2
        if end < least:
            train.append(log)
            continue
        train.append(UserLog(log.user, log.items[:end], log.times[:end]))
        validation.append(case_at(log, end))
        test.append(case_at(log, end + 1))
    return Split(tuple(train), tuple(validation), tuple(test))


def moment_of(logs: Iterable[UserLog], share: float) -> int:
    """The time in seconds strictly before which at most `share` of all interactions lie.

    Raises:
        ValueError: there are no times, or `share` is not in [0, 1).
    """
    times = sorted(time for log in logs for time in log.times)
    if not times or not 0 <= share < 1:
        raise ValueError(f"no moment at {share} of {len(times)} timed interactions")
    return times[int(share * len(times))]
