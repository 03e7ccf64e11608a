"""A quiet piece of music: four chords, twice, plucked over soft pads; its end leads into its beginning."""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from drawing import Floats

RATE = 32_000
_BAR_S = 2.4
_CHORDS = ((53, 57, 60, 64), (55, 59, 62, 64), (52, 55, 59, 62), (57, 60, 64, 67))  # F, G6, Em7, Am7 as MIDI notes
_PATTERNS = ((0, 1, 2, 3, 2, 1, 2, 3), (3, 2, 1, 2, 0, 2, 1, 3))  # eighths: which note of the chord is plucked
_LOUDNESS = 0.5


def compose() -> Floats:
    """Return the piece as samples from -1 to 1, two channels."""
    bars = _CHORDS * 2
    piece = np.zeros((2, round(len(bars) * _BAR_S * RATE)))
    for number, chord in enumerate(bars):
        start_s = number * _BAR_S
        for note in chord:
            add(piece, pad(note), start_s, 0.05, pan=0.5)
        add(piece, bass(chord[0] - 12), start_s, 0.17, pan=0.5)
        for eighth, which in enumerate(_PATTERNS[number // len(_CHORDS)]):
            sound = pluck(chord[which] + 12)
            add(piece, sound, start_s + eighth * _BAR_S / 8, 0.10 if eighth % 4 else 0.14, pan=0.3 + 0.4 * (eighth % 2))
    return np.asarray(piece / np.abs(piece).max() * _LOUDNESS)


def add(piece: Floats, sound: Floats, start_s: float, loudness: float, *, pan: float) -> None:
    """Mix a sound in; what rings on beyond the end is heard at the beginning, so that the piece loops."""
    places = (round(start_s * RATE) + np.arange(len(sound))) % piece.shape[1]
    for channel, share in enumerate((np.cos(pan * np.pi / 2), np.sin(pan * np.pi / 2))):
        np.add.at(piece[channel], places, sound * loudness * share)


def pad(note: int) -> Floats:
    """Return a note that swells and fades over a bar and a half."""
    times = _times(_BAR_S * 1.5)
    swell = np.sin(np.pi * times / times[-1]) ** 1.2
    tone = sum(np.sin(2 * np.pi * pitch(note) * detune * times) for detune in (0.997, 1.0, 1.003))
    return np.asarray((tone + 0.4 * np.sin(4 * np.pi * pitch(note) * times)) * swell)


def pluck(note: int) -> Floats:
    """Return a note like that of a kalimba."""
    times = _times(1.6)
    partials = ((1, 1.0, 3.2), (2, 0.35, 5.5), (5.4, 0.12, 16.0))
    tone = sum(
        part * np.sin(2 * np.pi * pitch(note) * ratio * times) * np.exp(-decay * times)
        for ratio, part, decay in partials
    )
    return np.asarray(tone * np.minimum(times / 0.004, 1))


def bass(note: int) -> Floats:
    """Return a low, round note."""
    times = _times(_BAR_S)
    return np.asarray(np.sin(2 * np.pi * pitch(note) * times) * np.minimum(times / 0.02, 1) * np.exp(-1.1 * times))


def pitch(note: int) -> float:
    """Return the frequency of a MIDI note in Hz."""
    return float(440 * 2 ** ((note - 69) / 12))


def _times(length_s: float) -> Floats:
    return np.arange(round(length_s * RATE)) / RATE


def music(path: Path) -> None:
    """Encode the piece as AAC."""
    samples = (compose().T * 32767).round().astype("<i2").tobytes()
    source = ["-f", "s16le", "-ar", str(RATE), "-ac", "2", "-i", "-"]
    coder = ["-c:a", "aac", "-b:a", "96k", "-map_metadata", "-1", "-movflags", "+faststart", "-f", "ipod"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *source, *coder, str(path)]
    subprocess.run(command, input=samples, check=True, timeout=120)
