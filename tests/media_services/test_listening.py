"""How the transcriber listens: with the threads it is given, one language, and the same words each time."""

import json
import subprocess
import sys
import wave

import numpy as np
import pytest

from media_services.weights import checkpoint
from tests import media
from tests.speech import long_talk, spoken


def listened(file, *, threads=1, piece_s=300, language="en"):
    arguments = [checkpoint("tiny-words"), file, threads, piece_s, language]
    command = [sys.executable, "-m", "tests.media_services.listening", *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, timeout=200).stdout)


def noisy(file, level):
    """Return a recording with noise over it."""
    with wave.open(str(file), "rb") as sound:
        facts, samples = sound.getparams(), np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
    noise = np.random.default_rng(1).normal(0, level * 32767, len(samples))
    copy = media.new_file(".wav")
    with wave.open(str(copy), "wb") as sound:
        sound.setparams(facts)
        sound.writeframes(np.clip(samples + noise, -32768, 32767).astype("<i2").tobytes())
    return copy


def test_a_language_is_detected_once_for_all_pieces():
    file, _ = long_talk(duration_s=28)
    auto = listened(file, piece_s=12, language="auto")
    assert len(auto["pieces"]) >= 3
    assert auto["detected"] == 1
    assert {language for language, _ in auto["pieces"]} == {"en"}


@pytest.mark.parametrize("threads", [1, 2])
def test_it_has_the_threads_it_is_given(threads):
    file, words = spoken("hello world this is the first video")
    heard = listened(file, threads=threads)
    assert heard["threads"] == threads
    assert [text.strip(".,").lower() for text, *_ in heard["pieces"][0][1]] == [word.text.lower() for word in words]


def test_what_is_hard_to_hear_is_heard_the_same_each_time():
    file = noisy(long_talk(duration_s=28)[0], 0.1)
    first, again = listened(file), listened(file)
    assert max(first["temperatures"]) > 0  # it was in doubt, and drew by lot
    assert again == first
