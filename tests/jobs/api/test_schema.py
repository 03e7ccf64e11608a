"""The OpenAPI schema: valid, complete, open to all, and browsable without another server."""

import io

import pytest
import yaml
from django.core.management import call_command
from django.urls import get_resolver

from jobs.api import urls


@pytest.fixture(scope="module")
def schema():
    out = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    return yaml.safe_load(out.getvalue())


def test_every_address_is_described_once_without_a_trailing_slash(schema):
    routes = [str(pattern.pattern) for pattern in urls.api if not str(pattern.pattern).endswith("/")]
    expected = {"/api/v1/" + route.replace("<str:", "{").replace(">", "}") for route in routes}
    assert set(schema["paths"]) == expected | {"/health", "/metrics", "/ready", "/shared/{signed}"}


def test_every_operation_says_what_it_answers_and_how_it_fails(schema):
    operations = [(path, operation) for path, methods in schema["paths"].items() for operation in methods.values()]
    for path, operation in operations:
        assert operation["description"]
        assert min(operation["responses"]) < "400"
        if path.startswith("/api/"):
            content = operation["responses"]["401"]["content"]["application/json"]
            assert content["schema"]["$ref"].endswith("/Error")
            assert content["examples"]
    ids = [operation["operationId"] for _, operation in operations]
    assert len(set(ids)) == len(ids)


def test_the_document_is_described_down_to_its_elements_with_an_example(schema):
    body = schema["paths"]["/api/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]
    components = schema["components"]["schemas"]
    assert body["schema"]["$ref"] == "#/components/schemas/JobRequest"
    assert body["examples"]
    assert components["MovieImage"]["properties"]["src"]["type"] == "string"
    assert set(components["MovieEnvelope"]["properties"]) == {
        "config",
        "priority",
        "labels",
        "run-after",
        "strict",
        "client-data",
        "webhook-url",
    }


def test_the_examples_of_a_document_are_accepted(schema, api):
    body = schema["paths"]["/api/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]
    for example in body["examples"].values():
        answer = api.post("/api/v1/jobs", example["value"], content_type="application/json")
        assert (answer.status_code, answer.json()["warnings"]) == (202, [])


def test_a_job_has_exactly_the_described_keys(schema, api):
    body = schema["paths"]["/api/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]
    job = api.post("/api/v1/jobs", body["examples"]["AMovie"]["value"], content_type="application/json").json()
    assert set(job) == set(schema["components"]["schemas"]["Job"]["properties"])


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/api/v1/videos", "/api/v1/generate-video"])
def test_a_post_is_described_with_its_key_its_replay_and_its_mismatch(schema, path):
    operation = schema["paths"][path]["post"]
    (key,) = operation["parameters"]
    new, replay = operation["responses"]["202"], operation["responses"]["200"]
    assert (key["in"], key["name"], key.get("required", False)) == ("header", "Idempotency-Key", False)
    limits = {f"X-RateLimit-{name}" for name in ("Limit", "Remaining", "Reset")}
    assert set(new["headers"]) == limits | {"Location"}
    assert set(replay["headers"]) == limits | {"Location", "Idempotent-Replay"}
    assert replay["content"] == new["content"]
    assert "IDEMPOTENCY_MISMATCH" in str(operation["responses"]["422"]["content"]["application/json"]["examples"])


def test_every_address_with_a_login_says_how_it_is_limited(schema):
    for path, methods in schema["paths"].items():
        for operation in methods.values():
            refused = operation["responses"].get("429", {})
            assert ("X-RateLimit-Remaining" in refused.get("headers", ())) == path.startswith("/api/v1/"), path
    created = schema["paths"]["/api/v1/jobs"]["post"]["responses"]["429"]
    assert created["content"]["application/json"]["schema"]["$ref"].endswith("/OverQuota")


def test_editing_words_is_described_with_its_job_and_its_refusals(schema):
    operation = schema["paths"]["/api/v1/videos/{video_id}/words.json"]["put"]
    body = operation["requestBody"]["content"]["application/json"]
    assert body["schema"]["$ref"] == "#/components/schemas/Words"
    assert len(body["examples"]) == 2
    assert operation["responses"]["202"]["content"]["application/json"]["schema"]["$ref"].endswith("/Job")
    assert {"400", "404", "409", "413", "415", "422", "503"} < set(operation["responses"])
    assert "VIDEO_NOT_FOUND" in str(operation["responses"]["404"])


def test_the_files_of_subtitles_are_described_by_their_types(schema):
    types = {"srt": "application/x-subrip", "vtt": "text/vtt", "ass": "text/x-ssa"}
    for kind, media_type in types.items():
        operation = schema["paths"][f"/api/v1/videos/{{video_id}}/subtitles.{kind}"]["get"]
        assert list(operation["responses"]["200"]["content"]) == [media_type]


def test_the_metrics_have_exactly_the_described_keys(schema, api):
    metrics, components = api.get("/api/v1/metrics").json(), schema["components"]["schemas"]
    assert set(metrics) == set(components["Metrics"]["properties"])
    assert all(set(times) == set(components["StageTime"]["properties"]) for times in metrics["stages"].values())


@pytest.mark.parametrize("path", ["/api/schema", "/api/schema/"])
def test_the_schema_is_served_to_anyone(client, path):
    answer = client.get(path, headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 200
    assert yaml.safe_load(answer.content)["openapi"].startswith("3.")


@pytest.mark.parametrize("path", ["/api/docs", "/api/docs/"])
def test_the_docs_are_served_to_anyone_with_local_assets(client, path):
    page = client.get(path).content.decode()
    assert "/static/drf_spectacular_sidecar/" in page
    assert "https://" not in page
    script = page.split('src="')[1].split('"')[0]
    assert client.get(script).status_code == 200


def test_both_forms_of_every_address_lead_to_the_same_view():
    views = {str(pattern.pattern): pattern.callback for pattern in urls.api}
    assert len(views) == len(urls.api)
    for route, view in views.items():
        assert views[route.rstrip("/")].cls is view.cls
        assert views[route.rstrip("/") + "/"].cls is view.cls
    assert get_resolver().resolve("/api/v1/jobs/").func.cls.__name__ == "JobList"
