"""Turns prompts into token ids, and pictures into ids and embeddings, in the same way for inference and training.

The whole chat text is tokenised at once, as the processor does it. Each image token is then replaced by the ids that
the picture takes: how many image tokens, and which tokens frame them. Only the processor knows that, because LLaVA-NeXT
and Idefics3 cut a picture into tiles by its shape and Qwen-VL keeps the shape; so each picture goes through it alone,
once. Where an answer begins and how it ends is read from the chat template, by letting it write one: after "ASSISTANT:"
a SentencePiece model says "▁Yes", not "Yes".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import torch

from msr.prompts import IMAGE, NO, YES, Prompt
from msr.schema import Picture


@dataclass(frozen=True)
class Seen:
    """A picture as the language model reads it.

    ids: the tokens in its place, with those that frame it; tokens: (N, D) embeddings, one for each image token in
    `ids`; grid: (3,) patches over time, height and width, for models whose positions depend on them.
    """

    ids: list[int]
    tokens: torch.Tensor
    grid: torch.Tensor | None = None


def look(model, processor, pictures: Sequence[Picture]) -> list[Seen]:
    """Run the vision tower on a batch of pictures."""
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


class ChatTokens:
    """Chat-formatted ids of one processor's tokenizer."""

    def __init__(self, processor) -> None:
        self.tokenizer = processor.tokenizer
        self._processor = processor
        self.image = self.tokenizer.convert_tokens_to_ids(processor.image_token)

    @property
    def eos(self) -> int:
        """The id that ends an answer: the one that the template puts after it, or else the tokenizer's."""
        return self.tokenizer.eos_token_id if self._frame[1] is None else self._frame[1]

    @property
    def ends(self) -> list[int]:
        """All ids that end an answer."""
        return sorted({self.eos, self.tokenizer.eos_token_id})

    @property
    def pad(self) -> int:
        return self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else self.eos

    def chat(self, text: str) -> list[str]:
        """The user's message in the model's chat format, up to the answer, split where pictures stand."""
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
        """`prompt_ids` of each prompt, the n-th with `pictures[n]`.

        The text before a first picture is tokenised once for all prompts that share it.
        """
        parts = [self.chat(prompt if isinstance(prompt, str) else prompt.text) for prompt in prompts]
        for some, shown in zip(parts, pictures, strict=True):
            if len(some) != len(shown) + 1:
                raise ValueError(f"the chat text has {len(some) - 1} places for pictures, but there are {len(shown)}")
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
        """Is the text before an image token, and that after it, tokenised as if it stood alone?

        Mostly it is, because added tokens are found first; not where the tokenizer puts an end after every text.
        """
        image = self._processor.image_token
        begin, rest = f"It is. {image}", f"{image}\n A mug {image}"
        first, second = self._tokenized(begin)["input_ids"], self._tokenized(rest, special=False)["input_ids"]
        return first + second[1:] == self._tokenized(begin + rest.removeprefix(image))["input_ids"]

    def places(self, prompt: Prompt, pictures: Sequence[int] = ()) -> list[tuple[int, int] | None]:
        """For each of the prompt's ids, the span of characters of its text; None for the chat format and for pictures.

        The k-th picture has `pictures[k]` ids. Needs a fast tokenizer.
        """
        image = self._processor.image_token
        parts, said = self.chat(prompt.text), prompt.text.split(IMAGE)
        begins = accumulate((len(part) + len(image) for part in parts), initial=0)
        texts = accumulate((len(one) + len(IMAGE) for one in said), initial=0)
        spans = []  # of the prompt's text in the chat text, and the offset to the prompt
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
        """Ids of an answer and its end: the only tokens that have a label in training."""
        return [*self._following(text), self.eos]

    def yes_no(self) -> tuple[int, int]:
        """The ids of Yes and No as they stand right after a chat prompt."""
        return self._answers

    @cached_property
    def _answers(self) -> tuple[int, int]:
        yes, no = (self._following(word)[0] for word in (YES, NO))
        if yes == no:
            raise ValueError("this tokenizer begins Yes and No with the same token, so they cannot be compared")
        return yes, no

    @cached_property
    def _keeps_places(self) -> bool:
        """Does the template leave pictures where they stand?

        LLaVA's template puts all of them first, so candidates would share no prefix. There the image token is put into
        the text.
        """
        marks = ({"type": "text", "text": "before"}, {"type": "image"}, {"type": "text", "text": "after"})
        shown = self._formatted(marks)
        return shown.find("before") < shown.find(self._processor.image_token) < shown.find("after")

    @cached_property
    def _frame(self) -> tuple[str, int | None]:
        """The text that the template puts between a prompt and its answer, and the special id that it puts after it."""
        asked = [{"type": "text", "text": "Answer Yes or No."}]
        opened, whole = self._formatted(asked).rstrip(" "), self._formatted(asked, YES)
        lead, said, rest = whole.removeprefix(opened).partition(YES)
        if not said or not whole.startswith(opened) or lead.strip():
            return "", None  # this template formats an answer in another way than it asks for one
        ends = [token for token in self._tokenized(rest, special=False)["input_ids"] if token in self._special]
        return lead, next(iter(ends), None)

    @cached_property
    def _special(self) -> frozenset[int]:
        return frozenset(self.tokenizer.all_special_ids)

    @cached_property
    def _opened(self) -> tuple[str, list[int]]:
        """Any prompt in the chat format, and its ids."""
        text = self.chat("Answer Yes or No.")[0]
        return text, self._tokenized(text)["input_ids"]

    def _following(self, answer: str) -> list[int]:
        """Ids of an answer after a prompt. Raises ValueError if the tokenizer merges the two."""
        text, before = self._opened
        whole = self._tokenized(text + self._frame[0] + answer)["input_ids"]
        if whole[: len(before)] != before:
            raise ValueError(f"this tokenizer merges the end of a prompt and the answer {answer[:20]!r} into one token")
        return whole[len(before) :]

    def _formatted(self, content: Sequence[dict], answer: str | None = None) -> str:
        """A user's message in the chat format, followed by the beginning of an answer, or by a whole `answer`."""
        messages = [{"role": "user", "content": list(content)}]
        if answer is not None:
            messages.append({"role": "assistant", "content": [{"type": "text", "text": answer}]})
        return self._processor.apply_chat_template(messages, add_generation_prompt=answer is None)

    def _tokenized(self, text: str | Sequence[str], special: bool = True, **options):
        """The tokenizer's output for one text, or for several with the same beginning."""
        first = text if isinstance(text, str) else text[0]
        add = special and not (self.tokenizer.bos_token and first.startswith(self.tokenizer.bos_token))
        return self.tokenizer(text, add_special_tokens=add, **options)
