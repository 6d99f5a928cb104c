"""Every prompt and every parser of an answer: pure strings, used by inference *and* training.

The stages follow MLLM-MSR (arXiv 2408.09698, section 3): image to text, recurrent preference over blocks, Yes/No.
Unlike the published code, the preference comes first and the candidate last, so all candidates share a prefix,
and no user id appears. Titles are data: quoted, never instructions (`quoted`). Lines are short because on a
laptop every token is waited for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from msr.certainty import GROUP, NAME, NOTHING
from msr.schema import Item, ItemSummary, Picture

# Raised with every change of a prompt's words: an adapter answers only those that it was trained with.
PROMPT_VERSION = 2
IMAGE = "<image>"
YES, NO = "Yes", "No"
CERTAIN = {NAME: "", GROUP: "Only its group is certain.", NOTHING: "Unfamiliar picture."}  # by level
UNKNOWN = "The user's preference is not known."
RECENT_TITLES = 8  # how many titles of the history a recommendation prompt shows
PREFERENCE_DRAFT = "The user appears to have a preference for"  # how answers often go: guesses, not constraints
EXPLANATION_DRAFT = "It is casual and for women, which the user appears to like."
_PREFERENCE_TITLE = 60  # characters of a title that a summary prompt shows
# Special tokens as the tokenizers of this family of models spell them: <|im_start|>, <image>, </s>, [INST], <<SYS>>.
CHAT_TOKEN = re.compile(
    r"<\|[^<>|]{0,60}\|>|<<\s*/?\s*SYS\s*>>|</?[a-z][\w:-]{0,40}>"
    r"|\[/?(?:INST|IMG|IMG_BREAK|IMG_END|BOS|EOS|CLS|SEP|PAD|UNK|MASK)\]",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Prompt:
    """What the user turn says; `text` holds one IMAGE marker for each picture, in order.

    `draft` is a text that the answer may repeat in part. It makes answering faster, never different, and is not a part
    of what the model reads.
    """

    text: str
    pictures: tuple[Picture, ...] = ()
    draft: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if self.text.count(IMAGE) != len(self.pictures):
            raise ValueError(f"{self.text.count(IMAGE)} image markers for {len(self.pictures)} pictures")


def quoted(title: str, limit: int = 200) -> str:
    """A title as quoted data on one line: chat-template tokens dropped, double quotes turned single."""
    text = " ".join(CHAT_TOKEN.sub(" ", title).replace('"', "'").split())
    if len(text) > limit:
        text = text[: limit - 1].rstrip() + "…"
    return f'"{text}"'


def describe(item: Item, level: str = NAME) -> Prompt:
    """Image to text (section 3.2 of the paper): asks for one factual sentence about the item.

    `level` is what is certain of the picture (`Certainty.level`); where that is not its name, the prompt says so and
    the model hedges.
    """
    lines = [IMAGE, CERTAIN[level]] if item.picture else ["No picture."]
    lines.append(f"Title: {quoted(item.title)}" if item.title else "No title.")
    lines.append("Describe the item in one sentence.")
    return Prompt("\n".join(filter(None, lines)), (item.picture,) if item.picture else ())


def preference(previous: str, block: Sequence[tuple[Item, ItemSummary]], draft: str = "") -> Prompt:
    """One recurrent step (section 3.3): the previous preference text and this block's described items."""
    lines = [f"Preference so far: {previous or 'none'}", "New items:"]
    for item, summary in block:
        name = quoted(item.title, _PREFERENCE_TITLE) if item.title else "(no title)"
        lines.append(f"- {name}: {summary.text}")
    lines.append("Rewrite the preference.")
    return Prompt("\n".join(lines), draft=draft or previous or PREFERENCE_DRAFT)


def recommend(preference_text: str, recent: Sequence[str], candidate: Item) -> Prompt:
    """Yes or No for one candidate (section 3.4). `recent` are titles of the history, oldest first.

    The question stands before the candidate, so it is shared too: what differs is a picture and a title.
    """
    lines = [preference_text or UNKNOWN]
    titles = [quoted(t, _PREFERENCE_TITLE) for t in recent if t][-RECENT_TITLES:]
    if titles:
        lines.append("Recent: " + "; ".join(titles))
    lines.append("Would the user like this item? Answer Yes or No.")
    what = [IMAGE] if candidate.picture else []
    if candidate.title:
        what.append(quoted(candidate.title))
    lines.append(" ".join(what))
    return Prompt("\n".join(lines), (candidate.picture,) if candidate.picture else ())


def explain(preference_text: str, candidate: Item, description: str, liked: bool) -> Prompt:
    """Asks why the decision on a candidate was made, given what the candidate is."""
    name = quoted(candidate.title) if candidate.title else "(no title)"
    return Prompt(
        f"{preference_text or UNKNOWN}\n"
        f"Candidate: {name}: {description}\n"
        f"Decision: {YES if liked else NO}. Explain it in one sentence.",
        draft=EXPLANATION_DRAFT,
    )


def clean_answer(text: str) -> str:
    """A model's answer as one plain line: special tokens, line breaks and a cut-off last sentence removed.

    An answer that was cut in mid-sentence loses the fragment if a whole sentence stands before it.
    """
    line = " ".join(CHAT_TOKEN.sub(" ", text).split())
    if line and line[-1] not in ".!?":
        whole = re.match(r"(.*[.!?])\s", line)
        line = whole.group(1) if whole else line + "."
    return line
