"""Owns the binding to libespeak-ng, which speaks a text and reports where each of its words begins."""

import ctypes
import functools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import espeakng_loader
import numpy as np
from numpy.typing import NDArray

_SYNCHRONOUS = 2
_DO_NOT_EXIT = 0x8000
_UTF8 = 1
_WORDS_PER_MINUTE, _PITCH = 1, 3
_LAST_EVENT, _WORD_BEGINS = 0, 1


@dataclass
class Speech:
    """What espeak-ng made of a text: samples from -1 to 1, and the time of each word by its place in the text."""

    rate_hz: int
    samples: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    word_starts_ms: dict[int, int] = field(default_factory=dict)

    def receive(self, samples: Any, count: int, events: Any) -> int:
        """Take a piece of sound and what happens in it, as the library's callback."""
        if samples and count > 0:
            piece = np.ctypeslib.as_array(samples, (count,)).astype(np.float32) / 32768
            self.samples = np.concatenate([self.samples, piece])
        number = 0
        while events[number].type != _LAST_EVENT:
            if events[number].type == _WORD_BEGINS:
                self.word_starts_ms[events[number].text_position - 1] = events[number].audio_position_ms
            number += 1
        return 0


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    ]


_Receiver = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def say(text: str, *, voice: str, words_per_minute: int, pitch: int) -> Speech:
    """Speak an ASCII text; raise ValueError for a voice or a variant (`voice+variant`) that espeak-ng does not have."""
    content = text.encode("ascii") + b"\0"
    with _library() as library:
        speech = Speech(_started(library))
        receiver = _Receiver(speech.receive)
        library.espeak_SetSynthCallback(receiver)
        _set_voice(library, voice)
        library.espeak_SetParameter(_WORDS_PER_MINUTE, words_per_minute, 0)
        library.espeak_SetParameter(_PITCH, pitch, 0)
        library.espeak_Synth(content, len(content), 0, 1, 0, _UTF8, None, None)
    return speech


@contextmanager
def _library() -> Iterator[ctypes.CDLL]:
    """Load the library anew (5 ms): its globals carry a voice's flutter over, so that a text would sound as what
    was said before it makes it."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    try:
        yield library
    finally:
        library.espeak_Terminate()
        ctypes.CDLL(None).dlclose(ctypes.c_void_p(library._handle))


def _started(library: ctypes.CDLL) -> int:
    rate_hz: int = library.espeak_Initialize(_SYNCHRONOUS, 0, bytes(_data()), _DO_NOT_EXIT)
    if rate_hz <= 0:
        raise RuntimeError(f"espeak-ng does not start with the data in {espeakng_loader.get_data_path()}")
    return rate_hz


def _set_voice(library: ctypes.CDLL, voice: str) -> None:
    variant = voice.partition("+")[2]  # espeak-ng ignores one that it does not have
    is_known = not variant or (_data() / "voices" / "!v" / variant).is_file()
    if not is_known or library.espeak_SetVoiceByName(voice.encode()) != 0:
        raise ValueError(f"espeak-ng has no voice {voice!r}")


def _data() -> Path:
    """Return espeak-ng's data behind a short path: it does not find them behind a long one, of 200 characters say."""
    link = Path(_folder().name) / "data"
    if not link.is_symlink():
        link.symlink_to(espeakng_loader.get_data_path())
    return link


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="espeak-")
