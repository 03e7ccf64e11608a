"""Where each URL goes."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(url="/admin/")),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("favicon.ico", RedirectView.as_view(url=static("jobs/icon.svg"))),
    path("admin/", admin.site.urls),
    path("", include("jobs.api.urls")),
]
