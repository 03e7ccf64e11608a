"""The child process that recognises speech: `python -m media_services.transcriber CHECKPOINT LANGUAGE THREADS FILE…`.

Writes JSON lines to standard output: {"fraction": 0.4} of the current file on the way, and for each file in turn
{"language": "en", "words": [[text, start_ms, end_ms, probability], …]}. Torch lives and dies in here; whoever starts
this never loads it.
"""

import importlib
import json
import os
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000


def load_sound(path: str) -> NDArray[np.float32]:
    """Return a file's sound as 16 kHz mono samples from -1 to 1."""
    with av.open(path, options={"protocol_whitelist": "file"}) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        frames = (part for frame in container.decode(audio=0) for part in resampler.resample(frame))
        pieces = [part.to_ndarray().reshape(-1) for part in frames]
        pieces += [part.to_ndarray().reshape(-1) for part in resampler.resample(None)]
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


class _Bar:
    """Stands in for the progress bar that Whisper draws, and reports instead."""

    def __init__(self, total: int, **_: Any) -> None:
        self.total, self.done = max(total, 1), 0

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def update(self, frames: int) -> None:
        self.done += frames
        say({"fraction": min(self.done / self.total, 1.0)})


def say(message: dict[str, Any]) -> None:
    """Send one message to the parent."""
    print(json.dumps(message), file=sys.__stdout__, flush=True)


def main(checkpoint: str, language: str, threads: str, *files: str) -> None:
    sys.stdout = sys.stderr  # Whisper prints the language it detects, which is no message of ours
    os.environ["OMP_NUM_THREADS"] = threads
    import torch
    import whisper

    torch.set_num_threads(int(threads))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    importlib.import_module("whisper.transcribe").tqdm = SimpleNamespace(tqdm=_Bar)  # type: ignore[attr-defined]
    model = whisper.load_model(checkpoint, device=device)
    for file in files:
        found = model.transcribe(
            load_sound(file),
            language=None if language == "auto" else language,
            word_timestamps=True,
            temperature=0,
            condition_on_previous_text=False,
            fp16=device == "cuda",
            verbose=False,
        )
        say({"language": found["language"], "words": list(words_of(found))})


def words_of(found: dict[str, Any]) -> Iterator[list[Any]]:
    """Yield [text, start_ms, end_ms, probability] of each word Whisper found."""
    for word in (word for segment in found["segments"] for word in segment["words"]):
        if text := word["word"].strip():
            yield [text, round(word["start"] * 1000), round(word["end"] * 1000), round(word["probability"], 3)]


if __name__ == "__main__":
    main(*sys.argv[1:])
