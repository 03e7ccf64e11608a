"""Pictures of the admin's pages, as `python -m tests.pictures` takes them."""
