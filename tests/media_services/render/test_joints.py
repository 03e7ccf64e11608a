"""The joints of a film that was encoded in segments: no player sees or hears, or stumbles over, where they are."""

import functools
import itertools
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import mean

import av
import numpy as np
import pytest

from media_services import ffmpeg, pipeline
from media_services.movie.document import Format
from media_services.movie.reading import read
from media_services.render import output, segments
from media_services.render.crew import Conditions
from media_services.render.encode import render
from media_services.render.segments import segments_of
from media_services.timeline import Timeline
from tests import media
from tests.film import samples
from tests.vmaf import vmaf

SCENE_S, SCENES = 2, 4
TONE_HZ = 440
RATES = ["25", "29.97", "23.976"]
FORMATS = ["mp4", "webm"]
AAC_SAMPLES = 1024  # in a packet, which is decoded whole
IDR, SPS, PPS = 5, 7, 8


@dataclass(frozen=True)
class Made:
    """A film, its timeline, the frames at which its segments begin, and the headers of each segment's coder."""

    file: Path
    timeline: Timeline
    begins: list[int]
    headers: list[bytes]


def document(fps, format_, sound):
    """Return a document whose pictures move in all of its scenes; a `tone` goes through it, or each has its `own`."""
    clip, photo = str(media.video(size="320x180", duration_s=SCENE_S, fps="24")), str(photograph())
    shown = [{"type": "video", "src": clip, "resize": "cover", "muted": True},
             {"type": "image", "src": photo, "resize": "cover", "zoom": 3, "pan": "left"}]  # fmt: skip
    scenes = [{"duration": SCENE_S, "elements": [shown[number % 2]]} for number in range(SCENES)]
    if sound == "own":
        for number, scene in enumerate(scenes):
            source = str(media.tone(duration_s=SCENE_S, frequency_hz=TONE_HZ + number * 110))
            scene["elements"].append({"type": "audio", "src": source})
    music = {"type": "audio", "src": str(media.tone(duration_s=SCENE_S * SCENES + 1, frequency_hz=TONE_HZ))}
    elements = [music] if sound == "tone" else []
    return {"width": 320, "height": 180, "fps": float(fps), "format": format_, "cache": False,
            "scenes": scenes, "elements": elements}  # fmt: skip


@functools.cache
def photograph():
    file = media.new_file(".png")
    media.ffmpeg("-f", "lavfi", "-i", "mandelbrot=size=640x360", "-frames:v", "1", file)
    return file


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Return a function that makes a film, in segments or in one piece; each is made once."""

    @functools.cache
    def made(fps="25", format_="mp4", sound="tone", *, in_one=False, lossless=False, **keys):
        with pytest.MonkeyPatch.context() as patch:
            if lossless:
                patch.setitem(output._CODERS, Format(format_), output._lossless)
            patch.setattr(segments, "_LEAST_PIXELS", 10**15 if in_one else 0)
            patch.setattr(segments, "_LEAST_S", SCENE_S)
            return rendered(document(fps, format_, sound) | keys, tmp_path_factory.mktemp("film"), patch)

    return made


def rendered(document, folder, patch):
    """Render a document with nothing that was kept."""
    movie = read(document, allow_files=True)
    local = {src: Path(src) for src, _ in movie.sources()}
    (timeline,) = pipeline.plan(movie, folder / "sources", lambda *where: None, local=local)
    begins = [segment.first_frame for segment in segments_of(timeline)]
    headers, run = [], ffmpeg.render

    def looking(arguments, **options):
        if Path(arguments[-1]).stem == "joined":
            headers.extend(header(folder / f"segment-{first}.mp4") for first in begins)
        return run(arguments, **options)

    patch.setattr(ffmpeg, "render", looking)
    file = render(timeline, folder, report=lambda done: None, conditions=Conditions()).file
    return Made(file, timeline, begins, headers)


def header(file):
    with av.open(str(file)) as container:
        return bytes(container.streams.video[0].codec_context.extradata or b"")


def packets(file, kind, **options):
    """Return the packets of a film's pictures or sound, in the order of the file."""
    with av.open(str(file), options=options) as container:
        return [packet for packet in container.demux(**{kind: 0}) if packet.size]


def ffmpegs(file, *options):
    """Return what FFmpeg writes of a film, which must not give it anything to complain about."""
    command = [ffmpeg.executable(), "-nostdin", "-loglevel", "warning", "-xerror", "-err_detect", "explode"]
    done = subprocess.run([*command, "-i", str(file), *options, "-"], capture_output=True, timeout=60)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    return done.stdout


def heard(file):
    """Return the sound as FFmpeg gives it to a player, samples x 2 channels."""
    return np.frombuffer(ffmpegs(file, "-map", "0:a", "-f", "s16le"), "<i2").reshape(-1, 2).astype(int)


def rises(numbers):
    return all(before < after for before, after in itertools.pairwise(numbers))


@pytest.mark.parametrize("sound", ["tone", "own"])
@pytest.mark.parametrize("format_", FORMATS)
def test_the_sound_is_that_of_a_film_in_one_piece_to_the_sample(film, format_, sound):
    joined, whole = (film("29.97", format_, sound, in_one=in_one) for in_one in (False, True))
    assert (len(joined.begins), len(whole.begins)) == (4, 1)
    assert np.array_equal(samples(joined.file), samples(whole.file))
    assert np.array_equal(heard(joined.file), heard(whole.file))
    assert len(heard(joined.file)) == joined.timeline.samples
    assert 0 <= samples(joined.file).shape[1] - joined.timeline.samples < AAC_SAMPLES


def largest_step(sound):
    """Return by how much two neighbouring samples differ at most, beside those of a whole tone as loud as this."""
    of_the_tone = np.abs(sound).max() * 2 * np.sin(np.pi * TONE_HZ / 48_000)
    return np.abs(np.diff(sound)).max() / of_the_tone


def faintest(sound):
    """Return how loud the faintest of all hundredths of a second is, beside the loudest."""
    levels = np.sqrt(np.mean(np.square(sound[: len(sound) // 480 * 480].reshape(-1, 480)), axis=1))
    return levels.min() / levels.max()


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("fps", RATES)
def test_a_tone_goes_over_the_joints_without_a_gap_or_a_click(film, fps, format_):
    joined = film(fps, format_)
    sound = heard(joined.file)[4800:-4800, 0]
    joint = round(joined.begins[1] * 48_000 / joined.timeline.fps) - 4800
    assert largest_step(sound) < 1.1
    assert largest_step(np.delete(sound, slice(joint, joint + 27))) > 1.5
    assert faintest(sound) > 0.9
    assert faintest(np.insert(sound, joint, np.zeros(960))) < 0.5


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("fps", RATES)
def test_each_picture_is_shown_at_its_time_and_as_long_as_the_others(film, fps, format_):
    joined = film(fps, format_)
    pictures = packets(joined.file, "video")
    grid = [n / joined.timeline.fps / pictures[0].time_base for n in range(joined.timeline.frames)]
    assert sorted(packet.pts for packet in pictures) == [int(time + Fraction(1, 2)) for time in grid]
    assert {packet.duration for packet in pictures} == {int(grid[1])}


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("fps", RATES)
def test_the_packets_of_each_stream_come_in_the_order_of_decoding(film, fps, format_):
    joined = film(fps, format_)
    pictures, sound = packets(joined.file, "video"), packets(joined.file, "audio")
    assert rises(packet.dts for packet in pictures)
    assert rises(packet.dts for packet in sound)
    assert rises(packet.pts for packet in pictures) == (format_ == "webm")  # H.264 has B-frames


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("fps", RATES)
def test_ffmpeg_has_nothing_to_say_of_the_joints(film, fps, format_):
    joined = film(fps, format_)
    ffmpegs(joined.file, "-map", "0", "-c", "copy", "-f", "null")
    decoded = [line for line in ffmpegs(joined.file, "-map", "0:v", "-f", "framehash").decode().splitlines()
               if not line.startswith("#")]  # fmt: skip
    times = [int(line.split(",")[2]) for line in decoded]
    assert times == list(range(joined.timeline.frames))


@pytest.mark.parametrize("fps", RATES)
def test_the_edit_list_leaves_out_what_is_before_the_first_picture_and_nothing_else(film, fps):
    file = film(fps).file
    for kind, delay in (("video", {2}), ("audio", {1})):
        shown, stored = packets(file, kind), packets(file, kind, ignore_editlist="1")
        moved = {(raw.pts - packet.pts) // raw.duration for packet, raw in zip(shown[:-1], stored[:-1], strict=True)}
        assert moved == delay
        assert len(stored) == len(shown)
        assert stored[0].dts == 0


def units(packet):
    """Return the NAL units of a packet of H.264 in an MP4."""
    content, found = bytes(packet), []
    while content:
        length = int.from_bytes(content[:4])
        found.append(content[4 : 4 + length])
        content = content[4 + length :]
    return found


def test_all_segments_have_the_same_headers_and_the_film_has_no_others(film):
    joined = film()
    assert len(joined.headers) == 4
    assert set(joined.headers) == {header(joined.file)} != {b""}
    repeated = [
        unit for packet in packets(joined.file, "video") for unit in units(packet) if unit[0] & 31 in (SPS, PPS)
    ]
    assert [unit for unit in repeated if unit not in joined.headers[0]] == []


def test_each_segment_of_a_webm_has_the_same_headers(film):
    assert len(set(film(format_="webm").headers)) == 1


@pytest.mark.parametrize("format_", FORMATS)
def test_nothing_behind_a_joint_needs_what_is_before_it(film, format_):
    joined = film(format_=format_)
    pictures = packets(joined.file, "video")
    firsts = [frame / joined.timeline.fps / pictures[0].time_base for frame in joined.begins]
    keys = {packet.pts: place for place, packet in enumerate(pictures) if packet.is_keyframe}
    assert set(firsts) <= set(keys)
    for time in firsts:
        assert all((packet.pts < time) == (place < keys[time]) for place, packet in enumerate(pictures))


def test_each_keyframe_is_one_after_which_a_decoder_begins_anew(film):
    keyframes = [packet for packet in packets(film().file, "video") if packet.is_keyframe]
    assert len(keyframes) >= 4
    assert all(IDR in {unit[0] & 31 for unit in units(packet)} for packet in keyframes)


@pytest.mark.parametrize("format_", FORMATS)
def test_a_joined_film_looks_like_one_in_one_piece(film, format_):
    joined, whole = (film(format_=format_, in_one=in_one, quality="high").file for in_one in (False, True))
    assert mean(vmaf(joined, whole)) >= 95
    assert mean(vmaf(media.converted(joined, ".mp4", "-crf", "35", "-an"), whole)) < 95


@pytest.mark.parametrize("format_", FORMATS)
def test_no_picture_is_worse_than_in_one_piece(film, format_):
    drawn = film(in_one=True, lossless=True).file
    joined, whole = (vmaf(film(format_=format_, in_one=in_one).file, drawn) for in_one in (False, True))
    assert mean(joined) > mean(whole) - 0.5
    assert min(np.subtract(joined, whole)) > -4


def seen_changes(document, folder):
    """Return the frames of a film that look otherwise than those before them."""
    movie = read(document)
    made = pipeline.produce(movie, folder, lambda *where: None, local={}).films[0]
    hashes = [line.split(",")[-1] for line in ffmpegs(made.file, "-map", "0:v", "-f", "framehash").decode().splitlines()
              if not line.startswith("#")]  # fmt: skip
    return [number for number, (before, after) in enumerate(itertools.pairwise(hashes), 1) if before != after]


@pytest.mark.parametrize(("fps", "frames"), [(30, 9), (60, 3)])
@pytest.mark.parametrize("in_one", [False, True])
def test_a_word_that_begins_with_a_frame_is_drawn_from_that_frame_on(tmp_path, monkeypatch, fps, frames, in_one):
    monkeypatch.setattr(segments, "_LEAST_PIXELS", 10**15 if in_one else 0)
    monkeypatch.setitem(output._CODERS, Format.MP4, output._lossless)
    step_ms = frames * 1000 // fps
    words = [{"text": f"w{n}", "start_ms": n * step_ms, "end_ms": (n + 1) * step_ms} for n in range(12_000 // step_ms)]
    subtitles = {"type": "subtitles", "language": "en", "captions": {"words": words}}
    scenes = [{"duration": 3, "background-color": colour} for colour in ("#204060", "#402060", "#604020", "#206040")]
    document = {"resolution": "160x90", "fps": fps, "cache": False, "scenes": scenes, "elements": [subtitles]}
    changes = seen_changes(document, tmp_path)
    assert len(changes) > 30
    assert [number for number in changes if number % frames and number % (3 * fps)] == []
