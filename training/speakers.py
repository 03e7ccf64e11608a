"""Owns the speakers: voices of espeak-ng that each say every word of the vocabulary, and some phrases."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.phrases import phrase
from training.speech import RATE_HZ, Spoken, SpokenWord, UnclearSpeechError, speak
from training.vocabulary import WORDS

PHRASES = 30
_LOUDEST = 32767


@dataclass(frozen=True)
class Cast:
    """The voices and variants that speakers are made of."""

    voices: tuple[str, ...]
    variants: tuple[str, ...]


KNOWN = Cast(
    ("en-us", "en", "en-gb-x-rp", "en-gb-scotland", "en-029", "en-gb-x-gbclan"),
    (
        *("", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4"),
        *("Alex", "Andy", "Annie", "belinda", "david", "linda", "Michael", "steph", "travis", "max", "edward"),
        *("anika", "klatt", "klatt2", "adam", "antonio", "aunty", "benjamin", "boris", "caleb", "ed", "grandma"),
        *("grandpa", "iven", "marcelo", "miguel", "norbert", "pablo", "pedro", "quincy", "rob", "sandro", "shelby"),
        *("zac", "Denis", "Diogo", "Gene", "Henrique", "Hugo", "Jacky", "Lee", "Marco", "Mario", "Mike", "Nguyen"),
        *("steph2", "iven3", "edward2"),
    ),
)
HELD_OUT = Cast(  # never trained on
    ("en-us", "en", "en-gb-x-gbcwmd", "en-us-nyc"),
    ("m8", "f5", "Alicia", "john", "robert", "victor", "Andrea", "paul"),
)


@dataclass(frozen=True)
class Recording:
    """Spoken text with its samples as 16-bit integers, of which hours fit into memory."""

    samples: NDArray[np.int16]
    words: tuple[SpokenWord, ...]

    @classmethod
    def of(cls, spoken: Spoken) -> "Recording":
        return cls(np.round(spoken.samples * _LOUDEST).astype(np.int16), spoken.words)

    def play(self) -> Spoken:
        """Return it as samples from -1 to 1."""
        return Spoken(self.samples.astype(np.float32) / np.float32(_LOUDEST + 1), RATE_HZ, self.words)


@dataclass(frozen=True)
class Speaker:
    """Everything one voice says, at one speed and pitch."""

    words: tuple[Recording, ...]
    phrases: tuple[Recording, ...]


def make_speakers(seed: int, count: int, cast: Cast, *, phrases: int = PHRASES) -> list[Speaker]:
    """Let `count` speakers of a cast say every word and about `phrases` phrases; it takes a second for each."""
    rng = np.random.default_rng([seed, 0])
    return [_speaker(rng, cast, cast.variants[number % len(cast.variants)], phrases) for number in range(count)]


def _speaker(rng: np.random.Generator, cast: Cast, variant: str, phrases: int) -> Speaker:
    voice = str(rng.choice(cast.voices)) + (f"+{variant}" if variant else "")
    words_per_minute, pitch = int(rng.integers(125, 196)), int(rng.integers(25, 76))

    def record(text: str) -> Recording:
        return Recording.of(speak(text, voice=voice, words_per_minute=words_per_minute, pitch=pitch))

    said = []
    for _ in range(phrases):
        try:
            said.append(record(phrase(rng)))
        except UnclearSpeechError:
            continue
    return Speaker(tuple(record(word) for word in WORDS), tuple(said))
