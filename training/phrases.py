"""Owns what the speakers say: phrases of the vocabulary, made up at random."""

import re

import numpy as np

from training.vocabulary import COLOURS, NOUNS, NUMBERS, ORDERS, VERBS, WORDS

_PLACES = {
    "answer": ("yes", "no"),
    "colour": COLOURS,
    "noun": NOUNS,
    "number": NUMBERS,
    "order": ORDERS,
    "verb": VERBS,
}
_PATTERNS = (
    "hello world",
    "good morning world",
    "welcome",
    "this is the <order> <noun>",
    "<verb> the <colour> <noun>",
    "the <noun> is <colour>",
    "<verb> the <noun> and <verb> the <noun>",
    "<answer>, this is <colour>",
    "<noun> <number>",
    "<number> <number> <number>",
    "<colour> and <colour>",
    "the <order> <noun> is <number>",
    "<verb> <noun> <number> today",
)


def phrase(rng: np.random.Generator) -> str:
    """Return some words with commas: half of the time nearly English, else any words."""
    if rng.random() < 0.5:
        parts = [_english(rng) for _ in range(rng.integers(1, 3))]
        return str(rng.choice([" ", ", "])).join(parts)
    words = [str(word) for word in rng.choice(WORDS, rng.integers(2, 9))]
    return " ".join([word + ("," if rng.random() < 0.12 else "") for word in words[:-1]] + words[-1:])


def _english(rng: np.random.Generator) -> str:
    pattern = str(rng.choice(_PATTERNS))
    return re.sub("<([a-z]+)>", lambda place: str(rng.choice(_PLACES[place[1]])), pattern)
