"""A Django database backend: PostgreSQL, run from this project's own data directory when first connected to."""
