"""The figures of a recommendation, and a run as one HTML file that needs nothing else.

The page shows the same figures. In the file, pictures are inline and every text is escaped; it holds no script and
makes no request.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from msr.evidence import compare
from msr.evidence.kind import FigureContext
from msr.evidence.kinds import IN_ORDER, NOTHING
from msr.render import html
from msr.render.html import Addresses, awaited_figure, influence_table, name, paired, unavailable_figure
from msr.schema import Item, Recommendation, Run
from msr.untrusted import MAX_TEXT

FIGURE_STYLE = Path(__file__).with_name("figures.css")
STYLE = Path(__file__).with_name("report.css")


def figures(run: Run, shown: Recommendation, media: Addresses, waiting: bool = False) -> str:
    """Draw what was measured about one recommendation; "" if there is nothing.

    A kind that cannot be measured says why. While `waiting`, a kind that is still to come has its place kept.
    """
    found = shown.measured or NOTHING
    context = FigureContext(run, shown, media)
    parts = []
    for kind in IN_ORDER:
        drawn = kind.draw(found.records.get(kind.name, kind.empty), context)
        if not drawn and kind.name in found.unavailable:
            drawn = unavailable_figure(kind.name, kind.title, found.unavailable[kind.name])
        elif not drawn and waiting and not kind.between_two:
            drawn = awaited_figure(kind.name, kind.title)
        parts.append(drawn)
    body = "".join(parts)
    return f'<div class="figures"><div class="figures-sheet">{body}</div></div>' if body else ""


def to_json(run: Run) -> str:
    """`run.json` with its pictures, so that it can be shown anywhere."""
    return json.dumps(run.to_json(pictures=True), ensure_ascii=False, indent=1) + "\n"


def to_html(run: Run, run_name: str = "") -> str:
    """The report; `run_name` is what the run is called, plain text."""
    title = f"{run_name or 'A run'} · MSR Studio report"
    body = "".join(
        (_head(run, run_name), _history(run), _preferences(run), _recommendations(run), _scores(run), _made(run))
    )
    style = STYLE.read_text("utf-8") + FIGURE_STYLE.read_text("utf-8")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        f"style-src 'unsafe-inline'\"><title>{_text(title)}</title><style>{style}</style></head>"
        f'<body class="report"><main>{body}</main></body></html>\n'
    )


def _head(run: Run, run_name: str) -> str:
    parent = f" An edit of run <code>{_text(run.parent)}</code>." if run.parent else ""
    adapter, engine = run.model.get("adapter_sha256"), run.model.get("engine")
    found = run.settings.get("shortlisted")
    shortlisted = f" (shortlisted {_text(found)})" if found else ""
    return (
        f"<header><h1>{_text(run_name or 'A run')}</h1><p>{len(run.history)} history items, {len(run.preferences)} "
        f"preference texts, {len(run.scores)} candidates scored{shortlisted}. "
        f"Run <code>{_text(run.id)}</code>.{parent}</p>"
        f"<p>Model <b>{_text(run.model.get('name', 'unknown'))}</b>"
        f"{f', adapter <code>{_text(adapter)}</code>' if adapter else ', no adapter'}"
        f"{f', texts by {_text(engine)}' if engine else ''}. "
        f'<span class="model">Model-written</span> texts come out of the model. <span class="measured">Measured</span> '
        "figures are changes of the score when a history item is left out.</p></header>"
    )


def _history(run: Run) -> str:
    texts = {s.item_id: s for s in run.summaries}
    rows = []
    for n, item in enumerate(run.history, 1):
        seen = texts.get(item.id)
        unsure = "" if seen is None or seen.familiar else ' <span class="unsure">not sure</span>'
        sure = f"{seen.confidence:.2f}" if seen and seen.sure is not None else ""
        rows.append(
            f'<tr><td class="n">{n}</td><td>{_picture(item)}</td><th scope="row">{name(item)}</th>'
            f'<td>{_text(seen.text) if seen else ""}{unsure}</td><td class="n">{sure}</td></tr>'
        )
    head = ("", "", "Item", '<span class="model">model-written</span> description', "confidence")
    return f"<section><h2>History</h2>{_table(head, rows)}</section>"


def _preferences(run: Run) -> str:
    titles = {item.id: item for item in run.history}
    changes = [None, *(compare.change(a.text, b.text) for a, b in pairwise(run.preferences))]
    cards = []
    for step, change in zip(run.preferences, changes, strict=True):
        read = ", ".join(name(titles[i]) for i in step.block.item_ids if i in titles)
        by = "written by a person" if step.edited else '<span class="model">model-written</span>'
        moved = ""
        if change:
            kinds = (("new", change.added), ("kept", change.kept), ("gone", change.dropped))
            listed = "; ".join(f"{kind}: {_text(', '.join(words))}" for kind, words in kinds if words)
            moved = f'<p class="soft">{listed}. Drift {change.drift:.0%}.</p>'
        cards.append(
            f'<li><h3>Block {step.block.index + 1}</h3><p class="soft">{read}</p>{by}'
            f"<blockquote>{_text(step.text)}</blockquote>{moved}</li>"
        )
    return f'<section><h2>Preference</h2><ol class="blocks">{"".join(cards)}</ol></section>'


def _recommendations(run: Run) -> str:
    offered = {item.id: item for item in run.offered}
    texts = {s.item_id: s for s in run.summaries}
    cards = []
    for r in run.recommendations:
        item = offered.get(r.item_id) or Item(r.item_id, r.title or r.item_id)
        about = (
            f'<p><span class="model">model-written</span> {_text(texts[r.item_id].text)}</p>'
            if r.item_id in texts
            else ""
        )
        reason = f'<p><span class="model">model-written reason</span> {_text(r.rationale)}</p>' if r.rationale else ""
        prompt = (
            f"<details><summary>What the model read ({r.tokens} tokens)</summary><pre>{_text(r.prompt)}</pre></details>"
            if r.prompt
            else ""
        )
        cards.append(
            f'<article><div class="card">{_picture(item)}<div><h3>{r.rank}. {name(item)}</h3>'
            f'<p class="score"><b>{r.score:.4f}</b> P(Yes)<i style="width:{r.score:.1%}"></i></p>{about}{reason}'
            f"{_agreement(r)}</div></div>{_influence(run, r)}{figures(run, r, html.Inline())}{prompt}</article>"
        )
    return f"<section><h2>Recommendations</h2>{''.join(cards)}</section>"


def _agreement(r: Recommendation) -> str:
    told = r.agreement.sentences() if r.agreement else []
    if r.agreement is None or not told:
        return ""
    tag = '<span class="measured">agrees</span>' if r.agreement.whole else '<span class="unsure">not supported</span>'
    return f"<p>{tag} {_text(' '.join(told))}</p>"


def _influence(run: Run, r: Recommendation) -> str:
    readings = paired(run.history, r.influence)
    return f'<p><span class="measured">measured influence</span></p>{influence_table(readings)}' if readings else ""


def _scores(run: Run) -> str:
    named = {r.item_id: r.title for r in run.recommendations}
    rows = [
        f'<tr><td class="n">{n}</td><td>{_text(named.get(c.item_id) or c.item_id)}</td>'
        f'<td class="n">{c.answer.score:.4f}</td><td class="n">{c.answer.yes:.3f}</td>'
        f'<td class="n">{c.answer.no:.3f}</td></tr>'
        for n, c in enumerate(run.scores, 1)
    ]
    table = _table(("Rank", "Candidate", "P(Yes)", "logit Yes", "logit No"), rows)
    return f"<section><h2>All scores</h2><details><summary>{len(rows)} candidates</summary>{table}</details></section>"


def _made(run: Run) -> str:
    pictures = {i.id: i.picture.digest for i in (*run.history, *run.offered) if i.picture}
    seed = run.settings.get("seed")
    left_out = "".join(f"<li>{_text(sentence)}</li>" for sentence in run.left_out)
    parts = (
        *([("Left out when files were read", f"<ul>{left_out}</ul>")] if left_out else []),
        ("Model", _pairs(run.model)),
        ("Settings", _pairs({**run.settings, "seed": "none: nothing is sampled" if seed is None else seed})),
        ("Seconds", _pairs({stage: f"{seconds:.3f}" for stage, seconds in run.timings.items()})),
        ("Pictures (SHA-256, first 32 digits)", _pairs(pictures)),
    )
    listed = "".join(f"<h3>{title}</h3>{table}" for title, table in parts)
    return f'<section class="made"><h2>How it was made</h2>{listed}</section>'


def _pairs(values: Mapping[str, Any]) -> str:
    rows = [
        f'<tr><th scope="row">{_text(key)}</th><td><code>{_text(_flat(value))}</code></td></tr>'
        for key, value in values.items()
    ]
    return f"<table>{''.join(rows)}</table>"


def _flat(value: Any) -> str:
    return ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, Mapping) else str(value)


def _table(head: Iterable[str], rows: Iterable[str]) -> str:
    """Head cells and rows are HTML already."""
    cells = "".join(f'<th scope="col">{cell}</th>' if cell else "<td></td>" for cell in head)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _picture(item: Item) -> str:
    if item.picture is None:
        return '<span class="missing">no picture</span>'
    return f'<img src="{item.picture.data_url()}" alt="" width="{item.picture.width}" height="{item.picture.height}">'


def _text(value: Any) -> str:
    return html.text(value, MAX_TEXT)  # nothing in a run is longer, so nothing is cut
