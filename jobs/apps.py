"""The jobs application, and the admin with a site of its own."""

from django.apps import AppConfig, apps
from django.contrib.admin import apps as admin_apps


class JobsConfig(AppConfig):
    default = True
    name = "jobs"
    verbose_name = "VideoCraft"

    def ready(self) -> None:
        """Take django-q2's own pages out of the admin, which by now is complete: its tables stay empty here.

        And have what happened to a user's jobs counted before they are deleted with him.
        """
        from django.contrib import admin
        from django.contrib.auth import get_user_model
        from django.db.models.signals import pre_delete

        from jobs.counting import count_jobs_of

        pre_delete.connect(count_jobs_of, sender=get_user_model())
        for model in apps.get_app_config("django_q").get_models():
            if admin.site.is_registered(model):
                admin.site.unregister(model)


class ControlRoomConfig(admin_apps.AdminConfig):
    default = False
    default_site = "jobs.site.ControlRoom"
