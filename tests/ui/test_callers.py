"""Who calls, and what of theirs is kept in memory."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest

from msr.catalogue import Catalogue
from msr.pipeline import Pipeline
from msr.schema import InputProblem, Item
from msr.ui.callers import Attendance, Callers, Places, name_of
from msr.ui.stores import CatalogueStore, Kept, RunStore
from tests import fakes


def request(host: str | None, username: str | None = None) -> SimpleNamespace:
    return SimpleNamespace(client=host and SimpleNamespace(host=host), username=username)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (request("10.0.0.1"), request("10.0.0.1"), True),
        (request("10.0.0.1"), request("10.0.0.2"), False),
        (request("2001:db8::1"), request("2001:db8::ffff:1"), True),
        (request("2001:db8::1"), request("2001:db8:0:1::1"), False),
        (request("10.0.0.1", "ann"), request("10.0.0.2", "ann"), True),
        (request("10.0.0.1", "ann"), request("10.0.0.1", "bob"), False),
        (request("testclient"), request(None), False),
    ],
)
def test_callers_are_told_apart(one: SimpleNamespace, other: SimpleNamespace, same: bool) -> None:
    assert (name_of(one) == name_of(other)) == same


def an_event(**headers: str) -> SimpleNamespace:
    request = SimpleNamespace(headers=headers)
    return SimpleNamespace(session_hash="s", _id="e", enqueue_time=time.monotonic(), request=request)


def test_the_call_of_a_tool_is_forgotten_when_its_request_has_ended() -> None:
    callers, ended = Callers(), threading.Event()
    with callers.calling(ended) as call:
        event = an_event(**{"x-msr-call": call})
        assert not callers.forgot(event)
        ended.set()
        assert callers.forgot(event)
    with callers.calling(threading.Event()):
        assert callers.forgot(event) and callers.forgot(an_event(**{"x-msr-call": "made up"}))


def test_an_event_is_forgotten_when_nobody_reads_it_in_time() -> None:
    callers, event = Callers(grace=0.05), an_event()
    assert not callers.forgot(event)
    time.sleep(0.06)
    assert callers.forgot(event)
    for what in ("s", "e"):
        with callers.reading(what), callers.reading(what):
            assert not callers.forgot(event)
        assert callers.forgot(event) and not callers._reading


def test_the_watch_of_a_caller_ends_with_the_work() -> None:
    callers, stop = Callers(), threading.Event()
    with callers.watching(None, stop):
        assert not stop.is_set() and any(t.name == "watch-caller" for t in threading.enumerate())
    assert stop.is_set()


def test_places_are_shared_and_come_free_again() -> None:
    places = Places(most=3, each=2, patience=0.01)
    with places.one("ann"), places.one("ann"):
        with pytest.raises(InputProblem, match="again in a minute"), places.one("ann"):
            pass
        with places.one("bob"), pytest.raises(InputProblem, match="again in a minute"), places.one("carl"):
            pass
        with places.one("carl"):
            pass
    with places.one("ann"):
        assert places._held.total() == 1


def test_an_answer_may_listen_from_several_places() -> None:
    """As Gradio's streams do; what stands before need not bear it."""
    messages = [{"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}]
    asking = heard = 0

    async def receive() -> dict[str, object]:
        nonlocal asking
        asking += 1
        assert asking == 1, "one at a time"
        await asyncio.sleep(0.01)
        asking -= 1
        return messages.pop(0)

    async def streaming(scope: dict, receive: Callable, send: object) -> None:
        nonlocal heard
        got = await asyncio.gather(*[receive() for _ in range(3)])
        heard = sum(message["type"] == "http.disconnect" for message in got)

    scope = {"type": "http", "method": "GET", "path": "/gradio_api/queue/data", "query_string": b"session_hash=s"}
    asyncio.run(Attendance(streaming, Callers())(scope, receive, None))
    assert heard == 2 and messages == []


def brought(n: int) -> Catalogue:
    return Catalogue("mine", tuple(Item(f"i{k}", f"thing {n} {k}", fakes.noise(n, 64)) for k in range(9)))


def test_catalogues_beyond_the_budget_go_and_that_is_said() -> None:
    one, two, three = map(brought, range(3))
    assert one.size < 9 * len(one.items[0].picture.data) + 9_000, "items share their picture"
    offers = CatalogueStore(2 * one.size + 500)
    keys = [offers.put(one), offers.put(two)]
    assert offers.get(keys[0]) is one
    keys.append(offers.put(three))
    assert offers.get(keys[0]) is one and offers.get(keys[2]) is three and offers.get("") is None
    with pytest.raises(InputProblem, match="no longer kept here. Bring it again"):
        offers.get(keys[1])


def test_runs_beyond_the_budget_go() -> None:
    own = Catalogue("own", fakes.catalogue(6))
    *_, last = Pipeline(fakes.FakeBackbone()).run(fakes.items(3), own.items, top=2)
    mine = [Kept(last.run, str(n), brought(n)) for n in range(4)]
    size = mine[0].catalogue.size

    def keys(store: RunStore, runs: list[Kept]) -> int:
        for n, kept in enumerate(runs):
            store.put(Kept(replace(kept.run, id=f"run{n}"), kept.name, kept.catalogue))
        return sum(store.get(f"run{n}") is not None for n in range(len(runs)))

    assert keys(RunStore(own=own, budget=int(2.5 * size)), mine) == 2
    assert keys(RunStore(own=own, budget=int(2.5 * size)), [mine[0]] * 4) == 4, (
        "a catalogue that runs share counts once"
    )
    assert keys(RunStore(own=own, budget=20_000), [Kept(last.run, "", own)] * 4) == 4, "the server's own counts nothing"
    assert keys(RunStore(own=own, budget=1), mine) == 1
