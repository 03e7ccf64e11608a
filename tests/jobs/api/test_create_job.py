"""POST of a document: what makes a job, what is refused and where, and how much is read."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from jobs.models import Job
from tests.jobs.api.answers import problems, refusal
from tests.jobs.factories import DOCUMENT, make_asset, make_job

JSON = "application/json"


def post(client, body, path="/api/v1/jobs", **headers):
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    return client.post(path, content, content_type=JSON, headers=headers)


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/api/v1/jobs/", "/api/v1/videos", "/api/v1/generate-video/"])
def test_a_posted_document_becomes_a_pending_job(api, user, path):
    answer = post(api, DOCUMENT, path)
    job = Job.objects.get()
    assert answer.status_code == 202
    assert answer["Location"] == f"http://testserver/api/v1/jobs/{job.pk}"
    assert (answer.json()["job_id"], answer.json()["config"], job.owner) == (str(job.pk), DOCUMENT, user)


def test_the_new_job_says_all_that_is_known_of_it(api):
    job = post(api, {"config": DOCUMENT, "client-data": {"order": 7}}).json()
    times = {name: job.pop(name) for name in ("created_at", "updated_at")}
    assert all(datetime.fromisoformat(time).tzinfo for time in times.values())
    assert job.pop("status_url") == f"http://testserver/api/v1/jobs/{job.pop('job_id')}/status"
    assert job == {
        "status": "pending",
        "stage": None,
        "progress": 0,
        "attempt": 0,
        "max_attempts": 3,
        "priority": 0,
        "labels": [],
        "warnings": [],
        "error": None,
        "video_id": None,
        "videos": [],
        "queue_position": 1,
        "waiting_for": [],
        "eta_s": None,
        "started_at": None,
        "completed_at": None,
        "duration_seconds": None,
        "webhook": None,
        "client-data": {"order": 7},
        "config": DOCUMENT,
    }


def test_a_project_by_itself_is_a_document(api):
    assert post(api, DOCUMENT[0]).json()["config"] == DOCUMENT[0]


def test_an_envelope_says_how_the_job_is_to_be_run(api):
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    envelope = {"config": DOCUMENT, "priority": -10, "run-after": later.isoformat(), "strict": True}
    answer = post(api, envelope).json()
    job = Job.objects.get()
    assert (job.priority, job.run_after, job.strict, job.config) == (-10, later, True, DOCUMENT)
    assert answer["queue_position"] is None


def test_the_labels_that_a_worker_has_to_have_are_sorted_and_each_is_there_once(api):
    answer = post(api, {"config": DOCUMENT, "labels": ["null", "gpu", "9-big", "gpu"]}).json()
    assert answer["labels"] == Job.objects.get().labels == ["9-big", "gpu", "null"]
    assert post(api, {"config": DOCUMENT, "labels": None}).json()["labels"] == []


def test_null_in_an_envelope_means_absent_and_a_past_time_means_now(api):
    envelope = {"config": DOCUMENT, "priority": None, "strict": None, "run-after": "2001-01-01T00:00:00Z"}
    assert post(api, envelope).json()["queue_position"] == 1


@pytest.mark.parametrize(
    ("envelope", "expected"),
    [
        ({"priority": 11}, [("/priority", "out-of-range")]),
        ({"priority": "5"}, [("/priority", "wrong-type")]),
        ({"priority": True}, [("/priority", "wrong-type")]),
        ({"labels": "gpu"}, [("/labels", "wrong-type")]),
        ({"labels": ["gpu", 5]}, [("/labels/1", "wrong-type")]),
        (
            {"labels": ["gpu", "GPU", "-a", "", "a\n", "é", "a" * 33]},
            [(f"/labels/{n}", "invalid-value") for n in range(1, 7)],
        ),
        ({"labels": list("abcdefghi")}, [("/labels", "invalid-value")]),
        ({"strict": "yes"}, [("/strict", "wrong-type")]),
        ({"run-after": "tomorrow"}, [("/run-after", "invalid-value")]),
        ({"run-after": 5}, [("/run-after", "invalid-value")]),
        ({"run-after": "2030-01-01T00:00:00"}, [("/run-after", "invalid-value")]),
        ({"run-after": "9999-12-31T23:59:59-12:00"}, [("/run-after", "invalid-value")]),
        ({"priorty": 1}, [("/priorty", "unknown-key")]),
        ({"webhook-url": 5}, [("/webhook-url", "wrong-type")]),
        ({"webhook-url": ""}, [("/webhook-url", "invalid-value")]),
        ({"webhook-url": "films"}, [("/webhook-url", "invalid-value")]),
        ({"webhook-url": "ftp://example.com/"}, [("/webhook-url", "invalid-value")]),
        ({"webhook-url": "https:///films"}, [("/webhook-url", "invalid-value")]),
        ({"webhook-url": "https://example.com:0/"}, [("/webhook-url", "invalid-value")]),
        ({"webhook-url": "https://example.com:99999/"}, [("/webhook-url", "invalid-value")]),
        ({"webhook-url": "https://ann:secret@example.com/"}, [("/webhook-url", "invalid-value")]),
        ({"webhook-url": "https://example.com/\n"}, [("/webhook-url", "invalid-value")]),
        ({"webhook-url": "https://example.com/" + "é" * 400}, [("/webhook-url", "invalid-value")]),
        ({"priority": 99, "a/b": 1}, [("/priority", "out-of-range"), ("/a~1b", "unknown-key")]),
    ],
)
def test_a_wrong_envelope_is_refused_at_its_keys(api, envelope, expected):
    assert problems(post(api, {"config": DOCUMENT, **envelope})) == expected
    assert not Job.objects.exists()


WRONG = [{"fps": 0, "scenes": [{"elements": [{"type": "image"}]}]}]


def test_everything_wrong_with_a_document_is_said_at_once_with_its_places(api):
    expected = [("/0/fps", "out-of-range"), ("/0/scenes/0/elements/0/src", "missing")]
    assert problems(post(api, WRONG)) == expected
    assert problems(post(api, {"config": WRONG})) == [(f"/config{path}", code) for path, code in expected]


@pytest.mark.parametrize("body", ["null", "7", '"film"', "[]", '{"config": null}'])
def test_what_is_no_document_is_refused(api, body):
    assert refusal(post(api, body)) == (400, "INVALID_INPUT")


def test_what_is_odd_is_a_warning_unless_the_client_is_strict(api):
    odd = [{**DOCUMENT[0], "colour": "red"}]
    assert [warning["path"] for warning in post(api, odd).json()["warnings"]] == ["/0/colour"]
    assert problems(post(api, {"config": odd, "strict": True})) == [("/config/0/colour", "unknown-key")]


def test_an_asset_of_someone_else_is_no_asset(api, user, other_user):
    def film(asset):
        return [{"scenes": [{"elements": [{"type": "audio", "src": f"asset:{asset.pk}"}]}]}]

    assert post(api, film(make_asset(user))).status_code == 202
    refused = post(api, film(make_asset(other_user)))
    assert problems(refused) == [("/0/scenes/0/elements/0/src", "unknown-asset")]


def test_a_full_queue_says_when_to_try_again(api, user, configure):
    configure(job_queue_size=1)
    make_job(user)
    answer = post(api, DOCUMENT)
    assert refusal(answer) == (503, "QUEUE_FULL")
    assert int(answer["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'[{"scenes":\n  oops}]', "line 2, column 3"),
        (b"[NaN]", "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b"[1e999]", "1e999"),
        (b"[" + b"9" * 5000 + b"]", "digit"),
        (b"\xff\xfe[]", "UTF-8"),
        (b"", "empty"),
        (b"[" * 100 + b"]" * 100, "nested"),
        (b"[" * 100_000, "nested"),
    ],
    ids=lambda value: str(value[:12]),
)
def test_what_is_not_json_is_refused_with_the_place_or_reason(api, body, message):
    answer = post(api, body)
    assert refusal(answer) == (400, "INVALID_JSON")
    assert message in answer.json()["error"]


@pytest.mark.parametrize("text", [r"\u0000", r"\ud800", "\x7f\\u0000"])
def test_text_that_the_database_cannot_hold_is_refused_at_its_place(api, text):
    body = f'{{"config": {json.dumps(DOCUMENT)}, "client-data": {{"a": ["{text}"], "{text}": 1}}}}'
    assert sorted(problems(post(api, body))) == [
        ("/client-data", "invalid-value"),
        ("/client-data/a/0", "invalid-value"),
    ]
    assert not Job.objects.exists()


def test_whole_surrogate_pairs_and_any_other_text_are_stored(api):
    body = f'{{"config": {json.dumps(DOCUMENT)}, "client-data": "\\ud83d\\ude00 \\u007f ä"}}'
    assert post(api, body).json()["client-data"] == "😀 \x7f ä"


def test_a_body_larger_than_allowed_is_refused_and_the_largest_allowed_is_not(api, configure):
    configure(document_max_bytes=1000)
    assert refusal(post(api, b'"' + b"x" * 1000 + b'"')) == (413, "REQUEST_TOO_LARGE")
    assert post(api, json.dumps(DOCUMENT).ljust(1000)).status_code == 202


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_another_content_type_is_refused(api, content_type):
    answer = api.generic("POST", "/api/v1/jobs", json.dumps(DOCUMENT), content_type=content_type)
    assert refusal(answer) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_posting_costs_a_fixed_number_of_queries(api, user, django_assert_num_queries):
    for _ in range(5):
        make_job(user)
    with django_assert_num_queries(12):  # token; begin, lock, quota, count, 2 inserts, 2 notifies, release; job, videos
        answer = post(api, DOCUMENT)
    assert answer.json()["queue_position"] == 6
