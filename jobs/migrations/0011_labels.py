"""Workers have labels, and jobs ask for them; the index of pending jobs is made anew, with the labels in it."""

import django.contrib.postgres.fields
import jobs.models.labels
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0010_webhooks'),
    ]

    operations = [
        migrations.AddField(
            model_name='cluster',
            name='is_dedicated',
            field=models.BooleanField(db_default=False, default=False, help_text='to jobs that ask for its labels'),
        ),
        migrations.AddField(
            model_name='cluster',
            name='labels',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=32), db_default=[], default=list, size=None),
        ),
        migrations.AddField(
            model_name='job',
            name='labels',
            field=jobs.models.labels.LabelsField(db_collation='C', db_default='', default=list, help_text='what a worker has to have that takes it, sorted'),
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(condition=models.Q(('status', 'pending')), fields=['priority', 'owner', 'labels', 'created_at', 'id'], name='job_due'),
        ),
        migrations.RemoveIndex(
            model_name='job',
            name='job_due_by_owner',
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(condition=models.Q(('status', 'pending'), models.Q(('labels', []), _negated=True)), fields=['labels'], name='job_due_labelled'),
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(models.OrderBy(models.F('created_at'), descending=True), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('labels', []), _negated=True), name='job_labelled'),
        ),
    ]
