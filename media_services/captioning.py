"""Owns captioning films: which sounds are transcribed, each once, and their words' places in the film."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from django.conf import settings

from media_services import results
from media_services.errors import MediaError, Problem
from media_services.fonts import Fonts, read_faces
from media_services.movie.document import read_captions
from media_services.recogniser import Line as Ear
from media_services.stage import Parts
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


def caption_all(
    timelines: Sequence[Timeline], *, threads: int, report: Callable[[float], None], recogniser: Ear
) -> list[Captioned]:
    """Return the subtitles of each film; every distinct sound is transcribed once, whichever films it is in.

    Raises MediaError(TRANSCRIPTION_FAILED) placed at the `subtitles` element.
    """
    wanted: dict[Key, tuple[Path, Captions]] = {}
    afresh: set[Key] = set()
    for timeline in timelines:
        for captions in filter(_listens, timeline.captions):
            for sound in heard(timeline, captions):
                wanted.setdefault(_key(captions, sound), (sound.source.file, captions))
                if not (captions.cache and sound.cache):
                    afresh.add(_key(captions, sound))
    if wanted:
        report(0.0)
    words = _kept({key: facts for key, facts in wanted.items() if key not in afresh})
    parts = Parts(report, len(wanted))
    for key in sorted(wanted, key=lambda key: key[0].model):  # each model is loaded once
        heard_out = parts.next(1)
        if key not in words:
            words[key] = _transcribe(key, *wanted[key], threads=threads, report=heard_out, recogniser=recogniser)
            results.put(_name(key), json.dumps([astuple(word) for word in words[key]]).encode())
    return [_captioned(timeline, words) for timeline in timelines]


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
    how, sound = key
    return results.key(
        "words",
        sound=sound,
        model=fingerprint(how.model),
        language=how.language,
        keywords=how.keywords,
        recogniser=recogniser_version(),
    )


def _transcribe(
    key: Key, file: Path, captions: Captions, *, threads: int, report: Callable[[float], None], recogniser: Ear
) -> list[Word]:
    try:
        return transcribe(file, how=key[0], threads=threads, report=report, recogniser=recogniser)
    except MediaError as problem:
        raise problem.at(captions.path) from problem


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
