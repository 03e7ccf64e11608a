"""The process that recognises speech: `python -m media_services.transcriber LINE IDLE_SECONDS`.

LINE is the descriptor of a socket on which each message is a call (see `recogniser`), a request in JSON:
{"file", "checkpoint", "language": "en" or "auto", "keywords": […], "threads", "device": "auto", "cpu" or "cuda",
"cores": […]}. Answers with JSON lines: {"fraction": 0.4} of the work, for the first time when the model is loaded;
{"words": [[text, start_ms, end_ms, probability], …], "language": "en"} for each piece of the sound in turn; last
{"is_last": true}, with {"error", "detail"} or {"error", "is_damaged": true} if it failed. Keeps one model in memory.
Torch lives and dies in here; whoever starts this never loads it. Ends after so many seconds without a call.
"""

import contextlib
import importlib
import io
import itertools
import json
import os
import select
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import astuple, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from media_services.hearing import Heard, believed, quietest
from media_services.opening import open_streams
from media_services.stage import LISTENING_COST, LOADING_MODEL_COST, Parts, Report, risen

SAMPLE_RATE = 16_000
_PIECE_S = 300  # of sound held in memory at once
_CUT_S = 30  # the end of a piece, in which it is cut where it is quietest
_WINDOW_FRAMES = 3_000  # Whisper listens to windows of 30 s, in frames of 10 ms
_MOST_BYTES = 1 << 17
_DETAIL_CHARS = 8_000
_loaded: dict[tuple[str, int, str], Any] = {}  # the one model in memory, by its file, its age and its device

Samples = NDArray[np.float32]


class Damaged(Exception):
    """A model cannot be loaded, now or later."""


def serve(line: int, idle_s: float) -> None:
    """Answer one call after another, until none comes for so many seconds or the other end of the line is gone."""
    with socket.socket(fileno=line) as calls:
        while select.select([calls], [], [], idle_s)[0]:
            request, descriptors, _, _ = socket.recv_fds(calls, _MOST_BYTES, 1)
            if not request:
                return
            with socket.socket(fileno=descriptors[0]) as caller:
                if not answer(json.loads(request), caller):
                    return


def answer(request: dict[str, Any], caller: socket.socket) -> bool:
    """Do what a call asks for; return whether this process is fit for more: nothing failed that is not foreseen."""

    def say(**message: Any) -> None:
        caller.sendall(json.dumps(message).encode() + b"\n")

    with contextlib.suppress(ConnectionError):  # the caller has gone
        try:
            _answer(request, say)
        except Damaged as problem:
            say(error=str(problem), is_damaged=True, is_last=True)
        except Exception as problem:  # noqa: BLE001 - whatever it is, the caller is told
            detail = traceback.format_exc()[-_DETAIL_CHARS:]
            say(error=f"speech recognition failed: {problem!r:.300}", detail=detail, is_last=True)
            return False
    return True


def _answer(request: dict[str, Any], say: Callable[..., None]) -> None:
    parts = Parts(lambda fraction: say(fraction=fraction), LOADING_MODEL_COST + LISTENING_COST)
    model_loaded, listened = parts.next(LOADING_MODEL_COST), parts.next(LISTENING_COST)
    _settle(request)
    model = load(request["checkpoint"], request["device"], request["threads"])
    model_loaded(1.0)
    for language, words in listen(model, request, listened):
        say(language=language, words=[astuple(word) for word in words])
    say(is_last=True)


def _settle(request: dict[str, Any]) -> None:
    """Move all threads of this process to the cores of the job that calls."""
    for thread in os.listdir("/proc/self/task") if request["cores"] else ():
        with contextlib.suppress(OSError):
            os.sched_setaffinity(int(thread), request["cores"])


def load(checkpoint: str, device: str, threads: int) -> Any:
    """Return a model, which stays in memory until another is asked for; raise Damaged."""
    # The timing of words is made by numba, which would give torch back all cores, and whose threads spin. So do torch's
    # own while they wait for each other: two on two busy cores took seven times the CPU of one.
    os.environ |= {"NUMBA_THREADING_LAYER": "workqueue", "NUMBA_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    import torch
    import whisper

    torch.set_num_threads(threads)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    key = (checkpoint, os.stat(checkpoint).st_mtime_ns, device)
    if key not in _loaded:
        _loaded.clear()  # before the next is loaded: there may be no room for both
        try:
            model = _loaded[key] = whisper.load_model(checkpoint, device=device)
            if heads := whisper._ALIGNMENT_HEADS.get(Path(checkpoint).stem):
                model.set_alignment_heads(heads)  # by which words are timed; it knows them by the model's name only
        except Exception as problem:
            raise Damaged(f"the weights in {Path(checkpoint).name} could not be loaded: {problem!r:.300}") from problem
    return _loaded[key]


def listen(model: Any, how: dict[str, Any], report: Report) -> Iterator[tuple[str, list[Heard]]]:
    """Yield the language and the words of each piece of a file's sound; `report` hears after each window of 30 s.

    A language that is to be detected is that of the first piece with words.
    """
    import torch

    language = None if how["language"] == "auto" else how["language"]
    for start, sound, length in pieces(how["file"]):

        def heard(fraction: float, *, start: int = start, size: int = len(sound), length: float = length) -> None:
            report(risen(start + fraction * size, length))

        torch.manual_seed(0)  # what is uncertain is drawn by lot, the same each time
        found = _transcribed(model, sound, language, how["keywords"], heard)
        words = believed(list(words_of(found)), sound, SAMPLE_RATE)
        start_ms = round(start * 1000 / SAMPLE_RATE)
        yield (
            found["language"],
            [replace(word, start_ms=word.start_ms + start_ms, end_ms=word.end_ms + start_ms) for word in words],
        )
        if words:
            language = found["language"]


def pieces(path: str, *, piece_s: float = _PIECE_S, cut_s: float = _CUT_S) -> Iterator[tuple[int, Samples, float]]:
    """Yield a file's sound as 16 kHz mono from -1 to 1: (first sample, samples, samples of all so far as is known).

    A piece is no longer than `piece_s`, and ends where the last `cut_s` of that are quietest.
    """
    size = round(piece_s * SAMPLE_RATE)
    with open_streams(Path(path)) as container:
        length = (container.duration or 0) * SAMPLE_RATE / av.time_base
        resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        start, held = 0, 0
        parts: list[Samples] = []
        for frame in itertools.chain(container.decode(audio=0), [None]):
            for part in resampler.resample(frame):
                parts.append(part.to_ndarray().reshape(-1).astype(np.float32, copy=False))
                held += len(parts[-1])
            while held > size:
                sound = np.concatenate(parts)
                end = quietest(sound[:size], SAMPLE_RATE, cut_s)
                yield start, sound[:end], length
                start, held, parts = start + end, held - end, [sound[end:]]
        if held:
            yield start, np.concatenate(parts), length


class _Bar:
    """Stands in for the progress bar that Whisper draws, and reports instead.

    Whisper does not move it for a window in which nobody speaks; the beginning of the next one tells of that.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._total = self._done = 0
        self._window: Any = None

    def draw(self, total: int, **_: Any) -> "_Bar":
        self._total = max(total, 1)
        return self

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def begin(self, window: Any) -> None:
        """Note that a window is decoded, which is done again where Whisper is in doubt."""
        if self._window is not None and self._window is not window:
            self.update(_WINDOW_FRAMES)
        self._window = window

    def update(self, frames: int) -> None:
        self._done = min(self._done + frames, self._total)
        self._window = None
        self._report(self._done / self._total)


def _transcribed(
    model: Any, sound: Samples, language: str | None, keywords: list[str], report: Report
) -> dict[str, Any]:
    """Return what Whisper finds in a sound."""
    bar = _Bar(report)

    def decode(window: Any, options: Any) -> Any:
        bar.begin(window)
        return type(model).decode(model, window, options)

    model.decode = decode
    importlib.import_module("whisper.transcribe").tqdm = SimpleNamespace(tqdm=bar.draw)  # type: ignore[attr-defined]
    with contextlib.redirect_stdout(io.StringIO()):  # it prints the language it detects
        found: dict[str, Any] = model.transcribe(
            sound,
            language=language,
            initial_prompt=", ".join(keywords) or None,
            carry_initial_prompt=bool(keywords),
            word_timestamps=True,
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
    serve(int(sys.argv[1]), float(sys.argv[2]))
