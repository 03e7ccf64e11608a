"""Owns captioning films: which sounds are transcribed, each once, and their words' places in the film."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path

from django.conf import settings

from media_services import results
from media_services.errors import MediaError
from media_services.subtitles import Word, ass_file, lines_of
from media_services.timeline import Captions, Sound, Timeline
from media_services.transcribe import fingerprint, recogniser, transcribe

_LONGEST_WORD_MS = 1_500  # Whisper stretches a segment's first word to the start of the silence before it
Key = tuple[str, str, str]  # model, language, SHA-256 of the sound


def caption_all(timelines: Sequence[Timeline], *, threads: int, report: Callable[[float], None]) -> list[list[str]]:
    """Return the ASS files of each film; every distinct sound is transcribed once, whichever films it is in.

    Raises MediaError(TRANSCRIPTION_FAILED) placed at the `subtitles` element.
    """
    wanted: dict[Key, tuple[Path, Captions]] = {}
    for timeline in timelines:
        for captions in timeline.captions:
            for sound in heard(timeline, captions):
                wanted.setdefault(_key(captions, sound), (sound.source.file, captions))
    if wanted:
        report(0.0)
    words = _kept(wanted)
    for key in sorted(wanted):
        if key not in words:
            batch = [other for other in wanted if other[:2] == key[:2] and other not in words]

            def done(fraction: float, *, before: int = len(words), size: int = len(batch)) -> None:
                report((before + fraction * size) / len(wanted))

            for heard_in, found in zip(batch, _transcribe(batch, wanted, threads, done), strict=True):
                words[heard_in] = found
                results.put(_name(heard_in), json.dumps([astuple(word) for word in found]).encode())
    return [[_ass(timeline, captions, words) for captions in timeline.captions] for timeline in timelines]


def _kept(wanted: Mapping[Key, tuple[Path, Captions]]) -> dict[Key, list[Word]]:
    """Return the words of the sounds that were transcribed before; raise MediaError when a model is missing."""
    words = {}
    for key, (_, captions) in wanted.items():
        try:
            content = results.take(_name(key))
        except MediaError as problem:
            raise problem.at(captions.path) from problem
        if content is not None:
            words[key] = [Word(*fields) for fields in json.loads(content)]
    return words


def _name(key: Key) -> str:
    """Return the name under which a sound's words are kept, which says all that they depend on."""
    model, language, sound = key
    return results.key("words", sound=sound, model=fingerprint(model), language=language, recogniser=recogniser())


def _transcribe(
    batch: Sequence[Key], wanted: dict[Key, tuple[Path, Captions]], threads: int, report: Callable[[float], None]
) -> list[list[Word]]:
    """Transcribe sounds that want the same model and language, in one process."""
    model, language, _ = batch[0]
    try:
        files = [wanted[key][0] for key in batch]
        return transcribe(files, model=model, language=language, threads=threads, report=report)
    except MediaError as problem:
        raise problem.at(wanted[batch[0]][1].path) from problem


def heard(timeline: Timeline, captions: Captions) -> list[Sound]:
    """Return the sounds whose words are shown: those of scenes, or, where there are none, the film's own."""
    sounds = [sound for sound in timeline.sounds if captions.hears(sound)]
    return [sound for sound in sounds if sound.scene is not None] or sounds


def _key(captions: Captions, sound: Sound) -> Key:
    model = captions.element.model or settings.VIDEOCRAFT.whisper_model
    return model, captions.element.language, sound.source.sha256


def _ass(timeline: Timeline, captions: Captions, words: dict[Key, list[Word]]) -> str:
    """Return one ASS file: the words of the sounds it hears, moved to their places in the film."""
    look = captions.element.settings
    placed = [
        Word(look.replace.get(word.text, word.text), word.start_ms, word.end_ms)
        for sound in heard(timeline, captions)
        for word in place_words(words[_key(captions, sound)], sound)
    ]
    lines = lines_of(placed, max_words=look.max_words_per_line)
    return ass_file(lines, look, width=timeline.width, height=timeline.height)


def place_words(words: Sequence[Word], sound: Sound) -> list[Word]:
    """Return the words of a source that are heard in one sound, at their times in the film."""
    moved_ms = sound.span.start_ms - sound.seek_ms
    placed = []
    for word in words:
        start_ms = max(word.start_ms, word.end_ms - _LONGEST_WORD_MS) + moved_ms
        end_ms = min(word.end_ms + moved_ms, sound.span.end_ms)
        if start_ms >= sound.span.start_ms and end_ms > start_ms:
            placed.append(Word(word.text, start_ms, end_ms))
    return placed
