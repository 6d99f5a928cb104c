"""Where the splits of a log of twelve rows run, worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.train.readers.files import write
from train import readers, splits
from train.interactions import Interactions
from train.logs import UserLog
from train.splits import Case, Split

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


def test_the_log_itself(logs):
    assert logs == (ANN, KIM, BOB, AMY)


def case(user: str, history: str, target: str, moment: int) -> Case:
    return Case(user, tuple(history), target, moment=moment)


def test_by_user(logs):
    assert splits.by_user(logs) == Split(
        train=(ANN, BOB),
        validation=(case("amy", "a", "b", 2),),
        test=(case("kim", "eba", "f", 900),),
    )


@pytest.mark.parametrize(
    ("test", "validation", "parts"),
    [
        (0, 0, ("ann kim bob amy", "", "")),
        (1, 0, ("ann kim bob amy", "", "")),  # kim is in place 1, the second of a hundred
        (2, 0, ("ann bob amy", "", "kim")),
        (25, 1, ("ann bob", "amy", "kim")),
        (26, 12, ("ann", "bob", "kim amy")),
        (0, 53, ("", "ann kim bob amy", "")),
    ],
)
def test_by_user_with_other_shares(logs, test, validation, parts):
    split = splits.by_user(logs, test, validation)
    assert tuple(" ".join(one.user for one in part) for part in (split.train, split.validation, split.test)) == parts


@pytest.mark.parametrize("shares", [(60, 40), (-1, 5), (5, -1), (101, 0)])
def test_shares_that_leave_nobody_are_refused(logs, shares):
    with pytest.raises(ValueError, match="leave none to train on"):
        splits.by_user(logs, *shares)


def test_by_user_agrees_with_the_logs_themselves():
    logs = [UserLog(str(n), ("a", "b")) for n in range(300)]
    split = splits.by_user(logs)
    assert {log.user for log in split.train} == {log.user for log in logs if log.split == "train"}
    assert {case.user for case in split.test} == {log.user for log in logs if log.split == "test"}


def test_by_time(logs):
    # Strictly before 50: kim's e, all of bob and amy. From 50 on, ann starts with b, kim goes on with b, then with f.
    assert splits.by_time(logs, 50, 200) == Split(
        train=(UserLog("kim", ("e",), (40,)), BOB, AMY),
        validation=(case("kim", "e", "b", 50),),
        test=(case("ann", "b", "d", 200), case("kim", "eba", "f", 900)),
    )


def test_by_time_gives_newcomers_a_case_where_no_history_is_asked_for(logs):
    split = splits.by_time(logs, 50, 200, least=0)
    assert split.validation == (case("ann", "", "b", 100), case("kim", "e", "b", 50))


def test_by_time_trains_on_nothing_from_the_moment_on(logs):
    for cut in range(0, 1001, 5):
        split = splits.by_time(logs, cut, cut + 100)
        assert all(time < cut for log in split.train for time in log.times)
        assert all(cut <= one.moment < cut + 100 for one in split.validation)
        assert all(one.moment >= cut + 100 for one in split.test)


def test_by_time_needs_times_in_order(logs):
    with pytest.raises(ValueError, match="validation from 9 cannot come after test from 8"):
        splits.by_time(logs, 9, 8)
    with pytest.raises(ValueError, match="'x' has no times"):
        splits.by_time([UserLog("x", ("a",))], 1, 2)


def test_leave_last_out(logs):
    assert splits.leave_last_out(logs) == Split(
        train=(UserLog("ann", ("b",), (100,)), UserLog("kim", ("e", "b"), (40, 50)), UserLog("bob", ("a",), (7,)), AMY),
        validation=(case("ann", "b", "d", 200), case("kim", "eb", "a", 60), case("bob", "a", "e", 9)),
        test=(case("ann", "bd", "c", 300), case("kim", "eba", "f", 900), case("bob", "ae", "d", 9)),
    )


def test_users_with_short_histories_give_no_case(logs):
    assert [one.user for one in splits.leave_last_out(logs, least=2).test] == ["kim"]
    assert splits.by_user(logs, least=4).test == ()
    assert [one.user for one in splits.by_time(logs, 50, 200, least=2).test] == ["kim"]


def test_training_cases_of_a_log():
    assert list(splits.cases_of(KIM)) == [
        case("kim", "e", "b", 50),
        case("kim", "eb", "a", 60),
        case("kim", "eba", "f", 900),
    ]
    assert list(splits.cases_of(KIM, least=3)) == [case("kim", "eba", "f", 900)]
    assert list(splits.cases_of(UserLog("x", ("a", "b")))) == [Case("x", ("a",), "b")]


@pytest.mark.parametrize(("share", "moment"), [(0, 1), (0.5, 50), (0.75, 200), (0.99, 900)])
def test_the_moment_of_a_share(logs, share, moment):
    # In order: 1 2 7 9 9 40 | 50 60 100 | 200 300 900
    assert splits.moment_of(logs, share) == moment
    assert sum(time < moment for log in logs for time in log.times) <= share * 12


def test_a_moment_needs_times():
    with pytest.raises(ValueError, match="no moment at 0.5 of 0"):
        splits.moment_of([UserLog("x", ("a",))], 0.5)


def test_the_counts_of_another_split_are_of_all_that_trains(logs):
    train = splits.by_time(logs, 50, 200).train
    assert Interactions(train, "abcdef").counts(1000).tolist() == [2, 1, 0, 1, 2, 0]


@pytest.mark.parametrize(
    ("negatives", "message"), [(("b",), "'b' was chosen"), (("z", "a"), "'a' was chosen"), (("z", "z"), "there twice")]
)
def test_a_case_refuses_negatives_that_are_none(negatives, message):
    with pytest.raises(ValueError, match=message):
        Case("u", ("a",), "b", negatives)
