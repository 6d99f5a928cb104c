"""From a `Prompt` to token ids, one way for inference and training.

The whole chat text is tokenised at once, as the processor does it, and each image token then gives way to the ids
that the picture really takes (how many image tokens, which frames around them). Where an answer begins and how it ends
is read off the chat template, by letting it write one: after "ASSISTANT:" a SentencePiece model says "▁Yes", not "Yes".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import torch

from msr.prompts import IMAGE, NO, YES, Prompt
from msr.schema import Picture


class ChatTokens:
    """Chat-formatted ids of one processor's tokenizer."""

    def __init__(self, processor) -> None:
        self.tokenizer = processor.tokenizer
        self._processor = processor
        self.image = self.tokenizer.convert_tokens_to_ids(processor.image_token)

    @property
    def eos(self) -> int:
        """The id that ends an answer: what the template puts behind one, or else the tokenizer's end."""
        return self.tokenizer.eos_token_id if self._turn[1] is None else self._turn[1]

    @property
    def ends(self) -> list[int]:
        """All ids at which an answer is over."""
        return sorted({self.eos, self.tokenizer.eos_token_id})

    @property
    def pad(self) -> int:
        return self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else self.eos

    def chat(self, text: str) -> list[str]:
        """The user turn in the model's chat format up to the answer, split where pictures stand."""
        if self._keeps_places:
            content: list[dict] = []
            for index, part in enumerate(text.split(IMAGE)):
                if index:
                    content.append({"type": "image"})
                if part:
                    content.append({"type": "text", "text": part})
        else:
            content = [{"type": "text", "text": text.replace(IMAGE, self._processor.image_token)}]
        # A space at the end would belong to the answer's first token.
        return self._formatted(content).rstrip(" ").split(self._processor.image_token)

    def prompt_ids(self, prompt: Prompt | str, pictures: Sequence[Sequence[int]] = ()) -> list[int]:
        """Ids of a prompt whose k-th picture expands to `pictures[k]`."""
        return self.prompts_ids([prompt], [pictures])[0]

    def prompts_ids(
        self, prompts: Sequence[Prompt | str], pictures: Sequence[Sequence[Sequence[int]]]
    ) -> list[list[int]]:
        """`prompt_ids` of each prompt, the n-th with `pictures[n]`; what stands before a first picture is tokenised
        once for all prompts that begin so."""
        parts = [self.chat(prompt if isinstance(prompt, str) else prompt.text) for prompt in prompts]
        for some, shown in zip(parts, pictures, strict=True):
            if len(some) != len(shown) + 1:
                raise ValueError(f"{len(some) - 1} picture places in the chat text, {len(shown)} pictures")
        expansions = iter([expansion for shown in pictures for expansion in shown])
        return [
            [token for one in ids for token in (next(expansions) if one == self.image else (one,))]
            for ids in self._split_ids(parts)
        ]

    def _split_ids(self, texts: Sequence[Sequence[str]]) -> list[list[int]]:
        """Ids of texts that are split where pictures stand."""
        image = self._processor.image_token
        if not self._splits:
            return self._tokenized([image.join(parts) for parts in texts])["input_ids"]
        begins = [parts[0] + image if len(parts) > 1 else parts[0] for parts in texts]
        distinct = list(dict.fromkeys(begins))
        known = dict(zip(distinct, self._tokenized(distinct)["input_ids"], strict=True))
        rest = self._tokenized([image.join(["", *parts[1:]]) for parts in texts], special=False)["input_ids"]
        return [known[begin] + ids[1:] for begin, ids in zip(begins, rest, strict=True)]

    @cached_property
    def _splits(self) -> bool:
        """Is what stands before an image token, and behind one, tokenised as if it stood alone?

        Tokens that are added to a vocabulary are found first, so mostly it is, unless an end is put behind all texts.
        """
        image = self._processor.image_token
        begin, rest = f"It is. {image}", f"{image}\n A mug {image}"
        first, second = self._tokenized(begin)["input_ids"], self._tokenized(rest, special=False)["input_ids"]
        return first + second[1:] == self._tokenized(begin + rest.removeprefix(image))["input_ids"]

    def places(self, prompt: Prompt, pictures: Sequence[int] = ()) -> list[tuple[int, int] | None]:
        """For each of the prompt's ids, the characters of its text that it stands for.

        None for the chat format and for pictures; the k-th one has `pictures[k]` ids. Needs a fast tokenizer.
        """
        image = self._processor.image_token
        parts, said = self.chat(prompt.text), prompt.text.split(IMAGE)
        begins = accumulate((len(part) + len(image) for part in parts), initial=0)
        texts = accumulate((len(one) + len(IMAGE) for one in said), initial=0)
        spans = []  # of what is said: where it stands in the chat text, and how far from there it is in the prompt
        for part, one, begin, text in zip(parts, said, begins, texts, strict=False):
            start = begin + part.find(one.strip())
            spans.append((start, start + len(one.strip()), text + len(one) - len(one.lstrip()) - start))
        found: list[tuple[int, int] | None] = []
        sizes = iter(pictures)
        tokenized = self._tokenized(image.join(parts), return_offsets_mapping=True)
        for token, (start, end) in zip(tokenized["input_ids"], tokenized["offset_mapping"], strict=True):
            if token == self.image:
                found += [None] * next(sizes)
                continue
            inside = [(first, shift) for first, last, shift in spans if start < end and first < end <= last]
            found += [(max(start, first) + shift, end + shift) for first, shift in inside] or [None]
        return found

    def answer_ids(self, text: str) -> list[int]:
        """Ids of an answer and the end of the turn: the only tokens that carry a label in training."""
        return [*self._following(text), self.eos]

    def yes_no(self) -> tuple[int, int]:
        """The ids that really stand at the answer position after a chat prompt, whole text tokenised at once."""
        return self._answers

    @cached_property
    def _answers(self) -> tuple[int, int]:
        yes, no = (self._following(word)[0] for word in (YES, NO))
        if yes == no:
            raise ValueError("this tokenizer starts Yes and No with the same token")
        return yes, no

    @cached_property
    def _keeps_places(self) -> bool:
        """Does the template leave a picture where it stands?

        LLaVA's put all of them first. Candidates would share nothing there, so the image token is put into the text.
        """
        marks = ({"type": "text", "text": "before"}, {"type": "image"}, {"type": "text", "text": "after"})
        shown = self._formatted(marks)
        return shown.find("before") < shown.find(self._processor.image_token) < shown.find("after")

    @cached_property
    def _turn(self) -> tuple[str, int | None]:
        """What the template puts between a prompt and its answer, and the special id that it puts behind."""
        asked = [{"type": "text", "text": "Answer Yes or No."}]
        opened, whole = self._formatted(asked).rstrip(" "), self._formatted(asked, YES)
        lead, said, rest = whole.removeprefix(opened).partition(YES)
        if not said or not whole.startswith(opened) or lead.strip():
            return "", None  # this template writes answers in another way than it asks for them
        ends = [token for token in self._tokenized(rest, special=False)["input_ids"] if token in self._special]
        return lead, next(iter(ends), None)

    @cached_property
    def _special(self) -> frozenset[int]:
        return frozenset(self.tokenizer.all_special_ids)

    @cached_property
    def _opened(self) -> tuple[str, list[int]]:
        """A prompt for answers to follow, and its ids."""
        text = self.chat("Answer Yes or No.")[0]
        return text, self._tokenized(text)["input_ids"]

    def _following(self, answer: str) -> list[int]:
        """Ids of an answer behind a prompt; ValueError if the tokenizer runs the two together."""
        text, before = self._opened
        whole = self._tokenized(text + self._turn[0] + answer)["input_ids"]
        if whole[: len(before)] != before:
            raise ValueError(f"this tokenizer gives the end of a prompt and the answer {answer[:20]!r} one token")
        return whole[len(before) :]

    def _formatted(self, content: Sequence[dict], answer: str | None = None) -> str:
        """A user turn, and either the answer's beginning or a whole answer."""
        messages = [{"role": "user", "content": list(content)}]
        if answer is not None:
            messages.append({"role": "assistant", "content": [{"type": "text", "text": answer}]})
        return self._processor.apply_chat_template(messages, add_generation_prompt=answer is None)

    def _tokenized(self, text: str | Sequence[str], special: bool = True, **options):
        """Of one text, or of several that begin alike."""
        first = text if isinstance(text, str) else text[0]
        add = special and not (self.tokenizer.bos_token and first.startswith(self.tokenizer.bos_token))
        return self.tokenizer(text, add_special_tokens=add, **options)


# ---- A picture as a language model reads it: ids in its place, and embeddings behind its image tokens.
#
# Only the processor knows how many tokens a picture takes and what frames them: LLaVA-NeXT and Idefics3 cut a picture
# into tiles by its shape, Qwen-VL keeps the shape. So each picture is put through it alone, once.


@dataclass(frozen=True)
class Seen:
    """ids: what stands in the picture's place, frames included; tokens: (N, D), one for each image token in `ids`;
    grid: (3,) patches over time, height and width, where positions follow them."""

    ids: list[int]
    tokens: torch.Tensor
    grid: torch.Tensor | None = None


def look(model, processor, pictures: Sequence[Picture]) -> list[Seen]:
    """Looks at pictures in one pass of the vision tower."""
    inputs = processor(
        text=[processor.image_token] * len(pictures),
        images=[picture.open() for picture in pictures],
        padding=True,
        add_special_tokens=False,
        return_tensors="pt",
    )
    rows, masks = inputs.pop("input_ids"), inputs.pop("attention_mask")
    inputs.pop("mm_token_type_ids", None)
    seen = model.get_image_features(
        **{k: v.to(model.device, model.dtype if v.is_floating_point() else None) for k, v in inputs.items()}
    ).pooler_output
    grids = inputs.get("image_grid_thw", [None] * len(pictures))
    return [
        Seen(row[mask.bool()].tolist(), tokens, grid)
        for row, mask, tokens, grid in zip(rows, masks, seen, grids, strict=True)
    ]
