"""The end of a job is told to the webhook that it was posted with, signed with its owner's secret."""

import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0009_totals'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='job',
            name='public_url',
            field=models.TextField(blank=True, db_default='', default='', help_text='where its client reaches us'),
        ),
        migrations.AddField(
            model_name='job',
            name='webhook_url',
            field=models.TextField(blank=True, db_default='', default='', help_text='what hears of its end'),
        ),
        migrations.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('event', models.CharField(help_text='job.completed, job.failed or job.cancelled', max_length=20)),
                ('facts', models.JSONField(help_text='what of the job a retry would change, as it was at that end')),
                ('body', models.TextField(help_text='as it is sent; written before the first try', null=True)),
                ('host', models.CharField(help_text='whom it is told to, of which not many are asked at once', max_length=300)),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('delivered', 'Delivered'), ('failed', 'Failed')], db_default='pending', default='pending', max_length=10)),
                ('tries', models.PositiveIntegerField(db_default=0, default=0, help_text='the fence: one more at each claim')),
                ('tries_before', models.PositiveIntegerField(db_default=0, default=0, help_text='tries before it was replayed')),
                ('last_status', models.PositiveSmallIntegerField(help_text='of HTTP; null where none answered', null=True)),
                ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('sending_since', models.DateTimeField(null=True)),
                ('give_up_at', models.DateTimeField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('job', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='jobs.job')),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name_plural': 'webhook deliveries',
            },
        ),
        migrations.CreateModel(
            name='WebhookSecret',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('secret', models.CharField(max_length=100)),
                ('previous', models.CharField(blank=True, db_default='', default='', max_length=100)),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('owner', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='WebhookTry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('ended_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('status', models.PositiveSmallIntegerField(help_text='of HTTP; null where none answered', null=True)),
                ('took_ms', models.PositiveIntegerField()),
                ('error', models.CharField(blank=True, help_text='why it failed', max_length=300)),
                ('answer', models.CharField(blank=True, help_text='the beginning of what was answered to a failure', max_length=200)),
                ('delivery', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='log', to='jobs.webhookdelivery')),
            ],
            options={
                'verbose_name_plural': 'webhook tries',
                'ordering': ['number'],
            },
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(condition=models.Q(('status', 'pending')), fields=['due_at'], name='delivery_due'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(models.F('job'), models.OrderBy(models.F('created_at'), descending=True), name='delivery_by_job'),
        ),
        migrations.AddConstraint(
            model_name='webhooktry',
            constraint=models.UniqueConstraint(fields=('delivery', 'number'), name='one_row_per_try'),
        ),
    ]
