from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from msr.backbones.protocol import BackboneError
from msr.catalogue import Catalogue
from msr.config import PipelineConfig
from msr.pipeline import Pipeline
from msr.schema import InputProblem, Item
from msr.ui import jobs
from msr.ui.engine import Engine, badge
from msr.ui.jobs import Visit, Visits
from tests import fakes
from tests.ui import hostile

CATALOGUE = Catalogue("fake", fakes.catalogue(6))


def loaded(load: Callable[..., Pipeline] | None = None, delay: float = 0.0) -> Engine:
    engine = Engine(load or (lambda report: Pipeline(fakes.FakeBackbone(delay))))
    engine.start()
    return engine


def visit(history: tuple[Item, ...] = fakes.items(4)) -> Visit:
    return Visit(history, PipelineConfig(top=3, explain_top=3), CATALOGUE)


def settled(engine: Engine) -> str:
    """The phase after loading."""
    for _ in engine.wait(threading.Event()):
        pass
    return engine.status.phase


def test_a_visit_waits_for_the_model_and_runs_to_its_end() -> None:
    release = threading.Event()

    def load(report: Callable[[str, float], None]) -> Pipeline:
        report("fetching", 0.25)
        release.wait(5)
        return Pipeline(fakes.FakeBackbone())

    views = visit().events(loaded(load))
    while "fetching" not in next(views).note:
        pass
    release.set()
    last = list(views)[-1]
    assert last.phase == "finished" and len(last.recommendations) == 3


@pytest.mark.parametrize(("step", "shown"), [(0.0, 1), (1.0, None)])
def test_progress_is_shown_now_and_then_and_results_always(
    step: float, shown: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock stands still, or a second passes between any two looks at it."""
    clock = itertools.count(1_000.0, step)
    monkeypatch.setattr(jobs, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    states = [state for state in visit().events(loaded()) if state.phase == "running"]
    results = [(len(s.summaries), s.preferences if not s.writing else (), s.recommendations) for s in states]
    fleeting = sum(old == new for old, new in itertools.pairwise(results))
    assert len(states[-1].summaries) > 4 and len({done for done, *_ in results}) == len(states[-1].summaries) + 1
    assert fleeting > 10 if shown is None else fleeting <= 1 + shown


def test_the_estimate_counts_the_candidates_that_are_scored() -> None:
    wide, narrow = PipelineConfig(), PipelineConfig(shortlist=4)
    assert [Visit(fakes.items(4), c, CATALOGUE).expected()["rank"] for c in (wide, narrow)] == [6, 4]


def test_stop_ends_the_work_and_keeps_what_was_made() -> None:
    asked = visit()
    views = asked.events(loaded(delay=0.05))
    state = next(v for v in views if v.preferences)
    assert asked.halt().phase == "stopping"
    began = time.monotonic()
    rest = list(views)
    assert time.monotonic() - began < 2
    assert all(v.phase in ("stopping", "stopped") for v in rest)
    assert rest[-1].phase == "stopped" and rest[-1].preferences[0].text.startswith(state.preferences[0].text)


def test_whoever_has_the_model_has_it_alone() -> None:
    """Two jobs at once, one of them without the adapter: each names its own model."""
    engine = loaded(delay=0.002)
    jobs = [visit(), visit()]
    jobs[1].config = PipelineConfig(top=3, explain_top=3, adapter=False)
    phases: list[tuple[int, str]] = []

    def follow(n: int) -> None:
        phases.extend((n, state.phase) for state in jobs[n].events(engine) if state.phase == "running")

    threads = [threading.Thread(target=follow, args=(n,)) for n in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [job.kept.run.model["adapter"] for job in jobs] == ["fake-adapter", None]
    turns = [n for n, _ in phases]
    assert turns == sorted(turns) or turns == sorted(turns, reverse=True)


def test_stop_ends_the_waiting_for_a_turn() -> None:
    engine = loaded()
    waiting = visit()
    with engine.exclusive(threading.Event()):
        threading.Timer(0.2, waiting.halt).start()
        assert list(waiting.events(engine))[-1].phase == "stopped"
    assert list(visit().events(engine))[-1].phase == "finished"


def test_stop_before_the_turn_came_ends_it_at_once() -> None:
    asked = visit()
    assert asked.halt().phase == "stopped"
    assert [v.phase for v in asked.events(loaded())] == ["stopped"]


def test_a_closed_page_stops_its_work() -> None:
    visits, asked = Visits(), visit()
    assert visits.begin("page", asked) == 0
    visits.leave("page")
    assert asked.stop.is_set() and visits.of("page") is None


def test_a_closed_generator_stops_its_work() -> None:
    asked = visit()
    views = asked.events(loaded(delay=0.02))
    next(views)
    views.close()
    assert asked.stop.is_set()


def test_others_that_wait_are_counted_and_a_second_run_replaces_the_first() -> None:
    visits, first, second = Visits(), visit(), visit()
    visits.begin("a", first)
    assert visits.begin("b", second) == 1
    assert visits.begin("a", visit()) == 1 and first.stop.is_set() and not second.stop.is_set()


def test_a_run_moves_up_when_those_before_it_end() -> None:
    visits, runs = Visits(), [visit() for _ in range(3)]
    assert [visits.begin(page, run) for page, run in zip("abc", runs, strict=True)] == [0, 1, 2]
    assert [visits.place(page) for page in "abc"] == [0, 1, 2]
    runs[0].halt()
    assert [visits.place(page) for page in "abcd"] == [None, 0, 1, None]


def test_a_visit_that_nobody_follows_ends() -> None:
    visits, lost, waits, running = Visits(grace=0), visit(), visit(), visit()
    visits.waits = lambda session, follow: session == "b"
    visits.begin("a", lost, session="a")
    visits.begin("b", waits, session="b")
    visits.begin("c", running, session="c")
    next(running.events(loaded(delay=0.02)))
    time.sleep(0.01)
    assert [visits.place(page) for page in "abc"] == [None, 0, None]
    assert lost.state.phase == "failed" and "Nobody followed" in lost.state.note and lost.stop.is_set()
    assert not waits.state.ended and not running.state.ended
    assert [v.phase for v in lost.events(loaded())][-1] in ("failed", "stopped"), "it does not run any more"


def test_a_visit_that_finds_no_place_ends_and_others_of_its_page_go_on() -> None:
    visits, one, two = Visits(), visit(), visit()
    visits.begin("page", one, session="page", follow="follow")
    visits.begin("page/inspect", two, session="page", follow="another")
    visits.refused("page", "follow")
    assert one.state.phase == "failed" and "Try again" in one.state.note
    assert two.state.phase == "waiting" and visits.place("page/inspect") == 0


def test_visits_that_wait_are_few_and_one_caller_has_a_share() -> None:
    visits = Visits(waiting=5, each=3)
    for n in range(3):
        visits.begin(f"a{n}", visit(), "ann")
    with pytest.raises(InputProblem, match="Try again when one of them is done"):
        visits.begin("a3", visit(), "ann")
    visits.begin("a2", visit(), "ann")  # in place of its last one
    visits.begin("b0", visit(), "bob")
    visits.begin("b1", visit(), "bob")
    with pytest.raises(InputProblem, match="Too many runs are waiting"):
        visits.begin("c0", visit(), "carl")
    visits.of("a0").halt()
    visits.begin("c0", visit(), "carl")


def test_ended_visits_are_forgotten() -> None:
    visits = Visits(most=3)
    for n in range(20):
        visits.begin(str(n), visit())
        visits.of(str(n)).halt()
    assert len(visits._visits) <= 4 and visits.of("19") is not None


def test_what_came_of_a_run_is_kept() -> None:
    asked = Visit(fakes.items(4), PipelineConfig(top=3), CATALOGUE, "mine", parent="0123", edited="bags")
    list(asked.events(loaded()))
    assert asked.kept.name == "mine" and asked.kept.run.parent == "0123"
    assert asked.kept.run.preferences[-1].text == "bags" and asked.kept.key == f"{asked.kept.run.id}-0123"


def test_a_failure_is_said_in_plain_words() -> None:
    def load(report: object) -> Pipeline:
        raise BackboneError("The wheel has another hash. Delete it and press Retry.")

    engine = loaded(load)
    assert settled(engine) == "failed"
    last = list(visit().events(engine))[-1]
    assert last.phase == "failed" and last.note == "The wheel has another hash. Delete it and press Retry."
    assert "another hash" in badge(engine.status)


def test_unforeseen_failures_are_said_too() -> None:
    engine = loaded(lambda report: 1 / 0)
    assert settled(engine) == "failed" and "ZeroDivisionError" in engine.status.words
    assert list(visit(fakes.items(2) * 2).events(loaded()))[-1].note.startswith("The history has 2 items with the id")


def test_retry_loads_again() -> None:
    tries = []

    def load(report: object) -> Pipeline:
        tries.append(1)
        if len(tries) == 1:
            raise BackboneError("no network")
        return Pipeline(fakes.FakeBackbone())

    engine = loaded(load)
    assert settled(engine) == "failed"
    engine.start()
    assert settled(engine) == "ready"
    engine.start()
    assert len(tries) == 2


@pytest.mark.parametrize("words", hostile.ALL)
def test_the_badge_is_escaped(words: str) -> None:
    def load(report: object) -> Pipeline:
        raise BackboneError(words)

    engine = loaded(load)
    settled(engine)
    assert "<img" not in badge(engine.status) and "${" not in badge(engine.status)
