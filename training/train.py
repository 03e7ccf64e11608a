"""Owns the training of the tiny recogniser.

    python -m training.train --out DIR

Writes DIR/tiny-words.pt, which `whisper.load_model` reads, and DIR/tiny-words.pt.xz, the same compressed. Interrupted,
it goes on with `--resume` from its last 500th step.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from training.batch import Batch, Batches, make_batch
from training.export import export
from training.losses import Losses, losses_of
from training.model import Trainee
from training.schedule import FULL_STEPS, Kind, Step, plan
from training.speakers import HELD_OUT, KNOWN, Speaker, make_speakers

SPEAKERS = 150
HELD_OUT_SPEAKERS = 16
_REPORT_STEPS = 100
_KEEP_STEPS = 500
_MEMORY = 0.97


class Trainer:
    """A model and its optimiser at some step of a plan."""

    def __init__(self, steps: Sequence[Step], seed: int) -> None:
        torch.manual_seed(seed)
        self.model = Trainee()
        self.done = 0
        self._steps = steps
        self._optimiser = self._fresh_optimiser()

    def learn(self, batch: Batch) -> Losses:
        """Take the next step."""
        step = self._steps[self.done]
        if step.begins_cycle:
            self._optimiser = self._fresh_optimiser()
        for group in self._optimiser.param_groups:
            group["lr"] = step.learning_rate
        losses = losses_of(self.model, batch)
        self._optimiser.zero_grad()
        losses.total().backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimiser.step()
        self.model.constrain()
        self.done += 1
        return losses

    def keep(self, file: Path) -> None:
        """Save all that `restore` needs, in one go."""
        state = {"done": self.done, "model": self.model.state_dict(), "optimiser": self._optimiser.state_dict()}
        part = file.with_suffix(".part")
        torch.save(state, part)
        part.rename(file)

    def restore(self, file: Path) -> None:
        """Go on from what `keep` saved."""
        state = torch.load(file)
        self.done = state["done"]
        self.model.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])

    def _fresh_optimiser(self) -> Any:
        return torch.optim.AdamW(self.model.parameters(), betas=(0.9, 0.98), weight_decay=0.01)


class Log:
    """Prints how it goes: losses and shares, smoothed for each kind of step."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._means: dict[Kind, dict[str, float]] = {}

    def add(self, kind: Kind, losses: Losses) -> None:
        numbers = losses.numbers()
        mean = self._means.setdefault(kind, numbers)
        self._means[kind] = {name: mean[name] * _MEMORY + value * (1 - _MEMORY) for name, value in numbers.items()}

    def print(self, done: int, kind: Kind) -> None:
        self.say(done, kind.name.lower(), self._means[kind])

    def say(self, done: int, what: str, numbers: dict[str, float]) -> None:
        listed = " ".join(f"{name} {value:.3f}" for name, value in numbers.items())
        print(f"{done:5d} {time.monotonic() - self._began:5.0f} s  {what}: {listed}", flush=True)


def train(
    trainer: Trainer, steps: Sequence[Step], batches: Iterator[Batch], strangers: Sequence[Speaker], kept: Path
) -> None:
    """Take all steps that are left; report, test on strangers and keep what there is on the way."""
    log = Log()
    for batch in batches:
        log.add(batch.kind, trainer.learn(batch))
        is_last = trainer.done == len(steps)
        if trainer.done % _REPORT_STEPS == 0 or is_last:
            for kind in dict.fromkeys(step.kind for step in steps[max(trainer.done - 2, 0) : trainer.done]):
                log.print(trainer.done, kind)
        if trainer.done % _KEEP_STEPS == 0 or is_last:
            kind = Kind.HEAR if batch.kind is Kind.HEAR else Kind.CLIP
            log.say(trainer.done, "held-out speakers", tested(trainer.model, strangers, kind))
            trainer.keep(kept)


def tested(model: Trainee, strangers: Sequence[Speaker], kind: Kind) -> dict[str, float]:
    """Return the losses and shares for the same three batches each time."""
    with torch.no_grad():
        results = [
            losses_of(model, make_batch(np.random.default_rng([99, number]), strangers, kind)).numbers()
            for number in range(3)
        ]
    return {name: sum(result[name] for result in results) / len(results) for name in results[0]}


def main(arguments: Sequence[str]) -> None:
    options = _options(arguments)
    torch.set_num_threads(1)  # two are slower with matrices this small
    options.out.mkdir(parents=True, exist_ok=True)
    kept = options.out / "trainer.pt"
    steps = plan(options.steps)
    trainer = Trainer(steps, options.seed)
    if options.resume:
        trainer.restore(kept)
    print("the speakers speak: a second each", flush=True)
    speakers = make_speakers(options.seed, options.speakers, KNOWN)
    strangers = make_speakers(options.seed + 1, HELD_OUT_SPEAKERS, HELD_OUT)
    batches = Batches(speakers, options.seed, steps, trainer.done)
    loader = DataLoader(batches, batch_size=None, num_workers=1, prefetch_factor=4)
    train(trainer, steps, iter(loader), strangers, kept)
    print(export(trainer.model, options.out))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.train", description="Train the tiny recogniser.")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    parser.add_argument("--steps", type=int, default=FULL_STEPS, help="about so many steps (%(default)s)")
    parser.add_argument("--speakers", type=int, default=SPEAKERS, help="so many speakers to learn from (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random (%(default)s)")
    parser.add_argument("--resume", action="store_true", help="go on from what is in the folder")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
