"""HTML of the Review tab: the text to judge with its context, the progress, and the reviewers' agreement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msr import reviews
from msr.render.html import name, text, thumb
from msr.reviews import Judgement, Target
from msr.schema import Item, Run
from msr.ui.media import Media

_REVIEWERS = 12  # shown with their agreement, which is counted for every two of them
_KINDS = {"description": "Description", "preference": "Preference summary", "reason": "Explanation"}
_ASKED = {
    "description": "Does the sentence say what the picture and the title show?",
    "preference": "Does the text follow from the items of this block and the text before it?",
    "reason": "Does the reason name things that are true of the item and of the preference?",
}
EMPTY = '<p class="awaited">Choose a run to review: a recorded one, or one that you made under Recommend.</p>'


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
