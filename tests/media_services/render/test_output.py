"""What FFmpeg is told for each format, and how a GIF keeps time."""

from fractions import Fraction

import pytest

from media_services.movie.document import Format, Quality
from media_services.render import output
from media_services.timeline import Timeline


def timeline(**facts):
    base = {"width": 1280, "height": 720, "fps": Fraction(30), "frames": 300, "duration_ms": 10_000}
    return Timeline(**base | {"quality": Quality.MEDIUM, "scenes": (), "layers": (), "sounds": ()} | facts)


def gif(fps, frames=300):
    return timeline(format=Format.GIF, fps=Fraction(fps), frames=frames)


def option(options, name):
    return options[options.index(name) + 1]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("videos/a/1-0.mp4", "video/mp4"),
        ("a.WEBM", "video/webm"),
        ("a.gif", "image/gif"),
        ("a", "application/octet-stream"),
    ],
)
def test_the_content_type_is_that_of_the_name(name, expected):
    assert output.content_type_of(name) == expected


@pytest.mark.parametrize("format_", [Format.MP4, Format.WEBM])
def test_a_film_is_tagged_and_has_a_keyframe_every_two_seconds(format_):
    options = output.picture_options(timeline(format=format_, fps=Fraction(30000, 1001)))
    assert option(options, "-g") == "60"
    assert " ".join(options).count("bt709") == 3
    assert option(options, "-color_range") == "tv"


@pytest.mark.parametrize("format_", [Format.MP4, Format.WEBM])
def test_better_quality_is_a_lower_factor(format_):
    options = [output.picture_options(timeline(format=format_, quality=quality)) for quality in Quality]
    low, medium, high = (int(option(each, "-crf")) for each in options)
    assert low > medium > high


def test_a_draft_is_encoded_as_fast_as_can_be():
    assert option(output.picture_options(timeline(draft=True)), "-preset") == "ultrafast"
    webm = output.picture_options(timeline(draft=True, format=Format.WEBM))
    assert (option(webm, "-deadline"), option(webm, "-cpu-used")) == ("realtime", "8")


@pytest.mark.parametrize("format_", Format)
def test_one_thread_encodes_so_that_the_pictures_are_the_same_on_any_machine(format_):
    assert option(output.picture_options(timeline(format=format_)), "-threads:v") == "1"


@pytest.mark.parametrize(("fps", "shown", "frames"), [(30, 30, 300), (50, 50, 300), (60, 50, 250), ("53/1", 50, 283)])
def test_a_gif_is_shown_at_its_own_rate_up_to_fifty(fps, shown, frames):
    assert (output.shown_fps(gif(fps)), output.shown_frames(gif(fps))) == (shown, frames)


def test_other_formats_are_shown_at_any_rate():
    assert output.shown_fps(timeline(fps=Fraction(60))) == 60
    assert output.shown_frames(timeline(fps=Fraction(60))) == 300


def test_a_gif_of_one_frame_still_has_one():
    assert output.shown_frames(gif(60, frames=1)) == 1


@pytest.mark.parametrize(("fps", "frames", "delay"), [(30, 300, 3), (30, 2, 4), (7, 3, 14), (1, 1, 100), (60, 300, 2)])
def test_the_last_delay_of_a_gif_ends_with_the_film(fps, frames, delay):
    assert output.final_delay(gif(fps, frames)) == delay


def test_a_gif_slower_than_its_film_is_thinned_out_before_its_colours_are_counted_and_used():
    for fps, is_slower in ((60, True), (50, False)):
        counted = output.palette_options(gif(fps), pictures="pictures.mp4")
        used = output.gif_options(gif(fps), pictures="pictures.mp4", palette="palette.png")
        assert option(counted, "-vf").startswith("fps=50,") == is_slower
        assert option(used, "-filter_complex").startswith("[0:v]fps=50,") == is_slower


def test_the_lengths_of_segments_add_up_without_an_error():
    ends = [number * 100 / Fraction(30000, 1001) for number in range(1, 400)]
    lines = output.segment_list([f"{number}.mp4" for number in range(1, 400)], ends).splitlines()
    lengths = [Fraction(line.removeprefix("duration ")) for line in lines if line.startswith("duration")]
    assert abs(sum(lengths) - ends[-1]) <= Fraction(1, 1_000_000)
    assert lines[:3] == ["ffconcat version 1.0", "file 1.mp4", "duration 3.336667"]
