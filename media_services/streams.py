"""Owns the facts about sound and moving pictures: every packet is read, and the first frames are decoded."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.stream import Disposition
from django.conf import settings

from media_services.errors import ErrorCode, MediaError
from media_services.media import Colour, MediaKind, Probe
from media_services.opening import MOST_STREAMS, open_streams
from media_services.wholeness import ends_early, states_its_frames

_SHORT_S = Fraction(1, 10)  # containers round; less than this is not missing
# More than any file has that is meant to be seen or heard; each is work for whoever reads or mixes it.
_MOST_PACKETS = 20_000_000  # a day of a film with sound has half of it
_LONGEST_S = 100 * 3600
_FASTEST_FPS, _FEW_FRAMES = 1000, 1000  # so few may come at once, where a container has coarse times
_HIGHEST_HZ = 768_000
_MIXED_CHANNELS = {1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 24}  # for which FFmpeg knows where the speakers stand
_DECODED_PACKETS = 200  # a stream of which none of so many packets decodes is not going to
_NO_PICTURE = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
# What ITU-T H.273 counts from 0, by FFmpeg's names; what says nothing, or is not told apart here, is a dash.
_MATRICES = "gbr bt709 - - fcc bt470bg smpte170m smpte240m ycgco bt2020nc bt2020c - - - ictcp"
_PRIMARIES = "- bt709 - - bt470m bt470bg smpte170m smpte240m film bt2020 smpte428 smpte431 smpte432"
_TRANSFERS = (
    "- bt709 - - bt470m bt470bg smpte170m smpte240m linear log100 log316 iec61966-2-4 bt1361e iec61966-2-1 bt2020-10 "
    "bt2020-12 smpte2084 smpte428 arib-std-b67"
)
_NOUNS = {MediaKind.VIDEO: "a video", MediaKind.AUDIO: "sound", MediaKind.IMAGE: "an image"}


def noun(kind: MediaKind | None) -> str:
    """Return what an element of a kind wants, in words."""
    return "sound, a video or an image" if kind is None else _NOUNS[kind]


def unsupported(reason: str, *, detail: str = "") -> MediaError:
    """Return the refusal of a file, for a reason that is a whole sentence about it."""
    return MediaError(ErrorCode.UNSUPPORTED_MEDIA, reason, detail=detail)


@dataclass
class _Track:
    """What reading one stream has shown so far; times are in seconds, as the container has them."""

    stream: Any
    packets: int = 0
    start_s: Fraction | None = None
    end_s: Fraction = Fraction(0)
    last_s: Fraction = Fraction(0)
    summed_s: Fraction = Fraction(0)
    frame: Any = None

    def read(self, packet: Any) -> None:
        """Take a packet into account, and try to decode it until a first frame is there."""
        if packet.size and not packet.is_discard:
            self._measure(packet)
        if self.frame is None and self.packets <= _DECODED_PACKETS:
            try:
                self.frame = next(iter(packet.decode()), None)
            except (av.FFmpegError, ValueError, MemoryError):
                return  # a stream may begin in the middle of something

    def _measure(self, packet: Any) -> None:
        self.packets += 1
        duration_s = (packet.duration or 0) * packet.time_base
        self.summed_s += duration_s
        ticks = packet.dts if packet.pts is None else packet.pts
        if ticks is None:
            return
        time_s = ticks * packet.time_base
        self.start_s = time_s if self.start_s is None else min(self.start_s, time_s)
        self.last_s = max(self.last_s, time_s)
        self.end_s = max(self.end_s, time_s + (duration_s or self._usual_s()))

    def _usual_s(self) -> Fraction:
        rate = getattr(self.stream, "guessed_rate", None) or getattr(self.stream, "average_rate", None)
        return 1 / rate if rate else Fraction(0)

    @property
    def found_s(self) -> Fraction:
        """The length of what was read; what lies before zero primes the decoder and is not heard."""
        if self.start_s is None:
            return self.summed_s
        return self.end_s - (max(self.start_s, Fraction(0)) if self.end_s > 0 else self.start_s)

    @property
    def fps(self) -> float | None:
        rate = self.stream.average_rate or self.stream.guessed_rate
        if rate and 0 < rate <= 1000:
            return float(rate)
        return float(self.packets / self.found_s) if self.found_s else None


def probe_stream(file: Path, *, kind: MediaKind | None, tick: Callable[[int], None]) -> Probe:
    """Probe a file that is sound or a video; raise MediaError when it is neither, not `kind`, or not whole.

    A video's sound serves where sound is wanted. `tick` hears after each packet how many bytes have been read; what it
    raises passes through.
    """
    try:
        container = open_streams(file)
    except MemoryError as error:
        reason = f"the file has more than {MOST_STREAMS} streams, or takes more memory than there is"
        raise unsupported(reason, detail=str(error)) from error
    except (av.FFmpegError, ValueError) as error:
        if ends_early(file):
            raise unsupported("the file is cut off: its index is missing or incomplete", detail=str(error)) from error
        raise unsupported("the file is damaged, or of a format that is not supported", detail=str(error)) from error
    with container:
        picture, sound = _chosen(container, kind)
        for track in filter(None, (picture, sound)):
            _prepare(track)
        _scan(container, [track for track in (picture, sound) if track], tick)
        return _facts(file, container, picture, sound)


def _chosen(container: InputContainer, kind: MediaKind | None) -> tuple[_Track | None, _Track | None]:
    """Return the tracks to read, or refuse a file that does not have what is wanted."""
    if len(container.streams) > MOST_STREAMS:
        raise unsupported(f"the file has more than {MOST_STREAMS} streams")
    pictures = [stream for stream in container.streams.video if not stream.disposition & _NO_PICTURE]
    sounds = list(container.streams.audio)
    if not pictures and not sounds:
        raise unsupported("the file has neither picture nor sound")
    if kind is MediaKind.IMAGE:
        raise unsupported(f"the file is {noun(MediaKind.VIDEO if pictures else MediaKind.AUDIO)}, not an image")
    if kind is MediaKind.VIDEO and not pictures:
        raise unsupported("the file is sound, not a video")
    if kind is MediaKind.AUDIO and not sounds:
        raise unsupported("the file is a video without sound, and sound is wanted")
    picture = _Track(pictures[0]) if pictures and kind is not MediaKind.AUDIO else None
    return picture, _Track(sounds[0]) if sounds else None


def _prepare(track: _Track) -> None:
    """Refuse what must not or cannot be decoded, before anything is."""
    stream = track.stream
    if stream.codec_context is None:
        raise unsupported(f"the {_part(track)} is in a coding that is not supported")
    limit_px = settings.VIDEOCRAFT.image_max_pixels
    if stream.type == "video":
        width, height = stream.codec_context.width, stream.codec_context.height
        if width * height > limit_px:
            raise unsupported(f"the picture is {width}x{height}, more than the allowed {limit_px} pixels")
        stream.codec_context.options = {"max_pixels": str(limit_px)}
    stream.codec_context.thread_count = 1


def _part(track: _Track) -> str:
    return "picture" if track.stream.type == "video" else "sound"


def _scan(container: InputContainer, tracks: list[_Track], tick: Callable[[int], None]) -> None:
    """Read every packet, and make sure that each track can be decoded."""
    by_index = {track.stream.index: track for track in tracks}
    read_bytes = 0
    for number, packet in enumerate(_packets(container, tracks)):
        if number == _MOST_PACKETS:
            raise unsupported(f"the file is in more than {_MOST_PACKETS:,} pieces")
        by_index[packet.stream.index].read(packet)
        read_bytes += packet.size
        tick(read_bytes)
    for track in tracks:
        if track.frame is None:
            name = track.stream.codec_context.name
            raise unsupported(f"the {_part(track)} cannot be decoded ({name}): it is empty or damaged")
        _refuse_excess(track)


def _refuse_excess(track: _Track) -> None:
    """Refuse what has been read and is no picture, or no sound, that anything plays."""
    found_s, frame = track.found_s, track.frame
    if found_s > _LONGEST_S:
        hours = _LONGEST_S // 3600
        raise unsupported(f"the {_part(track)} lasts {float(found_s) / 3600:,.0f} hours; {hours} are allowed")
    if track.stream.type == "video":
        if track.packets > _FEW_FRAMES and track.packets > found_s * _FASTEST_FPS:
            raise unsupported(f"the picture has more than {_FASTEST_FPS} frames a second")
    elif frame.layout.nb_channels not in _MIXED_CHANNELS:
        raise unsupported(f"the sound has {frame.layout.nb_channels} channels, which cannot be mixed: make it stereo")
    elif not 0 < frame.sample_rate <= _HIGHEST_HZ:
        raise unsupported(f"the sound has {frame.sample_rate:,} samples a second; {_HIGHEST_HZ:,} are allowed")


def _packets(container: InputContainer, tracks: list[_Track]) -> Iterator[Any]:
    try:
        yield from container.demux([track.stream for track in tracks])
    except (av.FFmpegError, ValueError, MemoryError) as error:
        after_s = max(float(track.found_s) for track in tracks)
        raise unsupported(f"the file is damaged after {after_s:.1f} s", detail=str(error)) from error


def _facts(file: Path, container: InputContainer, picture: _Track | None, sound: _Track | None) -> Probe:
    kind = container.format.name.partition(",")[0]
    counted = kind in ("mov", "flac", "aiff") or (kind == "mp3" and states_its_frames(file))
    for track in filter(None, (picture, sound)):
        _refuse_cut(file, track, kind, _stated_s(container, track, counted=counted))
    main = picture or sound
    assert main is not None
    stated_s = _stated_s(container, main, counted=counted) if kind in ("mov", "mp3") else None
    length_s = stated_s if stated_s and abs(stated_s - main.found_s) <= _SHORT_S else main.found_s
    return Probe(
        kind=MediaKind.VIDEO if picture else MediaKind.AUDIO,
        format=kind,
        duration_ms=round(length_s * 1000) if length_s > 0 else None,
        has_sound=sound is not None,
        **(_picture_facts(picture) if picture else {}),
        **(_sound_facts(sound) if sound else {}),
    )


def _stated_s(container: InputContainer, track: _Track, *, counted: bool) -> Fraction | None:
    """Return the length a container states, where that is more than a guess from what is there."""
    stream = track.stream
    if counted:
        return stream.duration * stream.time_base if stream.duration else None
    claims = container.format.name.startswith(("matroska", "flv"))
    return Fraction(container.duration, 1_000_000) if claims and container.duration else None


def _refuse_cut(file: Path, track: _Track, kind: str, stated_s: Fraction | None) -> None:
    """Refuse a file that ends before it should.

    Some formats count their frames, and too few of them say it all. In the others the stated length may be a lie in a
    whole file, so that only a container which announces more bytes than there are is cut.
    """
    short = stated_s is not None and stated_s - track.found_s > _SHORT_S
    counts_frames = kind in ("flac", "aiff", "flv", "mp3")
    cut = short if counts_frames else (short or stated_s is None) and ends_early(file)
    if cut and stated_s is not None:
        found_s, whole_s = float(track.found_s), float(stated_s)
        raise unsupported(f"the {_part(track)} ends after {found_s:.1f} of {whole_s:.1f} s: the file is cut off")
    if cut:
        raise unsupported(f"the file is cut off: it ends in the middle of its data, after {float(track.found_s):.1f} s")


def _picture_facts(track: _Track) -> dict[str, Any]:
    frame, stream = track.frame, track.stream
    ratio = stream.sample_aspect_ratio or Fraction(1)
    ratio = ratio if Fraction(1, 8) <= ratio <= 8 else Fraction(1)
    width, height = round(frame.width * ratio), frame.height
    rotation = round(-frame.rotation / 90) % 4 * 90  # FFmpeg counts counterclockwise
    turned = rotation in (90, 270)
    alpha_mode = {name.lower(): value for name, value in stream.metadata.items()}.get("alpha_mode")
    return {
        "width": height if turned else width,
        "height": width if turned else height,
        "rotation": rotation,
        "fps": track.fps,
        "frames": track.packets,
        "has_alpha": alpha_mode == "1" or any(component.is_alpha for component in frame.format.components),
        "is_square": ratio == 1,
        "is_interlaced": frame.interlaced_frame,
        "colour": _colour(frame),
        "video_codec": stream.codec_context.name,
    }


def _colour(frame: Any) -> Colour:
    is_rgb = frame.format.is_rgb or frame.format.has_palette
    return Colour(
        matrix="gbr" if is_rgb else _named(_MATRICES, frame.colorspace),
        primaries=_named(_PRIMARIES, frame.color_primaries),
        transfer=_named(_TRANSFERS, frame.color_trc),
    )


def _named(names: str, number: int) -> str | None:
    """Return the name at a place in a list of words."""
    name = dict(enumerate(names.split())).get(number, "-")
    return None if name == "-" else name


def _sound_facts(track: _Track) -> dict[str, Any]:
    return {
        "sample_rate": track.frame.sample_rate,
        "channels": track.frame.layout.nb_channels,
        "audio_codec": track.stream.codec_context.name,
    }
