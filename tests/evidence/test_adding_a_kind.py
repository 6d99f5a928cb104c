"""The recipe of `docs/extending.md`: a new kind of evidence is one file and one line, and all else follows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

FILE = '''"""The history as a whole: how the logit changes when all of it is taken away at once."""

from __future__ import annotations

from dataclasses import dataclass

from msr import untrusted
from msr.evidence.kind import Kind, Stage, Step
from msr.evidence.probe import DIRECT
from msr.evidence.units import ITEM, units
from msr.render.html import figure, signed


@dataclass(frozen=True)
class Whole:
    """The logit with the history minus that without it, in nats; None if it was not measured."""

    drop: float | None = None

    def to_json(self):
        return {"whole": self.drop}


class WholeHistory(Kind[Whole]):
    name = "whole"
    title = "The history as a whole"
    empty = Whole()
    stages = (Stage("whole", "Taking the history away", 0.7),)

    def steps(self, stage, subject):
        return 1 if subject.known(self).drop is None else 0

    def measure(self, stage, subject):
        everything = frozenset(units(subject.inputs, (ITEM,)))
        (whole,), (less,) = subject.probe(subject.item).logits([frozenset(), everything], DIRECT)
        yield Step(1, {subject.item.id: Whole(whole - less)})

    def read(self, stored):
        drop = stored.get("whole")
        return Whole(None if drop is None else untrusted.number(drop))

    def draw(self, record, context):
        return "" if record.drop is None else figure(self.name, self.title, f"<p>{signed(record.drop)} nats</p>")


KIND = WholeHistory()
'''
LINE = '    "whole_history",\n'

# What a user sees of it, in a process of its own: the copy must not be mixed with the program under test.
USE = """
import json
import sys
import types
ui = sys.modules["msr.ui"] = types.ModuleType("msr.ui")  # the package without Gradio, which takes seconds to import
ui.__path__ = [{copy!r} + "/msr/ui"]
from msr import intake
from msr.events import Grown, StageProgress
from msr.evidence import kinds
from msr.pipeline import Pipeline
from msr.render import report
from msr.render.report import figures
from msr.render.html import Inline
from msr.ui.run_state import STAGES
from tests.fakes import FakeBackbone, catalogue, items

assert kinds.__file__.startswith({copy!r}), kinds.__file__
pipeline = Pipeline(FakeBackbone())
*_, last = pipeline.run(items(3), catalogue(4), top=2)
old, best = last.run, last.run.recommendations[0]
events = list(pipeline.measure(old, best.item_id))

assert StageProgress("whole", 1, 1) in events, "measured"
assert STAGES["whole"] == "Taking the history away", "labelled"
first = next(event.run for event in events if isinstance(event, Grown))
waiting = figures(first, first.recommendations[0], Inline(), waiting=True)
assert "figure-awaited" in waiting.split('<figure class="figure whole">')[1].split("</figure>")[0], "awaited"

*_, run = (event.run for event in events if isinstance(event, Grown))
stored = run.to_json()["recommendations"][0]["measured"]
scores = {{one.item_id: one.answer.logit for one in run.scores}}
assert stored["whole"] != 0 and list(stored)[-2:] == ["whole", "unavailable"], "stored"
back = intake.recorded_run(report.to_json(run).encode(), "run.json")
assert back.recommendations[0].measured.records["whole"].drop == stored["whole"], "read back"
assert not [e for e in pipeline.measure(back, best.item_id) if getattr(e, "stage", "") == "whole"], "and kept"

page = figures(back, back.recommendations[0], Inline())
assert '<figure class="figure whole">' in page and "The history as a whole" in page, "drawn in the page"
assert page.split('<figure class="figure whole">')[1].split("</figure>")[0] in report.to_html(back), "and in the report"
assert "figure whole" not in figures(back, back.recommendations[1], Inline())

assert intake.recorded_run(report.to_json(old).encode(), "run.json") is not None, "a run from before is read too"
record = run.to_json()
record["recommendations"][0]["measured"]["whole"] = "much"
try:
    intake.recorded_run(json.dumps(record).encode(), "run.json")
except intake.IntakeError as error:
    print(error)
"""


def test_a_kind_is_one_file_and_one_line(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "msr", tmp_path / "msr", ignore=shutil.ignore_patterns("__pycache__"))
    kinds = tmp_path / "msr" / "evidence" / "kinds"
    (kinds / "whole_history.py").write_text(FILE, "utf-8")
    registry = (kinds / "__init__.py").read_text("utf-8")
    last = '    "contrast",\n'
    assert registry.count(last) == 1
    (kinds / "__init__.py").write_text(registry.replace(last, last + LINE), "utf-8")

    done = subprocess.run(
        [sys.executable, "-c", USE.format(copy=str(tmp_path))],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert "run.json is no run.json of this program" in done.stdout, "what is wrong in the file is refused"
