"""Migrations only add, for the release before works on the new tables while hosts are upgraded one by one."""

import os
import re
import subprocess
import sys
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import F
from django.db.models.functions import Now

from tests import released
from tests.jobs.factories import DOCUMENT
from videocraft.configuration import ROOT
from videocraft.embedded.server import EmbeddedServer

COLUMNS = """
SELECT table_name::text, column_name, udt_name, character_maximum_length,
    is_nullable = 'YES', column_default IS NOT NULL
FROM information_schema.columns WHERE table_name ~ '^(jobs|auth)_' AND is_identity = 'NO'
"""
CONSTRAINTS = """
SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype <> 'n' AND conrelid <> 0
UNION SELECT indrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indisunique AND indrelid::regclass::text !~ '^pg_'
"""


class Schema:
    """What tables ask of who writes to them: columns by table and name, and constraints."""

    def __init__(self, cursor):
        cursor.execute(COLUMNS)
        self.columns = {row[:2]: row[2:] for row in cursor.fetchall()}
        cursor.execute(CONSTRAINTS)
        self.constraints = {(table, unnamed(definition)) for table, definition in cursor.fetchall()}
        self.tables = {table for table, _ in self.columns}


def unnamed(definition):
    """Return how an index is made without its name, which nobody depends on."""
    return re.sub(r"INDEX \S+ ON", "INDEX ON", definition)


def breaks(old, new):
    """Return what code that knows the old tables would stumble over in the new ones."""
    for key, (kind, length, nullable, has_default) in old.columns.items():
        if key not in new.columns:
            yield "gone", *key
            continue
        new_kind, new_length, now_nullable, now_has_default = new.columns[key]
        if kind != new_kind or (new_length or 10**9) < (length or 10**9):
            yield "of another type", *key
        if (nullable and not now_nullable) or (has_default and not (now_has_default or now_nullable)):
            yield "asked for", *key
    for key, (_, _, nullable, has_default) in new.columns.items():
        if key not in old.columns and key[0] in old.tables and not (nullable or has_default):
            yield "asked for", *key
    for table, definition in sorted(new.constraints - old.constraints):
        if table in old.tables:
            yield "constrained", table, definition


class Scratch:
    """A database of its own, migrated as far as is asked for."""

    def __init__(self, socket_dir, name):
        self.url = f"postgresql://postgres@{quote(socket_dir, safe='')}/{name}"
        self.admin = {"host": socket_dir, "user": "postgres", "dbname": "postgres", "autocommit": True}
        self.name = name

    def __enter__(self):
        self._administer(f"CREATE DATABASE {self.name}")
        return self

    def __exit__(self, *_):
        self._administer(f"DROP DATABASE {self.name} WITH (FORCE)")

    def _administer(self, statement):
        with psycopg.connect(**self.admin) as database:
            database.execute(statement)

    def migrate(self, *to):
        """Migrate in a process of its own, and return what the tables are then like."""
        command = [sys.executable, "manage.py", "migrate", "-v0", *to]
        subprocess.run(command, cwd=ROOT, env={**os.environ, "DATABASE_URL": self.url}, check=True, timeout=120)
        with psycopg.connect(self.url) as database:
            return Schema(database.cursor())


@pytest.fixture
def scratch():
    socket_dir = EmbeddedServer.at(settings.VIDEOCRAFT.data_dir).join()
    with Scratch(socket_dir, f"migrations_{os.getpid()}") as scratch:
        yield scratch


def test_migrations_since_the_release_only_add(scratch):
    before = scratch.migrate(*released.MIGRATION)
    after = scratch.migrate()
    assert list(breaks(before, after)) == []


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("ALTER TABLE jobs_job ADD plan_name text NOT NULL", ("asked for", "jobs_job", "plan_name")),
        ("ALTER TABLE jobs_job ALTER webhook_url DROP DEFAULT", ("asked for", "jobs_job", "webhook_url")),
        ("ALTER TABLE jobs_job ALTER stage SET NOT NULL", ("asked for", "jobs_job", "stage")),
        ("ALTER TABLE jobs_job DROP open_pieces", ("gone", "jobs_job", "open_pieces")),
        ("ALTER TABLE jobs_job ALTER progress TYPE bigint", ("of another type", "jobs_job", "progress")),
        ("ALTER TABLE jobs_cluster ADD CHECK (workers < 9)", ("constrained", "jobs_cluster", "CHECK ((workers < 9))")),
        (
            "CREATE UNIQUE INDEX ON jobs_cluster (host)",
            ("constrained", "jobs_cluster", "CREATE UNIQUE INDEX ON public.jobs_cluster USING btree (host)"),
        ),
    ],
)
def test_a_migration_that_takes_is_found(db, statement, found):
    with connection.cursor() as cursor:
        before = Schema(cursor)
        cursor.execute(statement)
        assert list(breaks(before, Schema(cursor))) == [found]


def test_another_name_is_found(db):
    with connection.cursor() as cursor:
        before = Schema(cursor)
        cursor.execute("ALTER TABLE jobs_job RENAME priority TO rank")
        assert sorted(breaks(before, Schema(cursor))) == [
            ("asked for", "jobs_job", "rank"),
            ("gone", "jobs_job", "priority"),
        ]


def test_a_column_with_a_default_and_a_new_table_are_no_matter(db):
    with connection.cursor() as cursor:
        before = Schema(cursor)
        cursor.execute("ALTER TABLE jobs_job ADD plan_name text NOT NULL DEFAULT '', ADD plan_note text")
        cursor.execute("CREATE TABLE jobs_plan (name text PRIMARY KEY)")
        assert list(breaks(before, Schema(cursor))) == []


@pytest.fixture
def before(db):
    """The models of the release before, on the tables of now."""
    return MigrationExecutor(connection).loader.project_state(released.MIGRATION).apps


def test_a_job_of_the_release_before_goes_all_its_way(before, user):
    Job, Attempt = before.get_model("jobs", "Job"), before.get_model("jobs", "JobAttempt")
    job = Job.objects.create(owner_id=user.pk, config=DOCUMENT)
    lease = {"lease_expires_at": Now(), "heartbeat_at": Now(), "worker_host": "old", "worker_pid": 7}
    assert Job.objects.filter(status="pending").update(
        status="processing", stage="fetching", attempt=F("attempt") + 1, worker_started_ticks=1, **lease
    )
    Attempt.objects.create(job_id=job.pk, number=1, worker="old:7")
    assert Job.objects.filter(pk=job.pk, attempt=1).update(progress=50, stage="rendering")
    left = dict.fromkeys([*lease, "stage", "worker_started_ticks"])
    assert Job.objects.filter(pk=job.pk, attempt=1).update(status="completed", progress=100, finished_at=Now(), **left)
    assert Job.objects.get(pk=job.pk).status == "completed"


def test_a_cluster_of_the_release_before_beats(before):
    Cluster = before.get_model("jobs", "Cluster")
    facts = {"host": "old", "pid": 7, "workers": 2, "heartbeat_at": Now()}
    for _ in range(2):
        Cluster.objects.update_or_create(pk="00000000-0000-0000-0000-000000000007", defaults=facts)
    assert Cluster.objects.get().workers == 2
