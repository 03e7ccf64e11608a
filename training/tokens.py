"""Owns the tokens of Whisper that are ever used, and their places in the small vocabulary of the training."""

from whisper.tokenizer import get_tokenizer

from training.vocabulary import WORDS

TOKENIZER = get_tokenizer(True, num_languages=99, language="en", task="transcribe")
OF_WORDS: dict[str, list[int]] = {word: TOKENIZER.encode(f" {word}") for word in WORDS}
COMMA: int = TOKENIZER.encode(",")[0]
PERIOD: int = TOKENIZER.encode(".")[0]
ENGLISH: int = TOKENIZER.to_language_token("en")
START: int = TOKENIZER.sot
END: int = TOKENIZER.eot
TRANSCRIBE: int = TOKENIZER.transcribe
NO_SPEECH: int = TOKENIZER.no_speech
NO_TIMES: int = TOKENIZER.no_timestamps
EARLIER_TEXT: int = TOKENIZER.sot_prev
TIME_0: int = TOKENIZER.timestamp_begin
LAST_TIME = 1500
TIME_MS = 20

_WORDS = sorted({token for tokens in OF_WORDS.values() for token in tokens})
_MARKS = (COMMA, PERIOD, END, START, ENGLISH, TRANSCRIBE, NO_SPEECH, NO_TIMES, EARLIER_TEXT)
WORD_COUNT = len(_WORDS)
TEXT_COUNT = len(_WORDS) + len(_MARKS)
_USED = (*_WORDS, *_MARKS, *range(TIME_0, TIME_0 + LAST_TIME + 1))
PLACES: dict[int, int] = {token: place for place, token in enumerate(_USED)}
"""The place of each used token in the small vocabulary: words first, then marks, then times."""


def time_token(time_ms: float) -> int:
    """Return the token of the nearest time from 0 to 30 s."""
    return TIME_0 + min(LAST_TIME, max(0, round(time_ms / TIME_MS)))
