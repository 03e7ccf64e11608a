"""Words that look like the markup of subtitle files, and how FFmpeg reads such a file."""

import subprocess

import imageio_ffmpeg

from media_services.subtitles.lines import Line, Word
from tests import media

MARKUP = [
    "<i>italic</i>",
    "<b>",
    "</font>",
    r"{\an8}above",
    r"{\p1}",
    "{braces}",
    "a{b",
    "}{",
    r"C:\New\home",
    "-->",
    "00:00:01,000 --> 00:00:02,000",
    "<00:00:01.500>",
    "<3 and > and <",
    "1 < 2 > 0",
    "AT&T",
    "42",
    "NOTE x",
    "WEBVTT",
    "[Events]",
    "a\n\nb",
    "今日は、いい天気。",
    "👍🏽 “É”",
]


def line(*texts, start_ms=0):
    words = tuple(Word(text, start_ms + n * 500, start_ms + n * 500 + 500) for n, text in enumerate(texts))
    return Line(words, start_ms, words[-1].end_ms)


def through_ffmpeg(text, suffix, to):
    """Return a subtitle file as FFmpeg reads and writes it, and what it says of it."""
    file = media.written(text.encode(), suffix)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-v", "warning", "-i", str(file), "-f", to, "-"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True)
    return done.stdout.decode(), done.stderr.decode()
