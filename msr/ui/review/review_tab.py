"""The Review tab: judge the texts that the model wrote one by one, and see how far the reviewers agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from msr import intake, reviews
from msr.config import LIMITS
from msr.render.html import name, notice, text, thumb
from msr.reviews import Judgement, Target
from msr.schema import InputProblem, Item, Run
from msr.ui.callers import name_of
from msr.ui.parts import BROWSER_SECRET, OPEN_DOWNLOAD, QUICK, heading, hidden_text, html
from msr.ui.stores import Media
from msr.ui.studio import Studio

_REVIEWERS = 12  # shown with their agreement, which is counted for every two of them
_KINDS = {"description": "Description", "preference": "Preference summary", "reason": "Explanation"}
_ASKED = {
    "description": "Does the sentence say what the picture and the title show?",
    "preference": "Does the text follow from the items of this block and the text before it?",
    "reason": "Does the reason name things that are true of the item and of the preference?",
}
EMPTY = '<p class="awaited">Choose a run to review: a recorded one, or one that you made under Recommend.</p>'
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


def card(run: Run, target: Target, said: Judgement | None, media: Media) -> str:
    """One text to judge."""
    beside = {"description": _described, "preference": _preferred, "reason": _reasoned}[target.kind]
    verdict = f'<p class="quiet">You said: <b>{text(said.verdict)}</b>. You may change that.</p>' if said else ""
    return (
        f'<article class="review-card"><p class="eyebrow">{_KINDS[target.kind]}</p>{beside(run, target, media)}'
        f'<blockquote><span class="tag model">model-written</span><p dir="auto">{text(target.text)}</p></blockquote>'
        f"<h3>{_ASKED[target.kind]}</h3>{verdict}</article>"
    )


def _described(run: Run, target: Target, media: Media) -> str:
    item = next(i for i in run.history if i.id == target.item)
    return f'<div class="review-item">{thumb(item, media)}<p><b>{name(item)}</b></p></div>'


def _preferred(run: Run, target: Target, media: Media) -> str:
    number = int(target.item)
    step = next(p for p in run.preferences if p.block.index == number)
    before = next((p.text for p in run.preferences if p.block.index == number - 1), "")
    items, said = {i.id: i for i in run.history}, {s.item_id: s.text for s in run.summaries}
    rows = "".join(
        f"<li>{thumb(items[i], media)}<p><b>{name(items[i])}</b> {text(said.get(i, ''))}</p></li>"
        for i in step.block.item_ids
    )
    earlier = f'<p class="quiet">Before: {text(before)}</p>' if before else '<p class="quiet">The first block.</p>'
    return f'<p>Block {number + 1}</p>{earlier}<ul class="review-block">{rows}</ul>'


def _reasoned(run: Run, target: Target, media: Media) -> str:
    shown = next(r for r in run.recommendations if r.item_id == target.item)
    item = next((i for i in run.offered if i.id == target.item), Item(shown.item_id, shown.title or shown.item_id))
    described = next((s.text for s in run.summaries if s.item_id == target.item), "")
    preference = run.preferences[-1].text if run.preferences else ""
    decision = "Yes" if shown.score >= 0.5 else "No"
    return (
        f'<div class="review-item">{thumb(item, media)}<p><b>{name(item)}</b> {text(described)}</p></div>'
        f'<p class="quiet">Preference: {text(preference)}</p>'
        f'<p class="quiet">Decision: {decision} ({shown.score:.3f})</p>'
    )


def progress(all_targets: Sequence[Target], mine: Mapping[reviews.Key, Judgement], position: int) -> str:
    """The number of judged texts, as a row of marks and in words."""
    marks = "".join(
        f'<i class="{mine[t.key].verdict if t.key in mine else "open"}{" here" if n == position else ""}"></i>'
        for n, t in enumerate(all_targets)
    )
    done = sum(t.key in mine for t in all_targets)
    said = f"{done} of {len(all_targets)} judged" + (". All done, thank you." if done == len(all_targets) else "")
    return f'<div class="marks" aria-hidden="true">{marks}</div><p class="quiet" role="status">{said}</p>'


def agreement(judgements: Iterable[Judgement]) -> str:
    """The verdicts of each reviewer and the agreement of each pair; of many reviewers, those who judged most."""
    judgements = list(judgements)
    if not judgements:
        return '<p class="quiet">No judgements of this run yet.</p>'
    everybody = Counter(j.reviewer for j in judgements)
    people = sorted(name for name, _ in everybody.most_common(_REVIEWERS))
    judgements = [j for j in judgements if j.reviewer in people]
    more = len(everybody) - len(people)
    left_out = f'<p class="quiet">{more} more with fewer judgements.</p>' if more else ""
    counts = "".join(
        f'<tr><th scope="row"><bdi>{text(person)}</bdi></th>'
        + "".join(
            f'<td class="number">{sum(j.reviewer == person and j.verdict == verdict for j in judgements)}</td>'
            for verdict in reviews.VERDICTS
        )
        + "</tr>"
        for person in people
    )
    pairs = "".join(
        f'<tr><th scope="row"><bdi>{text(a.reviewers[0])}</bdi> and <bdi>{text(a.reviewers[1])}</bdi></th>'
        f'<td class="number">{a.shared}</td><td class="number">{a.percent:.0%}</td>'
        f'<td class="number">{"–" if a.kappa is None else f"{a.kappa:.2f}".replace("-", "−")}</td></tr>'
        for a in reviews.agreements(judgements)
    )
    head = "".join(f'<th scope="col">{verdict}</th>' for verdict in reviews.VERDICTS)
    table = f'<table><thead><tr><th scope="col">Reviewer</th>{head}</tr></thead><tbody>{counts}</tbody></table>'
    table += left_out
    if not pairs:
        return f'{table}<p class="quiet">Agreement appears when a second reviewer has judged the same texts.</p>'
    return (
        f'{table}<table><thead><tr><th scope="col">Agreement</th><th scope="col">texts</th><th scope="col">equal</th>'
        f'<th scope="col">Cohen\'s kappa</th></tr></thead><tbody>{pairs}</tbody></table>'
    )


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
            shown = html(EMPTY, script=_KEYS, elem_id="review-card")
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
            note = intake.title(note or "", _NOTE)
            self._studio.reviews.add(targets[position], name, verdict, note, caller=name_of(request))
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
            return EMPTY, "", "", "", 0, ""
        position = max(0, min(len(targets) - 1, position))
        mine = self._mine(key, name)
        said = mine.get(targets[position].key)
        return (
            card(kept.run, targets[position], said, self._studio.media),
            progress(targets, mine, position),
            said.note if said else "",
            agreement(self._studio.reviews.latest(kept.run.id)),
            position,
            "",
        )


def _name(typed: Any, request: gr.Request) -> str:
    """The reviewer: the account, else the name that was typed."""
    return _account(request) or (intake.title(typed, _NAME) if isinstance(typed, str) else "")


def _account(request: gr.Request) -> str:
    return getattr(request, "username", None) or ""
