"""Sounds are where and as loud as the format says, and nothing clicks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from media_services import ffmpeg
from tests import film, media
from tests.conformance import material
from tests.conformance.case import Document, element, scene
from tests.conformance.rendered import render

RATE = 48_000
SMALL: Document = {"resolution": "64x36", "fps": 10}
Samples = NDArray[np.float32]


def heard(*elements: Document, seconds: float = 1.0, **keys: Any) -> Samples:
    return render({**SMALL, "scenes": [scene(*elements, seconds=seconds)], **keys}).samples


def tone(*pitches_hz: float, seconds: float = 1.0, level: float = 0.5, **keys: Any) -> Document:
    return element("audio", material.sound(*pitches_hz, seconds=seconds, level=level), **keys)


def peak(sound: Samples, start_s: float, end_s: float, channel: int | slice = slice(None)) -> float:
    return float(np.abs(sound[channel, int(start_s * RATE) : int(end_s * RATE)]).max())


def largest_step(sound: Samples, start_s: float, end_s: float) -> float:
    """Return the largest difference between neighbouring samples."""
    return float(np.abs(np.diff(sound[:, int(start_s * RATE) : int(end_s * RATE)], axis=1)).max())


def harshness(sound: Samples, at_s: float, width_s: float = 0.02) -> float:
    """Return the energy above 6 kHz about a time, in dB of full scale: a click has much, low tones have none."""
    part = sound.mean(axis=0)[int((at_s - width_s) * RATE) : int((at_s + width_s) * RATE)]
    spectrum = np.fft.rfft(part * np.hanning(len(part))) / len(part)
    high = spectrum[np.fft.rfftfreq(len(part), 1 / RATE) > 6000]
    return float(10 * np.log10((np.abs(high) ** 2).sum() + 1e-12))


@pytest.mark.parametrize(("volume", "level"), [(1, 0.5), (0.25, 0.125), (1.5, 0.75), (0, 0), ("0.5", 0.25)])
def test_volume(volume: Any, level: float):
    assert peak(heard(tone(440, 440, volume=volume)), 0.2, 0.8) == pytest.approx(level, abs=0.03)


def test_muted_is_silent():
    video = element("video", media.video(duration_s=1, size="64x36"))
    assert film.level_db(heard(video), 0.1, 0.9) > -40
    assert film.level_db(heard({**video, "muted": True}), 0, 1) < -80


def two_pitches(**keys: Any) -> Document:
    """Return half a second of 440 Hz and half a second of 1320 Hz."""
    times = np.arange(RATE // 2) / RATE
    samples = np.concatenate([0.5 * np.sin(2 * np.pi * pitch * times) for pitch in (440, 1320)])
    return element("audio", material.wav([samples]), **keys)


def test_seek_and_duration_cut_a_sound():
    sound = heard(two_pitches(seek=0.25, duration=0.5))
    assert film.pitch_hz(sound, 0.05, 0.2) == pytest.approx(440, abs=10)
    assert film.pitch_hz(sound, 0.3, 0.45) == pytest.approx(1320, abs=10)
    assert film.level_db(sound, 0.55, 1) < -70


def test_loop_plays_on_from_the_seek():
    sound = heard(two_pitches(seek=0.3, loop=1), seconds=2)
    pitches = [film.pitch_hz(sound, start, start + 0.15) for start in (0.02, 0.3, 0.72, 1.0)]
    assert pitches == pytest.approx([440, 1320, 440, 1320], abs=15)
    assert film.level_db(sound, 1.45, 2) < -70


def test_an_endless_loop_ends_with_its_scene():
    document = {"scenes": [scene(tone(440, seconds=0.2, loop=-1), seconds=1), scene(seconds=0.5)]}
    sound = render({**SMALL, **document}).samples
    assert film.level_db(sound, 0.8, 0.95) > -14
    assert film.level_db(sound, 1.05, 1.5) < -70


def test_start_is_exact_to_the_sample_and_extra_time_is_silent():
    click = np.zeros(RATE // 2)
    click[RATE // 4 : RATE // 4 + 24] = 0.8
    sound = heard(element("audio", material.wav([click, click]), start=0.337, extra_time=0.4), seconds=1.5)
    assert abs(int(np.abs(sound[0]).argmax()) - round(0.587 * RATE) - 12) <= 24
    assert film.level_db(sound, 0.7, 1.5) < -60


def test_sounds_of_many_scenes_stay_with_their_pictures():
    burst = tone(1000, 1000, seconds=0.1)
    sound = render({**SMALL, "fps": 29.97, "scenes": [scene(burst, seconds=0.233) for _ in range(20)]}).samples
    for number in range(20):
        part = np.abs(sound[0, int((number * 0.233 - 0.05) * RATE) * (number > 0) :])
        begins = int((part > 0.1).argmax()) / RATE + max(number * 0.233 - 0.05, 0)
        assert begins == pytest.approx(number * 0.233, abs=0.002)


def test_fades_of_a_sound():
    sound = heard(tone(440, 440, fade_in=0.4, fade_out=0.4))
    rising = [peak(sound, start, start + 0.01) for start in (0.0, 0.1, 0.2, 0.3, 0.4)]
    falling = [peak(sound, start - 0.01, start) for start in (1.0, 0.9, 0.8, 0.7, 0.6)]
    for levels in (rising, falling):
        assert levels[0] < 0.05
        assert levels == sorted(levels)
        assert levels[-1] == pytest.approx(0.5, abs=0.03)


def test_mono_is_centred_and_as_loud_as_it_is():
    left, right = heard(tone(440))
    assert np.abs(left - right).max() < 0.01
    assert np.abs(left[RATE // 5 : -RATE // 5]).max() == pytest.approx(0.5, abs=0.03)


def test_stereo_keeps_its_sides():
    sound = heard(tone(440, 0))
    assert peak(sound, 0.2, 0.8, 0) == pytest.approx(0.5, abs=0.02)
    assert peak(sound, 0.2, 0.8, 1) < 0.01


@pytest.mark.parametrize(("channel", "sides"), [(0, "left"), (1, "right"), (2, "both"), (4, "left"), (5, "right")])
def test_surround_is_mixed_down(channel: int, sides: str):
    pitches = [0.0] * 6
    pitches[channel] = 440
    sound = heard(element("audio", material.sound(*pitches, suffix=".flac")))
    left, right = peak(sound, 0.2, 0.8, 0), peak(sound, 0.2, 0.8, 1)
    assert (left > 0.1) == (sides != "right")
    assert (right > 0.1) == (sides != "left")
    if sides == "both":
        assert left == pytest.approx(right, abs=0.01)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 96000])
def test_sounds_of_other_rates(rate: int):
    sound = heard(element("audio", material.sound(440, 440, rate=rate), start=0.2), seconds=1.4)
    assert film.pitch_hz(sound, 0.3, 1.1) == pytest.approx(440, abs=2)
    assert int((np.abs(sound[0]) > 0.1).argmax()) / RATE == pytest.approx(0.2, abs=0.003)
    assert film.level_db(sound, 1.22, 1.4) < -60


@pytest.mark.parametrize("suffix", [".mp3", ".m4a", ".ogg", ".opus", ".flac"])
def test_sounds_of_other_codecs(suffix: str):
    file = material.sound(440, 440, suffix=suffix)
    sound = heard(element("audio", file, start=0.2), seconds=1.5)
    assert film.pitch_hz(sound, 0.3, 1.1) == pytest.approx(440, abs=2)
    assert int((np.abs(sound[0]) > 0.1).argmax()) / RATE == pytest.approx(0.2, abs=0.03)


def test_loud_sounds_together_never_clip_and_are_not_turned_down_where_they_are_not_loud():
    loud = [tone(pitch, pitch, level=0.9, start=0.5, seconds=0.5) for pitch in (300, 310, 470, 800)]
    sound = heard(tone(440, 440, level=0.3, seconds=2), *loud, seconds=2)
    assert np.abs(sound).max() <= 1.0
    assert peak(sound, 0.55, 0.95) > 0.8
    for start in (0.1, 1.5):
        assert peak(sound, start, start + 0.3) == pytest.approx(0.3, abs=0.02)


def test_a_sound_of_full_scale_is_left_as_it_is():
    sound = heard(tone(440, 440, level=0.95))
    assert peak(sound, 0.2, 0.8) == pytest.approx(0.95, abs=0.03)
    part = sound[0, RATE // 5 : RATE // 5 * 4]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
    pitches = np.fft.rfftfreq(len(part), 1 / RATE)
    other = spectrum[(pitches > 600) & (pitches < 8000)].max()
    assert 20 * np.log10(other / spectrum.max()) < -50


def test_sounds_cross_in_a_transition_without_a_hole():
    transition = {"style": "fade", "duration": 0.5}
    scenes = [scene(tone(400, 400, seconds=1)), scene(tone(700, 700, seconds=1), transition=transition)]
    for one in scenes:
        one["duration"] = 1
    sound = render({**SMALL, "scenes": scenes}).samples
    levels = [film.level_db(sound, start, start + 0.05) for start in np.arange(0.1, 1.35, 0.05)]
    assert max(levels) - min(levels) < 2.5
    assert film.pitch_hz(sound, 0.1, 0.45) == pytest.approx(400, abs=10)
    assert film.pitch_hz(sound, 1.05, 1.4) == pytest.approx(700, abs=10)
    early, late = sound[:, int(0.5 * RATE) : int(0.6 * RATE)], sound[:, int(0.9 * RATE) : int(RATE)]
    assert film.pitch_hz(early, 0, 0.1) == pytest.approx(400, abs=15)
    assert film.pitch_hz(late, 0, 0.1) == pytest.approx(700, abs=15)


@pytest.mark.parametrize("transition", [None, {"style": "fade", "duration": 0.2}])
def test_nothing_clicks_where_scenes_meet(transition: Document | None):
    """Each scene cuts its tone in the midst of a wave, and the second one also begins there."""
    first = scene(tone(313, 313, seconds=2), seconds=0.7)
    second = scene(tone(417, 417, seconds=2, seek=0.7504), seconds=0.7)
    if transition:
        second["transition"] = transition
    sound = render({**SMALL, "scenes": [first, second]}).samples
    steady, joint = largest_step(sound, 0.2, 0.4), 0.7 - (0.2 if transition else 0)
    assert largest_step(sound, joint - 0.05, 0.75) < 2 * steady
    assert harshness(sound, joint) < -50
    assert harshness(sound, 0.7) < -50


@pytest.mark.parametrize(
    "keys",
    [{"seek": 0.2508}, {"duration": 0.5008}, {"seek": 0.2508, "duration": 0.5008}, {"duration": 0.5008, "loop": -1}],
)
def test_a_sound_that_is_cut_does_not_click(keys: dict[str, float]):
    sound = heard(tone(313, 313, seconds=1, start=0.3, **keys), seconds=1.5)
    steady = largest_step(sound, 0.45, 0.6)
    assert largest_step(sound, 0.25, 1.4) < 2 * steady
    assert harshness(sound, 0.3) < -50


def test_more_sounds_than_one_ffmpeg_opens_are_the_same_mix(monkeypatch: pytest.MonkeyPatch):
    pitches = [tone(300 + 40 * number, seconds=0.4, level=0.05, start=number * 0.15) for number in range(12)]
    scenes = [scene(*pitches, seconds=2.5), scene(*pitches[::-1], seconds=2.5)]
    music = tone(150, seconds=0.7, level=0.1, loop=-1)

    def mixed() -> Samples:
        opened.clear()
        return render({**SMALL, "cache": False, "scenes": scenes, "elements": [music]}).samples

    opened: list[int] = []
    run = ffmpeg.render

    def counting(arguments: Sequence[str], **options: Any) -> str:
        opened.append(arguments.count("-i"))
        return run(arguments, **options)

    monkeypatch.setattr(ffmpeg, "render", counting)
    whole = mixed()
    assert max(opened) == 25
    monkeypatch.setattr("media_services.render.sound.MAX_INPUTS", 4)  # 25 sounds, 7 bundles, 2 bundles of bundles
    bundled = mixed()
    assert max(opened) == 4
    assert len(opened) >= 9
    assert bundled.shape == whole.shape
    assert float(np.abs(bundled - whole).max()) < 1e-3


def test_project_sound_lies_under_all_scenes_and_ends_with_them():
    document = {
        "scenes": [scene(tone(700, 700, seconds=0.4)), scene()],
        "elements": [tone(300, 300, seconds=5, volume=0.5)],
    }
    sound = render({**SMALL, **document}).samples
    assert sound.shape[1] == pytest.approx(RATE, abs=1024 + 64)
    assert film.pitch_hz(sound, 0.6, 0.9) == pytest.approx(300, abs=10)
    assert film.pitch_hz(sound, 0.05, 0.35) == pytest.approx(700, abs=10)
    assert film.level_db(sound, 0.1, 0.3) > film.level_db(sound, 0.6, 0.9) + 5


def test_project_sound_loops_only_if_it_is_told_to():
    short = tone(300, 300, seconds=0.3)
    once, again = (
        render({**SMALL, "scenes": [scene(seconds=1)], "elements": [{**short, "loop": loop}]}).samples
        for loop in (0, -1)
    )
    assert film.level_db(once, 0.4, 0.9) < -70
    assert film.level_db(again, 0.4, 0.9) > -14
