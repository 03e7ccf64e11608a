"""`manage.py whisper_model`: gets a model, or says why not and leaves nothing that could be taken for one."""

import hashlib
import socket
from io import StringIO

import pytest
import whisper
from django.core.management import CommandError, call_command

from media_services.weights import checkpoint
from tests.web import LocalServer

WEIGHTS = b"weights" * 10_000
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()


@pytest.fixture
def server():
    with LocalServer() as server:
        yield server


@pytest.fixture
def folder(tmp_path, settings):
    settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"whisper_dir": tmp_path / "whisper"})
    return tmp_path / "whisper"


@pytest.fixture
def lead(monkeypatch):
    """Return a function that has Whisper look for a model at another address."""
    return lambda url, name="tiny": monkeypatch.setitem(whisper._MODELS, name, url)


def download(name="tiny"):
    said = StringIO()
    call_command("whisper_model", "--download", name, stdout=said)
    return said.getvalue()


def refused(name="tiny"):
    with pytest.raises(CommandError) as caught:
        download(name)
    return str(caught.value)


def test_a_model_is_downloaded_to_where_it_is_looked_for(server, folder, lead):
    lead(server.serve(f"/{SHA256}/tiny.pt", WEIGHTS))
    assert download() == f"{folder / 'tiny.pt'}\n"
    assert checkpoint("tiny").read_bytes() == WEIGHTS
    assert [file.name for file in folder.iterdir()] == ["tiny.pt"]


def test_a_model_that_whisper_keeps_under_another_name_is_found_under_its_own(server, folder, lead):
    lead(server.serve(f"/{SHA256}/large-v3-turbo.pt", WEIGHTS), "turbo")
    download("turbo")
    assert checkpoint("turbo") == folder / "turbo.pt"


def test_a_model_that_is_here_and_whole_is_not_downloaded_again(server, folder, lead):
    lead(server.serve(f"/{SHA256}/tiny.pt", WEIGHTS))
    download()
    download()
    assert server.hits == {f"/{SHA256}/tiny.pt": 1}


def test_a_damaged_model_is_downloaded_again(server, folder, lead):
    lead(server.serve(f"/{SHA256}/tiny.pt", WEIGHTS))
    folder.mkdir()
    (folder / "tiny.pt").write_bytes(WEIGHTS[:1000])
    download()
    assert (folder / "tiny.pt").read_bytes() == WEIGHTS


def test_a_name_that_whisper_does_not_know_is_refused_with_those_it_does(folder):
    message = refused("tinny")
    assert "'tinny' is none of Whisper's models: tiny.en, tiny, base.en" in message
    assert not folder.exists()


def test_no_network_is_said(folder, lead):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        lead(f"http://127.0.0.1:{closed.getsockname()[1]}/{SHA256}/tiny.pt")
        message = refused()
    assert message.startswith(f"tiny could not be downloaded into {folder}: ")
    assert "Connection refused" in message
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda server, path: server.status(path, 404), "404"),
        (lambda server, path: server.serve(path, b"other weights"), "SHA256"),
        (lambda server, path: server.truncated(path, WEIGHTS, sent_bytes=1000), "SHA256"),
        (lambda server, path: server.reset(path, after=WEIGHTS[:1000]), "reset"),
        (lambda server, path: server.handle(path, lambda handler: handler.start()), "how much"),
        (lambda server, path: server.handle(path, lambda handler: handler.wfile.write(b"no HTTP\n")), "no HTTP"),
    ],
    ids=["missing", "another file", "cut short", "broken off", "of no stated length", "no answer"],
)
def test_a_download_that_fails_leaves_what_was_there(server, folder, lead, answer, reason):
    lead(answer(server, f"/{SHA256}/tiny.pt"))
    folder.mkdir()
    (folder / "tiny.pt").write_bytes(b"an older model")
    assert reason in refused()
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {"tiny.pt": b"an older model"}


def test_a_folder_that_cannot_be_written_is_said(tmp_path, folder, lead):
    folder.write_text("a file")
    lead("http://127.0.0.1:9/x/tiny.pt")
    assert f"tiny could not be downloaded into {folder}: " in refused()


def test_weights_that_cannot_be_put_in_their_place_are_said(server, folder, lead):
    lead(server.serve(f"/{SHA256}/tiny.pt", WEIGHTS))
    (folder / "tiny.pt").mkdir(parents=True)
    assert "tiny.pt" in refused()
    assert [file.name for file in folder.iterdir()] == ["tiny.pt"]
