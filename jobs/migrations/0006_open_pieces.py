"""A job says how many pieces of its films are open to free workers."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0005_story")]

    operations = [
        migrations.AddField(
            model_name="job",
            name="open_pieces",
            field=models.PositiveIntegerField(
                db_default=0, help_text="of its films, which free workers may make"
            ),
        ),
    ]
