"""Owns the totals: figures of all time, which only rise, whatever is deleted."""

import json

from django.db import connection, models

_NOTE = """
INSERT INTO jobs_total (name, labels, value) VALUES (%s, %s, 1)
ON CONFLICT (name, labels) DO UPDATE SET value = jobs_total.value + 1
"""


class TotalQuerySet(models.QuerySet["Total"]):
    def note(self, name: str, **labels: str) -> None:
        """Count one of what has no event, last in its transaction: others who count the same wait for its end."""
        with connection.cursor() as cursor:
            cursor.execute(_NOTE, [name, json.dumps(labels)])


class Total(models.Model):
    """One figure: the sum of what was counted under a name and labels, mostly by `jobs.counting`.

    Decimals, for a sum of floats depends on the order of what is added, and would now and then fall by a trifle.
    """

    name = models.CharField(max_length=50)
    labels = models.JSONField()
    value = models.DecimalField(max_digits=30, decimal_places=3)

    objects = TotalQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "labels"], name="one_total_for_name_and_labels")]

    def __str__(self) -> str:
        return f"{self.name} {self.labels}"
