"""Cutting a film into segments: where the cuts are, and that what was joined is frame for frame what it is in one."""

import hashlib
import itertools
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

from media_services import ffmpeg, pipeline
from media_services.captioning import caption_all
from media_services.movie.document import Format, Quality
from media_services.movie.reading import read
from media_services.movie.settings import TransitionStyle
from media_services.recogniser import Recogniser
from media_services.render import output, playing, segments
from media_services.render.crew import Conditions
from media_services.render.encode import render
from media_services.render.segments import part_of, segments_of
from media_services.timeline import SceneSpan, Span, Timeline, Transition
from tests import media


def span(first, end):
    return Span(first * 40, end * 40, first, end)


def film(*scenes, transitions=(), size=(1280, 720)):
    """Return a film of scenes of so many frames, 25 a second; each transition is (scene, frames)."""
    ends = list(itertools.accumulate(scenes))
    spans = [span(end - length, end) for length, end in zip(scenes, ends, strict=True)]
    crossings = [
        Transition(TransitionStyle.FADE, scene, span(spans[scene].first_frame, spans[scene].first_frame + frames))
        for scene, frames in transitions
    ]
    scenes = tuple(SceneSpan(None, span) for span in spans)
    whole = Timeline(*size, Fraction(25), ends[-1], ends[-1] * 40, Quality.MEDIUM, scenes, (), ())
    return replace(whole, transitions=tuple(crossings))


def cuts(timeline):
    found = segments_of(timeline)
    assert [segment.end_frame for segment in found[:-1]] == [segment.first_frame for segment in found[1:]]
    return [segment.first_frame for segment in found] + [found[-1].end_frame]


def test_each_scene_is_a_segment_if_it_is_long_enough():
    assert cuts(film(100, 100, 100)) == [0, 100, 200, 300]
    assert cuts(film(60, 60, 60, 60, 60)) == [0, 120, 240, 300]
    assert cuts(film(30)) == [0, 30]


def test_a_long_scene_is_cut_evenly():
    assert cuts(film(1000)) == [0, 500, 1000]
    assert cuts(film(100, 1100)) == [0, 100, 466, 833, 1200]


def test_small_films_have_longer_segments():
    assert cuts(film(100, 100, 100, size=(640, 360))) == [0, 300]


def test_no_cut_lies_within_a_transition():
    assert cuts(film(100, 100, 100, transitions=[(1, 50), (2, 50)])) == [0, 100, 200, 300]
    assert cuts(film(100, 900, 100, transitions=[(1, 800)])) == [0, 100, 900, 1000, 1100]


def test_many_short_transitions_are_few_in_a_segment():
    crossed = cuts(film(*[6] * 40, transitions=[(scene, 3) for scene in range(1, 40)]))
    assert max(after - before for before, after in itertools.pairwise(crossed)) <= 8 * 6
    assert cuts(film(*[2] * 40)) == [0, 80]


def test_a_part_says_nothing_of_where_it_is():
    whole = film(*[100] * 4, transitions=[(1, 20), (3, 20)])
    first, second, third, fourth = (part_of(whole, segment) for segment in segments_of(whole))
    assert (second, first) == (fourth, third)
    assert second.transitions[0].span == Span(0, 800, 0, 20)


def rich():
    """Return a document in which all that changes in time goes on across segments."""
    clip, short = str(media.video(duration_s=3.21, fps="24")), str(media.video(duration_s=0.7))
    photo, gif = str(media.new_file(".png")), str(media.animated_gif())
    media.ffmpeg("-f", "lavfi", "-i", "mandelbrot=size=320x180", "-frames:v", "1", photo)
    small = {"width": 40, "height": 30, "position": "custom", "y": 8}
    words = [{"text": f"word{n}", "start_ms": n * 230, "end_ms": n * 230 + 230} for n in range(40)]
    return {
        "resolution": "160x90",
        "fps": 29.97,
        "scenes": [
            {"duration": 2.5,
             "elements": [{"type": "image", "src": photo, "zoom": 3, "pan": "left", "resize": "cover"}]},
            {"duration": 4, "transition": {"style": "wipeleft", "duration": 0.9},
             "elements": [{"type": "video", "src": clip, "seek": 0.4, "loop": 0, "resize": "cover"}]},
            {"duration": 3, "transition": {"style": "fadewhite", "duration": 0.5},
             "elements": [{"type": "video", "src": clip, "duration": 3, "loop": -1, "resize": "cover"}]},
        ],
        "elements": [
            {"type": "video", "src": short},
            {"type": "image", "src": photo, "rotate": {"angle": 300, "speed": 8}, "x": 4, "fade-in": 3, **small},
            {"type": "image", "src": photo, "zoom": 5, "x": 50, "fade-out": 4, **small},
            {"type": "image", "src": gif, "x": 100, **small},
            {"type": "video", "src": clip, "x": 100, "y": 50, "width": 40, "height": 30, "position": "custom",
             "opacity": 0.6},
            {"type": "text", "text": "Here", "x": 10, "y": 50, "position": "custom", "width": 60, "height": 30},
            {"type": "subtitles", "captions": {"words": words}, "settings": {"style": "boxed-word"}},
        ],
    }  # fmt: skip


def rendered(document, folder):
    """Render a document; return the hashes of its frames, their times, and how many segments it had."""
    folder.mkdir()
    movie = read(document, allow_files=True)
    local = {src: Path(src) for src, _ in movie.sources()}
    (timeline,) = pipeline.plan(movie, folder / "sources", lambda *where: None, local=local)
    with Recogniser() as ear:
        (captioned,) = caption_all([timeline], threads=1, report=lambda done: None, recogniser=ear)
    (folder / "film").mkdir()
    film = render(timeline, folder / "film", report=lambda done: None, conditions=Conditions(), subtitles=captioned)
    with av.open(str(film.file)) as container:
        frames = list(container.decode(video=0))
        hashes = [hashlib.sha256(frame.to_ndarray().tobytes()).hexdigest() for frame in frames]
    return hashes, [frame.time for frame in frames], len(segments_of(timeline))


@pytest.mark.parametrize(("least", "plain_bytes"), [(13, 0), (40, 2**30)])
def test_a_film_in_segments_is_the_same_film(tmp_path, monkeypatch, least, plain_bytes):
    monkeypatch.setattr("media_services.render.passes._PLAIN_BYTES", plain_bytes)
    monkeypatch.setitem(output._CODERS, Format.MP4, output._lossless)
    monkeypatch.setattr(playing, "MAX_LOOP_MS", 2000)  # so that the clip's passes are played from its own file
    monkeypatch.setattr("media_services.render.passes.MAX_LOOP_MS", 2000)
    document = rich()
    whole, times, count = rendered(document, tmp_path / "whole")
    assert count == 1
    monkeypatch.setattr(segments, "_LEAST_PIXELS", 0)
    monkeypatch.setattr(segments, "_LEAST_S", Fraction(least, 30))
    monkeypatch.setattr(segments, "_MOST_TIMES", 1)
    parts, part_times, count = rendered(document, tmp_path / "parts")
    assert count >= 120 // least
    different = [number for number, pair in enumerate(zip(whole, parts, strict=True)) if pair[0] != pair[1]]
    assert different == []
    assert part_times == pytest.approx(times, abs=1e-4)
    assert part_times == sorted(set(part_times))


def test_no_ffmpeg_opens_more_than_a_segment_needs(monkeypatch, tmp_path):
    pictures = [str(media.picture(color=color)) for color in ("red", "lime", "blue")]
    scenes = [
        {"duration": 0.4, "elements": [{"type": "image", "src": pictures[number % 3], "zoom": 2, "resize": "cover"}]}
        for number in range(60)
    ]
    movie = read({"resolution": "160x90", "fps": 10, "scenes": scenes}, allow_files=True)
    (timeline,) = pipeline.plan(movie, tmp_path, lambda *where: None, local={src: Path(src) for src in pictures})
    opened, run = [], ffmpeg.render

    def counting(arguments, **options):
        opened.append(arguments.count("-i"))
        return run(arguments, **options)

    monkeypatch.setattr(ffmpeg, "render", counting)
    film = render(timeline, tmp_path, report=lambda done: None, conditions=Conditions())
    assert film.frames == 240
    assert max(opened) <= 8
    assert len(segments_of(timeline)) == 8
    assert len(opened) == 4 + 2  # every third segment shows the same again; the last is shorter
