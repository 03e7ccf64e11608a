"""Owns how the events and the plan of a job look in JSON, and which query parameters a list of events takes."""

from typing import Any

from rest_framework import serializers

from jobs.models import EventKind, JobEvent
from jobs.telling import event_data
from media_services.journal import Outcome, Task

_DEFAULT_LIMIT = 100
_MAX_LIMIT = 500


def event_json(event: JobEvent) -> dict[str, Any]:
    """Return an event as it is told: the keys of its kind, and those of all."""
    columns = {"id": event.pk, "at": event.at, "attempt": event.attempt, "kind": event.kind, "worker": event.worker}
    return event_data(event) | columns


class EventSerializer(serializers.Serializer[Any]):
    """Something that happened to a job; with it are the keys of its kind."""

    id = serializers.IntegerField(help_text="later events of a job have greater ones")
    at = serializers.DateTimeField()
    attempt = serializers.IntegerField()
    kind = serializers.ChoiceField(EventKind.choices)
    worker = serializers.CharField(help_text="empty for what no worker did")


class EventListSerializer(serializers.Serializer[Any]):
    """A page of events."""

    events = EventSerializer(many=True)
    next_after = serializers.IntegerField(allow_null=True, help_text="`after` of the next page; null on the last")


class ReasonSerializer(serializers.Serializer[Any]):
    """Why a segment is not what it was in the job before."""

    what = serializers.CharField(help_text="the kind of reason, for programs")
    path = serializers.CharField(allow_null=True, help_text="the JSON pointer of what it is about")
    message = serializers.CharField(help_text="a sentence")


class ShownSerializer(serializers.Serializer[Any]):
    """A scene by its name, or a layer, sound or subtitles by its JSON pointer."""

    kind = serializers.CharField()
    path = serializers.CharField()
    start_s = serializers.FloatField()
    end_s = serializers.FloatField()


class PlannedSegmentSerializer(serializers.Serializer[Any]):
    """A segment of a film, and what came of it; the facts of that are null until something has."""

    number = serializers.IntegerField()
    start_s = serializers.FloatField()
    end_s = serializers.FloatField()
    first_frame = serializers.IntegerField()
    frames = serializers.IntegerField()
    outcome = serializers.ChoiceField(
        [outcome.value for outcome in Outcome],
        allow_null=True,
        help_text="`kept`: it had been made before; `shared`: another worker made it, for this job or another",
    )
    seconds = serializers.FloatField(allow_null=True)
    began_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    worker = serializers.CharField(allow_null=True, help_text="who made or took it; null for another job's")
    reasons = ReasonSerializer(many=True)


class StepSerializer(serializers.Serializer[Any]):
    """A step of the latest attempt other than those that tell what came of a segment."""

    task = serializers.ChoiceField([task.value for task in Task])
    what = serializers.CharField()
    outcome = serializers.ChoiceField([outcome.value for outcome in Outcome])
    project = serializers.IntegerField(allow_null=True)
    number = serializers.IntegerField(allow_null=True)
    began_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField()
    seconds = serializers.FloatField()
    worker = serializers.CharField(allow_null=True)


class FilmPlanSerializer(serializers.Serializer[Any]):
    """What a film is made of."""

    project = serializers.IntegerField(help_text="the project's place in the document, from 0")
    id = serializers.JSONField(allow_null=True, help_text="what the document calls it")
    fps = serializers.FloatField()
    frames = serializers.IntegerField()
    duration_s = serializers.FloatField()
    compared_with = serializers.UUIDField(
        allow_null=True, help_text="the latest job before that made this project; it may have been deleted since"
    )
    scenes = ShownSerializer(many=True)
    layers = ShownSerializer(many=True)
    segments = PlannedSegmentSerializer(many=True)
    steps = StepSerializer(many=True)


class JobPlanSerializer(serializers.Serializer[Any]):
    """What the films of a job are made of; `steps` are those of no one film."""

    job_id = serializers.UUIDField()
    projects = FilmPlanSerializer(many=True)
    steps = StepSerializer(many=True)


class EventListQuery(serializers.Serializer[Any]):
    """The query parameters of a job's events."""

    after = serializers.IntegerField(
        min_value=0, max_value=2**63 - 1, default=0, help_text="the id of the last event that is known already"
    )
    limit = serializers.IntegerField(min_value=1, max_value=_MAX_LIMIT, default=_DEFAULT_LIMIT, help_text="events")
