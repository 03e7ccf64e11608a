"""What happened is counted into totals, each event once; an attempt says since when its job waited for it."""

from django.db import migrations, models

_COUNTED = ["queued", "claimed", "completed", "failed", "retried", "released", "cancelled", "lost"]


class Migration(migrations.Migration):
    dependencies = [("jobs", "0008_queue_pause")]

    operations = [
        migrations.CreateModel(
            name="Total",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=50)),
                ("labels", models.JSONField()),
                ("value", models.DecimalField(decimal_places=3, max_digits=30)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("name", "labels"), name="one_total_for_name_and_labels")
                ],
            },
        ),
        migrations.AddField(
            model_name="jobattempt",
            name="due_at",
            field=models.DateTimeField(help_text="since when its job was both pending and due", null=True),
        ),
        migrations.AddField(
            model_name="jobevent",
            name="is_counted",
            field=models.BooleanField(db_default=False, help_text="whether it is in the totals, if it is to be"),
        ),
        migrations.AddIndex(
            model_name="jobevent",
            index=models.Index(
                "id", condition=models.Q(("is_counted", False), ("kind__in", _COUNTED)), name="event_uncounted"
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(condition=models.Q(("status", "cancelled")), fields=["status"], name="job_cancelled"),
        ),
    ]
