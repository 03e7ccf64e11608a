"""The settings: read from the environment, typed, and loud on whatever makes no sense."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from jobs.labels import WorkerLabels
from jobs.rate import Rate
from videocraft import configuration, database, files
from videocraft.configuration import Configuration, load, parse_duration
from videocraft.secret import secret_key


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30m", 1800),
        ("5s", 5),
        ("24h", 86400),
        ("1h30m", 5400),
        ("500ms", 0.5),
        ("2d", 172800),
        ("45", 45),
        ("1.5", 1.5),
    ],
)
def test_a_duration_is_read(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["soon", "5 parsecs", "-5s", "m", "", "5s5", "nan", "1e400", "99999999999d"])
def test_a_duration_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


def test_the_defaults_are_those_the_documentation_names(monkeypatch):
    monkeypatch.delenv("VIDEOCRAFT_DATA_DIR")
    read = load()

    assert read.data_dir == configuration.ROOT / "var"
    assert (read.job_workers, read.job_queue_size, read.job_retry_attempts, read.job_max_concurrent) == (2, 100, 3, 5)
    assert (read.job_process_timeout, read.job_retry_delay) == (timedelta(minutes=30), timedelta(seconds=5))
    assert (read.job_memory_limit, read.job_cpu_limit) == (2147483648, 1.0)
    assert (read.job_progress_update_interval, read.job_status_retention) == (timedelta(seconds=5), timedelta(hours=24))
    assert (read.job_temp_cleanup, read.job_cleanup_interval) == (True, timedelta(hours=1))
    assert (read.whisper_threads, read.whisper_idle) == (0, timedelta(minutes=5))


def test_each_setting_is_read_from_its_variable(monkeypatch):
    monkeypatch.setenv("VIDEOCRAFT_JOB_WORKERS", "7")
    monkeypatch.setenv("VIDEOCRAFT_JOB_PROCESS_TIMEOUT", "1h30m")
    monkeypatch.setenv("VIDEOCRAFT_FETCH_ALLOW", "media.local, 10.0.0.0/8")
    monkeypatch.setenv("VIDEOCRAFT_FETCH_DENY", ".internal, 10.0.0.1:80")
    monkeypatch.setenv("VIDEOCRAFT_FETCH_PORTS", "443, 8000-8099")
    monkeypatch.setenv("VIDEOCRAFT_DEBUG", "0")
    monkeypatch.setenv("VIDEOCRAFT_WHISPER_THREADS", "3")
    monkeypatch.setenv("VIDEOCRAFT_WHISPER_IDLE", "0s")

    read = load()

    assert (read.job_workers, read.job_process_timeout, read.debug) == (7, timedelta(hours=1.5), False)
    assert read.fetch_allow == ["media.local", "10.0.0.0/8"]
    assert (read.fetch_deny, read.fetch_ports) == ([".internal", "10.0.0.1:80"], ["443", "8000-8099"])
    assert (read.whisper_threads, read.whisper_idle) == (3, timedelta(0))


def test_speech_models_are_kept_with_the_rest_of_the_data_unless_told_otherwise(monkeypatch):
    monkeypatch.setenv("VIDEOCRAFT_DATA_DIR", "/srv/films")
    assert load().whisper_dir == Path("/srv/films/whisper")

    monkeypatch.setenv("VIDEOCRAFT_WHISPER_DIR", "/srv/models")
    assert load().whisper_dir == Path("/srv/models")


def test_an_empty_variable_means_the_default(monkeypatch):
    monkeypatch.setenv("VIDEOCRAFT_JOB_WORKERS", "")

    assert load().job_workers == 2


def test_a_misspelt_variable_is_refused_with_the_right_spelling(monkeypatch):
    monkeypatch.setenv("VIDEOCRAFT_JOB_WORKER", "4")

    with pytest.raises(ValueError, match=r"VIDEOCRAFT_JOB_WORKER \(did you mean VIDEOCRAFT_JOB_WORKERS\?\)"):
        load()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JOB_WORKERS", "zero"),
        ("JOB_WORKERS", "0"),
        ("JOB_CPU_LIMIT", "nan"),
        ("JOB_CPU_LIMIT", "inf"),
        ("JOB_MEMORY_LIMIT", "2"),
        ("JOB_PROCESS_TIMEOUT", "0s"),
        ("JOB_RETRY_DELAY", "later"),
        ("JOB_TEMP_CLEANUP", "perhaps"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("METRICS", "perhaps"),
        ("DRAIN_SECONDS", "-1"),
        ("WORKER_DEDICATED", "1"),
        ("WHISPER_THREADS", "-1"),
        ("WHISPER_IDLE", "a while"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_its_variable_and_value(monkeypatch, name, value):
    monkeypatch.setenv(f"VIDEOCRAFT_{name}", value)

    with pytest.raises(ValueError, match=f"VIDEOCRAFT_{name}='{value}'"):
        load()


@pytest.mark.parametrize(
    ("labels", "says"), [("gpu,GPU", "'GPU' is not a label"), ("a,b,c,d,e,f,g,h,i", "there are 9 labels, and 8 may be")]
)
@pytest.mark.parametrize("dedicated", ["", "1"])
def test_labels_that_are_none_or_too_many_are_refused_and_nothing_else_is(monkeypatch, labels, says, dedicated):
    monkeypatch.setenv("VIDEOCRAFT_WORKER_LABELS", labels)
    monkeypatch.setenv("VIDEOCRAFT_WORKER_DEDICATED", dedicated)
    with pytest.raises(ValueError, match="VIDEOCRAFT_WORKER_LABELS=") as refused:
        load()
    assert says in str(refused.value)
    assert "DEDICATED" not in str(refused.value)


def test_workers_have_the_labels_that_are_named(monkeypatch):
    monkeypatch.setenv("VIDEOCRAFT_WORKER_LABELS", "gpu, big,gpu")
    monkeypatch.setenv("VIDEOCRAFT_WORKER_DEDICATED", "yes")
    assert load().labels_of_workers == WorkerLabels(("big", "gpu"), are_dedicated=True)


def test_all_values_that_make_no_sense_are_named_at_once(monkeypatch):
    monkeypatch.setenv("VIDEOCRAFT_JOB_WORKERS", "zero")
    monkeypatch.setenv("VIDEOCRAFT_LOG_LEVEL", "loud")

    with pytest.raises(ValueError, match="JOB_WORKERS") as refused:
        load()
    assert "VIDEOCRAFT_LOG_LEVEL" in str(refused.value)


def test_a_delay_before_a_retry_may_be_nothing(monkeypatch):
    monkeypatch.setenv("VIDEOCRAFT_JOB_RETRY_DELAY", "0s")

    assert load().job_retry_delay == timedelta(0)


def test_without_a_database_url_the_embedded_server_is_used():
    assert database.settings_for(Configuration())["ENGINE"] == "videocraft.embedded"


def test_a_database_url_selects_that_server(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://ann:secret@db.example:6543/films")

    settings = database.settings_for(load())

    assert settings["ENGINE"] == "django.db.backends.postgresql"
    assert (settings["HOST"], settings["PORT"], settings["NAME"]) == ("db.example", 6543, "films")


@pytest.mark.parametrize("url", ["sqlite:///films.db", "mysql://ann@db/films", "nonsense", "http://[db"])
def test_a_database_url_of_anything_else_is_refused_without_repeating_it(monkeypatch, url):
    monkeypatch.setenv("DATABASE_URL", url)

    with pytest.raises(ImproperlyConfigured, match="must name a PostgreSQL server") as refused:
        database.settings_for(load())
    assert url not in str(refused.value)


def test_a_secret_key_is_needed_when_debug_is_off():
    with pytest.raises(ImproperlyConfigured, match="VIDEOCRAFT_SECRET_KEY must be set"):
        secret_key(Configuration(debug=False))


def test_a_configured_secret_key_is_used():
    assert secret_key(Configuration(debug=False, secret_key="ours")) == "ours"


def test_in_debug_a_private_secret_key_is_made_once(tmp_path):
    local = Configuration(data_dir=tmp_path / "var")

    first, second = secret_key(local), secret_key(local)

    assert first == second
    assert len(first) > 50
    assert (tmp_path / "var" / "secret-key").stat().st_mode & 0o777 == 0o600
    assert len(list((tmp_path / "var").iterdir())) == 1


@pytest.mark.parametrize("variable", ["VIDEOCRAFT_FETCH_ALLOW", "VIDEOCRAFT_FETCH_DENY"])
def test_an_address_list_that_names_nonsense_is_refused(monkeypatch, variable):
    monkeypatch.setenv(variable, "media.local, 10.0.0.0/33")
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/33' is not a host"):
        load()


def test_ports_that_are_none_are_refused(monkeypatch):
    monkeypatch.setenv("VIDEOCRAFT_FETCH_PORTS", "443, https")
    with pytest.raises(ValueError, match="'https' is neither a port"):
        load()


def test_a_rate_may_be_off_and_an_empty_one_is_the_default(monkeypatch):
    monkeypatch.setenv("VIDEOCRAFT_RATE_LIMIT", "off")
    monkeypatch.setenv("VIDEOCRAFT_RATE_LIMIT_JOBS", "")
    monkeypatch.setenv("VIDEOCRAFT_RATE_LIMIT_FAILURES", "5/h")
    read = load()
    assert (read.rate_limit, read.rate_limit_jobs, read.rate_limit_failures) == (None, Rate(60, 60), Rate(5, 3600))


@pytest.mark.parametrize(
    ("name", "value"), [("RATE_LIMIT", "600"), ("TRUSTED_PROXIES", "nginx"), ("QUOTA_QUEUED_JOBS", "-1")]
)
def test_a_limit_that_makes_no_sense_is_refused(monkeypatch, name, value):
    monkeypatch.setenv(f"VIDEOCRAFT_{name}", value)
    with pytest.raises(ValueError, match=f"VIDEOCRAFT_{name}='{value}'"):
        load()


class TestABucket:
    @pytest.fixture
    def given(self, monkeypatch):
        def given(**values):
            for name, value in values.items():
                monkeypatch.setenv(f"VIDEOCRAFT_S3_{name.upper()}", value)
            return load()

        return given

    def test_without_one_files_are_on_the_disk(self):
        found = files.storages_for(load())
        assert found["default"] == {"BACKEND": "django.core.files.storage.FileSystemStorage"}
        assert found["results"]["OPTIONS"]["location"].name == "results"

    def test_films_and_results_lie_in_it_under_the_prefix(self, given):
        found = files.storages_for(given(bucket="films", region="eu-west-3", prefix="video/craft"))
        assert {each["BACKEND"] for each in found.values()} == {"media_services.bucket.Bucket"}
        assert [each["OPTIONS"]["location"] for each in found.values()] == ["video/craft", "video/craft/results"]
        assert found["default"]["OPTIONS"]["addressing_style"] == "virtual"
        assert found["default"]["OPTIONS"]["querystring_expire"] == 3600

    def test_one_of_another_server_is_addressed_by_path_unless_told_otherwise(self, given):
        where = {"bucket": "films", "endpoint": "http://minio:9000/"}
        options = files.storages_for(given(**where))["default"]["OPTIONS"]
        assert (options["addressing_style"], options["region_name"]) == ("path", "us-east-1")
        assert options["endpoint_url"] == "http://minio:9000"
        assert (
            files.storages_for(given(**where, addressing="virtual"))["default"]["OPTIONS"]["addressing_style"]
            == "virtual"
        )

    @pytest.mark.parametrize(
        ("values", "says"),
        [
            ({"endpoint": "http://minio:9000"}, "S3_ENDPOINT=.*S3_BUCKET names none"),
            ({"prefix": "films"}, "S3_PREFIX=.*S3_BUCKET names none"),
            ({"region": "eu-west-3"}, "S3_REGION=.*S3_BUCKET names none"),
            ({"url_life": "2h"}, "S3_URL_LIFE=.*S3_BUCKET names none"),
            ({"bucket": "films"}, "S3_REGION=.*must name the region"),
            ({"bucket": "a/b", "region": "eu-west-3"}, "S3_BUCKET=.*not the name of a bucket"),
            ({"bucket": "films", "endpoint": "minio:9000"}, "S3_ENDPOINT=.*not the address of a server"),
            ({"bucket": "films", "endpoint": "http://minio:9000/films"}, "S3_ENDPOINT=.*not the address of a server"),
            ({"bucket": "films", "region": "x", "public_endpoint": "http://a.example.com"}, "S3_PUBLIC_ENDPOINT="),
            ({"bucket": "films", "region": "x", "prefix": "../films"}, "S3_PREFIX=.*not a folder"),
            ({"bucket": "films", "region": "x", "prefix": "/films/"}, "S3_PREFIX=.*not a folder"),
            ({"bucket": "films", "region": "x", "url_life": "8d"}, "S3_URL_LIFE=.*seven days"),
            ({"bucket": "films", "region": "x", "addressing": "dns"}, "S3_ADDRESSING="),
        ],
    )
    def test_what_makes_no_sense_is_refused_by_name(self, given, values, says):
        with pytest.raises(ValueError, match=says):
            given(**values)
