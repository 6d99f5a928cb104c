"""The training loop: one task batch a step, AdamW, warm-up and cosine decay, checkpoints that resume exactly.

Step k draws its data from `Random(seed, k)`, its dropout from a seed of k and its learning rate from k alone, so an
interrupted run goes on as if it had not been interrupted.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from tqdm import tqdm

from train.model import Learner


@dataclass(frozen=True)
class LoopConfig:
    """Settings of one run."""

    steps: int
    lora_lr: float = 6e-4
    connector_lr: float = 5e-4
    warmup: int = 40
    clip: float = 1.0
    seed: int = 7
    save_every: int = 50

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps is {self.steps}; it must be at least 1")
        if self.save_every < 1:
            raise ValueError(f"save_every is {self.save_every}; it must be at least 1")

    def rate(self, step: int) -> float:
        """Learning-rate factor in (0, 1]: linear warm-up, then cosine down to 5 %."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


StepLoss = Callable[[Learner, random.Random], tuple[str, torch.Tensor, int]]


def fit(learner: Learner, config: LoopConfig, step_loss: StepLoss, folder: Path) -> dict:
    """Runs or resumes training in `folder`; returns losses by task, seconds and tokens over all sittings.

    `step_loss(learner, rng)` gives the task's name, its loss and the number of tokens.
    """
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    groups = [
        {"params": [p for n, p in learner.trainable().items() if "lora_" in n], "lr": config.lora_lr},
        {"params": [p for n, p in learner.trainable().items() if "lora_" not in n], "lr": config.connector_lr},
    ]
    groups = [{**g, "base": g["lr"]} for g in groups if g["params"]]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01, betas=(0.9, 0.98))
    learner, optimiser = accelerator.prepare(learner, optimiser)
    raw = accelerator.unwrap_model(learner)
    saved = folder / "checkpoint.pt"
    state = {"step": 0, "seconds": 0.0, "tokens": 0, "losses": []}
    if saved.exists():
        kept = torch.load(saved, weights_only=True)
        raw.load_state_dict(kept["weights"], strict=False)
        optimiser.load_state_dict(kept["optimiser"])
        state = kept["state"]
    learner.train()
    started = time.monotonic()
    bar = tqdm(total=config.steps, initial=state["step"], unit="step", smoothing=0.05)
    recent: dict[str, float] = {}
    before = state["seconds"]
    for step in range(state["step"], config.steps):
        for group in optimiser.param_groups:
            group["lr"] = group["base"] * config.rate(step)
        torch.manual_seed(config.seed * 1_000_003 + step)  # of the connector's dropout
        name, loss, tokens = step_loss(learner, random.Random(f"{config.seed}/{step}"))
        optimiser.zero_grad()
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(raw.trainable().values(), config.clip)
        optimiser.step()
        value = loss.item()
        recent[name] = value if name not in recent else 0.95 * recent[name] + 0.05 * value
        state["step"], state["tokens"] = step + 1, state["tokens"] + tokens
        state["seconds"] = before + time.monotonic() - started
        state["losses"].append([step, name, round(value, 4)])
        bar.update()
        bar.set_postfix(
            {k: f"{v:.3f}" for k, v in recent.items()} | {"tok/s": f"{state['tokens'] / state['seconds']:.0f}"}
        )
        if (step + 1) % config.save_every == 0 or step + 1 == config.steps:
            _save(saved, raw, optimiser, state)
    bar.close()
    return {**state, "config": asdict(config), "final": recent}


def _save(path: Path, learner: Learner, optimiser, state: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    weights = {name: p.detach().cpu() for name, p in learner.trainable().items()}
    torch.save({"weights": weights, "optimiser": optimiser.state_dict(), "state": state}, temporary)
    temporary.replace(path)
