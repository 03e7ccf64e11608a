"""Owns sound in which nobody speaks: silence, noise, tones and clicks."""

import numpy as np
from numpy.typing import NDArray

from training.speech import RATE_HZ

Samples = NDArray[np.float32]
_QUICK_LENGTH = 4000


def quick_length(count: int) -> int:
    """Return a length from `count` on that a Fourier transform is fast for."""
    return -(-count // _QUICK_LENGTH) * _QUICK_LENGTH


def without_speech(rng: np.random.Generator, length_s: float) -> Samples:
    """Return silence, noise, tones with faint noise, or clicks."""
    count = int(length_s * RATE_HZ)
    kind = rng.random()
    if kind < 0.3:
        return np.zeros(count, np.float32)
    level = float(10 ** rng.uniform(-4, -0.7))
    if kind < 0.55:
        return noise(rng, count, level)
    if kind < 0.9:
        return tones(rng, count, max(level, 0.01)) + noise(rng, count, float(10 ** rng.uniform(-6, -3)))
    return _clicks(rng, count, level)


def noise(rng: np.random.Generator, count: int, loudness: float) -> Samples:
    """Return noise from white to brown, with a root mean square of `loudness`."""
    spectrum = np.fft.rfft(rng.standard_normal(quick_length(count), dtype=np.float32))
    spectrum *= np.linspace(1e-3, 1, len(spectrum)) ** -rng.uniform(0, 1)
    samples = np.fft.irfft(spectrum)[:count]
    scaled: Samples = (samples * (loudness / max(1e-6, samples.std()))).astype(np.float32)
    return scaled


def tones(rng: np.random.Generator, count: int, peak: float) -> Samples:
    """Return a hum, beeps, chords or a sweep with this peak."""
    time_s = np.arange(count) / RATE_HZ
    kind = (_hum, _beeps, _chords, _sweep)[rng.integers(4)]
    samples = kind(rng, time_s)
    scaled: Samples = (samples * (peak / max(1e-6, np.abs(samples).max()))).astype(np.float32)
    return scaled


def _sine(frequency_hz: float, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
    wave: NDArray[np.float64] = np.sin(2 * np.pi * frequency_hz * time_s)
    return wave


def _gliding_sine(frequencies_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    wave: NDArray[np.float64] = np.sin(2 * np.pi * np.cumsum(frequencies_hz) / RATE_HZ)
    return wave


def _hum(rng: np.random.Generator, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
    pitch_hz = float(rng.choice([50, 60, 220, 440, 1000, rng.uniform(80, 4000)]))
    wave = _sine(pitch_hz, time_s)
    for harmonic in range(2, int(rng.integers(2, 6))):
        wave = wave + rng.uniform(0, 1) / harmonic**2 * _sine(pitch_hz * harmonic, time_s)
    return wave


def _beeps(rng: np.random.Generator, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
    pitch_hz, on_s, off_s = rng.uniform(200, 3000), rng.uniform(0.05, 0.5), rng.uniform(0.1, 1)
    return _sine(pitch_hz, time_s) * (time_s % (on_s + off_s) < on_s)


def _chords(rng: np.random.Generator, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
    length_s = rng.uniform(0.2, 1)
    chord = (time_s / length_s).astype(int)
    wave = np.zeros(len(time_s))
    for _ in range(rng.integers(1, 4)):
        pitches_hz = 110 * 2 ** (rng.integers(0, 36, chord[-1] + 1) / 12)
        wave += np.exp(-(time_s % length_s) * rng.uniform(0, 6)) * _gliding_sine(pitches_hz[chord])
    return wave


def _sweep(rng: np.random.Generator, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
    start_hz, end_hz = rng.uniform(50, 2000, 2)
    return _gliding_sine(np.linspace(start_hz, end_hz, len(time_s)))


def _clicks(rng: np.random.Generator, count: int, level: float) -> Samples:
    samples = np.zeros(count, np.float32)
    for _ in range(rng.integers(1, 12)):
        length = min(count, int(rng.uniform(0.002, 0.1) * RATE_HZ))
        start = rng.integers(0, count - length + 1)
        samples[start : start + length] += noise(rng, length, level) * np.exp(-np.linspace(0, 6, length))
    return samples
