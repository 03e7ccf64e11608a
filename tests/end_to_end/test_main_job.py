"""The main job: a document goes in over HTTP, a finished film comes out, and it is the film that was asked for."""

import json
import time

import numpy as np
import pytest

from tests import film, media

COLOURS = {"red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255)}
LENGTHS_S = (1.2, 0.8, 1.6)
PITCHES_HZ = (300, 600, 900)


def looks_like(pixel, colour):
    return np.abs(pixel.astype(int) - COLOURS[colour]).max() < 24


@pytest.fixture(scope="module")
def story(service, tmp_path_factory):
    """A film of three scenes, each with a picture of one colour and a tone, over a looped background."""
    scenes = [
        {
            "id": colour,
            "elements": [
                {"type": "image", "src": service.upload(media.picture(color=colour)), "position": "center-center"},
                {"type": "audio", "src": service.upload(media.tone(duration_s=length_s, frequency_hz=pitch))},
            ],
        }
        for colour, length_s, pitch in zip(COLOURS, LENGTHS_S, PITCHES_HZ, strict=True)
    ]
    background = {"type": "video", "src": service.upload(media.video(duration_s=1, sound=False)), "muted": True}
    document = [{"resolution": "320x180", "fps": 25, "scenes": scenes, "elements": [background]}]
    job = service.finish(service.post(document))
    assert job["status"] == "completed", job["error"]
    return job, service.download(job["videos"][0], tmp_path_factory.mktemp("film") / "film.mp4")


def test_the_film_has_exactly_its_frames_and_its_sound_ends_with_them(story):
    facts = film.facts(story[1])
    assert facts["frames"] == round(sum(LENGTHS_S) * 25)
    assert facts["starts_s"] == 0
    assert abs(facts["video_s"] - facts["frames"] / 25) < 0.001
    assert abs(facts["audio_s"] - facts["video_s"]) <= 1 / 25


def test_the_film_plays_anywhere(story):
    facts = film.facts(story[1])
    assert (facts["codecs"], facts["pixels"], facts["size"]) == (("h264", "aac"), "yuv420p", (320, 180))
    assert facts["sound"] == (48000, "stereo")
    assert facts["colour"] == (1, 1, 1, 1)  # BT.709 in all three, limited range
    assert film.has_moov_first(story[1])


def test_each_scene_shows_its_picture_from_its_first_frame_to_its_last(story):
    starts = np.cumsum([0, *LENGTHS_S])
    for colour, start_s, end_s in zip(COLOURS, starts, starts[1:], strict=False):
        first, last = round(start_s * 25), round(end_s * 25) - 1
        for number in (first, (first + last) // 2, last):
            assert looks_like(film.frame(story[1], number)[90, 160], colour), (colour, number)


def test_the_background_moves_and_fills_the_canvas_round_the_pictures(story):
    early, late = film.frame(story[1], 2), film.frame(story[1], 12)
    assert early[:40].std() > 20
    assert np.abs(early[:40].astype(int) - late[:40]).mean() > 2


def test_the_background_begins_again_after_its_end(story):
    first, again = film.frame(story[1], 3), film.frame(story[1], 28)
    assert np.abs(first[:60].astype(int) - again[:60]).mean() < 6


def test_each_scene_sounds_in_its_place(story):
    sound = film.samples(story[1])
    starts = np.cumsum([0, *LENGTHS_S])
    for pitch, start_s, end_s in zip(PITCHES_HZ, starts, starts[1:], strict=False):
        assert abs(film.pitch_hz(sound, start_s + 0.05, end_s - 0.05) - pitch) < 5


def test_the_job_says_what_was_made(story, service):
    job, file = story
    (video,) = job["videos"]
    assert (job["status"], job["progress"], job["stage"], job["error"]) == ("completed", 100, None, None)
    assert job["video_id"] == video["video_id"]
    assert (video["width"], video["height"], video["duration_s"], video["fps"]) == (320, 180, 3.6, 25)
    assert video["size_bytes"] == file.stat().st_size
    assert job["attempt"] == 1


def test_the_poster_shows_the_middle_of_the_first_scene(story, service, tmp_path):
    answer = service.get(story[0]["videos"][0]["thumbnail_url"])
    assert answer.headers["content-type"] == "image/jpeg"
    (tmp_path / "poster.jpg").write_bytes(answer.content)
    from PIL import Image

    with Image.open(tmp_path / "poster.jpg") as poster:
        assert poster.size == (320, 180)
        assert looks_like(np.asarray(poster.convert("RGB"))[90, 160], "red")


def test_each_project_becomes_a_film_of_its_own(service):
    image = {"type": "image", "src": service.upload(media.picture())}
    project = {"resolution": "160x90", "fps": 10, "scenes": [{"duration": 0.5, "elements": [image]}]}
    job = service.finish(
        service.post([{**project, "id": "one"}, {**project, "id": "two", "width": 320, "height": 180}])
    )
    assert [(video["project"], video["width"]) for video in job["videos"]] == [(0, 160), (1, 320)]
    assert job["video_id"] == job["videos"][0]["video_id"]
    assert len(service.get("/api/v1/videos").json()["videos"]) >= 2


def test_the_seeds_own_document_is_rendered_from_a_web_server(service, server, tmp_path):
    server.serve("/audio.mp3", media.tone(duration_s=1.5, suffix=".mp3").read_bytes(), content_type="audio/mpeg")
    server.serve("/image.jpg", media.picture(suffix=".jpg").read_bytes(), content_type="image/jpeg")
    server.serve("/background.mp4", media.video(size="320x180").read_bytes(), content_type="video/mp4")
    document = [
        {
            "scenes": [
                {
                    "id": "scene1",
                    "elements": [
                        {"type": "audio", "src": server.url("/audio.mp3")},
                        {"type": "image", "src": server.url("/image.jpg")},
                    ],
                }
            ],
            "elements": [{"type": "video", "src": server.url("/background.mp4")}],
        }
    ]
    job = service.finish(service.post(document))
    assert job["status"] == "completed", job["error"]
    facts = film.facts(service.download(job["videos"][0], tmp_path / "film.mp4"))
    assert facts["size"] == (320, 180)
    assert facts["frames"] == round(job["videos"][0]["duration_s"] * 30)
    assert server.hits == {"/audio.mp3": 1, "/image.jpg": 1, "/background.mp4": 1}


def test_ten_jobs_at_once_all_complete(service):
    image = {"type": "image", "src": service.upload(media.picture())}
    project = {"resolution": "160x90", "fps": 10, "scenes": [{"duration": 0.5, "elements": [image]}]}
    jobs = [service.post({**project, "id": number}) for number in range(10)]
    ended = [service.finish(job, seconds=90) for job in jobs]
    assert [job["status"] for job in ended] == ["completed"] * 10
    assert [job["attempt"] for job in ended] == [1] * 10
    assert [job["config"]["id"] for job in ended] == list(range(10))
    assert service.stray_files() == []


def test_progress_rises_through_the_stages(service):
    image = {"type": "image", "src": service.upload(media.picture(width=640, height=360))}
    background = {"type": "video", "src": service.upload(media.video(size="640x360"))}
    document = {"resolution": "hd", "scenes": [{"duration": 20, "elements": [image]}], "elements": [background]}
    job, seen = service.post(document), []
    while (now := service.job(job))["status"] in {"pending", "processing"}:
        seen.append((now["progress"], now["stage"]))
        time.sleep(0.05)
    assert now["status"] == "completed"
    assert [progress for progress, _ in seen] == sorted(progress for progress, _ in seen)
    assert len({progress for progress, stage in seen if stage == "rendering"}) >= 4


def test_waiting_answers_when_the_job_changes(service):
    image = {"type": "image", "src": service.upload(media.picture())}
    job = service.post({"resolution": "160x90", "scenes": [{"duration": 0.5, "elements": [image]}]})
    status, began = job["status"], time.monotonic()
    while status in {"pending", "processing"}:
        status = service.get(f"/api/v1/jobs/{job['job_id']}?wait=20").json()["status"]
    assert status == "completed"
    assert time.monotonic() - began < 15


def test_a_processing_job_is_cancelled_and_its_work_killed(service):
    image = {"type": "image", "src": service.upload(media.picture())}
    background = {"type": "video", "src": service.upload(media.video(size="640x360"))}
    document = {"resolution": "full-hd", "scenes": [{"duration": 600, "elements": [image]}], "elements": [background]}
    job = service.post(document)
    service.wait_for(lambda: service.job(job)["stage"] == "rendering")
    answer = service.client.post(f"/api/v1/jobs/{job['job_id']}/cancel")
    assert answer.status_code == 200
    ended = service.finish(job, seconds=5)
    assert ended["status"] == "cancelled"
    assert ended["videos"] == []
    assert service.stray_files() == []


def test_the_example_document_is_one_that_this_service_reads(service):
    from media_services.movie.reading import read
    from tests.service import ROOT

    movie = read(json.loads((ROOT / "examples" / "story.json").read_text()), strict=False, allow_files=True)
    assert movie.projects
