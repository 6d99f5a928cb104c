"""The Review tab: judge the texts that the model wrote, one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from msr import intake, reviews
from msr.config import LIMITS
from msr.render.html import notice
from msr.schema import InputProblem
from msr.ui.parts import BROWSER_SECRET, OPEN_DOWNLOAD, QUICK, heading, hidden_text, html
from msr.ui.review import cards
from msr.ui.studio import Studio

_NAME, _NOTE = replace(LIMITS, max_title=60), replace(LIMITS, max_title=1_000)
_LABELS = {"faithful": "Faithful (1)", "partly": "Partly (2)", "wrong": "Wrong (3)"}

# The keys 1, 2 and 3 give a verdict while the tab is open, unless a field has the focus.
_KEYS = """
document.addEventListener('keydown', (event) => {
  const number = { 1: 'faithful', 2: 'partly', 3: 'wrong' }[event.key];
  const button = number && document.getElementById(`verdict-${number}`);
  if (!button?.offsetParent || event.target.closest('input, textarea, select, dialog')) return;
  button.click();
});
"""


def build(studio: Studio, page: gr.Blocks, runs: gr.BrowserState) -> None:
    """Build the tab; `runs` holds the keys of the visitor's runs."""
    do = _Handlers(studio)
    position, reviewer = gr.State(0), gr.BrowserState("", storage_key="msr-reviewer", secret=BROWSER_SECRET)
    with gr.Row(elem_id="review"):
        with gr.Column(elem_id="review-desk", min_width=0):
            heading("Review", "Judge what the model wrote, text by text. Every judgement is kept at once.")
            with gr.Row(elem_id="review-who"):
                who = gr.Textbox(label="Your name", max_length=60, elem_id="reviewer")
                run = gr.Dropdown([], label="Run to review", elem_id="review-run")
            done = html("", elem_id="review-progress")
            shown = html(cards.EMPTY, script=_KEYS, elem_id="review-card")
            note = gr.Textbox(label="Note (optional)", max_length=1_000, lines=2, elem_id="review-note")
            problems = html("", elem_id="review-problems")
            with gr.Row(elem_id="verdicts"):
                verdicts = {v: gr.Button(label, elem_id=f"verdict-{v}", min_width=80) for v, label in _LABELS.items()}
            with gr.Row(elem_id="review-steps"):
                back = gr.Button("Back", size="sm", min_width=70, elem_id="review-back")
                skip = gr.Button("Skip", size="sm", min_width=70, elem_id="review-skip")
        with gr.Column(elem_id="review-side", min_width=0):
            heading("Reviewers", "How often they agree, and how much of that is not chance.")
            agreed = html("", elem_id="agreement")
            with gr.Row(elem_id="exports"):
                as_csv = gr.Button("Export CSV", size="sm", elem_id="export-csv")
                as_lines = gr.Button("Export JSONL", size="sm", elem_id="export-jsonl")

    state = [run, position, who]
    seen = [shown, done, note, agreed, position, problems]
    for happened in (page.load, runs.change):
        happened(do.known, [runs, run], [run], **QUICK)
    page.load(do.who, [reviewer], [who], **QUICK)
    who.change(lambda name: name, [who], [reviewer], **QUICK)
    for changed in (run.change, who.submit, who.blur):
        changed(do.start, [run, who], seen, **QUICK)
    for verdict, button in verdicts.items():
        button.click(do.judging(verdict), [*state, note], seen, **QUICK)
    back.click(do.stepping(-1), state, seen, **QUICK)
    skip.click(do.stepping(1), state, seen, **QUICK)
    for button, kind in ((as_csv, "csv"), (as_lines, "jsonl")):
        address = hidden_text()
        button.click(lambda keys, kind=kind: do.export(kind, keys), [runs], [address], **QUICK).then(
            None, [address], None, js=OPEN_DOWNLOAD
        )


class _Handlers:
    """The handlers for one studio. Every argument comes from a browser and is not trusted.

    Where visitors sign in, the reviewer is the account, whatever name was sent.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def known(self, runs: Any, chosen: Any) -> Any:
        choices = self._studio.runs.choices(runs)
        first = choices[0][1] if choices else None
        return gr.update(choices=choices, value=chosen if chosen in [key for _, key in choices] else first)

    def who(self, kept: Any, request: gr.Request) -> Any:
        """The name that the browser kept, or the account, which cannot be changed."""
        account = _account(request)
        return gr.update(value=_name(kept, request), interactive=not account)

    def start(self, key: Any, name: Any, request: gr.Request) -> tuple[Any, ...]:
        """Show the first text of a run that this reviewer has not judged. A message about a missing name stays."""
        name = _name(name, request)
        *shown, said = self._shown(key, self._next(key, name, 0), name)
        return *shown, said if name else gr.skip()

    def stepping(self, by: int) -> Callable[..., tuple[Any, ...]]:
        # Gradio hands the request to a function that names its type.
        def step(key: Any, position: Any, name: Any, request: gr.Request) -> tuple[Any, ...]:
            return self.step(by, key, position, name, request)

        return step

    def judging(self, verdict: str) -> Callable[..., tuple[Any, ...]]:
        def judge(key: Any, position: Any, name: Any, note: Any, request: gr.Request) -> tuple[Any, ...]:
            return self.judge(verdict, key, position, name, note, request)

        return judge

    def step(self, by: int, key: Any, position: Any, name: Any, request: gr.Request) -> tuple[Any, ...]:
        return self._shown(key, (position if isinstance(position, int) else 0) + by, _name(name, request))

    def judge(
        self, verdict: str, key: Any, position: Any, name: Any, note: Any, request: gr.Request
    ) -> tuple[Any, ...]:
        """Keep a judgement and show the next text. If it cannot be kept, the typed note stays."""
        targets, name = self._targets(key), _name(name, request)
        if not targets or not isinstance(position, int) or not 0 <= position < len(targets):
            return *[gr.skip()] * 5, notice("problem", "Choose a run to review first.")
        try:
            self._studio.reviews.add(targets[position], name, verdict, intake.title(note or "", _NOTE))
        except InputProblem as error:
            return *[gr.skip()] * 5, notice("problem", str(error))
        except OSError as error:
            said = f"The judgement could not be written ({error.strerror}). Free the disk, then press again."
            return *[gr.skip()] * 5, notice("problem", said)
        return self._shown(key, self._next(key, name, position + 1), name)

    def export(self, kind: str, keys: Any) -> str:
        """The address of a file with all judgements of the runs that this page may see."""
        allowed = {kept.run.id for _, key in self._studio.runs.choices(keys) if (kept := self._studio.runs.get(key))}
        said = [j for j in self._studio.reviews.latest() if j.run in allowed]
        if kind == "csv":
            return self._studio.downloads.put("reviews.csv", "text/csv; charset=utf-8", reviews.to_csv(said))
        return self._studio.downloads.put("reviews.jsonl", "application/x-ndjson", reviews.to_jsonl(said))

    def _targets(self, key: Any) -> Sequence[reviews.Target]:
        kept = self._studio.runs.get(key)
        return reviews.targets(kept.run) if kept else ()

    def _mine(self, key: Any, name: str) -> dict[reviews.Key, reviews.Judgement]:
        kept = self._studio.runs.get(key)
        return self._studio.reviews.by(name, kept.run.id) if kept else {}

    def _next(self, key: Any, name: str, start: int) -> int:
        """The position of the next text without a judgement, from `start` on and then from the beginning."""
        targets, mine = self._targets(key), self._mine(key, name)
        order = [*range(start, len(targets)), *range(0, min(start, len(targets)))]
        return next((n for n in order if targets[n].key not in mine), min(start, max(0, len(targets) - 1)))

    def _shown(self, key: Any, position: int, name: str) -> tuple[Any, ...]:
        kept, targets = self._studio.runs.get(key), self._targets(key)
        if kept is None or not targets:
            return cards.EMPTY, "", "", "", 0, ""
        position = max(0, min(len(targets) - 1, position))
        mine = self._mine(key, name)
        said = mine.get(targets[position].key)
        return (
            cards.card(kept.run, targets[position], said, self._studio.media),
            cards.progress(targets, mine, position),
            said.note if said else "",
            cards.agreement(self._studio.reviews.latest(kept.run.id)),
            position,
            "",
        )


def _name(typed: Any, request: gr.Request) -> str:
    """The reviewer: the account, else the name that was typed."""
    return _account(request) or (intake.title(typed, _NAME) if isinstance(typed, str) else "")


def _account(request: gr.Request) -> str:
    return getattr(request, "username", None) or ""
