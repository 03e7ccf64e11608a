"""Owns the figures of a checkpoint, measured with Whisper's own `load_model` and `transcribe`.

    python -m training.evaluate CHECKPOINT

CHECKPOINT is a .pt or a .pt.xz. Prints a table for voices that the training knows, at other speeds and pitches, and
for voices that it does not, then what is heard where nobody speaks.
"""

import argparse
import lzma
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import whisper

from training.measure import Measured, hear, measure, median_and_p95
from training.speakers import HELD_OUT, KNOWN, make_speakers
from training.trial import quiet_sounds, trials

_HEADINGS = ("sound", "recordings", "words", "word accuracy", "exact", "word start", "word end")


def load(checkpoint: Path) -> Any:
    """Load a checkpoint, compressed or not."""
    if checkpoint.suffix != ".xz":
        return whisper.load_model(str(checkpoint), device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        unpacked = Path(folder) / checkpoint.stem
        unpacked.write_bytes(lzma.decompress(checkpoint.read_bytes()))
        return whisper.load_model(str(unpacked), device="cpu")


def main(arguments: Sequence[str]) -> None:
    options = _options(arguments)
    torch.set_num_threads(1)
    model = load(options.checkpoint)
    print_table(model, options.seed, options.speakers, options.recordings)
    print()
    for name, sounds in quiet_sounds(np.random.default_rng(options.seed)).items():
        heard = sum(bool(hear(model, sound)) for sound in sounds)
        print(f"{name}: words in {heard} of {len(sounds)}", flush=True)


def print_table(model: Any, seed: int, speakers: int, recordings: int) -> None:
    """Print what is heard of speech, a line as soon as it is measured."""
    known = make_speakers(seed + 7, speakers, KNOWN)
    held_out = make_speakers(seed, speakers, HELD_OUT)
    _print_row(_HEADINGS)
    _print_row(["---"] * len(_HEADINGS))
    took_s = length_s = 0.0
    for trial in trials(np.random.default_rng(seed), known, held_out, recordings):
        measured = measure(model, trial.recordings)
        _print_row(_row(trial.name, measured))
        took_s, length_s = took_s + measured.took_s, length_s + measured.length_s
    print(f"\n10 s of sound take {took_s / length_s * 10:.2f} s")


def _row(name: str, measured: Measured) -> list[str]:
    return [
        name,
        str(measured.recordings),
        str(measured.words),
        f"{measured.accuracy_percent:.1f} %",
        f"{100 * measured.exact_recordings / measured.recordings:.0f} %",
        median_and_p95(measured.start_errors_ms),
        median_and_p95(measured.end_errors_ms),
    ]


def _print_row(cells: Sequence[str]) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description="Measure a checkpoint.")
    parser.add_argument("checkpoint", type=Path, help="a .pt or a .pt.xz")
    parser.add_argument("--recordings", type=int, default=60, help="of each sort; fewer long ones (%(default)s)")
    parser.add_argument("--speakers", type=int, default=40, help="known and held-out, each (%(default)s)")
    parser.add_argument("--seed", type=int, default=12345, help="of all that is random (%(default)s)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
