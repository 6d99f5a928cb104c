"""One thread works for all callers, one caller at a time."""

from __future__ import annotations

import os
import threading

import pytest

from msr.backbones.transformers import worker
from msr.backbones.transformers.worker import CallerLock, alone, at_work
from tests import tiny
from tests.tiny import MIXED


class Model:
    def __init__(self) -> None:
        self._lock = CallerLock()

    @at_work
    def where(self) -> str:
        return threading.current_thread().name

    @at_work
    def nested(self) -> tuple[str, str]:
        return threading.current_thread().name, self.where()

    @at_work
    def broken(self) -> None:
        raise KeyError("gone")


def in_threads(work, count: int = 4) -> list:
    found: list = []
    threads = [threading.Thread(target=lambda: found.append(work()), daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return found


def test_every_caller_is_served_by_the_same_thread():
    model = Model()
    names = {*in_threads(model.where), model.where(), *model.nested(), alone(model.where)()}
    assert len(names) == 1
    assert names != {threading.current_thread().name}


def test_a_failure_reaches_its_caller_and_the_next_one_is_served():
    model = Model()
    with pytest.raises(KeyError, match="gone"):
        model.broken()
    assert model.where()


def test_the_lock_keeps_others_out_and_lets_its_owner_in_again():
    model, said = Model(), []
    with model._lock:
        waiting = threading.Thread(target=lambda: said.append(model.where()), daemon=True)
        waiting.start()
        assert model.where() and model._lock.mine
        waiting.join(0.2)
        assert said == []
    waiting.join(20)
    assert len(said) == 1 and not model._lock.mine


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no forks")
def test_a_fork_has_a_thread_of_its_own():
    """As workers are that make training steps ahead."""
    assert worker.run(lambda: 1) == 1
    child = os.fork()
    if not child:
        os._exit(0 if worker.begin(lambda: 2).result(timeout=20) == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_several_pages_read_streams_of_one_model():
    backbone = tiny.pocket_backbone()
    expected = backbone.generate([MIXED[0]], 8)[0].text
    assert in_threads(lambda: list(backbone.stream(MIXED[0], 8))[-1]) == [expected] * 4
