"""Where the splits of a log of twelve rows run, worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from msr.schema import InputProblem
from tests.train.data.readers.files import write
from tests.train.worlds import dataset, letters, names, users
from train.data import readers, splits
from train.data.dataset import Interactions, UserLog
from train.data.splits import Case, Roles

# The buckets of these users (SHA-256 of "user/NAME", first 8 hex digits, modulo 100): kim 1, amy 25, bob 37, ann 52.
ROWS = """user,item,timestamp
ann,c,300
kim,b,50
ann,b,100
bob,a,7
ann,d,200
kim,a,60
bob,e,9
amy,a,1
kim,e,40
bob,d,9
amy,b,2
kim,f,900
"""
ITEMS = "id,title\n" + "".join(f"{id},title {id}\n" for id in "abcdefg")


def twelve_rows(root: Path) -> tuple[UserLog, ...]:
    return readers.read("folder", write(root, {"items.csv": ITEMS, "interactions.csv": ROWS})).users


@pytest.fixture
def logs(tmp_path) -> tuple[UserLog, ...]:
    return twelve_rows(tmp_path)


ANN, KIM = UserLog("ann", ("b", "d", "c"), (100, 200, 300)), UserLog("kim", ("e", "b", "a", "f"), (40, 50, 60, 900))
BOB, AMY = UserLog("bob", ("a", "e", "d"), (7, 9, 9)), UserLog("amy", ("a", "b"), (1, 2))


def cut(log: UserLog, end: int) -> UserLog:
    return UserLog(log.user, log.items[:end], log.times[:end])


def test_the_log_itself(logs):
    assert logs == (ANN, KIM, BOB, AMY)


# -- by user ------------------------------------------------------------------------------------------------------


def test_by_user(logs):
    assert splits.by_user(logs) == Roles(train=(ANN, BOB), validation=(AMY,), test=(KIM,))


def test_by_user_nobody_is_in_two_roles():
    data = dataset(letters(26), [*users("train", "abc", "def"), *users("validation", "abc"), *users("test", "xyz")])
    people = splits.roles(data)
    assert [len(part) for part in (people.train, people.validation, people.test)] == [2, 1, 1]
    assert {*people.train, *people.validation, *people.test} == set(data.users)


def test_users_of_the_evaluation_data_are_all_tested_and_never_trained_on():
    known = users("train", "abcdefg", "hijklmn", "opqrstu")
    data = dataset(letters(26), [*known, *users("validation", "abc"), *users("test", "xyz", "vwx")])
    strangers = users("train", "abz")  # u.. of the training data has the same name: the same person
    other = UserLog("somebody else", tuple("cdz"))
    people = splits.roles(data, dataset(letters(26), [*strangers, other]))
    assert people.test == (*strangers, other)
    # The other users of the training data may be learned from, those of its own test split too.
    assert {u.user for u in people.train} == {*names("train", 3)[1:], *names("test", 2)}
    assert [u.user for u in people.validation] == names("validation", 1)


# -- by time ------------------------------------------------------------------------------------------------------


def test_by_time(logs):
    # Strictly before 50: kim's e, all of bob; amy is a validation user. From 50 on, ann starts with b, kim with b.
    assert splits.by_time(logs, 50) == Roles(
        train=(cut(KIM, 1), BOB), validation=(AMY,), test=(cut(ANN, 1), cut(KIM, 2))
    )
    assert splits.by_time(logs, 200) == Roles(
        train=(cut(ANN, 1), cut(KIM, 3), BOB), validation=(AMY,), test=(cut(ANN, 2), KIM)
    )


def test_by_time_nothing_is_learned_from_the_moment_on(logs):
    for moment in range(0, 1001, 5):
        found = splits.by_time(logs, moment)
        assert all(time < moment for log in (*found.train, *found.validation) for time in log.times)
        assert all(log.times[-1] >= moment and all(t < moment for t in log.times[:-1]) for log in found.test)
        assert "amy" not in {log.user for log in (*found.train, *found.test)}


def test_by_time_a_share_of_all_interactions_trains(logs):
    # In order: 1 2 7 9 9 40 50 60 100 200 | 300 900: 90 % of twelve is ten.
    assert splits.roles(dataset("abcdefg", logs), split="time") == splits.by_time(logs, 300)


def test_by_time_needs_times_and_one_log(logs):
    with pytest.raises(InputProblem, match="'x' has no times"):
        splits.by_time([*logs, UserLog("x", ("a",))], 50)
    with pytest.raises(InputProblem, match="no times"):
        splits.roles(dataset("ab", [UserLog("x", ("a", "b"))]), split="time")
    with pytest.raises(InputProblem, match="leave --eval-data out"):
        splits.roles(dataset("ab", logs), dataset("ab", logs), split="time")


@pytest.mark.parametrize(("share", "moment"), [(0, 1), (0.5, 50), (0.75, 200), (0.99, 900)])
def test_the_moment_of_a_share(logs, share, moment):
    # In order: 1 2 7 9 9 40 | 50 60 100 | 200 300 900
    assert splits.moment_of(logs, share) == moment
    assert sum(time < moment for log in logs for time in log.times) <= share * 12


def test_the_counts_of_a_split_are_of_all_that_trains(logs):
    assert Interactions(splits.by_time(logs, 50).train, "abcdef").counts(1000).tolist() == [1, 0, 0, 1, 2, 0]


# -- cases --------------------------------------------------------------------------------------------------------


def test_a_case_is_what_came_before_its_target():
    assert splits.case_at(KIM, 2) == Case("kim", ("e", "b"), "a", moment=60)
    assert splits.case_at(UserLog("x", ("a", "b")), 1) == Case("x", ("a",), "b")


def test_an_earlier_choice_of_the_target_is_not_told():
    assert splits.case_at(UserLog("x", tuple("azbz")), 3).history == ("a", "b")


@pytest.mark.parametrize(
    ("negatives", "message"), [(("b",), "'b' was chosen"), (("z", "a"), "'a' was chosen"), (("z", "z"), "occurs twice")]
)
def test_a_case_refuses_negatives_that_are_none(negatives, message):
    with pytest.raises(ValueError, match=message):
        Case("u", ("a",), "b", negatives)
