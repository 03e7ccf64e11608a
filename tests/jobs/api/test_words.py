"""Edited words: they make the film again, in a job of its own, with nothing else changed."""

import json

import pytest

from jobs.models import Job
from media_services.movie.reading import read
from tests.jobs.api.answers import NOBODY, problems, refusal
from tests.jobs.factories import DOCUMENT, make_asset, make_captioned_video, make_job, make_video

JSON = "application/json"
WORDS = [{"text": "Good", "start_ms": 100, "end_ms": 400}, {"text": "evening.", "start_ms": 400, "end_ms": 900}]
OTHER_WORDS = [{"text": "Bye.", "start_ms": 0, "end_ms": 500}]
SUBTITLES = {"type": "subtitles", "language": "en", "settings": {"style": "classic"}}
SCENE = {"elements": [{"type": "audio", "src": "https://example.com/a.mp3"}]}
FILM = {"resolution": "hd", "scenes": [SCENE], "elements": [SUBTITLES]}
TWICE = {"scenes": [SCENE, {"elements": [*SCENE["elements"], SUBTITLES]}], "elements": [SUBTITLES]}
DOCUMENTS = [*DOCUMENT, FILM, TWICE]  # a film without subtitles, with one element of them, with two


def film(owner, project=1, config=DOCUMENTS, **fields):
    """Make the video of one project of a completed job."""
    return make_captioned_video(make_job(owner, status="completed", config=config, **fields), project=project)


def put(client, video, body, content_type=JSON, **headers):
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    named_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"/api/v1/videos/{getattr(video, 'pk', video)}/words.json"
    return client.put(url, content, content_type=content_type, headers=named_headers)


def named(*entries):
    return {"subtitles": [{"path": path, "language": "en", "words": words} for path, words in entries]}


def with_captions(project, **words):
    """Return a project whose elements have words; `top` is its own subtitles element, `scene` that of scene 1."""
    project = json.loads(json.dumps(project))
    if "top" in words:
        project["elements"][0]["captions"] = {"words": words["top"]}
    if "scene" in words:
        project["scenes"][1]["elements"][1]["captions"] = {"words": words["scene"]}
    return project


@pytest.mark.parametrize("body", [named(("/1/elements/0", WORDS)), {"words": WORDS}, WORDS])
def test_edited_words_make_a_job_of_the_one_project_with_its_captions(api, user, body):
    answer = put(api, film(user), body)
    job = Job.objects.get(status="pending")
    assert (answer.status_code, answer["Location"]) == (202, f"http://testserver/api/v1/jobs/{job.pk}")
    assert (answer.json()["job_id"], answer.json()["status"], job.owner) == (str(job.pk), "pending", user)
    assert job.config == [with_captions(FILM, top=WORDS)]


def test_the_new_document_is_read_as_captions_so_that_nothing_is_recognised(api, user):
    put(api, film(user), WORDS)
    (project,) = read(Job.objects.get(status="pending").config, strict=True).projects
    assert [word.text for phrase in project.elements[0].captions_inline for word in phrase.words] == [
        "Good",
        "evening.",
    ]


def test_each_element_gets_its_own_words_and_one_that_is_not_named_stays(api, user):
    video = film(user, project=2)
    both = named(("/2/scenes/1/elements/1", WORDS), ("/2/elements/0", OTHER_WORDS))
    assert put(api, video, both).json()["config"] == [with_captions(TWICE, scene=WORDS, top=OTHER_WORDS)]
    one = named(("/2/scenes/1/elements/1", WORDS))
    assert put(api, video, one).json()["config"] == [with_captions(TWICE, scene=WORDS)]


def test_the_words_of_a_job_of_one_object_are_at_paths_without_a_number(api, user):
    answer = put(api, film(user, project=0, config=FILM), named(("/elements/0", WORDS)))
    assert answer.json()["config"] == [with_captions(FILM, top=WORDS)]


def test_words_can_be_edited_again_and_replace_the_captions_that_were_there(api, user):
    earlier = FILM | {"elements": [SUBTITLES | {"captions": "https://example.com/a.srt"}]}
    first = put(api, film(user, config=[FILM, earlier]), named(("/1/elements/0", WORDS))).json()["config"]
    second = put(api, film(user, project=0, config=first), named(("/0/elements/0", OTHER_WORDS)))
    assert second.json()["config"] == [with_captions(FILM, top=OTHER_WORDS)]


def test_elements_are_found_where_their_keys_are_spelt_in_other_letters(api, user):
    spelt = {"Scenes": [SCENE, {"duration": 2, "Elements": [SUBTITLES]}], "elements": None}
    config = put(api, film(user, project=0, config=[spelt]), named(("/0/Scenes/1/Elements/0", WORDS))).json()["config"]
    assert config[0]["Scenes"][1]["Elements"][0]["captions"] == {"words": WORDS}


def test_no_words_at_all_are_an_edit_too(api, user):
    assert put(api, film(user), []).json()["config"] == [with_captions(FILM, top=[])]


def test_strictness_labels_and_client_data_carry_over_and_priority_does_not(api, user):
    video = film(user, strict=True, labels=["gpu"], client_data={"order": 7}, priority=5)
    answer = put(api, video, WORDS).json()
    assert (answer["client-data"], answer["labels"], answer["priority"]) == ({"order": 7}, ["gpu"], 0)
    assert Job.objects.get(pk=answer["job_id"]).strict


def test_the_film_that_was_edited_stays_as_it_is(api, user):
    video = film(user)
    put(api, video, WORDS)
    job = Job.objects.get(pk=video.job_id)
    assert (job.status, job.config) == ("completed", DOCUMENTS)
    assert api.get(f"/api/v1/videos/{video.pk}").status_code == 200


def test_staff_edit_anothers_film_into_a_job_of_their_own(staff_api, staff, user):
    job_id = put(staff_api, film(user), WORDS).json()["job_id"]
    assert Job.objects.get(pk=job_id).owner == staff


WORD = {"text": "a", "start_ms": 0, "end_ms": 1}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ("", "wrong-type")),
        ("text", ("", "wrong-type")),
        (None, ("", "wrong-type")),
        ({"words": {}}, ("/words", "wrong-type")),
        ({"subtitles": {}}, ("/subtitles", "wrong-type")),
        ({"subtitles": []}, ("/subtitles", "wrong-type")),
        ({"subtitles": [1]}, ("/subtitles/0", "wrong-type")),
        ({"subtitles": [{"words": WORDS}]}, ("/subtitles/0/path", "missing")),
        ({"subtitles": [{"path": "/1/elements/0"}]}, ("/subtitles/0/words", "missing")),
        ({"subtitles": [{"path": 1, "words": WORDS}]}, ("/subtitles/0/path", "wrong-type")),
        (named(("/0/elements/0", WORDS)), ("/subtitles/0/path", "invalid-value")),
        (named(("/2/elements/0", WORDS)), ("/subtitles/0/path", "invalid-value")),
        (named(*[("/1/elements/0", WORDS)] * 2), ("/subtitles/1/path", "invalid-value")),
        (named(("/1/elements/0", {})), ("/subtitles/0/words", "invalid-value")),
        (named(("/1/elements/0", [1])), ("/subtitles/0/words/0", "invalid-value")),
        ({"words": [WORD, WORD | {"text": 1}]}, ("/words/1/text", "invalid-value")),
        ([WORD, WORD | {"end_ms": -1}], ("/1/end_ms", "invalid-value")),
        ([{"text": "a", "start_ms": 0}], ("/0/end_ms", "invalid-value")),
        ([WORD | {"start_ms": 5}], ("/0/end_ms", "invalid-value")),
    ],
)
def test_words_that_make_no_sense_are_refused_where_they_stand_in_the_body(api, user, body, expected):
    assert problems(put(api, film(user), json.dumps(body))) == [expected]
    assert not Job.objects.filter(status="pending").exists()


def test_what_is_wrong_with_a_word_is_a_sentence(api, user):
    body = named(("/1/elements/0", [{"start_ms": 0, "end_ms": 1}]))
    assert put(api, film(user), body).json()["error"] == "/subtitles/0/words/0/text: text is missing"


@pytest.mark.parametrize(("body", "place"), [(WORDS, ""), ({"words": WORDS}, "/words")])
def test_words_of_one_of_several_elements_must_say_which(api, user, body, place):
    assert problems(put(api, film(user, project=2), body)) == [(place, "ambiguous")]


def test_a_film_without_subtitles_has_no_words_to_edit(api, user):
    video = make_video(make_job(user, status="completed", config=DOCUMENTS))
    assert refusal(put(api, video, WORDS)) == (409, "CONFLICT")


def test_a_document_that_is_no_longer_accepted_is_a_conflict_at_its_own_places(api, user):
    asset = make_asset(user)
    scene = {"elements": [{"type": "audio", "src": f"asset:{asset.pk}"}]}
    video = film(user, config=[FILM, FILM | {"scenes": [scene]}])
    asset.delete()
    answer = put(api, video, WORDS)
    assert refusal(answer) == (409, "CONFLICT")
    assert [problem["path"] for problem in answer.json()["details"]] == ["/1/scenes/0/elements/0/src"]


def test_a_film_that_is_missing_or_malformed_or_anothers_is_not_found(other_api, user):
    for pk in (NOBODY, "malformed", film(user)):
        assert refusal(put(other_api, pk, WORDS)) == (404, "VIDEO_NOT_FOUND")
    assert not Job.objects.filter(status="pending").exists()


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"", JSON, (400, "INVALID_JSON")),
        (b"[{", JSON, (400, "INVALID_JSON")),
        (b"[]", "text/plain", (415, "UNSUPPORTED_MEDIA_TYPE")),
        (b'[{"text": "\\u0000"}]', JSON, (400, "INVALID_INPUT")),
    ],
)
def test_a_body_that_is_no_document_is_refused(api, user, body, content_type, expected):
    assert refusal(put(api, film(user), body, content_type)) == expected


def test_a_body_that_is_too_large_is_refused_and_so_are_words_that_make_the_document_too_large(api, user, configure):
    video = film(user)
    configure(document_max_bytes=len(json.dumps(WORDS)) - 1)
    assert refusal(put(api, video, WORDS)) == (413, "REQUEST_TOO_LARGE")
    configure(document_max_bytes=len(json.dumps(WORDS)) + 1)
    assert refusal(put(api, video, WORDS)) == (413, "REQUEST_TOO_LARGE")


def test_a_full_queue_refuses_words_as_it_does_documents(api, user, configure):
    configure(job_queue_size=0)
    answer = put(api, film(user), WORDS)
    assert (*refusal(answer), answer["Retry-After"]) == (503, "QUEUE_FULL", "10")


def test_words_sent_again_with_their_key_are_answered_with_the_job_they_made(api, user):
    video = film(user)
    first, again = (put(api, video, WORDS, Idempotency_Key="edit 7") for _ in range(2))
    assert (first.status_code, again.status_code, again["Idempotent-Replay"]) == (202, 200, "true")
    assert (again.json()["job_id"], again["Location"]) == (first.json()["job_id"], first["Location"])


def test_a_key_belongs_to_the_words_and_the_film_that_it_was_sent_with(api, user):
    put(api, video := film(user), WORDS, Idempotency_Key="edit 7")
    assert refusal(put(api, video, OTHER_WORDS, Idempotency_Key="edit 7")) == (422, "IDEMPOTENCY_MISMATCH")
    assert refusal(put(api, film(user), WORDS, Idempotency_Key="edit 7")) == (422, "IDEMPOTENCY_MISMATCH")
    assert problems(put(api, video, WORDS, Idempotency_Key="")) == [("Idempotency-Key", "invalid-value")]
