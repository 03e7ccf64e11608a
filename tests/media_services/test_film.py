"""Films as they come out: what is seen where and when, and what is heard, in real renders of tiny documents."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from media_services import pipeline
from media_services.errors import MediaError
from media_services.movie.reading import read
from tests import film, media

SIZE = (160, 90)


@pytest.fixture
def render(tmp_path):
    """Return a function that renders a document of local files and returns the film's path."""

    def rendered(document, stages=None):
        movie = read({"resolution": "160x90", "fps": 10, **document}, allow_files=True)
        local = {src: Path(src) for src, _ in movie.sources()}
        heard = [] if stages is None else stages
        production = pipeline.produce(movie, tmp_path / "work", lambda *where: heard.append(where), local=local)
        return production.films[0].file

    (tmp_path / "work").mkdir()
    return rendered


def image(file=None, **keys):
    return {"type": "image", "src": str(file or media.picture()), **keys}


def video(picture="testsrc2", duration_s=1.0, **keys):
    return {"type": "video", "src": str(media.video(picture=picture, duration_s=duration_s, fps="10")), **keys}


def audio(frequency_hz=440, duration_s=1.0, **keys):
    return {"type": "audio", "src": str(media.tone(frequency_hz=frequency_hz, duration_s=duration_s)), **keys}


def one(*elements, seconds=0.5, **keys):
    return {"scenes": [{"duration": seconds, "elements": list(elements)}], **keys}


def is_colour(pixel, expected, off=14):
    return np.abs(np.asarray(pixel, int) - expected).max() <= off


def colours(file, number, *points):
    """Return what colours are at (x, y) points of a frame, as words."""
    names = {"red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255), "black": (0, 0, 0), "white": (255,) * 3}
    pixels = film.frame(file, number)
    return [next((name for name, rgb in names.items() if is_colour(pixels[y, x], rgb)), "other") for x, y in points]


def test_a_picture_lies_exactly_in_its_box(render):
    file = render(one(image(x=20, y=10)))
    inside, outside = [(22, 12), (81, 12), (22, 55), (81, 55)], [(17, 12), (87, 12), (22, 7), (22, 61)]
    assert colours(file, 0, *inside) == ["red"] * 4
    assert colours(file, 0, *outside) == ["black"] * 4


def test_an_odd_position_is_kept(render):
    pixels = film.frame(render(one(image(x=21, y=11), quality="high")), 0).astype(int)
    assert pixels[30, 20].max() < 130 < pixels[30, 22, 0]


@pytest.mark.parametrize(
    ("resize", "middle_left", "corner"),
    [("cover", "red", "red"), ("fill", "red", "red"), ("contain", "black", "black"), ("fit", "black", "black")],
)
def test_resize(render, resize, middle_left, corner):
    square = media.picture(width=50, height=50)
    assert colours(render(one(image(square, resize=resize))), 0, (5, 45), (2, 2)) == [middle_left, corner]


def test_transparency_is_kept_where_a_picture_has_it(render, tmp_path):
    half = Image.new("RGBA", (160, 90), (255, 0, 0, 128))
    half.paste((0, 0, 0, 0), (0, 0, 80, 90))
    half.save(tmp_path / "half.png")
    document = one(image(tmp_path / "half.png"), elements=[video("color=white")])
    pixels = film.frame(render(document), 0)
    assert is_colour(pixels[45, 20], (255, 255, 255))
    assert is_colour(pixels[45, 140], (255, 127, 127))


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_photographs_stand_upright(render, orientation):
    file = media.oriented_jpeg(orientation)
    with Image.open(file) as raw:
        from PIL import ImageOps

        upright = ImageOps.exif_transpose(raw).convert("RGB").resize((160, 90))
    shown = film.frame(render(one(image(file, resize="fill"), quality="high")), 0).astype(int)
    assert np.abs(shown - np.asarray(upright, int)).mean() < 12


def test_a_rotated_video_stands_upright(render):
    file = render({"elements": [{"type": "video", "src": str(media.rotated_video(90))}], "width": 90, "height": 160})
    assert film.facts(file)["size"] == (90, 160)


def test_layers_lie_by_z_index_also_between_moving_ones(render):
    red, blue = media.picture(color="red"), media.picture(color="blue")
    document = one(
        image(blue, width=40, height=40, **{"z-index": 3}),
        video("color=lime", x=20, y=20, width=60, height=40, **{"z-index": 2}),
        image(red, width=100, height=80, **{"z-index": 1}),
    )
    assert colours(render(document), 2, (30, 30), (60, 50), (90, 70), (120, 80)) == ["blue", "lime", "red", "black"]


def test_a_scene_colour_lies_under_its_elements_and_over_the_background(render):
    document = {
        "scenes": [
            {"duration": 0.5, "background-color": "#0000ff", "elements": [image()]},
            {"duration": 0.5, "elements": [image()]},
        ],
        "elements": [video("color=lime")],
    }
    file = render(document)
    assert colours(file, 2, (30, 20), (130, 70)) == ["red", "blue"]
    assert colours(file, 7, (30, 20), (130, 70)) == ["red", "lime"]


def test_elements_come_and_go_on_their_own_frames(render):
    file = render(one(image(start=0.2, duration=0.3), video("color=lime", start=0.4, duration=0.2, x=80), seconds=1))
    seen = [colours(file, number, (30, 20), (120, 45)) for number in range(8)]
    assert [left for left, _ in seen] == ["black"] * 2 + ["red"] * 3 + ["black"] * 3
    assert [right for _, right in seen] == ["black"] * 4 + ["lime"] * 2 + ["black"] * 2


def test_a_video_shorter_than_its_stated_duration_stands_on_its_last_picture(render):
    file = render(one(video(duration_s=0.5, duration=1), seconds=1))
    assert np.abs(film.frame(file, 5).astype(int) - film.frame(file, 9)).mean() < 3


def test_a_looped_part_of_a_video_begins_again_at_its_seek(render):
    file = render(one(video(duration_s=2, seek=1, loop=2, resize="fill"), seconds=3, quality="high"))
    early, again = film.frame(file, 2).astype(int), film.frame(file, 12)
    assert np.abs(early - again).mean() < 6
    assert np.abs(early - film.frame(file, 7)).mean() > 2


def test_the_stated_duration_of_a_background_is_one_pass(render):
    file = render({"scenes": [{"duration": 2}], "elements": [video(duration_s=2, duration=0.5)], "quality": "high"})
    assert np.abs(film.frame(file, 1).astype(int) - film.frame(file, 6)).mean() < 6


def test_sounds_that_overlap_are_both_heard_at_their_volumes(render):
    sound = film.samples(render(one(audio(300), audio(1200, volume=0.25), seconds=1)))
    spectrum = np.abs(np.fft.rfft(sound.mean(axis=0)[4800:43200]))
    rate = np.fft.rfftfreq(38400, 1 / 48000)
    low, high = (spectrum[np.abs(rate - pitch).argmin()] for pitch in (300, 1200))
    assert 3.3 < low / high < 4.8


def test_a_sound_begins_at_its_sample_and_its_end_is_silent(render):
    sound = np.abs(film.samples(render(one(audio(1000, duration_s=0.5, start=0.3), seconds=1.2)))).max(axis=0)
    loud = np.flatnonzero(sound > 0.02)
    assert abs(loud[0] - 0.3 * 48000) < 480
    assert abs(loud[-1] - 0.8 * 48000) < 1200


def test_the_sum_is_limited_and_one_sound_is_not_touched(render, tmp_path):
    loud = tmp_path / "loud.wav"
    media.ffmpeg("-f", "lavfi", "-i", "sine=440:sample_rate=48000:duration=1", "-af", "volume=7", loud)
    sum_of_three = np.abs(film.samples(render(one(*[audio() | {"src": str(loud)}] * 3, seconds=1)))).max()
    assert 0.8 < sum_of_three <= 1.0


def test_mono_is_centred(render):
    left, right = film.samples(render(one(audio(), seconds=1)))
    assert np.abs(left - right).max() < 0.01


def test_a_looped_sound_has_no_gap(render):
    sound = film.samples(render(one(audio(1000, duration_s=0.2, loop=4), seconds=1)))
    assert min(film.level_db(sound, start, start + 0.02) for start in np.arange(0.1, 0.9, 0.02)) > -30


def test_a_film_without_sound_has_a_silent_track(render):
    file = render(one(image()))
    assert film.facts(file)["audio_s"] == pytest.approx(0.5, abs=0.05)
    assert film.level_db(film.samples(file), 0, 0.4) < -80


def test_a_film_of_many_scenes_has_every_frame(render):
    scenes = [{"duration": 0.233, "elements": [image(media.picture(color=c))]} for c in ("red", "lime", "blue") * 10]
    file = render({"scenes": scenes, "fps": 29.97})
    facts = film.facts(file)
    assert facts["frames"] == round(30 * 0.233 * 30000 / 1001)
    assert str(facts["fps"]) == "30000/1001"


def test_quality_is_paid_for_in_bytes(tmp_path):
    sizes = []
    for quality in ("low", "medium", "high"):
        movie = read({"resolution": "160x90", "quality": quality, **one(video(), seconds=1)}, allow_files=True)
        local = {src: Path(src) for src, _ in movie.sources()}
        (tmp_path / quality).mkdir()
        production = pipeline.produce(movie, tmp_path / quality, lambda *where: None, local=local)
        sizes.append(production.films[0].file.stat().st_size)
    assert sizes[0] < sizes[1] < sizes[2]


def test_the_stages_come_in_order_and_their_fractions_rise(render):
    stages = []
    render(one(image()), stages)
    assert [stage for stage, _ in stages] == sorted((s for s, _ in stages), key=list(type(stages[0][0])).index)
    assert [fraction for _, fraction in stages] == sorted(fraction for _, fraction in stages)


def test_raising_at_a_checkpoint_stops_the_work(tmp_path):
    movie = read({"resolution": "160x90", **one(image(), seconds=600)}, allow_files=True)
    calls = []

    def checkpoint(stage, fraction):
        calls.append(stage)
        if stage == "rendering":
            raise InterruptedError

    with pytest.raises(InterruptedError):
        pipeline.produce(movie, tmp_path, checkpoint, local={str(media.picture()): media.picture()})


def test_a_source_of_the_wrong_kind_is_refused_at_its_place(render):
    with pytest.raises(MediaError) as caught:
        render(one({"type": "video", "src": str(media.picture())}))
    assert caught.value.path == "/scenes/0/elements/0/src"
