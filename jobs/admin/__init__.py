"""Owns the monitoring pages under /admin: what is to be done, is being done and was done, to look at and to steer."""

from django.contrib import admin

from jobs.admin import job, service, stored, webhook
from jobs.admin.login import ThrottledLoginForm

__all__ = ["job", "service", "stored", "webhook"]

admin.site.login_form = ThrottledLoginForm
