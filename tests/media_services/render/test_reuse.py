"""Nothing is made twice: not a film again, nor what stayed in a changed one, nor what was done of a broken off one."""

import hashlib
import threading
from pathlib import Path

import av
import pytest
from django.core.files.storage import storages

from media_services import ffmpeg, pipeline, results
from media_services.errors import MediaError
from media_services.journal import FilmPlan, Outcome, Step, Task, unheard
from media_services.movie.reading import read
from media_services.others import Nobody
from tests import media


class Died(Exception):
    pass


@pytest.fixture(autouse=True)
def nothing_kept(settings, tmp_path, monkeypatch):
    monkeypatch.setattr("media_services.render.segments._LEAST_PIXELS", 0)
    options = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "results"}}
    settings.STORAGES = settings.STORAGES | {"results": options}


@pytest.fixture
def started(monkeypatch):
    """Return the files that FFmpeg was started for, so far."""
    files, run = [], ffmpeg.render

    def noting(arguments, **options):
        files.append(Path(arguments[-1]).name)
        return run(arguments, **options)

    monkeypatch.setattr(ffmpeg, "render", noting)
    return files


@pytest.fixture
def make(tmp_path, started):
    """Return a function that makes a film in a new folder; it returns the film, and what FFmpeg was started for."""

    def made(document, checkpoint=lambda stage, fraction: None):
        folder = tmp_path / f"work-{len(list(tmp_path.glob('work-*')))}"
        folder.mkdir()
        started.clear()
        movie = read(document, allow_files=True)
        local = {src: Path(src) for src, _ in movie.sources()}
        production = pipeline.produce(movie, folder, checkpoint, local=local)
        return production.films[0], list(started)

    return made


def film(*, colors=("red", "lime", "blue", "yellow", "cyan"), **keys):
    """Return a film of scenes of 2 s, each a segment, over a loop, with a sound."""
    pictures = [{"type": "image", "src": str(media.picture(color=color)), "zoom": 2, "width": 60} for color in colors]
    scenes = [{"duration": 2, "elements": [picture]} for picture in pictures]
    background = {"type": "video", "src": str(media.video(duration_s=1.5))}
    music = {"type": "audio", "src": str(media.tone(duration_s=8)), "loop": -1}
    return {"resolution": "160x90", "fps": 25, "scenes": scenes, "elements": [background, music], **keys}


def frames(file):
    with av.open(str(file)) as container:
        return [hashlib.sha256(frame.to_ndarray().tobytes()).hexdigest() for frame in container.decode(video=0)]


def segments(files):
    return [name for name in files if name.startswith("segment")]


def test_a_film_again_starts_nothing(make):
    first, files = make(film())
    assert files == ["pass-0.avi", *(f"segment-{number * 50}.mp4" for number in range(5)), "sound", "joined.mp4"]
    again, files = make(film())
    assert files == []
    assert again.file.read_bytes() == first.file.read_bytes()
    assert again.poster.read_bytes() == first.poster.read_bytes()
    assert again.contact_sheet.read_bytes() == first.contact_sheet.read_bytes()
    assert (again.frames, again.duration_ms, again.fps) == (first.frames, first.duration_ms, first.fps)


def test_only_what_changed_is_encoded_again(make, settings, tmp_path):
    make(film())
    changed = film(colors=("red", "lime", "white", "yellow", "cyan"))
    edited, files = make(changed)
    assert files == ["segment-100.mp4", "joined.mp4"]
    options = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "other"}}
    settings.STORAGES = settings.STORAGES | {"results": options}
    fresh, files = make(changed)
    assert len(segments(files)) == 5
    assert frames(edited.file) == frames(fresh.file)
    assert edited.file.read_bytes() == fresh.file.read_bytes()


def test_a_film_that_was_broken_off_goes_on_where_it_was(make, started):
    def dies_in_the_third(stage, fraction):
        if len(segments(started)) == 3:
            raise Died

    with pytest.raises(Died):
        make(film(), dies_in_the_third)
    resumed, files = make(film())
    assert segments(files) == ["segment-100.mp4", "segment-150.mp4", "segment-200.mp4"]
    whole, files = make(film(cache=False))
    assert len(segments(files)) == 5
    assert frames(resumed.file) == frames(whole.file)


@pytest.mark.parametrize("where", ["film", "scene", "element"])
def test_what_may_not_be_kept_is_made_afresh(make, where):
    document = film()
    make(document)
    {"film": document, "scene": document["scenes"][1], "element": document["scenes"][1]["elements"][0]}[where][
        "cache"
    ] = False
    _, files = make(document)
    assert segments(files) == ([f"segment-{n * 50}.mp4" for n in range(5)] if where == "film" else ["segment-50.mp4"])
    assert ("sound" in files) == ("pass-0.avi" in files) == (where == "film")


@pytest.mark.parametrize("which", [0, 1])
def test_a_pass_for_two_layers_is_made_afresh_if_either_asks_for_that(make, which):
    document = film(colors=("red",))
    document["elements"].insert(1, dict(document["elements"][0]))
    make(document)
    document["elements"][which]["cache"] = False
    _, files = make(document)
    assert "pass-0.avi" in files


def kept(kind):
    root = Path(storages["results"].path(""))
    return sorted(file for file in (root / kind).rglob("*") if file.is_file())


@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_what_was_damaged_is_made_again(make, damage):
    first, _ = make(film())
    for file in kept("films"):
        file.unlink()
    victim = kept("segments")[0]
    if damage == "gone":
        victim.unlink()
    else:
        content = victim.read_bytes()
        victim.write_bytes(content[:-100] if damage == "cut" else content[:-1] + bytes([content[-1] ^ 1]))
    again, files = make(film())
    assert len(segments(files)) == 1
    assert again.file.read_bytes() == first.file.read_bytes()
    assert len(kept("segments")) == 5


def test_eviction_in_the_midst_of_a_render_loses_nothing(make, started):
    def evicting(stage, fraction):
        if len(segments(started)) == 3:
            list(results.evict(0))

    evicted, files = make(film(), evicting)
    assert len(segments(files)) == 5
    whole, _ = make(film(cache=False))
    assert frames(evicted.file) == frames(whole.file)


def test_a_film_that_is_wrong_is_not_kept(make, monkeypatch):
    from media_services.render import encoder

    whole = encoder.joined_options
    monkeypatch.setattr(encoder, "joined_options", lambda *facts: [*whole(*facts), "-t", "3"])
    with pytest.raises(MediaError, match="frames"):
        make(film())
    assert kept("films") == []
    monkeypatch.undo()


def test_other_formats_are_kept_as_well(make):
    for format_ in ("webm", "gif"):
        document = film(colors=("red",), format=format_, draft=True)
        first, files = make(document)
        assert files
        again, files = make(document)
        assert files == []
        assert again.file.read_bytes() == first.file.read_bytes()


def test_with_more_cores_segments_are_encoded_side_by_side_and_are_the_same(make, settings, monkeypatch):
    at_once, run, lock = [0, 0], ffmpeg.render, threading.Lock()

    def counting(arguments, **options):
        with lock:
            at_once[0] += 1
            at_once[1] = max(at_once)
        try:
            return run(arguments, **options)
        finally:
            with lock:
                at_once[0] -= 1

    one, _ = make(film(cache=False))
    monkeypatch.setattr(ffmpeg, "render", counting)
    settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"job_cpu_limit": 3.0})
    several, _ = make(film(cache=False))
    assert at_once[1] == 3
    assert several.file.read_bytes() == one.file.read_bytes()


@pytest.mark.parametrize(("cores", "memory_mib", "lanes"), [(1, 2048, 1), (3.5, 8192, 4), (8, 2048, 4), (8, 300, 1)])
def test_as_many_segments_at_once_as_cores_if_memory_allows(settings, cores, memory_mib, lanes):
    limits = {"job_cpu_limit": cores, "job_memory_limit": memory_mib * 2**20}
    settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update=limits)
    assert pipeline.conditions_for(Nobody(), unheard).lanes == lanes


def test_what_the_journal_hears_is_what_was_done(make, monkeypatch):
    heard = []
    produce = pipeline.produce
    monkeypatch.setattr(pipeline, "produce", lambda *args, **options: produce(*args, **options, journal=heard.append))
    make(film())
    plan = next(entry for entry in heard if isinstance(entry, FilmPlan))
    assert [(segment.first_frame, segment.end_frame) for segment in plan.segments] == [
        (number * 50, number * 50 + 50) for number in range(5)
    ]
    steps = [entry for entry in heard if isinstance(entry, Step)]
    done = [Task.PROBE] * 7 + [Task.PREPARE] + [Task.SEGMENT] * 5 + [Task.SOUND, Task.FILM]
    assert [step.task for step in steps] == done
    assert {step.outcome for step in steps} == {Outcome.MADE}
    assert [step.number for step in steps if step.task is Task.SEGMENT] == list(range(5))
    assert all(step.began_at <= step.ended_at for step in steps)
    heard.clear()
    make(film())
    assert [(step.task, step.outcome) for step in heard[-1:]] == [(Task.FILM, Outcome.KEPT)]
