"""Looks into finished films, for tests: frames as pixels, sound as samples."""

from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray


def facts(film: Path) -> dict[str, Any]:
    """Return what a player would say of a film; durations in seconds, of each stream."""
    with av.open(str(film)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        frames = [frame.pts * frame.time_base for frame in container.decode(video)]
        context = video.codec_context
        return {
            "frames": len(frames),
            "fps": video.average_rate,
            "size": (context.width, context.height),
            "starts_s": float(frames[0]),
            "video_s": float(video.duration * video.time_base),
            "audio_s": float(audio.duration * audio.time_base),
            "codecs": (context.name, audio.codec_context.name),
            "pixels": context.pix_fmt,
            "colour": (context.color_primaries, context.color_trc, context.colorspace, context.color_range),
            "sound": (audio.codec_context.sample_rate, audio.codec_context.layout.name),
        }


def frame(film: Path, number: int) -> NDArray[np.uint8]:
    """Return one frame as RGB pixels, height x width x 3."""
    with av.open(str(film)) as container:
        for found, picture in enumerate(container.decode(video=0)):
            if found == number:
                return np.asarray(picture.to_ndarray(format="rgb24"))
    raise IndexError(number)


def samples(film: Path) -> NDArray[np.float32]:
    """Return the sound as samples from -1 to 1 at 48 kHz, channels x samples."""
    with av.open(str(film)) as container:
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=48000)
        pieces = [part.to_ndarray() for sound in container.decode(audio=0) for part in resampler.resample(sound)]
    return np.concatenate(pieces, axis=1)


def pitch_hz(sound: NDArray[np.float32], start_s: float, end_s: float) -> float:
    """Return the loudest frequency of a stretch of sound."""
    part = sound.mean(axis=0)[int(start_s * 48000) : int(end_s * 48000)]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
    return float(np.fft.rfftfreq(len(part), 1 / 48000)[int(spectrum.argmax())])


def level_db(sound: NDArray[np.float32], start_s: float, end_s: float) -> float:
    """Return the loudness of a stretch of sound, in dB below full scale (RMS)."""
    part = sound[:, int(start_s * 48000) : int(end_s * 48000)]
    return float(20 * np.log10(np.sqrt(np.mean(part**2)) + 1e-9))


def has_moov_first(film: Path) -> bool:
    """Say whether the index stands before the media, so that a film plays while it loads."""
    content = film.read_bytes()
    return content.index(b"moov") < content.index(b"mdat")
