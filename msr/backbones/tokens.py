"""From a `Prompt` to token ids, one way for inference and training.

Text between pictures is tokenised piece by piece; a picture's ids come from the processor, so that any model's
expansion (how many image tokens, which frames around them) is respected.
"""

from __future__ import annotations

from collections.abc import Sequence

from msr.prompts import IMAGE, NO, YES, Prompt


class ChatTokens:
    """Chat-formatted ids of one processor's tokenizer."""

    def __init__(self, processor) -> None:
        self.tokenizer = processor.tokenizer
        self._processor = processor
        self._answers: tuple[int, int] | None = None

    @property
    def eos(self) -> int:
        return self.tokenizer.eos_token_id

    @property
    def pad(self) -> int:
        return self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else self.eos

    def chat(self, text: str) -> list[str]:
        """The user turn in the model's chat format up to the answer, split where pictures stand."""
        content: list[dict] = []
        for index, part in enumerate(text.split(IMAGE)):
            if index:
                content.append({"type": "image"})
            if part:
                content.append({"type": "text", "text": part})
        formatted = self._processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True
        )
        return formatted.split(self._processor.image_token)

    def prompt_ids(self, prompt: Prompt | str, pictures: Sequence[Sequence[int]] = ()) -> list[int]:
        """Ids of a prompt whose k-th picture expands to `pictures[k]`."""
        parts = self.chat(prompt if isinstance(prompt, str) else prompt.text)
        if len(parts) != len(pictures) + 1:
            raise ValueError(f"{len(parts) - 1} picture places in the chat text, {len(pictures)} pictures")
        ids = self._ids(parts[0], special=True)
        for part, picture in zip(parts[1:], pictures, strict=True):
            ids += [*picture, *self._ids(part)]
        return ids

    def places(self, prompt: Prompt, pictures: Sequence[int] = ()) -> list[tuple[int, int] | None]:
        """For each of the prompt's ids, the characters of its text that it stands for.

        None for the chat format and for pictures; the k-th one has `pictures[k]` ids. Needs a fast tokenizer.
        """
        found: list[tuple[int, int] | None] = []
        begin = 0  # of this part, in the prompt's text
        for index, (part, said) in enumerate(zip(self.chat(prompt.text), prompt.text.split(IMAGE), strict=True)):
            found += [None] * (pictures[index - 1] if index else 0)
            said_at = part.find(said.strip())
            shift = begin + len(said) - len(said.lstrip()) - said_at
            for start, end in self._tokenized(part, special=not index, return_offsets_mapping=True)["offset_mapping"]:
                inside = start < end and said_at < end <= said_at + len(said.strip())
                found.append((start + shift, end + shift) if inside else None)
            begin += len(said) + len(IMAGE)
        return found

    def answer_ids(self, text: str) -> list[int]:
        """Ids of an answer and the end of the turn: the only tokens that carry a label in training."""
        return [*self._ids(text), self.eos]

    def yes_no(self) -> tuple[int, int]:
        """The ids that really stand at the answer position after a chat prompt, whole text tokenised at once."""
        if self._answers is None:
            formatted = self.chat("Answer Yes or No.")[0]
            before = self._ids(formatted, special=True)
            found = [self._ids(formatted + word, special=True)[len(before)] for word in (YES, NO)]
            if found[0] == found[1]:
                raise ValueError("this tokenizer starts Yes and No with the same token")
            self._answers = (found[0], found[1])
        return self._answers

    def _ids(self, text: str, special: bool = False) -> list[int]:
        return self._tokenized(text, special)["input_ids"] if text else []

    def _tokenized(self, text: str, special: bool, **options):
        add = special and not (self.tokenizer.bos_token and text.startswith(self.tokenizer.bos_token))
        return self.tokenizer(text, add_special_tokens=add, **options)
