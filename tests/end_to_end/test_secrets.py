"""What clients trust the service with is in no line of its log, whatever goes wrong."""

import pytest

from tests.jobs.api.answers import NOBODY

PASSWORD, SIGNATURE, BEARER = "hunter2hunter2", "5f4dcc3b5aa765d6", "NotAKeyOfAnybody0123"


@pytest.fixture
def film(service):
    """A finished film and the address at which anyone may have it."""
    document = {"resolution": "160x90", "fps": 5, "scenes": [{"duration": 0.2, "background-color": "#204060"}]}
    (video,) = service.finish(service.post(document))["videos"]
    link = service.client.post(f"{video['video_url']}/link", json={"expires_in": 60})
    return link.json()["url"]


def test_no_token_password_signature_or_link_is_logged(service, server, film):
    source = f"http://ann:{PASSWORD}@127.0.0.1:{server.port}/nothing.png?signature={SIGNATURE}"
    document = {"scenes": [{"elements": [{"type": "image", "src": source}]}]}
    assert service.finish(service.post(document))["status"] == "failed"
    assert service.get("/api/v1/jobs", headers={"Authorization": f"Bearer {BEARER}"}).status_code == 401
    assert service.get(film, headers={"Range": "bytes=99999999-"}).status_code == 416
    assert service.get(film).status_code == 200
    assert service.get(f"/api/v1/jobs/{NOBODY}").status_code == 404

    log = service.log.read_text()
    assert "/shared/***" in log
    assert f"/api/v1/jobs/{NOBODY}" in log
    token = service.client.headers["Authorization"].removeprefix("Bearer ")
    for secret in (PASSWORD, SIGNATURE, BEARER, token, film.rpartition("/")[2]):
        assert secret not in log
