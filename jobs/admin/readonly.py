"""Owns what all admin pages of this project share: nothing is added or changed, and no list counts a whole table."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.text import capfirst

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    PaginatorBase = Paginator[Any]
else:
    ModelAdmin = admin.ModelAdmin
    PaginatorBase = Paginator


class BoundedPaginator(PaginatorBase):
    """Pages through the first rows only, so that neither counting nor the last page depends on the table's size."""

    bound = 10_000

    @cached_property
    def count(self) -> int:
        """Return how many rows there are, at most `bound`."""
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[: self.bound].count())

    @property
    def is_capped(self) -> bool:
        """Whether there may be more rows than pages show."""
        return self.count >= self.bound


class ReadOnlyAdmin(ModelAdmin):
    """A list and a page to look at, for who holds the model's view permission; deleting is up to the subclass."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 100

    class Media:
        css = {"all": ["jobs/admin.css"]}

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        title = {"title": capfirst(self.opts.verbose_name_plural)}
        return super().changelist_view(request, title | (extra_context or {}))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
