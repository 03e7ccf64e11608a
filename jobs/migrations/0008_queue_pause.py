"""A queue can be paused, its jobs given another priority, and jobs found by their error."""

import django.db.models.fields.json
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0007_who_may_what")]

    operations = [
        migrations.CreateModel(
            name="QueuePause",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("paused_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("paused_by", models.CharField(help_text="the name of the user", max_length=150)),
            ],
            options={
                "permissions": [("pause_queue", "Can pause and resume the queue")],
                "default_permissions": (),
                "constraints": [models.CheckConstraint(condition=models.Q(("pk", 1)), name="one_queue_to_pause")],
            },
        ),
        migrations.AlterField(
            model_name="jobevent",
            name="kind",
            field=models.CharField(
                choices=[
                    ("queued", "Queued"),
                    ("claimed", "Claimed"),
                    ("completed", "Completed"),
                    ("failed", "Failed"),
                    ("retried", "Retried"),
                    ("released", "Released"),
                    ("cancel_requested", "Cancel Requested"),
                    ("cancelled", "Cancelled"),
                    ("lost", "Lost"),
                    ("retry_requested", "Retry Requested"),
                    ("priority_changed", "Priority Changed"),
                    ("stage", "Stage"),
                    ("step", "Step"),
                    ("steps_left_out", "Steps Left Out"),
                    ("warning", "Warning"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                django.db.models.fields.json.KeyTransform("code", "error"),
                models.OrderBy(models.F("created_at"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("error__isnull", False)),
                name="job_by_error",
            ),
        ),
    ]
