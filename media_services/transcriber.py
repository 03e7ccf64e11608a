"""The child process that recognises speech: `python -m media_services.transcriber CHECKPOINT OPTIONS FILE…`.

OPTIONS is JSON: {"language": "en" or "auto", "keywords": […], "threads": 1, "device": "auto", "cpu" or "cuda"}.
Writes JSON lines to standard output: {"fraction": 0.4} of the current file on the way, for the first time when the
model is loaded, or {"error": "…"} when it cannot be; and for each file in turn
{"language": "en", "words": [[text, start_ms, end_ms, probability], …]}.
Torch lives and dies in here; whoever starts this never loads it.
"""

import importlib
import itertools
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import astuple
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from media_services.hearing import Heard, believed
from media_services.stage import LISTENING_COST, LOADING_MODEL_COST, LOADING_SOUND_COST, Parts, Report, risen

SAMPLE_RATE = 16_000
_WINDOW_FRAMES = 3_000  # Whisper listens to windows of 30 s, in frames of 10 ms
_REPORT_FRAMES = 256
_COSTS = (LOADING_MODEL_COST, LOADING_SOUND_COST, LISTENING_COST)


def load_sound(path: str, report: Report) -> NDArray[np.float32]:
    """Return a file's sound as 16 kHz mono samples from -1 to 1."""
    pieces: list[NDArray[Any]] = []
    with av.open(path, options={"protocol_whitelist": "file"}) as container:
        length = (container.duration or 0) * SAMPLE_RATE / av.time_base
        resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        loaded = 0
        for number, frame in enumerate(itertools.chain(container.decode(audio=0), [None])):
            parts = [part.to_ndarray().reshape(-1) for part in resampler.resample(frame)]
            pieces += parts
            loaded += sum(map(len, parts))
            if number % _REPORT_FRAMES == 0:
                report(risen(loaded, length))
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


class _Bar:
    """Stands in for the progress bar that Whisper draws, and reports instead.

    Whisper does not move it for a window in which nobody speaks; the beginning of the next one tells of that.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._total = self._done = 0
        self._is_in_window = False

    def draw(self, total: int, **_: Any) -> "_Bar":
        self._total = max(total, 1)
        return self

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def begin_window(self) -> None:
        if self._is_in_window:
            self.update(_WINDOW_FRAMES)
        self._is_in_window = True

    def update(self, frames: int) -> None:
        self._done += frames
        self._is_in_window = False
        self._report(self._done / self._total)


def say(message: dict[str, Any]) -> None:
    """Send one message to the parent."""
    print(json.dumps(message), file=sys.__stdout__, flush=True)


def main(checkpoint: str, options: str, *files: str) -> None:
    sys.stdout = sys.stderr  # Whisper prints the language it detects, which is no message of ours
    how = json.loads(options)
    os.environ["OMP_NUM_THREADS"] = str(how["threads"])
    import torch
    import whisper

    torch.set_num_threads(how["threads"])
    device = how["device"]
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        model = whisper.load_model(checkpoint, device=device)
    except Exception as problem:  # noqa: BLE001 - what a loader raises over a damaged file is not to be foreseen
        say({"error": f"the weights in {os.path.basename(checkpoint)} could not be loaded: {problem!r:.300}"})
        return
    for file in files:
        parts = Parts(lambda fraction: say({"fraction": fraction}), sum(_COSTS))
        model_loaded, sound_loaded, listened = map(parts.next, _COSTS)
        model_loaded(1.0)
        sound = load_sound(file, sound_loaded)
        found = listen(model, sound, how, listened)
        words = [list(astuple(word)) for word in believed(list(words_of(found)), sound, SAMPLE_RATE)]
        say({"language": found["language"], "words": words})


def listen(model: Any, sound: NDArray[np.float32], how: dict[str, Any], report: Report) -> dict[str, Any]:
    """Return what Whisper finds in a sound; `report` hears after each of its windows."""
    bar = _Bar(report)

    def decode(*arguments: Any) -> Any:
        bar.begin_window()
        return type(model).decode(model, *arguments)

    model.decode = decode
    importlib.import_module("whisper.transcribe").tqdm = SimpleNamespace(tqdm=bar.draw)  # type: ignore[attr-defined]
    found: dict[str, Any] = model.transcribe(
        sound,
        language=None if how["language"] == "auto" else how["language"],
        initial_prompt=", ".join(how["keywords"]) or None,
        carry_initial_prompt=bool(how["keywords"]),
        word_timestamps=True,
        temperature=0,
        condition_on_previous_text=False,
        fp16=model.device.type == "cuda",
        verbose=False,
    )
    return found


def words_of(found: dict[str, Any]) -> Iterator[Heard]:
    """Yield each word Whisper found."""
    for word in (word for segment in found["segments"] for word in segment["words"]):
        if text := word["word"].strip():
            start_ms, end_ms = round(word["start"] * 1000), round(word["end"] * 1000)
            yield Heard(text, start_ms, end_ms, round(float(word["probability"]), 3))


if __name__ == "__main__":
    main(*sys.argv[1:])
