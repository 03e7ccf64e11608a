"""Owns captioning films: which sounds are transcribed, each once, and their words' places in the film."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path

from django.conf import settings

from media_services import results
from media_services.errors import MediaError, Problem
from media_services.fonts import Fonts, read_faces
from media_services.journal import Journal, Outcome, Task, step, unheard
from media_services.movie.document import read_captions
from media_services.others import Nobody, Others, made_once
from media_services.recogniser import Line as Ear
from media_services.stage import Parts, Report
from media_services.subtitles.ass import Drawing, ass_file
from media_services.subtitles.encoding import decode
from media_services.subtitles.lines import Line, Phrase, Word, lines_of, replaced, too_fast
from media_services.subtitles.taken import Spoken, srt, vtt, words_json
from media_services.timeline import Captions, Sound, Timeline
from media_services.transcribe import Listening, recogniser_version, transcribe
from media_services.weights import checkpoint, fingerprint

_LONGEST_WORD_MS = 1_500  # Whisper stretches a segment's first word to the start of the silence before it
Key = tuple[Listening, str]  # how to listen, and to what: the SHA-256 of the sound


@dataclass(frozen=True)
class Captioned:
    """What the subtitles of a film came to: its files by what they are (`srt`, `vtt`, `ass`, `words`), its fonts.

    There are no files where the document asks for no subtitles.
    """

    files: Mapping[str, str]
    fonts: Fonts
    warnings: tuple[Problem, ...] = ()


def check_models(timelines: Sequence[Timeline]) -> None:
    """Raise MediaError, placed at its element, when the weights of a model that is to be used are not here."""
    for timeline in timelines:
        for captions in timeline.captions:
            if _listens(captions):
                try:
                    checkpoint(listening(captions).model)
                except MediaError as problem:
                    raise problem.at(captions.path) from problem


class NotKept(Exception):
    """Words are wanted that would have to be recognised."""


@dataclass(frozen=True)
class _Wanted:
    """A sound whose words are wanted: its file, the subtitles they are for, and whether they may be kept ones."""

    file: Path
    captions: Captions
    cache: bool


def caption_all(
    timelines: Sequence[Timeline],
    *,
    threads: int,
    report: Report,
    recogniser: Ear | None,
    others: Others | None = None,
    journal: Journal = unheard,
) -> list[Captioned]:
    """Return the subtitles of each film; every distinct sound is transcribed once, whichever films it is in.

    Raises MediaError(TRANSCRIPTION_FAILED) placed at the `subtitles` element; NotKept when there is no recogniser and
    something to recognise.
    """
    wanted = _wanted(timelines)
    if wanted:
        report(0.0)
    parts = Parts(report, len(wanted))
    words: dict[Key, list[Word]] = {}
    for key in sorted(wanted, key=lambda key: key[0].model):  # each model is loaded once
        each, heard_out = wanted[key], parts.next(1)
        with step(journal, Task.WORDS, each.captions.path) as entry:
            beside = others if others and each.cache else Nobody()
            words[key], entry.outcome = _come_by(key, each, threads, heard_out, recogniser, beside)
    return [_captioned(timeline, words) for timeline in timelines]


def _wanted(timelines: Sequence[Timeline]) -> dict[Key, _Wanted]:
    """Return the sounds that are listened to, each once."""
    wanted: dict[Key, _Wanted] = {}
    for timeline in timelines:
        for captions in filter(_listens, timeline.captions):
            for sound in heard(timeline, captions):
                key, cache = _key(captions, sound), captions.cache and sound.cache
                first = wanted.setdefault(key, _Wanted(sound.source.file, captions, cache))
                wanted[key] = replace(first, cache=first.cache and cache)
    return wanted


def _come_by(
    key: Key, wanted: _Wanted, threads: int, report: Report, recogniser: Ear | None, others: Others
) -> tuple[list[Word], Outcome]:
    """Take the words of a sound that were heard before, or recognise them."""
    words: list[Word] = []

    def take() -> bool:
        content = results.take(name) if wanted.cache else None
        if content is not None:
            words[:] = [Word(*fields) for fields in json.loads(content)]
        return content is not None

    def make() -> None:
        if recogniser is None:
            raise NotKept
        words[:] = transcribe(wanted.file, how=key[0], threads=threads, report=report, recogniser=recogniser)
        results.put(name, json.dumps([astuple(word) for word in words]).encode())

    try:
        name = _name(key)
        return words, made_once(name, others, take=take, make=make, tick=lambda: report(0.0))
    except MediaError as problem:
        raise problem.at(wanted.captions.path) from problem


def _name(key: Key) -> str:
    """Return the name under which a sound's words are kept, which says all that they depend on."""
    how, sound = key
    return results.key(
        "words",
        sound=sound,
        model=fingerprint(how.model),
        language=how.language,
        keywords=how.keywords,
        recogniser=recogniser_version(),
    )


def _listens(captions: Captions) -> bool:
    """Say whether speech is to be recognised for some subtitles: whether no captions were given."""
    return captions.element.captions is None


def heard(timeline: Timeline, captions: Captions) -> list[Sound]:
    """Return the sounds whose words are shown: those of scenes, or, where there are none, the film's own."""
    sounds = [sound for sound in timeline.sounds if captions.hears(sound)]
    return [sound for sound in sounds if sound.scene is not None] or sounds


def listening(captions: Captions) -> Listening:
    """Return how the speech of some subtitles is listened to: as the element says, else as the settings do."""
    element, configured = captions.element, settings.VIDEOCRAFT
    return Listening(
        element.model or configured.whisper_model,
        element.language or configured.whisper_language,
        tuple(element.settings.keywords),
    )


def _key(captions: Captions, sound: Sound) -> Key:
    return listening(captions), sound.source.sha256


def _captioned(timeline: Timeline, words: Mapping[Key, list[Word]]) -> Captioned:
    """Return the files of a film's subtitles: every element's words on lines, in its look."""
    fonts = Fonts(list(dict.fromkeys(captions.font.file for captions in timeline.captions if captions.font)))
    drawings, spoken, warnings = [], [], []
    for captions in timeline.captions:
        phrases = _phrases(timeline, captions, words)
        look = captions.element.settings
        if not isinstance(captions.element.captions, dict):  # words that were taken and edited are final
            phrases = [replaced(phrase, look.replace) for phrase in phrases]
        lines = lines_of(phrases, max_words=look.max_words_per_line)
        text = "".join(word.text.upper() if look.all_caps else word.text for line in lines for word in line.words)
        family = look.font_family or (read_faces(captions.font.file)[0].own_family if captions.font else None)
        typeface = fonts.choose(family, text, bold=look.font_weight == "bold")
        drawings.append(Drawing(lines, look, typeface))
        start_ms = captions.span.start_ms
        shown = [
            Word(word.text, word.start_ms - start_ms, word.end_ms - start_ms) for line in lines for word in line.words
        ]
        spoken.append(Spoken(captions.path, captions.element.language, shown))
        warnings += [Problem(captions.path, "font", warning) for warning in typeface.warnings]
        warnings += _reading_speed(captions, lines)
    if not drawings:
        return Captioned({}, fonts)
    lines = sorted((line for drawing in drawings for line in drawing.lines), key=lambda line: line.start_ms)
    files = {
        "srt": srt(lines),
        "vtt": vtt(lines),
        "ass": ass_file(drawings, width=timeline.width, height=timeline.height),
        "words": words_json(spoken),
    }
    return Captioned(files, fonts, tuple(warnings))


def _reading_speed(captions: Captions, lines: Sequence[Line]) -> list[Problem]:
    fast = too_fast(lines)
    if not fast:
        return []
    first = fast[0]
    message = (
        f"{len(fast)} of {len(lines)} lines are gone before they can be read; the first, {first.text!r} at "
        f"{first.start_ms / 1000:g} s, is shown for {(first.end_ms - first.start_ms) / 1000:g} s"
    )
    return [Problem(captions.path, "reading-speed", message)]


def _phrases(timeline: Timeline, captions: Captions, words: Mapping[Key, list[Word]]) -> list[Phrase]:
    """Return what some subtitles say, at its times in the film: the captions given, or the words that were heard."""
    if not _listens(captions):
        return [moved(phrase, captions) for phrase in _given(captions)]
    placed = (word for sound in heard(timeline, captions) for word in place_words(words[_key(captions, sound)], sound))
    span = captions.span
    return [Phrase(tuple(word for word in placed if span.start_ms <= word.start_ms < span.end_ms))]


def _given(captions: Captions) -> list[Phrase]:
    if captions.given is None:
        return captions.element.captions_inline or []
    return read_captions(decode(captions.given.file.read_bytes()))


def moved(phrase: Phrase, captions: Captions) -> Phrase:
    """Return a phrase of given captions, whose times are from the start of their element, at its place in the film."""
    start_ms, end_ms = captions.span.start_ms, captions.span.end_ms
    words = (
        Word(word.text, word.start_ms + start_ms, min(word.end_ms + start_ms, end_ms))
        for word in phrase.words
        if word.start_ms + start_ms < end_ms
    )
    return Phrase(tuple(words))


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
