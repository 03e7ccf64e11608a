"""The API's URLs."""
urlpatterns: list[object] = []
