"""Owns the monitoring pages under /admin: what is to be done, is being done and was done, to look at and to steer."""

from django.contrib import admin

from jobs.admin import job, service, stored
from jobs.admin.login import ThrottledLoginForm

__all__ = ["job", "service", "stored"]

admin.site.site_header = "VideoCraft"
admin.site.site_title = "VideoCraft"
admin.site.index_title = "Monitoring"
admin.site.login_form = ThrottledLoginForm
