"""The training loop: one task a step, AdamW, warm-up and cosine decay, checkpoints that resume exactly.

The examples, the dropout and the learning rate of step k follow from the seed and k alone, so a run that was
interrupted goes on as if it had not been.

The examples of a step are split into parts: the number of processes times `accumulate`. The loss of a part is its sum
over labels divided by the labels of the whole step. So the split changes memory and time but not what is learned,
except for what is drawn in each part: dropout and swapped image tokens. Runs with equal numbers of parts draw the same.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import broadcast_object_list, is_tensorboard_available
from tqdm import tqdm

from msr.schema import InputProblem
from train.learn import distributed, validation
from train.learn.distributed import joined, start_alike, sum_gradients
from train.learn.encode import Counts, Draw, Step, Steps
from train.learn.model import Learner, views_of
from train.learn.validation import Progress
from train.names import PRECISIONS

_PART = 1_000_000_007  # between the dropout seeds of a step's parts


@dataclass(frozen=True)
class LoopConfig:
    """Settings of one run.

    accumulate: gradient accumulation, forward passes per optimiser step in each process; precision: of the activations,
    "no" for 32 bits; validate_every: steps between validations, 0 for none; patience: the run ends after this many
    validations without a gain, 0 for never; workers: processes that prepare steps; shard: spread every layer over the
    processes.

    Raises:
        InputProblem: a value is out of range; the message names it.
    """

    steps: int
    lora_lr: float = 6e-4
    connector_lr: float = 5e-4
    warmup: int = 40
    clip: float = 1.0
    seed: int = 7
    save_every: int = 50
    accumulate: int = 1
    precision: str = "no"
    validate_every: int = 0
    patience: int = 0
    workers: int = 0
    shard: bool = False

    def __post_init__(self) -> None:
        least = {"steps": 1, "save_every": 1, "accumulate": 1, "validate_every": 0, "patience": 0, "workers": 0}
        for name, number in least.items():
            if getattr(self, name) < number:
                raise InputProblem(f"{name} is {getattr(self, name)}; it must be at least {number}.")
        if self.precision not in PRECISIONS:
            raise InputProblem(f"precision is {self.precision!r}; it must be one of {', '.join(PRECISIONS)}.")
        if self.shard and self.precision == "fp16":
            raise InputProblem("--shard does not work with fp16: each layer would need its own loss scale. Use bf16.")
        if self.patience and not self.validate_every:
            raise InputProblem(f"patience is {self.patience}, but there are no validations. Set validate_every too.")

    def lasting(self) -> dict[str, float]:
        """The settings that a resumed run must share, because they are kept in the state of the optimiser."""
        return {name: getattr(self, name) for name in ("lora_lr", "connector_lr", "warmup", "clip", "seed")}

    def rate(self, step: int) -> float:
        """Learning-rate factor in (0, 1]: linear warm-up, then cosine down to 5 %."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    def due(self, done: int) -> bool:
        """Whether to validate after this many steps; always after the last one."""
        return self.validate_every > 0 and (done % self.validate_every == 0 or done == self.steps)

    def over(self, progress: Progress) -> bool:
        """Whether all steps are done, or validations no longer improve."""
        return progress.step >= self.steps or 0 < self.patience <= progress.without_gain


Validate = Callable[[Learner], dict[str, float]]


def fit(
    learner: Learner,
    config: LoopConfig,
    draw: Draw,
    store,
    folder: Path,
    validate: Validate | None = None,
    made_from: Mapping[str, Any] | None = None,
) -> dict:
    """Start or resume training in `folder`, and write `checkpoint.pt`, `best.pt` and `logs/` for TensorBoard there.

    `draw(rng)` returns a step's task and its examples, all of one kind; `store` maps keys of pictures to views.
    `validate(learner)` returns figures with "auc" (highest is best) or "loss" (lowest is best). With validations, the
    learner ends with the weights of the best one. Of several processes, the main one validates and writes. `made_from`
    (JSON: data, stage, start) is kept in the checkpoint; a run with another `made_from` cannot resume it.

    Returns the fields of `Progress`, with "config", "device" (its name), "final" (smoothed losses by task, since this
    start) and "best" (the best validation: steps done and figures; None without one).

    Raises:
        InputProblem: `validate_every` without `validate`, `shard` in a single process, a precision that the device
            does not have, or a checkpoint that is damaged, does not fit or is of other data or settings.
    """
    if config.validate_every and validate is None:
        raise InputProblem(f"validate_every is {config.validate_every}, but there is nothing to validate with.")
    run = _Run(learner, config, store, folder, {**(made_from or {}), **config.lasting()})
    started, before = time.monotonic(), run.progress.seconds
    bar = tqdm(total=config.steps, initial=run.progress.step, unit="step", smoothing=0.05, disable=not run.main)
    upcoming = run.steps(draw)
    while not config.over(run.progress):
        run.step(next(upcoming))
        run.progress.seconds = before + time.monotonic() - started
        bar.update()
        bar.set_postfix(run.shown())
        done = run.progress.step
        if validate and config.due(done):
            run.validate(validate)
        if done % config.save_every == 0 or config.due(done) or config.over(run.progress):
            run.save("checkpoint.pt")
    bar.close()
    return run.end()


class _Run:
    """The state of one start of the program, shared by its steps."""

    def __init__(self, learner: Learner, config: LoopConfig, store, folder: Path, made_from: dict[str, Any]) -> None:
        joined()
        self.made_from = made_from
        self.accelerator = distributed.accelerator(
            config.precision,
            log_with="tensorboard" if is_tensorboard_available() else None,
            project_dir=folder,
        )
        if config.shard and self.accelerator.num_processes == 1:
            raise InputProblem("--shard needs several processes. Start them with torchrun, or leave --shard out.")
        self.main = self.accelerator.is_main_process
        self.learner, self.config, self.store, self.folder = learner.to(self.accelerator.device), config, store, folder
        self.encoder = learner.encoder()
        self.recent: dict[str, float] = {}
        self.paired, self.worked = 0, 0.0  # pairs and seconds of the steps since this start
        self._start()
        learner.train()
        if not config.over(self.progress):  # hides what was logged after the checkpoint
            options = {"tensorboard": {"purge_step": self.progress.step}}
            self.accelerator.init_trackers("logs", init_kwargs=options)

    def steps(self, draw: Draw) -> Iterator[Step]:
        """The steps that are left, each in one part for every pass of every process."""
        parts = self.accelerator.num_processes * self.config.accumulate
        steps = Steps(draw, self.encoder, self.config.seed, parts)
        return steps.iterate(range(self.progress.step, self.config.steps), self.config.workers)

    def step(self, made: Step) -> None:
        """Learn from the next step; this process takes its share of the parts."""
        config, accelerator, step = self.config, self.accelerator, self.progress.step
        started = time.monotonic()
        for group in self.optimiser.param_groups:
            group["lr"] = group["base"] * config.rate(step)
        parts = made.parts
        whole = sum((part.counts for part in parts), Counts())
        loss = torch.zeros((), device=accelerator.device)
        self.optimiser.zero_grad()
        for index, weight in self._passes(len(parts)):
            torch.manual_seed(config.seed * 1_000_003 + step + index * _PART)  # of the connector's dropout
            batch = parts[index].to(accelerator.device)
            with accelerator.autocast():
                share = weight * self.learner.loss(batch, views_of(self.store, batch), whole)
            accelerator.backward(share)
            loss += share.detach()
        sum_gradients(accelerator, self.parameters)
        if config.shard:
            distributed.clip(self.parameters, config.clip)
        else:
            accelerator.clip_grad_norm_(self.parameters, config.clip)
        self.optimiser.step()
        self._record(made.task, accelerator.reduce(loss, "sum").item(), sum(p.tokens for p in parts), whole.pairs)
        self.worked += time.monotonic() - started
        rates = {"rate": config.rate(step), "pairs/s": self.paired / self.worked}
        accelerator.log({f"loss/{made.task}": self.progress.losses[-1][2], **rates}, step=step)

    def _passes(self, parts: int) -> Iterator[tuple[int, int]]:
        """Yield (index, weight) of each part that this process takes.

        Sharded layers need all processes in every pass: a process without a part left takes one with weight 0.
        """
        first, every = self.accelerator.process_index, self.accelerator.num_processes
        yield from ((index, 1) for index in range(first, parts, every))
        if self.config.shard and first >= (parts % every or every):
            yield 0, 0

    def _record(self, name: str, value: float, tokens: int, pairs: int) -> None:
        progress = self.progress
        self.recent[name] = value if name not in self.recent else 0.95 * self.recent[name] + 0.05 * value
        progress.losses.append([progress.step, name, round(value, 4)])
        progress.step += 1
        progress.tokens += tokens
        progress.pairs += pairs
        self.paired += pairs

    def shown(self) -> dict[str, str]:
        """The text after the progress bar: smoothed losses and speed."""
        texts = {name: f"{value:.3f}" for name, value in self.recent.items()}
        return texts | {"pairs/s": f"{self.paired / self.worked:.1f}"}

    def validate(self, validate: Validate) -> None:
        """Validate in the main process, or in all if layers are sharded; all get the figures, so all stop together."""
        figures = None
        if self.main or self.config.shard:
            self.learner.eval()
            with torch.no_grad(), self.accelerator.autocast():
                figures = validate(self.learner)
            self.learner.train()
        (figures,) = broadcast_object_list([figures])
        progress = self.progress
        progress.validations.append([progress.step, figures])
        if progress.without_gain == 0:
            self.save("best.pt")
        self.accelerator.log({f"validation/{name}": value for name, value in figures.items()}, step=progress.step - 1)

    def save(self, name: str) -> None:
        """Write everything that a resumed run needs, in one step and in the main process only."""
        weights = {name: p.detach() for name, p in self.learner.trainable().items()}
        weights, optimiser = distributed.whole((weights, self.optimiser.state_dict()))
        if not self.main:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = {
            "weights": {name: weight.cpu() for name, weight in weights.items()},
            "optimiser": optimiser,
            "state": asdict(self.progress),
            "made_from": self.made_from,
        }
        if scaler := self.accelerator.scaler:
            kept["scaler"] = scaler.state_dict()
        temporary = (self.folder / name).with_suffix(".tmp")
        torch.save(kept, temporary)
        temporary.replace(self.folder / name)

    def _start(self) -> None:
        """Set up parameters, optimiser and progress, from the checkpoint if there is one.

        Older checkpoints lack pairs, validations and `made_from`.
        """
        path = self.folder / "checkpoint.pt"
        kept = validation.read(path) if path.exists() else None
        if kept:
            validation.check(path, kept, self.made_from, self.learner.trainable())
            self.learner.load_state_dict(kept["weights"], strict=False)
        start_alike(list(self.learner.trainable().values()))
        if self.config.shard:
            distributed.shard(self.learner.layers, self.accelerator.num_processes)
        self.parameters = list(self.learner.trainable().values())
        self.optimiser = self.accelerator.prepare(_optimiser(self.learner, self.config))
        self.progress = Progress(**kept["state"]) if kept else Progress()
        if kept:
            ordered = [p for group in self.optimiser.param_groups for p in group["params"]]
            self.optimiser.load_state_dict(distributed.divided(kept["optimiser"], ordered))
            if self.accelerator.scaler and "scaler" in kept:
                self.accelerator.scaler.load_state_dict(kept["scaler"])

    def end(self) -> dict:
        """Load the best weights if there were validations; return what `fit` returns."""
        for tracker in self.accelerator.trackers:
            tracker.finish()
        self.accelerator.wait_for_everyone()
        progress, best = self.progress, None
        if self.config.validate_every and progress.best is not None:
            best = progress.validations[progress.best]
            kept = validation.read(self.folder / "best.pt")
            distributed.load(self.learner.trainable(), kept["weights"])
        device = self.accelerator.device
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
        return {**asdict(progress), "config": asdict(self.config), "device": name, "final": self.recent, "best": best}


def _optimiser(learner: Learner, config: LoopConfig) -> torch.optim.Optimizer:
    groups = [
        {"params": [p for n, p in learner.trainable().items() if "lora_" in n], "lr": config.lora_lr},
        {"params": [p for n, p in learner.trainable().items() if "lora_" not in n], "lr": config.connector_lr},
    ]
    groups = [{**g, "base": g["lr"]} for g in groups if g["params"]]
    return torch.optim.AdamW(groups, weight_decay=0.01, betas=(0.9, 0.98))
