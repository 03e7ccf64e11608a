"""Owns the jobs in the admin: the list, the page of one, what may be done to them, and what keeps both live."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.forms.widgets import Script
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from jobs.admin import filters, page, presenting
from jobs.admin.control import CANCEL, CONTROLS, RETRY, Control, PriorityForm, prioritising
from jobs.admin.listing import SUMMARY, JobList, overview
from jobs.admin.readonly import ReadOnlyAdmin
from jobs.models import Job

_MAX_LIVE = 200


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Jobs are looked at by who may view them; cancelled, retried, moved in the queue by who may change them."""

    list_display = ["short_id", "state", "progress_bar", "film", "owner_link", "created", "duration", "tries"]
    list_filter = [
        filters.StatusFilter,
        filters.OwnerFilter,
        filters.LabelFilter,
        filters.AgeFilter,
        filters.ErrorFilter,
    ]
    sortable_by = ["created"]
    ordering = ["-created_at", "-id"]
    search_fields = ["id"]  # shows the box; `get_search_results` does the search
    search_help_text = "Beginning of an id, or owner"
    actions = ["cancel_selected", "retry_selected", "prioritise_selected"]

    class Media:
        js = [Script("jobs/poll.js", defer=True), Script("jobs/live.js", defer=True)]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_control_permission(self, request: HttpRequest) -> bool:
        """Say whether this person may cancel, retry, and change priorities."""
        return request.user.has_perm("jobs.change_job")

    # The list

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[JobList]:
        return JobList

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        live = {"overview": overview(), "live_url": reverse("admin:jobs_job_live")}
        return super().changelist_view(request, live | (extra_context or {}))

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return filters.search(queryset, search_term), False

    @admin.display(description="Job")
    def short_id(self, job: Job) -> str:
        return format_html('<code class="vc-id" title="{}">{}</code>', job.pk, str(job.pk)[:8])

    @admin.display(description="Status")
    def state(self, job: Job) -> str:
        return _cell("state", job)

    @admin.display(description="Progress")
    def progress_bar(self, job: Job) -> str:
        return _cell("progress", job)

    @admin.display(description="Film")
    def film(self, job: Job) -> str:
        return _cell("film", job, summary=getattr(job, SUMMARY, {}))

    @admin.display(description="Owner")
    def owner_link(self, job: Job) -> str:
        return format_html('<a href="?owner={}" title="{}">{}</a>', job.owner_id, *[job.owner.get_username()] * 2)

    @admin.display(description="Created", ordering="created_at")
    def created(self, job: Job) -> str:
        return presenting.moment(job.created_at)

    @admin.display(description="Duration")
    def duration(self, job: Job) -> str:
        return format_html('<span data-job="{}" data-show="duration">{}</span>', job.pk, presenting.duration(job))

    @admin.display(description="Attempt")
    def tries(self, job: Job) -> str:
        return format_html('<span data-job="{}" data-show="attempt">{}</span>', job.pk, presenting.attempt(job))

    @admin.action(description="Cancel the selected jobs", permissions=["control"])
    def cancel_selected(self, request: HttpRequest, queryset: Any) -> None:
        CANCEL.apply_to_selected(request, queryset)

    @admin.action(description="Retry the selected jobs", permissions=["control"])
    def retry_selected(self, request: HttpRequest, queryset: Any) -> None:
        RETRY.apply_to_selected(request, queryset)

    @admin.action(description="Change the priority of the selected jobs", permissions=["control"])
    def prioritise_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        """Ask for a priority, on a page that posts the same action again, and give it to the jobs."""
        form = PriorityForm(request.POST if "priority" in request.POST else None)
        if form.is_valid():
            prioritising(form.cleaned_data["priority"]).apply_to_selected(request, queryset)
            return None
        around = self.admin_site.each_context(request) | {"opts": self.opts, "media": self.media}
        asked = {
            "title": "Change the priority",
            "form": form,
            "action": "prioritise_selected",
            "selected": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
            "is_everything": request.POST.get("select_across") == "1",
        }
        return TemplateResponse(request, "admin/jobs/job/priority.html", around | asked)

    # The page of one job, and what it asks for

    def get_urls(self) -> list[URLPattern]:
        def guarded(view: Any) -> Any:
            return self.admin_site.admin_view(view)

        return [
            path("live/", guarded(self.live_view), name="jobs_job_live"),
            path("<uuid:pk>/document.json", guarded(self.document_view), name="jobs_job_document"),
            *(
                path(f"<uuid:pk>/{name}/", guarded(self.control_view), {"name": name}, name=f"jobs_job_{name}")
                for name in CONTROLS
            ),
            path("<uuid:pk>/priority/", guarded(self.priority_view), name="jobs_job_priority"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        job = self.get_object(request, unquote(object_id))
        if job is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[no-any-return,attr-defined]
        shown = page.context(job, may_control=self.has_control_permission(request))
        around = self.admin_site.each_context(request) | {
            "title": f"Job {str(job.pk)[:8]}",
            "opts": self.opts,
            "media": self.media,
            "live_url": reverse("admin:jobs_job_live"),
        }
        return TemplateResponse(request, "admin/jobs/job/page.html", around | shown)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("owner")

    def live_view(self, request: HttpRequest) -> JsonResponse:
        """Answer what changes of the jobs in `?ids=` (comma-separated, 200 at most)."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            ids = [UUID(text) for text in request.GET.get("ids", "").split(",")[:_MAX_LIVE]]
        except ValueError:
            return JsonResponse({"error": "ids must be a comma-separated list of job ids"}, status=400)
        jobs = Job.objects.filter(pk__in=ids).defer("config", "client_data", "warnings")
        return JsonResponse(
            {"jobs": [presenting.live_facts(job) for job in jobs]}, headers={"Cache-Control": "no-store"}
        )

    def document_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Answer the whole document as a download."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        name = f'attachment; filename="job-{pk}.json"'
        text = page.document_text(pk)
        if text is None:
            raise Http404(f"there is no job {pk}")
        return HttpResponse(text, content_type="application/json", headers={"Content-Disposition": name})

    def control_view(self, request: HttpRequest, pk: UUID, name: str) -> HttpResponse:
        """Cancel or retry a job, say what came of it, and go back to its page."""
        return self._control(request, pk, lambda: CONTROLS[name])

    def priority_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Give a job the priority that is asked for, say what came of it, and go back to its page."""
        form = PriorityForm(request.POST)
        return self._control(request, pk, lambda: prioritising(form.cleaned_data["priority"]), form)

    def _control(
        self, request: HttpRequest, pk: UUID, control: Callable[[], Control], form: PriorityForm | None = None
    ) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not (self.has_view_permission(request) and self.has_control_permission(request)):
            raise PermissionDenied
        if not Job.objects.filter(pk=pk).exists():
            raise Http404(f"there is no job {pk}")
        if form is None or form.is_valid():
            control().apply(request, [pk])
        else:
            messages.error(request, " ".join(map(str, form.errors["priority"])))
        return redirect("admin:jobs_job_change", pk)


def _cell(name: str, job: Job, **more: Any) -> str:
    facts = presenting.live_facts(job) | more
    return render_to_string(f"admin/jobs/job/{name}.html", facts)
