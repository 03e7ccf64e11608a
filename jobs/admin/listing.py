"""Owns what the list of jobs reads: one bounded page without the documents, and then a summary of each."""

from typing import TYPE_CHECKING, Any

from django.contrib.admin.views.main import ChangeList
from django.db.models import CharField, F, Func, IntegerField, QuerySet, Value
from django.db.models.functions import Coalesce, Left
from django.http import HttpRequest

from jobs.models import Cluster, Job, JobStatus, QueuePause

_HEAVY = ("config", "client_data", "warnings")
_TITLE_LENGTH = 80
_COUNT_BOUND = 1000
SUMMARY = "summary_in_list"  # where the page keeps it on each of its jobs

if TYPE_CHECKING:
    Jobs = QuerySet[Job]


class JobList(ChangeList):
    """The page of jobs asked for, newest first or oldest first, both along one index."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> "Jobs":
        rows: Jobs = super().get_queryset(request, exclude_parameters)
        return rows.defer(*_HEAVY)

    def get_ordering(self, request: HttpRequest, queryset: "Jobs") -> list[Any]:
        asked = super().get_ordering(request, queryset)
        return ["created_at", "id"] if asked[0] == "created_at" else ["-created_at", "-id"]

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        jobs = list(self.result_list)
        summaries = {row["pk"]: row for row in summarised(Job.objects.filter(pk__in=[job.pk for job in jobs]))}
        for job in jobs:
            setattr(job, SUMMARY, summaries.get(job.pk, {}))
        self.result_list = jobs


def summarised(jobs: "Jobs") -> Any:
    """Return for each job {pk, title, projects, scenes}, read inside the database rather than with the document.

    A second query on purpose: as part of the first, the skipped rows of a late page would be unpacked too.
    """
    title = Coalesce(_first_text("comment"), _first_text("id"))
    return jobs.annotate(
        title=Left(title, _TITLE_LENGTH), projects=_objects_at("$[*]"), scenes=_objects_at("$[*].scenes[*]")
    ).values("pk", "title", "projects", "scenes")


def _objects_at(path: str) -> Func:
    found = Func(F("config"), Value(f'{path} ? (@.type() == "object")'), function="jsonb_path_query_array")
    found.template = "jsonb_array_length(%(function)s(%(expressions)s::jsonpath))"
    found.output_field = IntegerField()
    return found


def _first_text(key: str) -> Func:
    found = Func(F("config"), Value(f'$[*].{key} ? (@.type() == "string")'), function="jsonb_path_query_first")
    found.template = "(%(function)s(%(expressions)s::jsonpath) #>> '{}')"
    found.output_field = CharField()
    return found


def overview() -> dict[str, Any]:
    """Return how much waits and is worked on, who works, and who paused; pending jobs are counted up to a thousand."""
    living = list(Cluster.objects.alive().values_list("workers", flat=True))
    pause = QueuePause.objects.first()
    pending = Job.objects.filter(status=JobStatus.PENDING)[:_COUNT_BOUND].count()
    return {
        "pending": f"{pending:,}+" if pending == _COUNT_BOUND else f"{pending:,}",
        "processing": Job.objects.filter(status=JobStatus.PROCESSING).count(),
        "clusters": len(living),
        "workers": sum(living),
        "pause": pause,
        "is_stalled": pending and not living and pause is None,
    }
