"""Tokens have scopes, owners quotas and turns, requests and logins their limits."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


# What a bucket says is worth no flush to the disk: after a crash of the database all are full.
_UNLOGGED = "ALTER TABLE jobs_ratebucket SET UNLOGGED, SET (fillfactor = 50)"
_LOGGED = "ALTER TABLE jobs_ratebucket SET LOGGED, RESET (fillfactor)"
# A token of a member of staff saw everybody's jobs before there were scopes.
_STAFF_TOKENS = """
UPDATE jobs_apitoken SET scope = 'admin' FROM auth_user WHERE auth_user.id = jobs_apitoken.user_id AND is_staff
"""
_RENDERED = """
INSERT INTO jobs_rendered (owner_id, at, duration_ms)
SELECT owner_id, created_at, duration_ms FROM jobs_video WHERE created_at > now() - interval '24 hours'
"""


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0006_open_pieces'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='LoginFailures',
            fields=[
                ('name', models.CharField(max_length=100, primary_key=True, serialize=False)),
                ('failures', models.PositiveIntegerField()),
                ('failed_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name='OwnerQuota',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('concurrent_jobs', models.PositiveIntegerField(blank=True, help_text='at work at once; others wait', null=True)),
                ('queued_jobs', models.PositiveIntegerField(blank=True, help_text='pending', null=True)),
                ('stored_bytes', models.PositiveBigIntegerField(blank=True, help_text='of assets and videos together', null=True)),
                ('minutes_per_day', models.PositiveIntegerField(blank=True, help_text='of film, within any 24 hours', null=True)),
            ],
        ),
        migrations.CreateModel(
            name='OwnerTurn',
            fields=[
                ('owner', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('served_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='RateBucket',
            fields=[
                ('name', models.CharField(max_length=100, primary_key=True, serialize=False)),
                ('full_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Rendered',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('duration_ms', models.PositiveBigIntegerField()),
            ],
        ),
        migrations.RemoveIndex(
            model_name='job',
            name='job_due',
        ),
        migrations.AddField(
            model_name='apitoken',
            name='last_used_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='apitoken',
            name='scope',
            field=models.CharField(choices=[('read', 'Read'), ('write', 'Write'), ('admin', 'Admin')], db_default='write', default='write', max_length=5),
        ),
        migrations.AddField(
            model_name='job',
            name='seat',
            field=models.PositiveIntegerField(help_text='among the jobs that its owner may have at work at once', null=True),
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(condition=models.Q(('status', 'pending')), fields=['priority', 'owner', 'created_at', 'id'], name='job_due_by_owner'),
        ),
        migrations.AddConstraint(
            model_name='job',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'processing')), fields=('owner', 'seat'), name='one_job_to_a_seat'),
        ),
        migrations.AddField(
            model_name='ownerquota',
            name='user',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='quota', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='rendered',
            name='owner',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='rendered',
            index=models.Index(fields=['owner', 'at'], name='rendered_by_owner'),
        ),
        migrations.RunSQL(_UNLOGGED, _LOGGED),
        migrations.RunSQL(_STAFF_TOKENS, migrations.RunSQL.noop),
        migrations.RunSQL(_RENDERED, migrations.RunSQL.noop),
    ]
