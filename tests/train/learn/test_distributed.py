"""Two real processes on the CPU learn what one does."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.train.tiny_run import CONFIG, STORE, draw
from train.learn.loop import fit

ROOT = Path(__file__).parents[3]
MACHINES = ROOT / "docs" / "accelerate" / "machines.yaml"
TIME_LIMIT = 600  # seconds; about 20 on an idle machine, and CI may be busy


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def torchrun() -> list[str]:
    return ["torch.distributed.run", "--nproc_per_node=2", f"--master_port={free_port()}"]


def launch() -> list[str]:
    """The configuration in the docs, for two processes of this machine."""
    here = ["--num_machines=1", "--num_processes=2", "--main_process_ip=127.0.0.1"]
    port = f"--main_process_port={free_port()}"
    return ["accelerate.commands.launch", f"--config_file={MACHINES}", *here, port]


def two_processes(checkpoint: Path, folder: Path, *words: str, by=torchrun) -> tuple[int, str]:
    """Runs `tiny_run` in two processes; returns the exit code and what they said."""
    script = ["-m", "tests.train.tiny_run", str(checkpoint), str(folder), *words]
    with subprocess.Popen([sys.executable, "-m", *by(), *script], cwd=ROOT, stderr=subprocess.PIPE, text=True) as run:
        try:
            _, said = run.communicate(timeout=TIME_LIMIT)
        finally:
            run.terminate()  # asked like this, torchrun ends its processes too
    return run.returncode, said[-3000:]


@pytest.mark.parametrize("kind", ["whole", "sharded"])
def test_two_processes_learn_what_one_does(kind, checkpoint, make_learner, tmp_path):
    by = launch if kind == "sharded" else torchrun
    if kind == "sharded":  # whose weights and moments are put together, and divided again
        code, _ = two_processes(checkpoint, tmp_path, kind, "2", by=by)
        assert code == 1 and (tmp_path / "run" / "checkpoint.pt").exists(), "broken off amid the run"
    code, said = two_processes(checkpoint, tmp_path, kind, by=by)
    assert code == 0, said
    first, second = (json.loads((tmp_path / f"process-{n}.json").read_text()) for n in (0, 1))
    one, aucs = make_learner(seed=0), iter((1.0, 0.5))
    config = replace(CONFIG, validate_every=3, patience=1, accumulate=2)  # two parts too, so the same dropout
    alone = fit(one, config, draw, STORE, tmp_path / "alone", lambda learner: {"auc": next(aucs)})
    for process in (first, second):
        assert [name for _, name, _ in process["losses"]] == [name for _, name, _ in alone["losses"]]
        assert [x for *_, x in process["losses"]] == pytest.approx([x for *_, x in alone["losses"]], abs=2e-4)
        assert process["validations"] == [[3, {"auc": 1.0}], [6, {"auc": 0.5}]], "both stop, on the main one's word"
        assert [process[name] for name in ("step", "tokens", "pairs", "best")] == [
            alone[name] for name in ("step", "tokens", "pairs", "best")
        ]
    calls = [process["calls"] for process in (first, second)]
    assert calls == ([2, 2] if kind == "sharded" else [2, 0]), "who is needed validates"
    ours, theirs = (torch.load(tmp_path / f"process-{n}.pt") for n in (0, 1))
    for name, weight in one.trainable().items():
        torch.testing.assert_close(ours[name], weight, atol=2e-3, rtol=0)
        assert torch.equal(ours[name], theirs[name])
    assert {p.name for p in (tmp_path / "run").iterdir()} == {"checkpoint.pt", "best.pt", "logs"}
    sittings = 2 if kind == "sharded" else 1
    assert len(list((tmp_path / "run" / "logs").iterdir())) == sittings, "the main process writes"
