"""Owns what befalls speech on its way to a listener: a cheap microphone, a room, noise, faint music, loudness."""

import numpy as np

from training.sounds import Samples, noise, quick_length, tones
from training.speech import RATE_HZ

_AUDIBLE = 1e-3


def worsened(rng: np.random.Generator, samples: Samples) -> Samples:
    """Return speech as it might be recorded: of some quality and loudness, rounded to 16 bits."""
    loudness = _loudness(samples)
    if rng.random() < 0.4:
        samples = _through_microphone_and_room(rng, samples)
    if rng.random() < 0.5:
        samples = samples + noise(rng, len(samples), loudness * 10 ** -rng.uniform(0.5, 2.5))
    if rng.random() < 0.12:
        samples = samples + tones(rng, len(samples), loudness * 10 ** -rng.uniform(0.5, 1.5))
    samples = samples * np.float32(10 ** -abs(rng.normal(0, 0.4)) / max(float(np.abs(samples).max()), _AUDIBLE))
    return (np.round(np.clip(samples, -1, 1) * 32767) / 32768).astype(np.float32)


def _loudness(samples: Samples) -> float:
    """Return the root mean square of what is heard."""
    audible = samples[np.abs(samples) > _AUDIBLE]
    return max(1e-4, float(np.sqrt((audible**2).mean()))) if len(audible) else 1e-2


def _through_microphone_and_room(rng: np.random.Generator, samples: Samples) -> Samples:
    count = quick_length(len(samples) + RATE_HZ // 4)
    spectrum = np.fft.rfft(samples, count)
    frequencies_hz = np.linspace(0, RATE_HZ / 2, len(spectrum))
    if rng.random() < 0.5:
        spectrum *= np.clip((frequencies_hz + 100) / 1000, 0.1, 8) ** rng.uniform(-0.4, 0.4)
    if rng.random() < 0.6:
        spectrum *= 1 / (1 + (frequencies_hz / rng.uniform(3500, 8000)) ** 12)
    if rng.random() < 0.4:
        spectrum *= np.fft.rfft(_echoes(rng), count)
    return np.fft.irfft(spectrum)[: len(samples)].astype(np.float32)


def _echoes(rng: np.random.Generator) -> Samples:
    """Return the impulse response of a room."""
    count = int(rng.uniform(0.05, 0.25) * RATE_HZ)
    response = rng.standard_normal(count) * np.exp(-np.linspace(0, 7, count))
    response *= 10 ** rng.uniform(-1.2, -0.5) / np.sqrt((response**2).sum())
    response[0] = 1
    return response.astype(np.float32)
